"""What the helpers share: who is signed in, which grant is meant, and what to say when there is none.

Other programs start them, without a terminal. So nothing is asked here, and what is said fits on one line.
"""

from __future__ import annotations

from collections.abc import Sequence

from jit_access.cli.grant_tokens import CHOICE, Grant, GrantTokens, choose, resources_in_words
from jit_access.cli.session import Session
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.words import Terminal, clean

ASK = 'jit request {resource} --for 1h --reason "…" --wait'


def tokens_of(session: Session) -> GrantTokens:
    """The grants of whoever is signed in. Raises: Trouble."""
    return GrantTokens(session.client)


def quiet_session(*, address: str = "") -> Session:
    """For a program that another program started: nobody is there to be asked."""
    return Session(Terminal(is_quiet=True), address=address, is_asking_allowed=False)


def grant_at(tokens: GrantTokens, target: str, *, wanted: str = "") -> tuple[Grant, Sequence[Grant]]:
    """The live grant to use at a target, and the others there. Raises: Trouble when there is none."""
    live = [grant for grant in tokens.live() if grant["target"] == target]
    return chosen(live, target, f"{target}/…", wanted=wanted)


def chosen(
    live: Sequence[Grant], where: str, resource: str, *, wanted: str = ""
) -> tuple[Grant, Sequence[Grant]]:  # fmt: skip
    """Which of them is meant, and the others. Raises: Trouble that names the command to ask with."""
    found = choose(live, wanted=wanted)
    if found is None:
        ask = ASK.format(resource=resource)
        raise Trouble(f"No grant of yours is open at {where}. Ask for one: {ask}", Exit.NOT_FOUND, code="no-grant")
    return found, [grant for grant in live if grant is not found]


def note_others(found: Grant, others: Sequence[Grant]) -> str:
    """One line about the choice, or nothing when there was none."""
    if not others:
        return ""
    rest = ", ".join(f"{CHOICE}={grant['id']} for {resources_in_words(grant)}" for grant in others[:3])
    return clean(f"jit: {resources_in_words(found)} is used, of the grant that was started last. Others: {rest}")


def one_line(trouble: Trouble) -> str:
    """A refusal where only one line is shown."""
    advice = f" {trouble.advice}" if trouble.advice else ""
    return clean(f"{trouble.sentence}{advice}")
