"""Accounts at identity providers in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.urls import reverse

from jit_access.single_sign_on.models import Identity, Provider
from jit_access.web import figures
from jit_access.web.viewmodels.parts import Badge, Confirm
from jit_access.web.viewmodels.security import SettingRow


def identity_rows(
    identities: Sequence[Identity], providers: Iterable[Provider], now: datetime
) -> tuple[SettingRow, ...]:
    """What is linked, then what could be."""
    linked = {identity.provider_id for identity in identities}
    open_ones = (_open_row(provider) for provider in providers if provider.pk not in linked)
    return (*(_linked_row(identity, now) for identity in identities), *open_ones)


def unlink_confirm(identity: Identity) -> Confirm:
    """What it means to be nobody there any more."""
    name = identity.provider.name
    return Confirm(
        id=f"unlink-{identity.public_id}",
        title=f"Unlink your account at {name}?",
        effect="You no longer sign in through it. Groups that it gave you stay until somebody takes them away.",
        verb=f"Unlink {name}",
        keep="Keep it",
        post_href=reverse("web:identity-unlink", args=[identity.public_id]),
        back_href=reverse("web:settings"),
    )


def _linked_row(identity: Identity, now: datetime) -> SettingRow:
    used = f"Used {figures.ago(identity.used_at, now)}" if identity.used_at else "Not used yet"
    confirm = unlink_confirm(identity)
    return SettingRow(
        identity.provider.name,
        f"{used}. Linked {figures.day(identity.linked_at)}.",
        Badge("Linked", "check", "live"),
        confirm=confirm,
        confirm_href=confirm.post_href,
        confirm_label="Unlink",
    )


def _open_row(provider: Provider) -> SettingRow:
    confirm = link_confirm(provider)
    return SettingRow(
        provider.name,
        "Not linked to your account.",
        confirm=confirm,
        confirm_href=confirm.post_href,
        confirm_label="Link",
    )


def link_confirm(provider: Provider) -> Confirm:
    """Where one is sent, and what it is good for."""
    return Confirm(
        id=f"link-{provider.slug}",
        title=f"Link your account at {provider.name}?",
        effect=f"You sign in at {provider.name} once. From then on whoever signs in as you there is you here.",
        verb=f"Go to {provider.name}",
        keep="Not now",
        post_href=reverse("web:identity-link", args=[provider.slug]),
        back_href=reverse("web:settings"),
        is_danger=False,
    )
