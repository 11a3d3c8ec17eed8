"""API tokens in words: how each begins, what limits it, when it was used, what revoking does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.urls import reverse

from jit_access.accounts.models import ApiToken, User
from jit_access.web import figures
from jit_access.web.viewmodels.agents import TokenCard
from jit_access.web.viewmodels.parts import Badge, Confirm, Fact


def token_cards(tokens: Sequence[ApiToken], now: datetime) -> tuple[TokenCard, ...]:
    """One card for each token that works."""
    return tuple(_card(token, now) for token in tokens)


def _card(token: ApiToken, now: datetime) -> TokenCard:
    return TokenCard(
        name=token.name,
        badge=Badge("Works", "check", "live"),
        facts=(Fact("Used", used_text(token, now)), Fact("Ends", figures.end_time(token.expires_at, now))),
        begins=f"jita_api_{token.token_id}",
        revoke=token_confirm(token),
    )


def used_text(token: ApiToken, now: datetime) -> str:
    """When and from where it was used last."""
    if token.last_used_at is None:
        return "Never"
    where = f" from {token.last_used_from}" if token.last_used_from else ""
    return f"{figures.ago(token.last_used_at, now)}{where}"


def token_confirm(token: ApiToken) -> Confirm:
    """What stops working when a token is revoked."""
    return Confirm(
        id=f"revoke-{token.public_id}",
        title=f"Revoke the token {token.name}?",
        effect="Whatever uses it is refused from now on. It cannot be taken back.",
        verb=f"Revoke {token.name}",
        keep="Keep it",
        post_href=reverse("web:settings-token-revoke", args=[token.public_id]),
        back_href=home_of(token.user),
    )


def home_of(account: User) -> str:
    """The page that lists the API tokens of an account."""
    return reverse("web:settings") if account.is_person else reverse("web:agent", args=[account.public_id])
