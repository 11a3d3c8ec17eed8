"""`jit requests`, `jit withdraw`: what one asked, and what became of it."""

from __future__ import annotations

import argparse

from jit_access.cli.client import path_of
from jit_access.cli.commands.asking import finish
from jit_access.cli.requests_shown import facts_of, find_request, heading, row_of
from jit_access.cli.session import Session, new_key
from jit_access.cli.table import write_facts, write_table
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.words import Mark, clean

_HEADS = ("RESOURCE", "DOING", "LASTS", "STATE", "ID")


def requests(options: argparse.Namespace, session: Session) -> int:
    """A table, one of them, or the end of one that is waited for."""
    terminal = session.terminal
    if options.wait and not options.id:
        raise Trouble("Name the request to wait for: jit requests ID --wait", Exit.USAGE)
    if options.id:
        found = find_request(session, options.id)
        if options.wait:
            return finish(session, found, is_waiting=True)
        if terminal.is_json:
            terminal.answer(found)
            return Exit.DONE
        terminal.data.write(clean(heading(found)))
        write_facts(terminal.data, facts_of(found))
        return Exit.DONE
    rows = list(session.pages("/requests", at_most=options.last, state=options.state, visible=options.visible or None))
    if terminal.is_json:
        terminal.answer({"results": rows})
    elif rows:
        heads = (*_HEADS, "WHO") if options.visible else _HEADS
        lines = [row_of(row) for row in rows]
        if options.visible:
            names = [row["requester"]["name"] for row in rows]
            lines = [(mark, (*cells, name), more) for (mark, cells, more), name in zip(lines, names, strict=True)]
        write_table(terminal.data, heads, lines)
    else:
        terminal.say(Mark.DONE, "You asked for nothing yet" if not options.state else f"Nothing is {options.state}")
    return Exit.DONE


def withdraw(options: argparse.Namespace, session: Session) -> int:
    """Take it back while nobody has decided."""
    found = find_request(session, options.id)
    taken = session.post(path_of("requests", found["id"], "withdraw"), key=new_key())
    if session.terminal.is_json:
        session.terminal.answer(taken)
    session.terminal.say(Mark.DONE, f"Withdrawn: {found['id']}")
    return Exit.DONE
