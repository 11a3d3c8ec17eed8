"""`jit grants`, `jit start`, `jit end`: what one holds."""

from __future__ import annotations

import argparse
from typing import Any

from jit_access.cli.client import path_of
from jit_access.cli.grants import LIVE, describe, find_grant, row_of
from jit_access.cli.session import Session
from jit_access.cli.table import write_facts, write_table
from jit_access.cli.times import clock_words, duration_words, parse_instant
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.words import Mark

_HEADS = ("RESOURCE", "DOING", "LEFT", "ENDS (UTC)", "STATE", "ID")


def grants(options: argparse.Namespace, session: Session) -> int:
    """A table, or one of them."""
    terminal = session.terminal
    if options.id:
        found = find_grant(session, options.id, is_any=True)
        if terminal.is_json:
            terminal.answer(found)
        else:
            write_facts(terminal.data, describe(found))
        return Exit.DONE
    rows = [
        row for row in session.pages("/grants", visible=options.visible or None) if options.all or row["state"] in LIVE
    ]
    if terminal.is_json:
        terminal.answer({"results": rows})
        return Exit.DONE
    if not rows:
        terminal.say(Mark.DONE, "You have no open access. That is the normal state here.")
        terminal.note("Ask when you need it: jit request RESOURCE --for 2h --reason TEXT")
        return Exit.DONE
    heads = (*_HEADS, "WHO") if options.visible else _HEADS
    write_table(terminal.data, heads, [row_of(row, with_subject=options.visible) for row in rows])
    return Exit.DONE


def start(options: argparse.Namespace, session: Session) -> int:
    """The clock begins now. A repeat changes nothing."""
    found = start_grant(session, find_grant(session, options.grant))
    if session.terminal.is_json:
        session.terminal.answer(found)
    return Exit.DONE


def start_grant(session: Session, grant: dict[str, Any]) -> dict[str, Any]:
    """Start it and say until when it runs."""
    path = path_of("grants", grant["id"], "activate")
    found: dict[str, Any] = session.post(path, is_repeatable=True, takes_code=True)
    until = parse_instant(found["valid_until"])
    ends = f", ends {clock_words(until)}" if until is not None else ""
    session.terminal.say(Mark.OPEN, f"{duration_words(found['left_s'])} left{ends}: {found['id']}")
    return found


def end(options: argparse.Namespace, session: Session) -> int:
    """Give back one, or all. What was over already is fine."""
    if options.all == bool(options.grant):
        raise Trouble("Name one grant, or say --all.", Exit.USAGE)
    if options.all:
        mine = [row for row in session.pages("/grants") if row["state"] in LIVE]
    else:
        mine = [find_grant(session, options.grant)]
    ended = [session.post(path_of("grants", row["id"], "end"), is_repeatable=True) for row in mine]
    if session.terminal.is_json:
        session.terminal.answer({"results": ended})
    for row in ended:
        names = ", ".join(f"{row['target']}/{part['repository']}" for part in row["resources"])
        session.terminal.say(Mark.DONE, f"Ended: {names} ({row['id']})")
    if not ended:
        session.terminal.say(Mark.DONE, "Nothing was open")
    return Exit.DONE
