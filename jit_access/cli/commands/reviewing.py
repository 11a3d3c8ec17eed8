"""`jit review`: what waits for one's answer. What is sent carries the hash of what was shown, and of nothing else."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from jit_access.cli.client import path_of
from jit_access.cli.grants import doing, what
from jit_access.cli.requests_shown import facts_of, find_request, heading
from jit_access.cli.session import Session, new_key
from jit_access.cli.table import write_facts, write_table
from jit_access.cli.times import by_words, duration_words, parse_duration
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.waiting import waiting_words
from jit_access.cli.wishes import risk_words
from jit_access.cli.words import Mark, clean

_HEADS = ("WHO", "RESOURCE", "DOING", "LASTS", "RISK", "ID")


def review(options: argparse.Namespace, session: Session) -> int:
    """The queue, one request, or an answer to it."""
    if not options.id:
        if options.approve or options.deny:
            raise Trouble("Name the request: jit review ID --approve", Exit.USAGE)
        return _queue(session)
    found = find_request(session, options.id, where="/approvals")
    terminal = session.terminal
    if not (options.approve or options.deny):
        if options.lasts or options.note:
            raise Trouble("Say --approve or --deny.", Exit.USAGE)
        if terminal.is_json:
            terminal.answer(found)
            return Exit.DONE
        _show(session, found)
        return Exit.DONE
    if not found["may_answer"]:
        why = found["why_not"] or {"sentence": "This is not yours to answer.", "code": ""}
        raise Trouble(why["sentence"], Exit.DENIED, code=why["code"])
    _show(session, found)
    body, words = _answer(options, session, found)
    _confirm(options, session, words)
    verb = "approve" if options.approve else "deny"
    after = session.post(path_of("requests", found["id"], verb), body, key=new_key(), takes_code=True)
    if terminal.is_json:
        terminal.answer(after)
    _tell(session, after, is_approval=options.approve)
    return Exit.DONE


def _queue(session: Session) -> int:
    rows = list(session.pages("/approvals"))
    terminal = session.terminal
    if terminal.is_json:
        terminal.answer({"results": rows})
    elif rows:
        write_table(terminal.data, _HEADS, [_row(row) for row in rows])
    else:
        terminal.say(Mark.DONE, "Nothing waits for you")
    return Exit.DONE


def _row(row: dict[str, Any]) -> tuple[Mark, tuple[object, ...], str]:
    risk = risk_words(row["risk"]).partition(":")[0]
    cells = (row["requester"]["name"], what(row), doing(row), duration_words(row["lasts_s"]), risk, row["id"])
    more = f"“{row['purpose']}”, to be answered {by_words(row['answer_by'])}"
    if not row["may_answer"] and row["why_not"]:
        more = f"{row['why_not']['sentence']} ({row['why_not']['code']})"
    return Mark.ATTENTION if row["may_answer"] else Mark.WAITING, cells, more


def _show(session: Session, found: dict[str, Any]) -> None:
    """On stdout when it is what was asked for; before an answer, where the question is."""
    voice = session.terminal.talk if session.terminal.is_json else session.terminal.data
    voice.write(clean(heading(found)))
    write_facts(voice, facts_of(found))


def _answer(options: argparse.Namespace, session: Session, found: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What is sent, and the question that asks for it in words."""
    body = {"payload_hash": found["payload_hash"], "note": options.note}
    if options.deny:
        return body, f"Deny {found['requester']['name']}"
    if not options.lasts:
        return body, f"Approve for {duration_words(found['lasts_s'])}"
    offer = {"lasts_s": parse_duration(options.lasts), "resources": found["resources"]}
    offered = session.post(path_of("requests", found["id"], "offer"), offer, is_repeatable=True)
    for line in offered["less"]:
        session.terminal.note(f"Less: {line}")
    return body | {
        "payload_hash": offered["payload_hash"],
        "offer": offer,
    }, f"Approve for {duration_words(offer['lasts_s'])}"


def _confirm(options: argparse.Namespace, session: Session, words: str) -> None:
    """Raises: Trouble unless a person agrees, or said before that they do."""
    if options.yes:
        return
    if not session.terminal.is_interactive:
        raise Trouble("Nobody is there to be asked again. Read it, then say --yes.", Exit.USAGE)
    session.terminal.settle()
    session.terminal.talk.write(f"  {words}? [y/N] ", end="")
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Trouble("Nothing was sent.", Exit.FAILED, code="not-confirmed")


def _tell(session: Session, after: dict[str, Any], *, is_approval: bool) -> None:
    if not is_approval:
        session.terminal.say(Mark.DONE, f"Denied: {after['id']}")
    elif after["state"] == "pending":
        session.terminal.say(Mark.DONE, f"Your approval counts. {waiting_words(after)}")
    else:
        session.terminal.say(Mark.DONE, f"Approved: {after['id']}. {after['requester']['name']} can start")
