"""`jit search`, `jit why`: what there is, and what policy says of it. Nothing is asked for by looking."""

from __future__ import annotations

import argparse
import itertools
from typing import Any

from jit_access.cli.resources import parse_resource
from jit_access.cli.session import Session
from jit_access.cli.table import write_table
from jit_access.cli.times import duration_words, parse_duration, size_words
from jit_access.cli.troubles import Exit
from jit_access.cli.words import Mark, Voice, clean

_FIRST = 25


def search(options: argparse.Namespace, session: Session) -> int:
    """What one may know of, the nearest first."""
    query = " ".join(options.words)
    most = 10_000 if options.all else _FIRST
    found = list(itertools.islice(session.pages("/catalogue", at_most=most + 1, q=query), most + 1))
    rows, is_more = found[:most], len(found) > most
    terminal = session.terminal
    if terminal.is_json:
        terminal.answer({"results": rows, "is_more": is_more})
        return Exit.DONE
    if not rows:
        said = f'Nothing matches "{query}".' if query else "There is nothing here that you may know of."
        terminal.say(Mark.WAITING, said)
        return Exit.DONE
    heads = ("RESOURCE", "TIER", "SIZE", "YOU MAY ASK TO", "DECIDED BY", "AT MOST")
    write_table(terminal.data, heads, [line for row in rows for line in _lines(row)])
    if is_more:
        terminal.note(f"The first {most}. More words find less; --all shows everything")
    return Exit.DONE


def _lines(row: dict[str, Any]) -> list[tuple[Mark, tuple[object, ...], str]]:
    """One for each way to decide; operations that are decided alike stand together."""
    tag = f":{row['latest_tag']}" if row["latest_tag"] else ""
    about: tuple[object, ...] = (
        f"{row['target']}/{row['repository']}{tag}",
        row["tier"],
        size_words(row["size_bytes"]),
    )
    alike: dict[tuple[str, str], list[str]] = {}
    for one in row["operations"]:
        if one["is_open"]:
            alike.setdefault((_deciders(one), duration_words(int(one["lasts_at_most_s"]))), []).append(one["operation"])
    if not alike:
        return [(Mark.WAITING, (*about, "nothing", "jit why says why", "–"), "")]
    cells = [(",".join(operations), *terms) for terms, operations in alike.items()]
    return [(Mark.OPEN, (*(about if at == 0 else ("", "", "")), *cell), "") for at, cell in enumerate(cells)]


def _deciders(operation: dict[str, Any]) -> str:
    wanted = [f"{one['needed']} of {one['group']}" for one in operation["decided_by"]]
    return " and ".join(wanted) or "nobody, at once"


def why(options: argparse.Namespace, session: Session) -> int:
    """0 when it could be asked for, else the status of a refusal."""
    wanted = parse_resource(options.resource)
    operation = wanted.operation or options.op
    lasts_s = parse_duration(options.lasts)
    found = session.get(
        "/policies/why",
        target=wanted.target,
        repository=wanted.repository,
        operation=operation,
        lasts_s=lasts_s,
        person=options.person,
    )
    terminal = session.terminal
    status = Exit.DONE if found["is_allowed"] else Exit.DENIED
    if terminal.is_json:
        terminal.answer(found)
        return status
    what = clean(f"{operation} {wanted.name} for {duration_words(lasts_s)}")
    data = terminal.data
    if found["is_allowed"]:
        data.write(f"{data.mark(Mark.DONE)} {what}: it may be asked for")
    else:
        data.write(
            f"{data.mark(Mark.REFUSED)} {what}: {clean(found['sentence'])} {data.quiet('(' + found['code'] + ')')}"
        )
    _tell_rules(data, found)
    return status


def _tell_rules(data: Voice, found: dict[str, Any]) -> None:
    for rule in found["rules"]:
        verb = "lets" if rule["effect"] == "permit" else "forbids"
        data.write(f"  {data.strong(clean(rule['rule']))} {verb}: {clean(rule['because'])}")
        for condition in rule["conditions"]:
            mark = Mark.DONE if condition["is_met"] else Mark.REFUSED
            data.write(f"    {data.mark(mark)} {clean(condition['text'])}")
    for way in found["would_be_allowed_if"]:
        data.write(clean(f"  It would be allowed if: {'; '.join(way)}"))
    for one in found["approvals"]:
        people = ", ".join(one["people"]) or "nobody is there"
        decides = "decides" if found["is_allowed"] else "would decide then"
        data.write(clean(f"  {one['needed']} of {one['group']} {decides}: {people}"))
