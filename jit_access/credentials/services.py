"""Every write to a credential lease: issue, rotate, collect, revoke, expire.

A lease is one token of one grant. Only its hash is kept. It can be given a shorter end than its grant, never a
longer one. The callers are the grant services: they hold the grant's row lock and tell the proxies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Least

from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.ids import new_token_id, new_token_secret
from jit_access.core.sealing import Secret, open_secret, seal
from jit_access.core.transitions import move
from jit_access.credentials.models import CredentialLease
from jit_access.domain.actors import GATEWAY, ActorRef
from jit_access.domain.errors import Conflict
from jit_access.domain.lifecycle import LIVE_LEASE_STATES, LeaseState
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import TokenKind, format_token, hash_token

EXPIRE_BATCH = 500


@dataclass(frozen=True, slots=True)
class LeaseOrder:
    """What a new lease shall be. `valid_until` is the grant's end: a token never outlives its grant."""

    grant_id: int
    grant: str  # public id, for the record
    target: str
    holder_id: int
    label: str
    valid_until: datetime
    rotate_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A lease and its token. This is the only moment at which the token exists in clear."""

    lease: CredentialLease
    token: Secret


def issue(*, actor: ActorRef, order: LeaseOrder) -> IssuedToken:
    """Make one token: the intent row first, so that nothing can exist that is not written down."""
    token_id = new_token_id()
    token = Secret(format_token(TokenKind.GRANT, token_id, new_token_secret()))
    with audited(actor=actor) as audit:
        lease = CredentialLease.objects.create(
            grant_id=order.grant_id,
            holder_id=order.holder_id,
            label=order.label,
            token_id=token_id,
            token_hash=hash_token(token.reveal()),
            valid_until=order.valid_until,
            rotate_after=order.rotate_after,
        )
        move(lease, LeaseState.ISSUED)
        audit.record(
            "lease.issued",
            grant=order.grant,
            lease=lease.public_id,
            target=order.target,
            detail={"label": order.label, "until": clock.format_instant(order.valid_until)},
        )
    return IssuedToken(lease, token)


def rotate(*, actor: ActorRef, lease: CredentialLease, order: LeaseOrder, overlap_s: int) -> IssuedToken:
    """Make a successor; the old token works on for the stated overlap and not longer than before.

    Raises: Conflict (state-changed) when the lease is not issued any more, so two rotations give one successor.
    """
    with audited(actor=actor) as audit:
        old_end = min(lease.valid_until, clock.now() + timedelta(seconds=overlap_s))
        issued = issue(actor=actor, order=order)
        move(lease, LeaseState.ROTATED, valid_until=old_end, rotated_to=issued.lease, rotate_after=None)
        audit.record(
            "lease.rotated",
            grant=order.grant,
            lease=lease.public_id,
            target=order.target,
            detail={"successor": issued.lease.public_id, "overlap_s": overlap_s},
        )
    return issued


def seal_for_collection(*, issued: IssuedToken) -> None:
    """Keep a token that nobody was there to see, sealed, until its holder collects it once."""
    sealed = seal(issued.token.reveal().encode(), context=_seal_context(issued.lease))
    CredentialLease.objects.filter(pk=issued.lease.pk).update(sealed_token=sealed)
    issued.lease.sealed_token = sealed


def collect(*, actor: ActorRef, lease: CredentialLease) -> Secret:
    """Hand out a waiting token, once.

    Raises: Conflict (state-changed) when nothing waits here, or it was collected already.
    """
    with audited(actor=actor) as audit:
        now = clock.now()
        waiting = Q(pk=lease.pk, collected_at=None, state=LeaseState.ISSUED, valid_until__gt=now)
        sealed = lease.sealed_token
        # The condition decides between two collectors; whoever comes second finds no waiting row.
        taken = (
            CredentialLease.objects.filter(waiting).exclude(sealed_token="").update(sealed_token="", collected_at=now)
        )
        if not sealed or taken != 1:
            raise Conflict(Reason.STATE_CHANGED, "No token waits here. It was collected already, or it ended.")
        audit.record("lease.collected", grant=lease.grant.public_id, lease=lease.public_id)
    lease.sealed_token, lease.collected_at = "", now
    return open_secret(sealed, context=_seal_context(lease))


def revoke(*, actor: ActorRef, lease: CredentialLease, reason: Reason = Reason.TOKEN_REVOKED) -> None:
    """End one token now. Nothing of it exists anywhere else, so it is confirmed at once. A repeat is a no-op."""
    if lease.state not in LIVE_LEASE_STATES:
        return
    with audited(actor=actor) as audit:
        now = clock.now()
        move(lease, LeaseState.REVOKING, end_reason=reason, ended_at=now, sealed_token="", rotate_after=None)
        move(lease, LeaseState.REVOKED)
        audit.record("lease.revoked", reason=reason, grant=lease.grant.public_id, lease=lease.public_id)


def begin_revocation(*, grant_id: int, reason: Reason, at: datetime) -> int:
    """Mark every live lease of an ending grant. The grant's own record tells of it; its view tells the proxies."""
    live = CredentialLease.objects.filter(grant_id=grant_id, state__in=LIVE_LEASE_STATES).order_by("pk")
    leases = list(live.select_for_update())
    for lease in leases:
        move(lease, LeaseState.REVOKING, end_reason=reason, ended_at=at, sealed_token="", rotate_after=None)
    return len(leases)


def confirm_revocation(*, actor: ActorRef, grant_id: int, grant: str, target: str) -> int:
    """The target has nothing left of this grant: its leases are revoked for good."""
    with audited(actor=actor) as audit:
        going = CredentialLease.objects.filter(grant_id=grant_id, state=LeaseState.REVOKING).order_by("pk")
        leases = list(going.select_for_update())
        for lease in leases:
            move(lease, LeaseState.REVOKED)
            audit.record(
                "lease.revoked",
                reason=Reason(lease.end_reason),
                grant=grant,
                lease=lease.public_id,
                target=target,
            )
    return len(leases)


def hand_over(*, old_grant_id: int, new_grant_id: int, valid_until: datetime) -> int:
    """An extension took over: the same tokens go on under the new grant and its end.

    A rotated token keeps its shorter end: extending a grant does not lengthen an overlap.
    """
    live = CredentialLease.objects.filter(grant_id=old_grant_id, state__in=LIVE_LEASE_STATES)
    live.filter(state=LeaseState.ISSUED).update(valid_until=valid_until)
    return live.update(grant_id=new_grant_id)


def shorten(*, grant_id: int, valid_until: datetime) -> int:
    """A grant now ends earlier, and so do its tokens."""
    live = CredentialLease.objects.filter(grant_id=grant_id, state__in=LIVE_LEASE_STATES)
    return live.update(valid_until=Least(F("valid_until"), valid_until))


def expire_due(*, limit: int = EXPIRE_BATCH) -> int:
    """Write down which tokens have run out. They stopped working at their end, by comparison; this is book-keeping."""
    with audited(actor=GATEWAY) as audit:
        now = clock.now()
        due = CredentialLease.objects.filter(state__in=LIVE_LEASE_STATES, valid_until__lte=now)
        leases = list(
            due.select_related("grant")
            .order_by("valid_until", "pk")
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        for lease in leases:
            move(lease, LeaseState.EXPIRED, end_reason=Reason.TOKEN_EXPIRED, ended_at=now, sealed_token="")
            audit.record(
                "lease.expired", reason=Reason.TOKEN_EXPIRED, grant=lease.grant.public_id, lease=lease.public_id
            )
    return len(leases)


def _seal_context(lease: CredentialLease) -> str:
    return f"credentials_credentiallease:{lease.public_id}:sealed_token"
