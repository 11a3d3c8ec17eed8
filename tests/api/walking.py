"""Every operation of the API as its description has it, and every view behind an address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.urls import URLPattern, URLResolver
from drf_spectacular.generators import SchemaGenerator

from jit_access.api import urls

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.facts["operationId"])

    @property
    def is_open(self) -> bool:
        """Nobody has to be anybody here."""
        return not self.facts.get("security")

    def answer(self, status: int = 200) -> dict[str, Any]:
        """The schema of an answer, resolved one step; empty when it has no body."""
        found = self.facts["responses"].get(str(status), {}).get("content", {})
        return resolve(found.get("application/json", {}).get("schema", {}))

    @property
    def made(self) -> dict[str, Any]:
        """Of whatever it answers when it works."""
        return self.answer(next(int(status) for status in self.facts["responses"] if status.startswith("2")))

    @property
    def body(self) -> dict[str, Any]:
        content = self.facts.get("requestBody", {}).get("content", {})
        return resolve(content.get("application/json", {}).get("schema", {}))


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


def operations() -> list[Operation]:
    return [
        Operation(method, path, one)
        for path, each in schema()["paths"].items()
        for method, one in each.items()
        if method in METHODS
    ]


def resolve(found: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in found or "allOf" in found:
        if "allOf" in found:
            found = found["allOf"][0]
            continue
        part: Any = schema()
        for step in found["$ref"].removeprefix("#/").split("/"):
            part = part[step]
        found = part
    return found


def views() -> Iterator[tuple[str, type]]:
    """The address and the class of each view."""
    yield from _below(urls.urlpatterns, "")


def _below(patterns: list[Any], prefix: str) -> Iterator[tuple[str, type]]:
    for one in patterns:
        address = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _below(one.url_patterns, address)
        elif isinstance(one, URLPattern):
            yield address, getattr(one.callback, "cls", type(one.callback))
