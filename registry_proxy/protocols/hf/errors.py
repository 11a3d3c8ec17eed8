"""Refusals in the form that `huggingface_hub` understands: a status, `X-Error-Code` and `X-Error-Message`.

`GatedRepo` is the code whose message the client shows and which ends its retries: "ask for access" is what it means.
"""

from __future__ import annotations

from jit_access.domain.reasons import Reason, explain
from registry_proxy.protocols.answers import COME_BACK, JSON, Answer, dump_json, shown, status_for
from registry_proxy.protocols.ask_again import sentence_for
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.http1 import ResponseHead
from registry_proxy.protocols.wanted import Classified

GATED = "GatedRepo"
_CODES = frozenset({"RepoNotFound", "RevisionNotFound", "EntryNotFound", GATED})
_SENTENCES = {
    "RepoNotFound": "The hub has no such repository.",
    "RevisionNotFound": "The hub's repository has no such revision.",
    "EntryNotFound": "The hub's repository has no such file at this revision.",
    GATED: "The hub has not let the gateway's own account into this repository. Tell the operators.",
}
# The command prints none of our words with GatedRepo ("requires approval"), and all of them with a plain 403. In Python
# it is the other way round: a file that is refused without GatedRepo ends as "please check your connection".
COMMAND_LINE = "huggingface-cli/"
_TOLD = frozenset({401, 403})  # statuses by which a client gives up


def gate_answer(reason: Reason, facts: ExchangeFacts, classified: Classified) -> Answer:
    """The gate's no. Signing in again goes by HF_TOKEN, so no challenge helps here."""
    words = sentence_for(reason, facts, classified.wanted)
    if reason is Reason.REFERENCE_NOT_GRANTED:
        words = words.replace(explain(reason), "Your grant does not cover this revision.")
    if reason is Reason.FILE_TYPE_REFUSED and classified.file:
        words = f"{words} Of a whole repository: --exclude '*{_ending(classified.file)}', in Python ignore_patterns."
    status = status_for(reason)
    if facts.agent.startswith(COMMAND_LINE) and status in _TOLD:
        return error_answer(403, reason, words)
    return error_answer(status, reason, words, code=GATED if status in _TOLD else "")


def _ending(path: str) -> str:
    """`.bin`, or the whole name of what has no ending."""
    name = path.rpartition("/")[2]
    return name[name.rfind(".") :] if "." in name else name


def error_answer(status: int, reason: Reason, sentence: str = "", *, code: str = "") -> Answer:
    """One error in the hub's form."""
    visible = shown(reason)
    answer = _answer(status, code, sentence or explain(visible), visible.value)
    return answer.with_headers((b"retry-after", b"1")) if status in COME_BACK else answer


def upstream_answer(head: ResponseHead) -> Answer:
    """What the hub refused, in our words: its own may hold addresses that are not the client's."""
    code = (head.get(b"x-error-code") or b"").decode("ascii", "replace")
    if code not in _CODES:
        code = ""
    status = head.status if 400 <= head.status < 500 else 502
    sentence = _SENTENCES.get(code) or f"The hub answered {head.status}."
    answer = _answer(status, code, sentence, "upstream")
    commit = head.get(b"x-repo-commit")  # with it, the client remembers that a file is not there
    return answer.with_headers((b"x-repo-commit", commit)) if commit else answer


def _answer(status: int, code: str, sentence: str, reason: str) -> Answer:
    fields = [JSON, (b"cache-control", b"no-store"), (b"x-error-message", sentence.encode("ascii", "replace"))]
    if code:
        fields.append((b"x-error-code", code.encode("ascii")))
    return Answer(status, tuple(fields), dump_json({"error": sentence, "reason": reason}))
