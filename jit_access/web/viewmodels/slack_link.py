"""The page on which a person links their own Slack account."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Badge, Fact


@dataclass(frozen=True, slots=True)
class SlackLinkPage:
    """One of four: nothing yet, a code to send, an account that waits for a word, a linked account."""

    title: str
    lead: str
    badge: Badge | None = None
    command: str = ""  # with the code in it; shown once
    facts: tuple[Fact, ...] = ()
    slack_user_id: str = ""  # what *That is me* speaks of
    verb: str = ""
    post_href: str = ""
    other_verb: str = ""
    other_href: str = ""
