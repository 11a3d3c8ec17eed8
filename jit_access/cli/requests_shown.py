"""Requests as the command shows them: lines of a table, and one with all that an approver signs."""

from __future__ import annotations

from typing import Any

from jit_access.cli.client import path_of
from jit_access.cli.grants import doing, what
from jit_access.cli.session import Session
from jit_access.cli.times import by_words, duration_words, until_words
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.waiting import waiting_words
from jit_access.cli.wishes import risk_words
from jit_access.cli.words import Mark

_ID_CHARS = 24
_STATES = {
    "pending": Mark.WAITING,
    "approved": Mark.DONE,
    "denied": Mark.REFUSED,
    "withdrawn": Mark.DONE,
    "expired": Mark.REFUSED,
    "invalidated": Mark.REFUSED,
}
_SHORT_HASH = 16


def find_request(session: Session, called: str, *, where: str = "/requests") -> dict[str, Any]:
    """One request by its id or the beginning of it, among one's own or among those that wait for one's answer.

    Raises: Trouble when there is none, or more than one.
    """
    if len(called) >= _ID_CHARS or not called.startswith("req_"):
        found: dict[str, Any] = session.get(path_of("requests", called))
        return found
    fits = [row["id"] for row in session.pages(where) if row["id"].startswith(called)]
    if len(fits) == 1:
        shown: dict[str, Any] = session.get(path_of("requests", fits[0]))
        return shown
    if not fits:
        raise Trouble(f"There is no request {called} here.", Exit.NOT_FOUND, code="not-found")
    raise Trouble(
        f"{called} can mean {len(fits)} requests: {', '.join(fits[:5])}.", Exit.USAGE, advice="Write more of the id"
    )


def row_of(request: dict[str, Any]) -> tuple[Mark, tuple[object, ...], str]:
    """A line of one's own requests."""
    state = request["state"]
    more = ""
    if state == "pending":
        more = f"The answer is due {by_words(request['answer_by'])}"
    elif state != "approved" and request["reason"]:
        more = f"{request['reason']['sentence']} ({request['reason']['code']})"
    return _STATES.get(state, Mark.WAITING), (what(request), doing(request), duration_words(request["lasts_s"]), state,
                                              request["id"]), more  # fmt: skip


def heading(request: dict[str, Any]) -> str:
    """`Ada Okafor asks to pull demo-registry/llm/tiny-llama:v1 for 2 h`."""
    longer = "for a longer grant to " if request["extends"] else "to "
    verbs = doing(request).replace(",", ", ").replace("admin", "administer")
    return (
        f"{request['requester']['name']} asks {longer}{verbs} {what(request)} for {duration_words(request['lasts_s'])}"
    )


def facts_of(request: dict[str, Any]) -> list[tuple[str, object]]:
    """Everything beside the heading."""
    facts: list[tuple[str, object]] = [("Reason", f"“{request['purpose']}”")]
    if request["ticket"]:
        facts.append(("Ticket", request["ticket"]))
    facts.append(("Risk", risk_words(request["risk"])))
    if request["is_break_glass"]:
        facts.append(("Break-glass", "opened at once, without approval"))
    if request["not_before"]:
        facts.append(("Starts", f"not before {until_words(request['not_before'])}"))
    facts.append(("State", waiting_words(request) if request["state"] == "pending" else request["state"]))
    facts += [("", _verdict_words(one)) for one in request["verdicts"]]
    if request["state"] == "pending":
        facts.append(("Answer", f"due {by_words(request['answer_by'])}"))
    elif request["reason"]:
        facts.append(("Why", f"{request['reason']['sentence']} ({request['reason']['code']})"))
    if request["grant"]:
        facts.append(("Grant", request["grant"]))
    return [
        *facts,
        ("Rules", ", ".join(request["rules"])),
        ("Signed", f"payload {request['payload_hash'][:_SHORT_HASH]}"),
    ]


def _verdict_words(verdict: dict[str, Any]) -> str:
    note = f": “{verdict['note']}”" if verdict["note"] else ""
    return f"{verdict['approver']['name']} {'approved' if verdict['is_approval'] else 'denied'}{note}"
