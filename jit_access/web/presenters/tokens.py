"""The tokens of one grant in words. A token is named by its public half, which opens nothing by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from jit_access.accounts.models import User
from jit_access.credentials.models import CredentialLease
from jit_access.domain.lifecycle import LIVE_LEASE_STATES, GrantState, LeaseState
from jit_access.domain.reasons import Reason
from jit_access.grants.models import Grant
from jit_access.grants.services.tokens import MAX_LABEL_CHARS, MAX_LIVE_TOKENS
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.presenters.grants import left_s, scope_of
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Field, Resource
from jit_access.web.viewmodels.tokens import TokenRow, TokensPage


@dataclass(frozen=True, slots=True)
class Use:
    """The newest record of the gateway that names a token."""

    at: datetime
    address: str


@dataclass(frozen=True, slots=True)
class Uses:
    """The newest use of each token, by the token's public id. Only the newest records are looked through."""

    by_token: Mapping[str, Use]
    is_complete: bool


def build_page(
    grant: Grant, leases: Sequence[CredentialLease], uses: Uses, *, viewer: User, now: datetime
) -> TokensPage:
    """All tokens that a grant ever had, the newest first."""
    is_running = grant.state == GrantState.ACTIVE and left_s(grant, now) > 0
    is_usable = is_running and grant.subject_id == viewer.pk
    count = sum(works(lease, now) for lease in leases)
    can_make = is_usable and count < MAX_LIVE_TOKENS
    return TokensPage(
        lead=_lead(grant, count, now, is_running=is_running),
        resource=Resource(grant.target.slug, words.scope_name(scope_of(grant))),
        rows=tuple(_row(grant, lease, uses, now, may_rotate=is_usable) for lease in leases),
        make_href=reverse("web:grant-token", args=[grant.public_id]) if can_make else "",
        make_note="" if can_make else _why_no_more(grant, is_running=is_running, is_usable=is_usable),
        label=_LABEL,
        back=Action("My access", reverse("web:my-access"), "back"),
        known=count,
    )


_LABEL = Field(
    "label",
    "What is it for?",
    hint="You find it again by this name.",
    max_chars=MAX_LABEL_CHARS,
    is_required=False,
    optional_note="optional",
    placeholder="training node",
    autocomplete="off",
)


def works(lease: CredentialLease, now: datetime) -> bool:
    """True while the gateway accepts it, or would once it is collected."""
    return lease.state in LIVE_LEASE_STATES and lease.valid_until > now


def token_hint(lease: CredentialLease) -> str:
    """How the token begins: enough to know it again, nothing to use it with."""
    return f"jita_grant_{lease.token_id}"


def list_href(grant: Grant) -> str:
    """Where the tokens of a grant are listed."""
    return reverse("web:grant-tokens", args=[grant.public_id])


def replaced_note(lease: CredentialLease, now: datetime) -> str:
    """How long the old token goes on beside the new one."""
    return f"The old one, {token_hint(lease)}, works on until {figures.end_time(lease.valid_until, now)}."


def rotate_confirm(grant: Grant, lease: CredentialLease) -> Confirm:
    """A new token, and how long the old one goes on."""
    overlap = figures.round_duration(settings.LEASE_OVERLAP_S)
    return Confirm(
        id=f"rotate-{lease.public_id}",
        title=f"Rotate the token {token_hint(lease)}?",
        effect=f"A new one is shown, once. The old one works on for {overlap}, so that what uses it can change over.",
        verb="Rotate it",
        keep="Keep it",
        post_href=_href("grant-token-rotate", grant, lease),
        back_href=list_href(grant),
        is_danger=False,
    )


def revoke_confirm(grant: Grant, lease: CredentialLease) -> Confirm:
    """What stops working, and what goes on."""
    return Confirm(
        id=f"revoke-{lease.public_id}",
        title=f"Revoke the token {token_hint(lease)}?",
        effect="What runs with it is cut at once. The grant and its other tokens go on.",
        verb="Revoke it",
        keep="Keep it",
        post_href=_href("grant-token-revoke", grant, lease),
        back_href=list_href(grant),
    )


def _href(route: str, grant: Grant, lease: CredentialLease) -> str:
    return reverse(f"web:{route}", args=[grant.public_id, lease.public_id])


def _lead(grant: Grant, count: int, now: datetime, *, is_running: bool) -> str:
    if not is_running or grant.valid_until is None:
        return "This grant does not run, so none of its tokens opens anything."
    verb = "works" if count == 1 else "work"
    ends = figures.end_time(grant.valid_until, now)
    return f"{figures.number_word(count)} {verb} now. All end with the grant, {ends}."


def _why_no_more(grant: Grant, *, is_running: bool, is_usable: bool) -> str:
    if not is_running:
        return "No token can be made: the grant does not run."
    if not is_usable:
        return f"Only {grant.subject.display_name} makes and rotates tokens of its grant, with its own API token."
    return f"A grant has at most {MAX_LIVE_TOKENS} tokens. Revoke one to make another."


def _row(grant: Grant, lease: CredentialLease, uses: Uses, now: datetime, *, may_rotate: bool) -> TokenRow:
    badge, note = _state(lease, now)
    use = uses.by_token.get(lease.public_id)
    unused = "Never" if uses.is_complete else "Not lately"
    is_alive = works(lease, now)
    return TokenRow(
        hint=token_hint(lease),
        label=lease.label,
        badge=badge,
        note=note,
        used=figures.ago(use.at, now) if use else unused,
        used_from=use.address if use else "",
        made=figures.ago(lease.created_at, now),
        ends=figures.end_time(lease.ended_at or lease.valid_until, now),
        rotate=rotate_confirm(grant, lease) if may_rotate and lease.state == LeaseState.ISSUED and is_alive else None,
        revoke=revoke_confirm(grant, lease) if is_alive else None,
    )


def _state(lease: CredentialLease, now: datetime) -> tuple[Badge, str]:
    """The state in a word, and what it means where the word is not enough."""
    if works(lease, now):
        if lease.state == LeaseState.ROTATED:
            return Badge("Replaced", "clock", "wait"), "works on until its end"
        if lease.sealed_token:
            return Badge("Waiting", "clock", "wait"), "made by schedule, to be collected once"
        return Badge("Works", "check", "live"), ""
    if lease.state in {LeaseState.REVOKING, LeaseState.REVOKED}:
        return Badge("Revoked", "x", "stop"), "" if lease.end_reason == Reason.TOKEN_REVOKED else "with its grant"
    return Badge("Ran out", "clock"), ""
