"""Refusals as `mlflow` shows them: JSON with `error_code` and `message`, which the client raises as its own words."""

from __future__ import annotations

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason, explain
from registry_proxy.protocols.answers import COME_BACK, JSON, Answer, dump_json, shown, status_for
from registry_proxy.protocols.ask_again import sentence_for
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.documents import read_document
from registry_proxy.protocols.wanted import Classified, Wanted

_CODES = {
    400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "ENDPOINT_NOT_FOUND",
    405: "ENDPOINT_NOT_FOUND", 429: "REQUEST_LIMIT_EXCEEDED", 501: "NOT_IMPLEMENTED", 503: "TEMPORARILY_UNAVAILABLE",
}  # fmt: skip
_OTHER = "INTERNAL_ERROR"
# Of the server's own refusals the client acts on these codes. Its words may hold names that are not the caller's.
_UPSTREAM = {
    "RESOURCE_DOES_NOT_EXIST": "The tracking server has no such thing.",
    "RESOURCE_ALREADY_EXISTS": "The tracking server has one of this name already.",
    "INVALID_PARAMETER_VALUE": "The tracking server does not take one of these values.",
    "INVALID_STATE": "The tracking server says that this is not possible in its present state.",
    "BAD_REQUEST": "The tracking server does not understand this request.",
    "NOT_FOUND": "The tracking server has no such thing.",
    "ENDPOINT_NOT_FOUND": "The tracking server does not know this address. Its release may be too old.",
    "PERMISSION_DENIED": "The tracking server does not let the gateway's own account do this. Tell the operators.",
    "UNAUTHENTICATED": "The tracking server does not take the gateway's own credential. Tell the operators.",
}
READY = "This logged model is ready: its files do not change any more. Log another one."
_TOLD = frozenset({400, 404, 409})


def gate_answer(reason: Reason, facts: ExchangeFacts, classified: Classified) -> Answer:
    """The gate's no, with what to do next."""
    words = sentence_for(reason, facts, classified.wanted or _of_a_look(classified))
    if reason is Reason.REFERENCE_NOT_GRANTED:
        words = words.replace(explain(reason), "Your grant does not cover this version or alias.")
        words = READY if classified.route == "file-put" else words
    if reason is Reason.MOUNT_SOURCE_NOT_GRANTED:
        words = "Registering from there needs a pull grant on its source."
    return error_answer(status_for(reason), reason, words)


def _of_a_look(classified: Classified) -> tuple[Wanted, ...]:
    """A look at a model has no question before somebody is known; what it is about stands there."""
    if not classified.repository:
        return ()
    return (Wanted(classified.target, classified.repository, Operation.PULL),)


def error_answer(status: int, reason: Reason, sentence: str = "", *, code: str = "") -> Answer:
    """One error in MLflow's form."""
    visible = shown(reason)
    answer = _answer(status, code or _CODES.get(status, _OTHER), sentence or explain(visible), visible.value)
    return answer.with_headers((b"retry-after", b"1")) if status in COME_BACK else answer


def upstream_answer(status: int, body: bytes) -> Answer:
    """What the tracking server refused, in our words."""
    try:
        document = read_document(body)
    except ValueError:
        document = {}
    code = document.get("error_code") if isinstance(document, dict) else None
    if not isinstance(code, str) or code not in _UPSTREAM:
        code = "NOT_FOUND" if status == 404 else ""
    ours = status if status in _TOLD else 502 if status >= 500 else 403
    sentence = _UPSTREAM.get(code) or f"The tracking server answered {status}."
    return _answer(ours, code or _CODES.get(ours, _OTHER), sentence, "upstream")


def _answer(status: int, code: str, sentence: str, reason: str) -> Answer:
    body = {"error_code": code, "message": sentence, "reason": reason}
    return Answer(status, (JSON, (b"cache-control", b"no-store")), dump_json(body))
