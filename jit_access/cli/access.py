"""From "I need this" to a grant that runs: one that is open, was approved, was asked for, or a new one."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from jit_access.cli import wishes
from jit_access.cli.asking import Detail, outcome, submit
from jit_access.cli.children import Stopped
from jit_access.cli.client import path_of
from jit_access.cli.commands.holding import start_grant
from jit_access.cli.resources import Resource
from jit_access.cli.session import Session
from jit_access.cli.times import clock_words, duration_words, parse_instant
from jit_access.cli.tokens import is_ended_by_a_run
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.waiting import wait_for_answer
from jit_access.cli.words import Mark

_SHORTEST_LEFT_S = 30  # what is over before a command has begun helps nobody


class Access(NamedTuple):
    """A grant that runs. `is_ours`: this command started it, or one that still runs; the last of them ends it."""

    grant: dict[str, Any]
    is_ours: bool


def get_access(session: Session, options: argparse.Namespace, wanted: Resource, *, go_on: str) -> Access:
    """Raises: Trouble when there is none to be had; KeyboardInterrupt, after saying how to go on."""
    operations = operations_of(options, wanted)
    mine = own_grants(session)
    running = open_grant(mine, wanted, operations)
    if running is not None:
        until = parse_instant(running["valid_until"])
        ends = f", ends {clock_words(until)}" if until is not None else ""
        session.terminal.say(Mark.OPEN, f"{duration_words(running['left_s'])} left{ends}: {running['id']}")
        return Access(running, is_ours=is_ended_by_a_run(session, running["id"]))
    approved = next(iter(_fitting((one for one in mine if one["state"] == "scheduled"), wanted, operations)), None)
    if approved is None:
        approved = _asked(session, options, wanted, operations, go_on)
    try:
        return Access(start_grant(session, approved), is_ours=True)
    except (KeyboardInterrupt, Stopped):
        # The gateway may have started it before the answer was waited for no longer.
        session.post(path_of("grants", approved["id"], "end"), is_repeatable=True)
        raise


def own_grants(session: Session) -> list[dict[str, Any]]:
    """Without those of one's service accounts, which only they can use; the newest first."""
    me = session.get("/me")["person"]["id"]
    rows = (row for state in ("active", "scheduled") for row in session.pages("/grants", state=state))
    return [row for row in rows if row["subject"]["id"] == me]


def open_grant(grants: Iterable[dict[str, Any]], wanted: Resource, operations: Iterable[str]) -> dict[str, Any] | None:
    """The one that runs longest still."""
    running = (one for one in grants if one["state"] == "active" and one["left_s"] > _SHORTEST_LEFT_S)
    return max(_fitting(running, wanted, operations), key=lambda one: int(one["left_s"]), default=None)


def operations_of(options: argparse.Namespace, wanted: Resource) -> tuple[str, ...]:
    named: list[str] = getattr(options, "op", [])
    return tuple(dict.fromkeys(named)) or ((wanted.operation,) if wanted.operation else ("pull",))


def covers(part: dict[str, Any], wanted: Resource, operations: Iterable[str]) -> bool:
    """True when this part of a scope opens what is wanted; without a tag, anything of the repository will do."""
    if part["repository"] != wanted.repository or not set(operations) <= set(part["operations"]):
        return False
    tags, digests = part.get("tags", []), part.get("digests", [])
    if not (tags or digests) or not (wanted.tag or wanted.digest):
        return True
    return wanted.digest in digests if wanted.digest else any(fnmatchcase(wanted.tag, tag) for tag in tags)


def _fitting(rows: Iterable[dict[str, Any]], wanted: Resource, operations: Iterable[str]) -> list[dict[str, Any]]:
    verbs = tuple(operations)
    return [
        row
        for row in rows
        if row["target"] == wanted.target and any(covers(part, wanted, verbs) for part in row["resources"])
    ]


def _asked(
    session: Session, options: argparse.Namespace, wanted: Resource, operations: tuple[str, ...], go_on: str
) -> dict[str, Any]:
    """The grant of a request that is open already, or of a new one, once it is approved."""
    pending = _fitting(session.pages("/requests", state="pending"), wanted, operations)
    if pending:
        found: Detail = session.get(path_of("requests", pending[0]["id"]))
        session.terminal.say(Mark.DONE, f"You asked for this already: {found['id']}")
    elif not options.lasts or not options.reason:
        raise Trouble(
            f"You hold no open grant to {' and '.join(operations)} {wanted.shown}.",
            Exit.NOT_FOUND,
            code="grant-not-active",
            advice="Ask for one with --for TIME and --reason TEXT",
        )
    else:
        wish = wishes.read_wish(options, session)
        wishes.preview(session, wish)
        found = submit(session, wish)
    if found["state"] == "pending":
        found = wait_for_answer(session, found, go_on=go_on)
    trouble = outcome(found)
    if trouble is not None:
        raise trouble
    if found["grant"] is None:
        raise Trouble(
            "It is granted when everything that was asked with it is agreed on.", Exit.PENDING, code="bundle-held"
        )
    granted: dict[str, Any] = session.get(path_of("grants", found["grant"]))
    return granted
