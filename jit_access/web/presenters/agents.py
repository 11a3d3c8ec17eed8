"""One's own service accounts in words: does it work, what does it hold, which API tokens does it have?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from jit_access.accounts.models import ApiToken, User
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.viewmodels.parts import Action, Badge, Fact
from jit_access.web.viewmodels.security import AgentPage, SettingRow


@dataclass(frozen=True, slots=True)
class Agent:
    """What the page knows about one service account, read once."""

    account: User
    groups: frozenset[str]
    tokens: Sequence[ApiToken]
    open_grants: int
    now: datetime


def agent_badge(account: User) -> Badge:
    """Whether anything of it works. Its owner's lock is not told here: a locked owner reads no page."""
    return Badge("Works", "check", "live") if account.is_active else Badge("Locked", "lock", "stop")


def agent_row(account: User, tokens: int) -> SettingRow:
    """One agent in the list of settings."""
    note = f"{figures.plural(tokens, 'API token')}." if account.is_active else "Locked: nothing of it works."
    return SettingRow(
        account.display_name,
        note,
        agent_badge(account),
        action=Action("Tokens", reverse("web:settings-agent", args=[account.public_id])),
    )


def build_page(agent: Agent, rows: Sequence[SettingRow]) -> AgentPage:
    """The page of one agent."""
    account = agent.account
    is_usable = account.is_active
    lead = "It acts by its API tokens and answers to you: you see what it holds, and end it."
    return AgentPage(
        person=words.person_of(account),
        badge=agent_badge(account),
        lead=lead
        if is_usable
        else "It is locked: its tokens, grants and sessions are refused. Ask Security to unlock it.",
        facts=(
            Fact("User name", account.username, is_mono=True),
            Fact("Groups", ", ".join(words.group_title(name) for name in sorted(agent.groups)) or "None"),
            Fact("Open grants", figures.grouped(agent.open_grants), "in My access" if agent.open_grants else ""),
        ),
        tokens=tuple(rows),
        token_form_href=reverse("web:settings-agent-token-new", args=[account.public_id]) if is_usable else "",
        empty_note="It has no API token, so it cannot do anything." if is_usable else "It has no API token.",
        back=Action("Security settings", reverse("web:settings"), "back"),
    )
