"""Grants: found by what people call them, and shown as the pages show them."""

from __future__ import annotations

import re
from typing import Any

from jit_access.cli.client import path_of
from jit_access.cli.resources import Resource, parse_resource
from jit_access.cli.session import Session
from jit_access.cli.times import by_words, clock_words, duration_words, parse_instant, until_words
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.words import Mark

LIVE = frozenset({"scheduled", "activating", "active", "suspended", "revoking", "revoke_failed"})
_WHOLE_ID = re.compile(r"[a-z]{3}_[a-z2-7]{20}")
_ENDS_SOON_S = 15 * 60
_STATES = {
    "scheduled": (Mark.WAITING, "approved, not started"),
    "activating": (Mark.WAITING, "starting"),
    "active": (Mark.OPEN, "active"),
    "suspended": (Mark.ATTENTION, "paused"),
    "revoking": (Mark.ATTENTION, "ending"),
    "revoke_failed": (Mark.ATTENTION, "exposed: could not be revoked"),
    "activation_failed": (Mark.REFUSED, "could not be started"),
    "ended": (Mark.DONE, "ended"),
}
_ENDINGS = {
    "grant-expired": "time ran out",
    "grant-relinquished": "ended by you",
    "grant-extended": "a longer one took over",
}


def find_grant(session: Session, called: str, *, is_any: bool = False) -> dict[str, Any]:
    """One grant, by its id, the beginning of it, or the resource. Those that are over only with `is_any`.

    Raises: Trouble when there is none, or more than one.
    """
    if _WHOLE_ID.fullmatch(called):
        found: dict[str, Any] = session.get(path_of("grants", called))
        return found
    rows = [row for row in session.pages("/grants") if is_any or row["state"] in LIVE]
    if called.startswith("grt_"):
        fits = [row for row in rows if row["id"].startswith(called)]
    else:
        wanted = parse_resource(called)
        fits = [row for row in rows if names(row, wanted)]
        live = [row for row in fits if row["state"] in LIVE]
        fits = live or fits[:1]
    if len(fits) == 1:
        return fits[0]
    if not fits:
        raise Trouble(
            f"You hold no grant {called}.", Exit.NOT_FOUND, code="not-found", advice="What is open: jit grants"
        )
    listed = ", ".join(row["id"] for row in fits[:5])
    raise Trouble(f"{called} can mean {len(fits)} grants: {listed}.", Exit.USAGE, advice="Write more of the id")


def names(grant: dict[str, Any], wanted: Resource) -> bool:
    """True when this grant is about that repository, whatever of it and whatever may be done."""
    return grant["target"] == wanted.target and any(
        part["repository"] == wanted.repository for part in grant["resources"]
    )


def row_of(grant: dict[str, Any], *, with_subject: bool) -> tuple[Mark, tuple[object, ...], str]:
    """A line of the table, and what needs to be done about it."""
    mark, state = state_of(grant)
    until = parse_instant(grant["valid_until"])
    runs = grant["state"] in {"active", "suspended"} and until is not None
    left = duration_words(grant["left_s"]) if grant["state"] == "active" else "–"
    more = ""
    if grant["state"] == "active" and grant["left_s"] < _ENDS_SOON_S:
        mark, state, more = Mark.ATTENTION, "ends soon", f"jit extend {grant['id']} --for 1h --reason TEXT"
    elif grant["state"] == "scheduled":
        more = f"Start it {by_words(grant['start_by'])}: jit start {grant['id']}"
    ends = clock_words(until).removesuffix(" UTC") if runs and until is not None else "–"
    cells = (what(grant), doing(grant), left, ends, state, grant["id"])
    return mark, (*cells, grant["subject"]["name"]) if with_subject else cells, more


def what(grant: dict[str, Any]) -> str:
    return ", ".join(f"{grant['target']}/{part['repository']}{_limits(part)}" for part in grant["resources"])


def doing(grant: dict[str, Any]) -> str:
    return ",".join(sorted({operation for part in grant["resources"] for operation in part["operations"]}))


def state_of(grant: dict[str, Any]) -> tuple[Mark, str]:
    mark, word = _STATES.get(grant["state"], (Mark.WAITING, str(grant["state"])))
    reason = grant.get("reason")
    if grant["state"] == "ended" and reason:
        is_ordinary = reason["code"] in _ENDINGS
        return mark if is_ordinary else Mark.CUT, _ENDINGS.get(reason["code"], f"ended ({reason['code']})")
    return mark, word


def describe(grant: dict[str, Any]) -> list[tuple[str, object]]:
    """All that one wants to know of one grant."""
    facts: list[tuple[str, object]] = [
        ("Grant", grant["id"]),
        ("Resource", what(grant)),
        ("Doing", doing(grant)),
        ("State", state_of(grant)[1]),
        ("Holder", grant["subject"]["name"]),
        ("Lasts", duration_words(grant["lasts_s"])),
    ]
    if grant["valid_until"]:
        facts.append(
            ("Ends" if grant["state"] in LIVE else "Ended", until_words(grant["ended_at"] or grant["valid_until"]))
        )
    elif grant["state"] == "scheduled":
        facts.append(("Start it", by_words(grant["start_by"])))
    if grant.get("reason"):
        facts.append(("Why", f"{grant['reason']['sentence']} ({grant['reason']['code']})"))
    if grant.get("note"):
        facts.append(("Note", f"“{grant['note']}”"))
    return [*facts, ("Request", grant["request"]), ("Rule", grant["rule"])]


def _limits(part: dict[str, Any]) -> str:
    """What of the repository, where it is not all of it."""
    few = [*(f":{tag}" for tag in part.get("tags", ())), *(f"@{digest[:19]}" for digest in part.get("digests", ()))]
    return (
        "".join(few[:2])
        + (f" and {len(few) - 2} more" if len(few) > 2 else "")
        + (" (some files)" if part.get("files") else "")
    )
