"""Waiting for people, and telling what they do while they do it. Ctrl-C stops the waiting, never the request."""

from __future__ import annotations

import time
from typing import Any

from jit_access.cli.asking import Detail, outcome
from jit_access.cli.client import path_of
from jit_access.cli.session import Session
from jit_access.cli.times import by_words, duration_words
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.words import Mark

_PAUSE_S, _LONG_PAUSE_S = 2.0, 5.0
_LONG_AFTER_S = 600.0
_TICK_S = 1.0


def wait_for_answer(session: Session, found: Detail, *, go_on: str = "") -> Detail:
    """The request once it is decided in its favour. `go_on`: the command that goes on after Ctrl-C.

    Raises: Trouble when it is denied or over; KeyboardInterrupt, after saying how to go on.
    """
    began = time.monotonic()
    told = 0
    try:
        while True:
            told = _tell_verdicts(session, found, told)
            if found["state"] != "pending":
                break
            _pause(session, found, began)
            found = _look(session, found)
    except KeyboardInterrupt:
        tell_how_to_go_on(session, found, go_on)
        raise
    trouble = outcome(found)
    if trouble is not None:
        raise trouble
    session.terminal.say(Mark.DONE, f"Approved{_less(found)}")
    return found


def tell_how_to_go_on(session: Session, found: Detail, go_on: str) -> None:
    """The last lines after Ctrl-C."""
    terminal = session.terminal
    due = by_words(found["answer_by"])
    terminal.say(Mark.ATTENTION, f"You stopped waiting. {found['id']} stays open; the answer is due {due}")
    terminal.note(f"Go on: {go_on or 'jit requests ' + found['id'] + ' --wait'}")
    terminal.note(f"Take it back: jit withdraw {found['id']}")


def _look(session: Session, found: Detail) -> Detail:
    """The request as it is now; as it was when the gateway is away for a moment."""
    try:
        looked: Detail = session.get(path_of("requests", found["id"]))
    except Trouble as trouble:
        if trouble.status != Exit.AWAY:
            raise
        session.terminal.live(Mark.ATTENTION, f"{trouble.sentence} Still trying; the request stays open")
        return found
    return looked


def _tell_verdicts(session: Session, found: Detail, told: int) -> int:
    """Each answer once, as it comes."""
    verdicts: list[dict[str, Any]] = found["verdicts"]
    for verdict in verdicts[told:]:
        if not verdict["is_approval"]:
            continue  # the end of the request says it
        note = f": “{verdict['note']}”" if verdict["note"] else ""
        instead = f" for {verdict['on_behalf_of']['name']}" if verdict["on_behalf_of"] else ""
        session.terminal.say(Mark.DONE, f"{verdict['approver']['name']} approved{instead}{note}")
    if len(verdicts) > told and found["state"] == "pending":
        session.terminal.note(waiting_words(found))
    return len(verdicts)


def waiting_words(found: Detail) -> str:
    """`1 of 2 approved. Still to answer: 1 of security: Dora Lindqvist`."""
    needed = sum(step["needed"] for step in found["steps"])
    given = sum(min(step["given"], step["needed"]) for step in found["steps"])
    missing = [_missing(step) for step in found["steps"] if step["given"] < step["needed"]]
    if found["is_held"] or not missing:
        return "Agreed on. It waits for what was asked with it"
    return f"{given} of {needed} approved. Still to answer: {'; '.join(missing)}"


def _missing(step: dict[str, Any]) -> str:
    people = ", ".join(one["name"] for one in step["people"]) or "nobody is there"
    return f"{step['needed'] - step['given']} of {step['group']} ({people})"


def _pause(session: Session, found: Detail, began: float) -> None:
    """Wait, with the seconds running where somebody can see them."""
    waited_s = time.monotonic() - began
    until = time.monotonic() + (_PAUSE_S if waited_s < _LONG_AFTER_S else _LONG_PAUSE_S)
    while (left_s := until - time.monotonic()) > 0:
        waited = duration_words(int(time.monotonic() - began))
        session.terminal.live(Mark.WAITING, f"{waiting_words(found)}. {waited}; Ctrl-C leaves it open")
        time.sleep(min(_TICK_S, left_s))


def _less(found: Detail) -> str:
    """What an approver took away: the request says now what was agreed on."""
    payload = found.get("payload") or {}
    was = payload.get("narrowed_from") if isinstance(payload, dict) else None
    return f", for less than you asked: {duration_words(found['lasts_s'])}" if was else ""
