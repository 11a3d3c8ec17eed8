"""Tokens of grants that were found in the open: each is revoked, and what runs with it is cut."""

from __future__ import annotations

from jit_access.accounts.leaks import Leak, tell_of_leak
from jit_access.audit.recorder import audited
from jit_access.credentials import services as credentials
from jit_access.credentials.models import CredentialLease
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import LIVE_LEASE_STATES, GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import selectors
from jit_access.grants.news import describe
from jit_access.grants.services.session_views import push_views


def end_leaked_leases(leak: Leak) -> int:
    """Handler of `accounts.leaks`. The grant itself goes on: its holder makes another token."""
    live = CredentialLease.objects.filter(token_hash__in=leak.hashes, state__in=LIVE_LEASE_STATES)
    return sum(_end(pk, leak) for pk in live.order_by("grant_id", "pk").values_list("pk", flat=True))


def _end(pk: int, leak: Leak) -> bool:
    with audited(actor=GATEWAY) as audit:
        grant = selectors.lock_grant(CredentialLease.objects.values_list("grant_id", flat=True).get(pk=pk))
        lease = CredentialLease.objects.select_related("grant", "holder__owner").get(pk=pk)
        if lease.state not in LIVE_LEASE_STATES or lease.grant_id != grant.pk:
            return False
        credentials.revoke(actor=GATEWAY, lease=lease, reason=Reason.TOKEN_LEAKED)
        if grant.state in {GrantState.ACTIVE, GrantState.SUSPENDED}:
            push_views(grant)
        audit.record(
            "token.leaked",
            reason=Reason.TOKEN_LEAKED,
            grant=grant.public_id,
            lease=lease.public_id,
            target=grant.target.slug,
            address=leak.address,
            detail={"account": lease.holder.public_id, "source": leak.source},
        )
        what = f"token for {describe(grant)}"
        tell_of_leak(account=lease.holder, what=what, leak=leak, key=lease.public_id)
    return True
