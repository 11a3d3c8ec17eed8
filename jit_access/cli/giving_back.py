"""The end of `jit run`: nothing stays open that it opened, and a cut is told for what it was."""

from __future__ import annotations

from typing import Any

from jit_access.cli.access import Access, own_grants
from jit_access.cli.client import path_of
from jit_access.cli.session import Session
from jit_access.cli.times import until_words
from jit_access.cli.tokens import RunToken, is_used_by_a_run
from jit_access.cli.troubles import Trouble
from jit_access.cli.words import Mark

_RUNS = frozenset({"active", "suspended"})


def give_back(session: Session, access: Access, token: RunToken | None, *, is_kept: bool) -> None:
    """End what was started here; of what was open before, only the token of this run."""
    terminal, grant = session.terminal, access.grant
    try:
        # First the token, then the look at the others: of two that end at once the later one sees nobody any more.
        if token is not None:
            token.revoke()
        if not access.is_ours or is_kept:
            terminal.say(Mark.OPEN, f"The grant goes on and ends {_until(grant)}. End it: jit end {grant['id']}")
            return
        last = _last_of(session, grant)
        if last is None:
            return
        if is_used_by_a_run(session, last["id"]):
            terminal.say(Mark.OPEN, f"Another command still uses {last['id']}, and ends it")
            return
        session.post(path_of("grants", last["id"], "end"), is_repeatable=True)
        terminal.say(Mark.DONE, f"Access ended: {last['id']}")
    except Trouble as trouble:
        terminal.say(Mark.ATTENTION, f"Access could not be ended: {trouble.sentence}", code=trouble.code)
        terminal.note(f"It ends by itself {_until(grant)}. Sooner: jit end {grant['id']}")


def tell_if_cut(session: Session, grant: dict[str, Any]) -> None:
    """Say that the access was taken away: what the command said itself may be about a broken pipe."""
    try:
        now: dict[str, Any] = session.get(path_of("grants", grant["id"]))
    except Trouble:
        return  # what comes next meets the same trouble, and says it
    reason = now.get("reason")
    if now["state"] in _RUNS and not (reason and now["state"] == "suspended"):
        return
    if reason and reason["code"] != "grant-extended":
        note = f" “{now['note']}”" if now.get("note") else ""
        session.terminal.say(Mark.CUT, f"{reason['sentence']}{note}", code=reason["code"])


def _last_of(session: Session, grant: dict[str, Any]) -> dict[str, Any] | None:
    """The grant that runs: this one, or the one that an extension put into its place. None when all is over."""
    now: dict[str, Any] = session.get(path_of("grants", grant["id"]))
    if now["state"] in _RUNS:
        return now
    if (now.get("reason") or {}).get("code") != "grant-extended":
        return None
    following = (one for one in own_grants(session) if one["extends"] == now["id"])
    return next(following, None)


def _until(grant: dict[str, Any]) -> str:
    return until_words(grant["valid_until"])
