"""`jit request`, `jit extend`: asking, and waiting for the answer where one wants to."""

from __future__ import annotations

import argparse

from jit_access.cli import wishes
from jit_access.cli.asking import Detail, outcome, submit, tell_next, tell_sent
from jit_access.cli.client import path_of
from jit_access.cli.commands.holding import start_grant
from jit_access.cli.grants import find_grant
from jit_access.cli.session import Session, new_key
from jit_access.cli.times import duration_words, parse_duration
from jit_access.cli.troubles import Exit
from jit_access.cli.waiting import wait_for_answer
from jit_access.cli.words import Mark


def request(options: argparse.Namespace, session: Session) -> int:
    """3 while it waits, 0 once it is approved, 4 or 6 when it is not."""
    wish = wishes.read_wish(options, session)
    told = wishes.preview(session, wish)
    if options.dry_run:
        if session.terminal.is_json:
            session.terminal.answer(told)
        session.terminal.say(Mark.DONE, "Nothing was sent")
        return Exit.DONE
    return finish(session, submit(session, wish), is_waiting=options.wait)


def extend(options: argparse.Namespace, session: Session) -> int:
    """A longer grant takes over from this one, running transfers included. With --wait it is started too."""
    grant = find_grant(session, options.grant)
    by_s = parse_duration(options.lasts)
    body = {"by_s": by_s, "purpose": options.reason}
    found = session.post(path_of("grants", grant["id"], "extend"), body, key=new_key(), takes_code=True)
    session.terminal.say(Mark.WAITING, f"{duration_words(by_s)} more of {grant['id']}")
    tell_sent(session, found)
    if found["state"] == "pending" and options.wait:
        found = wait_for_answer(session, found)
    if found["state"] == "approved" and found["grant"]:
        started = start_grant(session, session.get(path_of("grants", found["grant"])))
        if session.terminal.is_json:
            session.terminal.answer(found | {"started": started})
        return Exit.DONE
    return finish(session, found, is_waiting=False)


def finish(session: Session, found: Detail, *, is_waiting: bool) -> int:
    """Wait if that is wanted, and say what to do next."""
    terminal = session.terminal
    if found["state"] == "pending" and is_waiting:
        found = wait_for_answer(session, found)
    if terminal.is_json:
        terminal.answer(found)
    trouble = outcome(found)
    if trouble is None:
        tell_next(session, found)
        return Exit.DONE
    if trouble.status == Exit.PENDING:
        terminal.note(f"Wait for it: jit requests {found['id']} --wait")
        return Exit.PENDING
    terminal.say(Mark.REFUSED, trouble.sentence, code=trouble.code)
    return trouble.status
