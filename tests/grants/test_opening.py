"""Grants begin: made by an approval, started by their holder."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jit_access.credentials.models import CredentialLease
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.session_view import ViewState, decode_view
from jit_access.domain.tokens import TokenKind, hash_token, parse_token
from jit_access.grants import services
from jit_access.grants.models import Claim
from jit_access.proxy_sessions.models import SessionViewRow
from tests.support.lifecycles import BASE, HOUR, TINY, World, active, scheduled, start


def view_of(grant):
    return decode_view(SessionViewRow.objects.get(grant_id=grant.public_id).body)


def test_standard_request_gives_a_scheduled_grant_at_once(world: World) -> None:
    grant = scheduled(world, BASE)
    assert grant.state == GrantState.SCHEDULED
    assert grant.valid_until is None
    assert not SessionViewRow.objects.filter(grant_id=grant.public_id).exists()


def test_clock_starts_at_activation(world: World, clock) -> None:
    grant = scheduled(world, TINY, lasts_s=2 * HOUR)
    clock.advance(hours=3)
    grant = start(grant)
    assert grant.state == GrantState.ACTIVE
    assert grant.valid_until - grant.activated_at == timedelta(hours=2)
    view = view_of(grant)
    assert view.state is ViewState.OPEN
    assert view.valid_until == pytest.approx(grant.valid_until.timestamp(), abs=1e-5)
    assert Claim.objects.filter(grant=grant, released_at=None).count() == 1


def test_token_is_shown_once_and_stored_as_a_hash(world: World) -> None:
    grant = active(world, TINY)
    issued = services.issue_token(grant=grant, actor=world.cast.ada, label="laptop")
    text = issued.token.reveal()
    assert parse_token(text).kind is TokenKind.GRANT
    lease = CredentialLease.objects.get(pk=issued.lease.pk)
    assert lease.token_hash == hash_token(text)
    assert text not in str(vars(lease))
    assert [facts.token_hash for facts in view_of(grant).leases] == [hash_token(text)]
