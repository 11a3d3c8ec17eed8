"""Puts what every endpoint has into the API's description: keys, ETags and the headers of every answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from jit_access.api.idempotency import KEY_HEADER, REPLAYED_HEADER
from jit_access.api.problem_schema import METHODS
from jit_access.api.stateful import LOADERS, PREFIX

_KEY: Final = {
    "in": "header",
    "name": KEY_HEADER,
    "schema": {"type": "string", "pattern": "^[!-~]{1,80}$"},
    "description": "Your name for this attempt. The same again within 24 hours: done once, answered twice.",
}
_IF_MATCH: Final = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "An ETag that you have read. 412 when the object was moved since.",
}
_IF_NONE_MATCH: Final = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "description": "An ETag that you have. 304 when nothing of the object changed but the clock.",
}
_HEADERS: Final = {
    "RateLimit": "How many requests are left (r) for t more seconds, per policy.",
    "RateLimit-Policy": "What may be asked: q requests in w seconds, per policy.",
    "ETag": "Version and content of the object.",
    REPLAYED_HEADER: "true: this was done before, under the same Idempotency-Key.",
    "Retry-After": "Seconds to wait.",
}


def add_what_all_have(result: dict[str, Any], generator: object, request: object, public: bool) -> dict[str, Any]:  # noqa: ARG001  # spectacular's signature
    """A postprocessing hook of drf-spectacular. Runs after `add_problems`."""
    parts = result["components"]
    parts["parameters"] = {"Key": _KEY, "IfMatch": _IF_MATCH, "IfNoneMatch": _IF_NONE_MATCH}
    parts["headers"] = {
        name: {"description": says, "schema": {"type": "string"}} for name, says in sorted(_HEADERS.items())
    }
    for problem in parts["responses"].values():
        problem["headers"] = _named("RateLimit", "RateLimit-Policy")
    for name in ("Problem409", "Problem429", "Problem503"):
        parts["responses"][name]["headers"] |= _named("Retry-After")
    for path, method, operation in _operations(result):
        _describe(path, method, operation)
    return result


def _describe(path: str, method: str, operation: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    told = {"RateLimit", "RateLimit-Policy"}
    if method == "post" and operation.get("security"):
        parameters.append({"$ref": "#/components/parameters/Key"})
        told.add(REPLAYED_HEADER)
    below = path_below(path)
    if below == "" and method == "get":
        parameters.append({"$ref": "#/components/parameters/IfNoneMatch"})
        operation["responses"]["304"] = {"description": "Nothing changed.", "headers": _named("ETag")}
        told.add("ETag")
    elif below is not None and method != "get":
        parameters.append({"$ref": "#/components/parameters/IfMatch"})
    if not parameters:
        del operation["parameters"]
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer["headers"] = {**answer.get("headers", {}), **_named(*told)}


def path_below(path: str) -> str | None:
    """What of a path comes after an object with states; None where there is no such object."""
    for route in LOADERS:
        prefix = f"/{PREFIX}{route.replace('<str:', '{').replace('>', '}')}"
        if path == prefix or path.startswith(f"{prefix}/"):
            return path.removeprefix(prefix)
    return None


def _operations(result: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in result["paths"].items():
        for method in sorted(METHODS & set(operations)):
            yield path, method, operations[method]


def _named(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(names)}
