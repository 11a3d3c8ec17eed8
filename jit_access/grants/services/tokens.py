"""Tokens of a grant: several at once, each with its own end, none later than the grant's.

All of this happens under the grant's row lock and tells the proxies in the same transaction, so a token that somebody
holds is a token that the proxies know.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.sealing import Secret
from jit_access.credentials import selectors as leases
from jit_access.credentials import services as credentials
from jit_access.credentials.models import CredentialLease
from jit_access.credentials.services import IssuedToken, LeaseOrder
from jit_access.domain.actors import GATEWAY
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict, NotFound
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import selectors
from jit_access.grants.access import may_revoke
from jit_access.grants.agreed_beforehand import refuse_other_workload
from jit_access.grants.grounds import lease_locks, locks_of
from jit_access.grants.models import Grant
from jit_access.grants.news import tell_holder_of_rotation
from jit_access.grants.policy import account_refusal
from jit_access.grants.refusals import refusals_recorded
from jit_access.grants.services.locking import settle_locked
from jit_access.grants.services.session_views import push_views
from jit_access.locks.selectors import refusal_by, standing_locks

MAX_LIVE_TOKENS = 10
MAX_LABEL_CHARS = 80
ROTATE_BATCH = 100


def issue_token(
    *, grant: Grant, actor: User, label: str = "", known: int | None = None, workload: str = ""
) -> IssuedToken:
    """Make one more token for the holder. Its text is in the answer and nowhere else.

    `known`: how many live ones the asker has seen; with another number now, the same form was sent twice.
    `workload`: behind the token that asks; where an envelope is pinned, no other one gets any.
    Raises: NotFound for anybody but the holder; Conflict (grant-not-active, grant-expired) when the grant does not
    run, (state-changed) when `known` is not true any more; CallerError (invalid-input) for a long label or an eleventh
    token.
    """
    with refusals_recorded(actor=actor.ref, kind="lease.issue", grant=grant.public_id), audited(actor=actor.ref):
        locked, now = _lock_running(grant.pk, actor)
        refuse_other_workload(locked, workload)
        if len(label) > MAX_LABEL_CHARS:
            raise CallerError(Reason.INVALID_INPUT, f"A label has at most {MAX_LABEL_CHARS} characters.")
        count = leases.live_leases(grant_id=locked.pk, now=now).count()
        if known is not None and known != count:
            raise Conflict(Reason.STATE_CHANGED, "The tokens of this grant changed since that page was made.")
        if count >= MAX_LIVE_TOKENS:
            raise CallerError(Reason.INVALID_INPUT, f"A grant has at most {MAX_LIVE_TOKENS} tokens. Revoke one first.")
        issued = credentials.issue(actor=actor.ref, order=_order(locked, clean_text(label), now))
        push_views(locked)
    return issued


def rotate_token(*, lease: CredentialLease, actor: User, workload: str = "") -> IssuedToken:
    """Replace a token by a new one; the old one works on for the overlap. Raises as `issue_token`."""
    with refusals_recorded(actor=actor.ref, kind="lease.rotate", lease=lease.public_id), audited(actor=actor.ref):
        locked, now = _lock_running(lease.grant_id, actor)
        refuse_other_workload(locked, workload)
        current = _reload(lease)
        _refuse_locked(current)
        issued = credentials.rotate(
            actor=actor.ref,
            lease=current,
            order=_order(locked, current.label, now),
            overlap_s=settings.LEASE_OVERLAP_S,
        )
        push_views(locked)
    return issued


def revoke_token(*, lease: CredentialLease, actor: User) -> CredentialLease:
    """End one token and leave the grant alone: by its holder, their owner, or whoever may revoke the grant."""
    with refusals_recorded(actor=actor.ref, kind="lease.revoke", lease=lease.public_id), audited(actor=actor.ref):
        locked = selectors.lock_grant(lease.grant_id)
        is_own = actor.is_active and actor.pk in {locked.subject_id, locked.subject.owner_id}
        if not is_own and not may_revoke(actor, locked):
            raise NotFound
        current = _reload(lease)
        credentials.revoke(actor=actor.ref, lease=current)
        if locked.state in {GrantState.ACTIVE, GrantState.SUSPENDED}:
            push_views(locked)
    return current


def collect_rotated_token(*, lease: CredentialLease, actor: User, workload: str = "") -> Secret:
    """Take the token that was made by schedule, once. Raises: NotFound, Conflict."""
    with refusals_recorded(actor=actor.ref, kind="lease.collect", lease=lease.public_id), audited(actor=actor.ref):
        locked, _ = _lock_running(lease.grant_id, actor)
        refuse_other_workload(locked, workload)
        current = _reload(lease)
        _refuse_locked(current)
        return credentials.collect(actor=actor.ref, lease=current)


def rotate_due_leases() -> int:
    """Rotate by schedule. The successor waits sealed; its holder is told. Safe to run twice at once."""
    due = leases.due_for_rotation(now=clock.now(), limit=ROTATE_BATCH)
    return sum(_rotate_by_schedule(pk) for pk in due)


def _rotate_by_schedule(pk: int) -> bool:
    with audited(actor=GATEWAY):
        found = CredentialLease.objects.get(pk=pk)
        grant = selectors.lock_grant(found.grant_id)
        lease, now = _reload(found), clock.now()
        is_due = pk in leases.due_for_rotation(now=now, limit=ROTATE_BATCH)
        is_locked = bool(lease_locks(standing_locks(), [lease.public_id]))
        if lease.grant_id != grant.pk or not is_due or not _runs(grant, now) or is_locked:
            return False
        issued = credentials.rotate(
            actor=GATEWAY, lease=lease, order=_order(grant, lease.label, now), overlap_s=settings.LEASE_OVERLAP_S
        )
        credentials.seal_for_collection(issued=issued)
        push_views(grant)
        tell_holder_of_rotation(grant, issued.lease)
    return True


def _lock_running(grant_id: int, actor: User) -> tuple[Grant, datetime]:
    locked, now = selectors.lock_grant(grant_id), clock.now()
    if locked.subject_id != actor.pk or account_refusal(locked.subject) is not None:
        raise NotFound
    if locked.state == GrantState.SUSPENDED:
        settle_locked(locked)  # a lock that ran out stops nothing, whether or not the sweep came round
    is_open = locked.state in {GrantState.ACTIVE, GrantState.SUSPENDED}
    if is_open and (refusal := refusal_by(locks_of(locked))) is not None:
        raise refusal
    if not _runs(locked, now):
        ended = Reason(locked.end_reason) if locked.end_reason else None
        raise Conflict(ended or (Reason.GRANT_EXPIRED if locked.valid_until else Reason.GRANT_NOT_ACTIVE))
    return locked, now


def _refuse_locked(lease: CredentialLease) -> None:
    """A locked token gets no successor: whoever stole it would go on under another name."""
    if (refusal := refusal_by(lease_locks(standing_locks(), [lease.public_id]).values())) is not None:
        raise refusal


def _runs(grant: Grant, now: datetime) -> bool:
    return grant.state == GrantState.ACTIVE and now < selectors.end_of(grant)


def _reload(lease: CredentialLease) -> CredentialLease:
    """As it is now that the grant is locked: all changes to leases happen under that lock."""
    return CredentialLease.objects.select_related("grant").get(pk=lease.pk)


def _order(grant: Grant, label: str, now: datetime) -> LeaseOrder:
    end = selectors.end_of(grant)
    # People rotate when they like: a schedule would cut their long transfers. Agents can collect by themselves.
    after = now + timedelta(seconds=settings.LEASE_ROTATE_AFTER_S)
    return LeaseOrder(
        grant_id=grant.pk,
        grant=grant.public_id,
        target=grant.target.slug,
        holder_id=grant.subject_id,
        label=label,
        valid_until=end,
        rotate_after=after if not grant.subject.is_person and after < end else None,
    )
