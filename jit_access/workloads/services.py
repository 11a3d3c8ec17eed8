"""Trusting a workload: its agent's owner proposes, a second person confirms, either takes it back (ADR 0032).

Nothing of a trust is ever edited: what was confirmed is what counts. Agents and API tokens have no part in it; whoever
calls refuses requests that came with a token, and a fresh second factor is asked for here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction

from jit_access.accounts.models import User
from jit_access.accounts.standing import why_stopped
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.core import clock
from jit_access.core.transitions import move
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import TrustState
from jit_access.domain.reasons import Reason
from jit_access.jose.errors import TokenFault
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Assurance, check_fresh
from jit_access.notifications.services import tell
from jit_access.workloads import access, selectors
from jit_access.workloads.ending import end_trust, facts_of
from jit_access.workloads.issuers import IssuerOrder, add_issuer, default_audience, retire_issuer
from jit_access.workloads.kinds import IssuerKind, check_pins
from jit_access.workloads.models import (
    LONGEST_TOKEN_S,
    SHORTEST_TOKEN_S,
    TrustedIssuer,
    UsedSubjectToken,
    WorkloadTrust,
)
from jit_access.workloads.subject_tokens import Workload, read_subject_token

__all__ = [
    "IssuerOrder",
    "TrustOrder",
    "Workload",
    "add_issuer",
    "confirm_trust",
    "default_audience",
    "forget_used_tokens",
    "note_trust_use",
    "propose_trust",
    "read_subject_token",
    "remind_owners",
    "retire_issuer",
    "revoke_trust",
    "use_once",
]

SCOPES: Final = ("read", "act")  # what `oauth.scopes` has; this room lies below it
MOST_DAYS: Final = 90
CONFIRM_WITHIN: Final = timedelta(days=7)  # what nobody confirmed in a week was not wanted
REMIND_BEFORE: Final = timedelta(days=7)
_NOTE_USE_EVERY: Final = timedelta(minutes=1)
MOST_TRUSTS: Final = 50  # that stand, of one agent


@dataclass(frozen=True, slots=True)
class TrustOrder:
    """Whom to trust as an agent, for what and until when."""

    issuer: TrustedIssuer
    name: str
    claims: Mapping[str, str]
    scope: str = "act"
    longest_token_s: int = LONGEST_TOKEN_S
    lasts_days: int = MOST_DAYS
    needs_key: bool = False


def propose_trust(*, actor: User, agent: User, order: TrustOrder, assurance: Assurance) -> WorkloadTrust:
    """Keep what a workload must be, and tell everybody who could confirm it. It does not count yet.

    Raises: NotFound for all but the agent's owner; PolicyRefusal (second-factor-…, account-locked); CallerError;
    Conflict for the same claims once more. All recorded.
    """
    try:
        if not actor.is_person or not actor.is_active or agent.owner_id != actor.pk:
            raise NotFound
        check_fresh(assurance, max_age_s=STEP_UP_MAX_AGE_S)
        return _propose(actor, agent, order)
    except GatewayError as refusal:
        facts = {"account": agent.public_id, "issuer": order.issuer.issuer}
        record_refusal(actor=actor.ref, kind="trust.propose-refused", reason=refusal.reason, detail=facts)
        raise


def confirm_trust(*, actor: User, trust: WorkloadTrust, assurance: Assurance) -> WorkloadTrust:
    """A second person's word. From now on the workload acts as the agent. A repeat by the same person does nothing.

    Raises: NotFound, PolicyRefusal (own-trust, second-factor-…, account-locked, locked), Conflict, recorded.
    """
    try:
        with audited(actor=actor.ref) as audit:
            row = _lock(trust)
            if not access.may_confirm(actor, row):
                is_own = actor.pk in {row.proposed_by_id, row.agent.owner_id}
                raise PolicyRefusal(Reason.OWN_TRUST) if is_own else NotFound
            check_fresh(assurance, max_age_s=STEP_UP_MAX_AGE_S)
            if row.state == TrustState.ACTIVE and row.confirmed_by_id == actor.pk:
                return row
            now = clock.now()
            if row.state != TrustState.PROPOSED or now >= row.confirm_by or now >= row.expires_at:
                raise Conflict(Reason.STATE_CHANGED, "This was decided already, or its time to be confirmed is over.")
            _check_stands(row)
            move(row, TrustState.ACTIVE, confirmed_by=actor, confirmed_at=now)
            audit.record("trust.confirmed", decision="allow", detail=facts_of(row))
            tell(
                row.proposed_by,
                kind="trust.confirmed",
                subject=f"{row.name} is trusted as {row.agent.display_name} now",
                text=f"{actor.display_name} confirmed it. It counts until {row.expires_at:%d %B %Y}.",
                path=f"/agents/{row.agent.public_id}/identities",
                dedupe_key=f"trust-confirmed:{row.public_id}",
            )
            return row
    except GatewayError as refusal:
        record_refusal(
            actor=actor.ref, kind="trust.confirm-refused", reason=refusal.reason, detail={"trust": trust.public_id}
        )
        raise


def revoke_trust(*, actor: User, trust: WorkloadTrust, note: str = "") -> WorkloadTrust:
    """The workload is nobody here any more, and the tokens it got are refused. A repeat does nothing.

    No second factor is asked: whoever may take it back should not be kept from it. Raises: NotFound, recorded.
    """
    if not access.may_revoke(actor, trust):
        record_refusal(
            actor=actor.ref, kind="trust.revoke-refused", reason=Reason.NOT_FOUND, detail={"trust": trust.public_id}
        )
        raise NotFound
    with audited(actor=actor.ref) as audit:
        end_trust(audit, trust.pk, note=note)
    trust.refresh_from_db()
    return trust


def use_once(workload: Workload) -> None:
    """Use up a token whose issuer gives one for each call. In the transaction that gives something for it.

    Raises: TokenFault (used-before).
    """
    if not workload.issuer.is_used_once:
        return
    try:
        with transaction.atomic():
            UsedSubjectToken.objects.create(
                issuer=workload.issuer, jti_hash=workload.token_hash, until=workload.expires_at
            )
    except IntegrityError as exc:
        raise TokenFault("used-before") from exc


def note_trust_use(*, trust: WorkloadTrust, now: datetime) -> None:
    """Remember roughly when it was last used, so that people find those they can drop. Not an event."""
    if trust.used_at is None or now - trust.used_at >= _NOTE_USE_EVERY:
        WorkloadTrust.objects.filter(pk=trust.pk).update(used_at=now)


def remind_owners() -> int:
    """Tell owners which trusts run out within a week, once for each. Safe to run twice. Returns how many run out."""
    now = clock.now()
    due = WorkloadTrust.objects.filter(state=TrustState.ACTIVE, expires_at__gt=now, expires_at__lte=now + REMIND_BEFORE)
    rows = list(due.select_related("agent__owner", "proposed_by"))
    for row in rows:
        with transaction.atomic():
            tell(
                row.agent,
                kind="trust.runs-out",
                subject=f"{row.name} is trusted as {row.agent.display_name} until {row.expires_at:%d %B}",
                text="After that its jobs get no token. Propose it again if it is still needed.",
                path=f"/agents/{row.agent.public_id}/identities",
                dedupe_key=f"trust-runs-out:{row.public_id}",
            )
    return len(rows)


def forget_used_tokens() -> int:
    """Drop the memory of tokens that are over by themselves. Safe to run twice."""
    return UsedSubjectToken.objects.filter(until__lt=clock.now() - timedelta(minutes=5)).delete()[0]


def _propose(actor: User, agent: User, order: TrustOrder) -> WorkloadTrust:
    name = clean_text(" ".join(order.name.split()))
    if not 1 <= len(name) <= 80:
        raise CallerError(Reason.INVALID_INPUT, "Give it a name of 1 to 80 characters.", field="name")
    claims = check_pins(IssuerKind(order.issuer.kind), order.claims)
    _check_terms(order)
    with audited(actor=actor.ref) as audit:
        locked = User.objects.select_for_update(no_key=True).get(pk=agent.pk)
        if (stopped := why_stopped(locked)) is not None:
            raise PolicyRefusal(stopped)
        now = clock.now()
        if TrustedIssuer.objects.get(pk=order.issuer.pk).retired_at is not None:
            raise CallerError(Reason.INVALID_INPUT, "This issuer was retired. Choose another one.", field="issuer")
        _check_new(locked, order.issuer, claims)
        trust = WorkloadTrust.objects.create(
            agent=locked,
            issuer=order.issuer,
            name=name,
            claims=claims,
            scope=order.scope,
            longest_token_s=order.longest_token_s,
            needs_key=order.needs_key,
            expires_at=now + timedelta(days=order.lasts_days),
            state=TrustState.PROPOSED,
            proposed_by=actor,
            confirm_by=now + CONFIRM_WITHIN,
        )
        audit.record("trust.proposed", detail=facts_of(trust))
        for person in selectors.confirmers_of(trust):
            tell(
                person,
                kind="trust.proposed",
                subject=f"{actor.display_name} would trust a workload as {locked.display_name}",
                text=f"{name}, by {order.issuer.name}. It counts when somebody of operators or security confirms it.",
                path=f"/agents/{locked.public_id}/identities/{trust.public_id}/confirm",
                dedupe_key=f"trust-proposed:{trust.public_id}",
            )
    return trust


def _check_terms(order: TrustOrder) -> None:
    if order.scope not in SCOPES:
        raise CallerError(Reason.INVALID_INPUT, "It may read, or act as well.", field="scope")
    if not SHORTEST_TOKEN_S <= order.longest_token_s <= LONGEST_TOKEN_S:
        raise CallerError(Reason.INVALID_INPUT, "A token lasts 1 to 15 minutes.", field="longest_token_s")
    if not 1 <= order.lasts_days <= MOST_DAYS:
        raise CallerError(Reason.INVALID_INPUT, f"A trust lasts 1 to {MOST_DAYS} days.", field="lasts_days")


def _check_new(agent: User, issuer: TrustedIssuer, claims: Mapping[str, str]) -> None:
    now = clock.now()
    standing = WorkloadTrust.objects.filter(agent=agent, expires_at__gt=now).exclude(state=TrustState.REVOKED)
    rows = [row for row in standing if row.state == TrustState.ACTIVE or now < row.confirm_by]
    if len(rows) >= MOST_TRUSTS:
        raise Conflict(Reason.DUPLICATE_REQUEST, f"It has {MOST_TRUSTS} identities already. Revoke one first.")
    # A successor may be confirmed while the last week of the old one runs, so that no job has to wait for it.
    lasting = [row for row in rows if row.state == TrustState.PROPOSED or row.expires_at > now + REMIND_BEFORE]
    if any(row.issuer_id == issuer.pk and row.claims == claims for row in lasting):
        raise Conflict(
            Reason.DUPLICATE_REQUEST, "This very workload is trusted as it already, or waits to be confirmed."
        )


def _check_stands(row: WorkloadTrust) -> None:
    if row.issuer.retired_at is not None or row.agent.owner_id != row.proposed_by_id:
        raise Conflict(Reason.TRUST_ENDED)
    if (stopped := why_stopped(row.agent)) is not None:
        raise PolicyRefusal(stopped)


def _lock(trust: WorkloadTrust) -> WorkloadTrust:
    rows = WorkloadTrust.objects.select_for_update(of=("self",))
    return rows.select_related("agent__owner", "issuer", "proposed_by").get(pk=trust.pk)
