"""A provider signs somebody out: what they started in those sessions is cut, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jit_access.audit.recorder import audited
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import ViewState
from jit_access.grants import services
from jit_access.grants.models import Grant
from jit_access.mfa.session_news import announce_end
from tests.grants.test_opening import view_of
from tests.support.lifecycles import BASE, TINY, World, active, proof_for, reload, scheduled


def started_in(world: World, name: str, session: str) -> Grant:
    grant = scheduled(world, name)
    proof = replace(proof_for(grant.subject), session=session)
    return services.activate_grant(actor=grant.subject, grant=grant, assurance=proof)


def announce(world: World, sessions: frozenset[str] | None) -> None:
    with audited(actor=GATEWAY):
        announce_end(world.cast.ada, sessions)


def test_the_grant_of_that_session_is_cut_and_the_other_goes_on(world: World) -> None:
    here, there = started_in(world, TINY, "ses_here"), started_in(world, BASE, "ses_there")
    announce(world, frozenset({"ses_here"}))
    assert (reload(here).end_reason, view_of(here).state) == (Reason.SIGNED_OUT_EVERYWHERE, ViewState.CLOSED)
    assert view_of(there).state == ViewState.OPEN


def test_where_everything_ends_what_was_agreed_on_and_not_started_ends_too(world: World) -> None:
    running, waiting = started_in(world, TINY, "ses_here"), scheduled(world, BASE)
    announce(world, None)
    assert reload(running).end_reason == Reason.SIGNED_OUT_EVERYWHERE
    assert reload(waiting).state == GrantState.ENDED


@pytest.mark.parametrize("sessions", [frozenset({"ses_here"}), None])
def test_an_agents_grant_goes_on(world: World, sessions: frozenset[str] | None) -> None:
    grant = active(world, BASE, actor=world.cast.ci_bot)
    announce(world, sessions)
    assert reload(grant).state == GrantState.ACTIVE
