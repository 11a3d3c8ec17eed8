"""Sending a request, or finding the one that is open already."""

from __future__ import annotations

from typing import Any

from jit_access.cli.client import path_of
from jit_access.cli.session import Session, new_key
from jit_access.cli.times import by_words, duration_words
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.wishes import Wish, step_words
from jit_access.cli.words import Mark

Detail = dict[str, Any]


def submit(session: Session, wish: Wish) -> Detail:
    """Ask. The same that is open already is taken up instead of a second one."""
    try:
        found: Detail = session.post("/requests", wish.body, key=new_key())
    except Trouble as trouble:
        known = trouble.fields.get("request")
        if trouble.code != "duplicate-request" or not isinstance(known, str):
            raise
        found = session.get(path_of("requests", known))
        session.terminal.say(Mark.DONE, f"The same request is open already: {known}")
        return found
    tell_sent(session, found)
    return found


def tell_sent(session: Session, found: Detail) -> None:
    """What became of it at once."""
    if found["state"] == "pending":
        asked = [step_words(step) for step in found["steps"] if step["is_now"]]
        session.terminal.say(Mark.DONE, f"Sent: {found['id']}. Asked now: {'; '.join(asked)}")
        session.terminal.note(f"The answer is due {by_words(found['answer_by'])}")
    elif found["state"] == "approved":
        by_rule = ", ".join(one["rule"] for one in found["auto_approval"]) or ", ".join(found["rules"])
        session.terminal.say(Mark.DONE, f"Approved at once by rule {by_rule}")


def tell_next(session: Session, found: Detail) -> None:
    """How to use what was approved."""
    grant = found["grant"]
    if grant is None:
        session.terminal.note("It is granted when everything that was asked with it is agreed on")
        return
    name = resource_name(found)
    session.terminal.note(
        f"Your {duration_words(found['lasts_s'])} start when you do. Start {by_words(found['start_by'])}"
    )
    session.terminal.note(f"Use it: jit run {name} -- COMMAND, or: jit start {grant}")


def outcome(found: Detail) -> Trouble | None:
    """Why a decided request gives nothing, or None when it is approved."""
    state, reason = found["state"], found.get("reason") or {}
    if state == "approved":
        return None
    sentence, code = str(reason.get("sentence", "")), str(reason.get("code", ""))
    if state == "pending":
        return Trouble(
            f"{found['id']} waits for an answer.", Exit.PENDING, code="pending", fields={"request": found["id"]}
        )
    if state == "denied":
        said = next((one for one in reversed(found["verdicts"]) if not one["is_approval"]), None)
        if said is not None:
            note = f": “{said['note']}”" if said["note"] else ""
            sentence = f"Denied by {said['approver']['name']}{note}"
    status = Exit.EXPIRED if state == "expired" else Exit.DENIED
    return Trouble(sentence or f"This request is {state}.", status, code=code or state, fields={"request": found["id"]})


def resource_name(found: Detail) -> str:
    """As one would type it."""
    part = found["resources"][0]
    tags, digests = part.get("tags", []), part.get("digests", [])
    exact = (
        f":{tags[0]}"
        if len(tags) == 1 and not {"*", "?"} & set(tags[0])
        else f"@{digests[0]}"
        if len(digests) == 1
        else ""
    )
    return f"{found['target']}/{part['repository']}{exact}"
