"""Leases by themselves: intent first, hashes only, sealed until collected, never revived."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.core.sealing import SealBroken, open_sealed
from jit_access.credentials import services
from jit_access.credentials.models import CredentialLease
from jit_access.credentials.services import IssuedToken, LeaseOrder
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import Conflict
from jit_access.domain.lifecycle import LeaseState
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import TokenKind, hash_token, parse_token
from jit_access.grants.models import Grant
from tests.support.lifecycles import TINY, World, active, reload


@pytest.fixture
def grant(world: World) -> Grant:
    return active(world, TINY)


def order(grant: Grant, **changes) -> LeaseOrder:
    facts = {
        "grant_id": grant.pk,
        "grant": grant.public_id,
        "target": grant.target.slug,
        "holder_id": grant.subject_id,
        "label": "laptop",
        "valid_until": grant.valid_until,
    }
    return LeaseOrder(**(facts | changes))


def issue(grant: Grant, **changes) -> IssuedToken:
    return services.issue(actor=GATEWAY, order=order(grant, **changes))


def test_token_has_its_shape_and_only_its_hash_is_kept(grant: Grant) -> None:
    issued = issue(grant)
    text = issued.token.reveal()
    parts = parse_token(text)
    assert (parts.kind, parts.token_id) == (TokenKind.GRANT, issued.lease.token_id)
    row = CredentialLease.objects.filter(pk=issued.lease.pk).values().get()
    assert row["token_hash"] == hash_token(text)
    assert text not in str(row)
    assert (row["state"], row["version"]) == (LeaseState.ISSUED, 2)  # by way of the intent


def test_no_token_text_in_the_log(grant: Grant) -> None:
    """I6: the record names the lease, never the token."""
    text = issue(grant).token.reveal()
    bodies = " ".join(map(str, AuditEntry.objects.values_list("body", flat=True)))
    assert "lease.issued" in bodies
    assert text not in bodies
    assert text.split("_")[3] not in bodies


def test_tokens_are_all_different(grant: Grant) -> None:
    texts = {issue(grant).token.reveal() for _ in range(20)}
    assert len(texts) == 20


def test_successor_waits_sealed_for_its_own_row_alone(grant: Grant) -> None:
    first, second = issue(grant), issue(grant)
    services.seal_for_collection(issued=first)
    sealed = reload(first.lease).sealed_token
    context = f"credentials_credentiallease:{second.lease.public_id}:sealed_token"
    with pytest.raises(SealBroken):
        open_sealed(sealed, context=context)
    assert services.collect(actor=GATEWAY, lease=reload(first.lease)) == first.token


def test_waiting_token_is_handed_out_once(grant: Grant) -> None:
    issued = issue(grant)
    with pytest.raises(Conflict):
        services.collect(actor=GATEWAY, lease=issued.lease)
    services.seal_for_collection(issued=issued)
    held = reload(issued.lease)
    services.collect(actor=GATEWAY, lease=reload(issued.lease))
    with pytest.raises(Conflict):
        services.collect(actor=GATEWAY, lease=held)


def test_waiting_token_of_an_expired_lease_is_not_handed_out(grant: Grant, clock) -> None:
    issued = issue(grant)
    services.seal_for_collection(issued=issued)
    clock.set(grant.valid_until)
    with pytest.raises(Conflict):
        services.collect(actor=GATEWAY, lease=reload(issued.lease))


@pytest.mark.parametrize("seconds", [600, 60])
def test_rotated_token_keeps_the_shorter_end(grant: Grant, seconds: int) -> None:
    end = core_clock.now() + timedelta(seconds=300)
    first = issue(grant, valid_until=end).lease
    services.rotate(actor=GATEWAY, lease=first, order=order(grant), overlap_s=seconds)
    old = reload(first)
    assert (old.valid_until == end) is (seconds == 600)
    assert old.valid_until <= end


def test_revoked_lease_stays_revoked(grant: Grant) -> None:
    lease = issue(grant).lease
    services.revoke(actor=GATEWAY, lease=lease)
    ended = reload(lease)
    services.revoke(actor=GATEWAY, lease=lease)
    assert (ended.state, ended.end_reason) == (LeaseState.REVOKED, Reason.TOKEN_REVOKED)
    assert reload(lease).version == ended.version
    with pytest.raises(Conflict):
        services.rotate(actor=GATEWAY, lease=ended, order=order(grant), overlap_s=60)


def test_expiry_is_written_down_once(grant: Grant, clock) -> None:
    lease = issue(grant, valid_until=core_clock.now() + timedelta(seconds=60)).lease
    assert services.expire_due() == 0
    clock.advance(seconds=61)
    assert services.expire_due() == 1
    assert services.expire_due() == 0
    assert (reload(lease).state, reload(lease).end_reason) == (LeaseState.EXPIRED, Reason.TOKEN_EXPIRED)


def test_shortening_never_lengthens(grant: Grant) -> None:
    short_end = core_clock.now() + timedelta(seconds=60)
    short, long = issue(grant, valid_until=short_end).lease, issue(grant).lease
    middle = core_clock.now() + timedelta(seconds=600)
    services.shorten(grant_id=grant.pk, valid_until=middle)
    assert (reload(short).valid_until, reload(long).valid_until) == (short_end, middle)
