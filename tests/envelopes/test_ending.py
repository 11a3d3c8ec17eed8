"""How envelopes pause, end and are reviewed, and what becomes of the grants under them."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest

from jit_access.access_requests.inside import outside_of
from jit_access.accounts import services as accounts
from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import Conflict, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import EnvelopeState, is_legal
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import ViewState, decode_view
from jit_access.envelopes import access, services
from jit_access.envelopes.models import Envelope
from jit_access.grants.models import Grant
from jit_access.grants.services import reevaluate_live_grants
from jit_access.notifications.models import Notification
from jit_access.proxy_sessions.models import SessionViewRow
from tests.support.cast import make_person
from tests.support.envelopes import DAY_S, in_force, proposed, sign
from tests.support.lifecycles import TINY, World, ask, reload, start

pytestmark = pytest.mark.django_db


def running(world: World) -> Grant:
    return start(Grant.objects.get(request=ask(world, TINY, actor=world.cast.ci_bot)))


def is_shut(grant: Grant, reason: Reason) -> bool:
    view = decode_view(SessionViewRow.objects.get(grant_id=grant.public_id).body)
    return view.state is ViewState.CLOSED and view.reason is reason and reload(grant).end_reason == reason


def test_suspending_ends_what_it_opened_and_a_signed_review_brings_it_back(world: World) -> None:
    row = in_force(world)
    grant = running(world)
    services.suspend_envelope(actor=world.cast.ada, envelope=row, note="The pipeline misbehaves")
    row = reload(row)
    assert (row.state, row.state_reason, row.is_asking, row.round) == ("suspended", "envelope-suspended", True, 2)
    assert is_shut(grant, Reason.ENVELOPE_SUSPENDED)
    request = ask(world, TINY, actor=world.cast.ci_bot)
    assert [one["field"] for one in outside_of(request)] == ["state"]
    assert sign(row, world.cast.ben).state == "active"
    assert reload(row).signed_round == 2


@pytest.mark.parametrize("who", ["ada", "ben", "dora"])
def test_owner_approvers_and_security_revoke(world: World, who: str) -> None:
    row = in_force(world)
    grant = running(world)
    revoked = services.revoke_envelope(actor=getattr(world.cast, who), envelope=row)
    assert (revoked.state, revoked.state_reason) == ("revoked", "envelope-revoked")
    assert is_shut(grant, Reason.ENVELOPE_REVOKED)
    assert ask(world, TINY, actor=world.cast.ci_bot).state == "pending"


def test_others_neither_see_nor_end_it(world: World) -> None:
    row = in_force(world)
    for act in (services.revoke_envelope, services.suspend_envelope):
        with pytest.raises(NotFound):
            act(actor=world.cast.cleo, envelope=row)
    with pytest.raises(NotFound):
        access.get_envelope(world.cast.cleo, row.public_id)
    assert reload(row).state == "active"
    seen = {name for name in ("ada", "ben", "cleo", "dora", "ci_bot") if access.visible_envelopes(cast_of(world, name))}
    assert seen == {"ada", "ben", "dora", "ci_bot"}


def cast_of(world: World, name: str) -> User:
    return getattr(world.cast, name)  # type: ignore[no-any-return]  # a field of the cast


@pytest.mark.parametrize("who", ["ada", "ci_bot"])
def test_owner_or_agent_locked_suspends(world: World, who: str) -> None:
    row = in_force(world)
    grant = running(world)
    accounts.lock_account(actor=GATEWAY, user=cast_of(world, who))
    assert (reload(row).state, reload(row).state_reason) == ("suspended", "account-locked")
    assert reload(grant).state in {"revoking", "ended"}
    services.sweep_envelopes()
    with contextlib.suppress(PolicyRefusal):  # a locked account gets nothing back, whoever is asked
        sign(row, world.cast.ben)
    assert reload(row).state == "suspended"
    accounts.unlock_account(actor=GATEWAY, user=cast_of(world, who))
    services.sweep_envelopes()
    if who == "ci_bot":  # whose owner left needs another one first
        assert sign(row, world.cast.ben).state == "active"


def test_a_retired_agent_has_none_left(world: World) -> None:
    row, waiting = in_force(world), proposed(world, name="waits")
    services.stop_envelopes_of(world.cast.ci_bot, Reason.AGENT_RETIRED)
    assert (reload(row).state, reload(waiting).state) == ("revoked", "revoked")
    other = in_force(world, name="other")
    services.stop_envelopes_of(world.cast.ci_bot, Reason.OWNER_CHANGED)
    assert (reload(other).state, reload(other).state_reason) == ("suspended", "owner-changed")


def test_another_owner_has_people_look_at_it_first(world: World) -> None:
    row = in_force(world)
    grant = running(world)
    mia = make_person("mia", "model-owners")
    User.objects.filter(pk=world.cast.ci_bot.pk).update(owner=mia)  # by whatever room does that
    request = ask(world, TINY, actor=User.objects.get(pk=world.cast.ci_bot.pk))
    assert outside_of(request)[0]["field"] == "state"
    assert reevaluate_live_grants() == 1
    assert is_shut(grant, Reason.ENVELOPE_SUSPENDED)
    assert services.sweep_envelopes() == 1
    assert reload(row).state == "suspended"
    with pytest.raises(PolicyRefusal) as caught:
        sign(row, mia)
    assert caught.value.reason is Reason.OWN_REQUEST
    assert sign(row, world.cast.ben).proposer_id == mia.pk


def test_review_is_asked_for_in_time_and_signed(world: World, clock: Any) -> None:
    row = in_force(world, review_every_s=14 * DAY_S)
    due = row.review_by
    clock.advance(seconds=10.4 * DAY_S)
    assert services.sweep_envelopes() == 0
    clock.advance(seconds=0.2 * DAY_S)  # a quarter before
    assert services.sweep_envelopes() == 1
    assert services.sweep_envelopes() == 0
    asking = reload(row)
    assert (asking.state, asking.is_asking, asking.round, asking.signed_round) == ("active", True, 2, 1)
    assert asking.payload["is_review"] is True
    told = Notification.objects.get(kind="envelope.review")
    assert told.user == world.cast.ben
    assert running(world).state == "active"  # meanwhile the first round stands
    kept = sign(row, world.cast.ben)
    assert (kept.signed_round, kept.is_asking) == (2, False)
    assert kept.review_by > due
    assert running(world).state == "active"


def test_not_reviewed_in_time_is_suspended_by_the_clock_alone(world: World, clock: Any) -> None:
    row = in_force(world, review_every_s=14 * DAY_S)
    clock.advance(seconds=13.9 * DAY_S)
    services.sweep_envelopes()
    services.sweep_envelopes()  # and once more, a day before
    assert Notification.objects.filter(kind="envelope.review").count() == 2
    grant = running(world)
    clock.advance(seconds=0.2 * DAY_S)
    late = ask(world, TINY, actor=world.cast.ci_bot)
    assert outside_of(late)[0]["field"] == "state"  # nobody swept yet
    assert services.sweep_envelopes() == 1
    assert (reload(row).state, reload(row).state_reason) == ("suspended", "envelope-unreviewed")
    assert reload(grant).end_reason in {Reason.ENVELOPE_UNREVIEWED, Reason.GRANT_EXPIRED}
    assert sign(row, world.cast.ben).state == "active"


def test_a_denied_review_is_the_end(world: World) -> None:
    row = in_force(world)
    grant = running(world)
    services.suspend_envelope(actor=world.cast.dora, envelope=row)
    assert sign(row, world.cast.ben, is_approval=False, note="No longer").state == "revoked"
    assert reload(grant).end_reason == Reason.ENVELOPE_SUSPENDED
    with pytest.raises(Conflict):
        sign(row, world.cast.ben)


def test_expiry_is_a_comparison(world: World, clock: Any) -> None:
    row = in_force(world, expires_at=core_clock.now() + timedelta(hours=3), review_every_s=90 * DAY_S)
    clock.advance(seconds=3 * 3600 + 1)
    assert outside_of(ask(world, TINY, actor=world.cast.ci_bot))[0]["field"] == "state"
    assert services.sweep_envelopes() == 1
    assert reload(row).state == "expired"
    assert AuditEntry.objects.filter(kind="envelope.expired").count() == 1


def test_the_owner_takes_a_proposal_back(world: World) -> None:
    row = proposed(world)
    assert services.revoke_envelope(actor=world.cast.ada, envelope=row).state == "revoked"
    assert services.revoke_envelope(actor=world.cast.ada, envelope=row).version == 2
    with pytest.raises(Conflict):
        sign(row, world.cast.ben)


def test_nothing_leads_out_of_an_end() -> None:
    ends = (EnvelopeState.DENIED, EnvelopeState.REVOKED, EnvelopeState.EXPIRED)
    assert not any(is_legal(end, other) for end in ends for other in EnvelopeState)
    assert is_legal(EnvelopeState.SUSPENDED, EnvelopeState.ACTIVE)


def test_one_broken_row_does_not_keep_the_sweep_from_the_others(world: World, clock: Any) -> None:
    broken, other = in_force(world, name="broken"), in_force(world, name="other")
    Envelope.objects.filter(pk=broken.pk).update(payload={})
    clock.advance(seconds=40 * DAY_S)
    assert services.sweep_envelopes() == 2
    assert {reload(broken).state, reload(other).state} == {"expired"}
