"""API tokens in words: how each begins, what limits it, when it was used, what revoking does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.urls import reverse

from jit_access.accounts.models import ApiToken, User
from jit_access.web import figures
from jit_access.web.viewmodels.agents import TokenCard
from jit_access.web.viewmodels.parts import Badge, Confirm, Fact


def token_cards(tokens: Sequence[ApiToken], now: datetime, *, may_revoke: bool = True) -> tuple[TokenCard, ...]:
    """One card for each token that works; of those that follow one another, the one in use."""
    return tuple(_card(token, now, may_revoke=may_revoke) for token in tokens)


def limits_text(token: ApiToken) -> str:
    """`From 10.0.0.0/8 and 192.0.2.7/32 only, 12 of 50 uses left`, or that nothing narrows it."""
    parts = []
    if token.networks:
        parts.append(f"from {figures.joined(list(token.networks))} only")
    if token.max_uses is not None:
        left = figures.grouped(max(0, token.max_uses - token.use_count))
        parts.append(f"{left} of {figures.plural(token.max_uses, 'use')} left")
    if token.jkt:
        parts.append("with the proof of its key")
    text = ", ".join(parts)
    return f"{text[0].upper()}{text[1:]}" if text else "None: from anywhere, any number of uses"


def used_text(token: ApiToken, now: datetime) -> str:
    """When and from where it was used last."""
    if token.last_used_at is None:
        return "Never"
    where = f" from {token.last_used_from}" if token.last_used_from else ""
    return f"{figures.ago(token.last_used_at, now)}{where}"


def token_confirm(token: ApiToken) -> Confirm:
    """What stops working when a token is revoked."""
    also = " So is every token that follows it." if token.family_id is not None else ""
    return Confirm(
        id=f"revoke-{token.public_id}",
        title=f"Revoke the token {token.name}?",
        effect=f"Whatever uses it is refused from now on.{also} It cannot be taken back.",
        verb=f"Revoke {token.name}",
        keep="Keep it",
        post_href=reverse("web:settings-token-revoke", args=[token.public_id]),
        back_href=home_of(token.user),
    )


def home_of(account: User) -> str:
    """The page that lists the API tokens of an account."""
    return reverse("web:settings") if account.is_person else reverse("web:agent", args=[account.public_id])


def _card(token: ApiToken, now: datetime, *, may_revoke: bool) -> TokenCard:
    return TokenCard(
        name=token.name,
        badge=_badge(token),
        facts=(
            Fact("Used", used_text(token, now)),
            Fact("Limits", limits_text(token)),
            *_rotation(token, now),
            Fact("Ends", figures.end_time(token.expires_at, now)),
        ),
        begins=f"jita_api_{token.token_id}",
        revoke=token_confirm(token) if may_revoke else None,
    )


def _badge(token: ApiToken) -> Badge:
    if token.max_uses is not None and token.use_count >= token.max_uses:
        return Badge("Used up", "minus", "wait")
    return Badge("Works", "check", "live")


def _rotation(token: ApiToken, now: datetime) -> tuple[Fact, ...]:
    """Which one it is, and what becomes of it."""
    family = token.family
    if family is None:
        return ()
    every = figures.round_duration(family.rotates_every_s)
    last = figures.end_time(family.ends_at, now)
    what = f"Number {family.used_generation or 1}, another every {every} until {last}"
    if family.newest_generation > max(1, family.used_generation):
        next_one = "Collected, not used yet" if family.collections else "Waits to be collected"
        return Fact("Rotates", what), Fact("Next", next_one)
    return Fact("Rotates", what), Fact("Next", f"Made {figures.end_time(family.due_at, now)}")
