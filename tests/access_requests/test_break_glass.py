"""Break-glass: at once and short, with a factor for this very act, everybody told, and a review that comes."""

from __future__ import annotations

from typing import Any

import pytest

from jit_access.access_requests.denied_before import denials_before
from jit_access.access_requests.models import AccessRequest, BreakGlassReview
from jit_access.access_requests.payloads import is_intact
from jit_access.access_requests.services import break_glass, reviewing
from jit_access.access_requests.services.break_glass import EmergencyCall, find_offer, open_at_once
from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.locks import LockAxis
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import ViewState
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.notifications.models import Alert, Notification
from tests.grants.test_opening import view_of
from tests.support.cast import Cast, make_person
from tests.support.lifecycles import BASE, FRONTIER, TINY, World, answer, ask, draft, fresh, make_world, reload
from tests.support.locking import place

pytestmark = pytest.mark.django_db
WHY = "Production serves wrong answers until this model is rolled back"
FOUND = "Rolled back the model, nothing else was read"


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def call(
    world: World, *names: str, actor: User | None = None, typed: str = TINY, age_s: int = 0, **changes: Any
) -> Grant:
    wanted = draft(world, *(names or (TINY,)), **({"purpose": WHY} | changes))
    who = actor or world.cast.ada
    return open_at_once(actor=who, call=EmergencyCall(wanted, typed), assurance=fresh(age_s))


def review_of(grant: Grant) -> BreakGlassReview:
    return BreakGlassReview.objects.get(grant=grant)


def close(world: World, grant: Grant, by: User | None = None, **changes: Any) -> BreakGlassReview:
    facts: dict[str, Any] = {"is_justified": True, "note": FOUND, "assurance": fresh()}
    return reviewing.close_review(actor=by or world.cast.dora, review=review_of(grant), **(facts | changes))


def reason_of(act: Any, *args: Any, **changes: Any) -> Reason:
    with pytest.raises((PolicyRefusal, CallerError)) as refusal:
        act(*args, **changes)
    return refusal.value.reason


def test_it_opens_at_once_and_short_and_says_so(world: World) -> None:
    waiting = ask(world, TINY)
    grant = call(world)
    assert (grant.state, grant.is_break_glass, grant.lasts_s) == (GrantState.ACTIVE, True, 1800)
    assert view_of(grant).state is ViewState.OPEN
    assert grants.issue_token(grant=grant, actor=world.cast.ada)
    request = grant.request
    assert (request.state, request.is_break_glass) == (RequestState.APPROVED, True)
    assert is_intact(request)
    assert request.end_reason == Reason.BREAK_GLASS
    assert reload(waiting).state == RequestState.PENDING  # the ordinary way stays open
    opened = AuditEntry.objects.get(kind="break-glass.opened")
    assert (opened.reason, opened.grant) == (Reason.BREAK_GLASS, grant.public_id)


def test_after_a_no_it_opens_and_everybody_reads_of_the_no(world: World) -> None:
    denied = ask(world, TINY)
    answer(denied, by=world.cast.ben, is_approval=False, note="Not this week")
    grant = call(world)
    opened = AuditEntry.objects.get(kind="break-glass.opened")
    assert denied.public_id in opened.body
    said = Notification.objects.filter(user=world.cast.dora, kind="break-glass").get().text
    assert "Denied in the day before: Ben" in said
    assert "Not this week" in said
    assert "Denied in the day before" in Alert.objects.get().text
    assert [one.request for one in denials_before(grant.request)] == [denied]


def test_what_was_denied_to_others_or_elsewhere_is_not_held_against_it(world: World) -> None:
    answer(ask(world, FRONTIER), by=world.cast.ben, is_approval=False)
    eve = make_person("eve", "research")
    answer(ask(world, TINY, actor=eve), by=world.cast.ben, is_approval=False)
    grant = call(world)
    assert denials_before(grant.request) == ()
    assert "Denied" not in Alert.objects.get().text


def test_an_ordinary_request_is_none_and_stays_answerable(world: World) -> None:
    """What was stored before there was break-glass has no word of it in its payload."""
    request = ask(world, TINY)
    assert "break_glass" not in request.payload
    assert is_intact(request)
    AccessRequest.objects.filter(pk=request.pk).update(is_break_glass=True)
    assert not is_intact(reload(request))
    AccessRequest.objects.filter(pk=request.pk).update(is_break_glass=False)
    assert answer(reload(request), world.cast.ben).state == RequestState.APPROVED
    assert not Grant.objects.get(request=request).is_break_glass


def test_everybody_who_was_skipped_is_told_by_name(world: World) -> None:
    make_person("eve", "model-owners")
    guard = make_person("gus", "security")
    grant = call(world)
    review = review_of(grant)
    assert review.skipped == ["Ben Okafor", "Eve Okafor"]
    told = Notification.objects.filter(kind="break-glass")
    assert {one.user.username for one in told} == {"ben", "eve", "gus", "dora"}
    for one in told:
        assert "Ben Okafor, Eve Okafor" in one.text
        assert WHY in one.text
    assert "You would have been asked" in told.get(user=world.cast.ben).text
    assert "because you are in security" in told.get(user=guard).text
    alarm = Alert.objects.get(kind="break-glass")
    assert alarm.path == f"/break-glass/{review.public_id}"
    assert "Ada Okafor" in alarm.subject


def test_without_the_words_of_a_rule_it_is_not_there(world: World) -> None:
    assert reason_of(call, world, FRONTIER, typed=FRONTIER) is Reason.BREAK_GLASS_NOT_OFFERED
    assert reason_of(call, world, BASE, typed=BASE) is Reason.BREAK_GLASS_NOT_OFFERED  # nobody would have to agree
    assert AuditEntry.objects.filter(kind="break-glass.open.refused").count() == 2
    assert not Grant.objects.exists()
    assert call(world)


def test_several_things_are_open_only_where_each_is(world: World) -> None:
    assert reason_of(call, world, TINY, FRONTIER, typed="demo-registry") is Reason.BREAK_GLASS_NOT_OFFERED


def test_what_nobody_may_know_is_not_there_either(world: World) -> None:
    with pytest.raises(NotFound):
        call(world, FRONTIER, actor=world.cast.cleo, typed=FRONTIER)


def test_policy_that_forbids_is_not_broken(world: World) -> None:
    world.cast.cleo.groups.add(*world.cast.ben.groups.filter(name="model-owners"))
    assert reason_of(call, world, actor=world.cast.cleo) is Reason.NO_RULE_ALLOWS


def test_agents_have_no_glass_to_break(world: World) -> None:
    assert reason_of(call, world, actor=world.cast.ci_bot) is Reason.NOT_FOR_AGENTS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"typed": "llm/tiny"}, Reason.INVALID_INPUT),
        ({"typed": ""}, Reason.INVALID_INPUT),
        ({"purpose": "Urgent"}, Reason.INVALID_INPUT),
        ({"age_s": 16}, Reason.SECOND_FACTOR_STALE),
    ],
)
def test_it_takes_the_name_a_reason_and_a_factor_shown_for_it(world: World, changes: dict, reason: Reason) -> None:
    assert reason_of(call, world, **changes) is reason
    assert not BreakGlassReview.objects.exists()
    assert call(world, age_s=15)


def test_a_lock_is_stronger(world: World) -> None:
    place(world.cast.dora, LockAxis.TARGET, world.target.public_id)
    assert reason_of(call, world) is Reason.LOCKED


def test_a_day_has_two(world: World, clock) -> None:
    for _ in range(2):
        grant = call(world)
        grants.relinquish_grant(actor=world.cast.ada, grant=grant)
        close(world, grant)
    assert reason_of(call, world) is Reason.BREAK_GLASS_SPENT
    clock.advance(days=1)
    assert call(world)


def test_an_overdue_review_closes_the_way_until_it_is_done(world: World, clock) -> None:
    grant = call(world)
    clock.advance(hours=24)
    assert reason_of(call, world) is Reason.BREAK_GLASS_UNREVIEWED
    assert find_offer(actor=world.cast.ada, draft=draft(world, TINY)).why_not is Reason.BREAK_GLASS_UNREVIEWED
    close(world, grant)
    assert call(world)


def test_it_ends_by_itself_and_when_the_rule_says_no_more(world: World, clock) -> None:
    grant = call(world)
    assert not grants.reevaluate_live_grants()
    assert reload(grant).state == GrantState.ACTIVE
    Grant.objects.filter(pk=grant.pk).update(lasts_s=1801)  # as if the rule gave less now
    grants.reevaluate_live_grants()
    assert reload(grant).end_reason == Reason.POLICY_TIGHTENED


def test_those_who_were_skipped_can_stop_it(world: World) -> None:
    grant = call(world)
    grants.revoke_grant(actor=world.cast.ben, grant=grant, note="Not an emergency")
    assert reload(grant).end_reason == Reason.GRANT_REVOKED


def test_a_review_is_closed_once_by_somebody_else_in_security_when_it_is_over(world: World) -> None:
    grant = call(world)
    with pytest.raises(Conflict) as still:
        close(world, grant)
    assert still.value.reason is Reason.STATE_CHANGED
    grants.relinquish_grant(actor=world.cast.ada, grant=grant)
    for stranger in (world.cast.ben, world.cast.cleo, world.cast.ci_bot):
        with pytest.raises(NotFound):
            close(world, grant, stranger)
    assert reason_of(close, world, grant, assurance=fresh(301)) is Reason.SECOND_FACTOR_STALE
    assert reason_of(close, world, grant, note="ok") is Reason.INVALID_INPUT
    closed = close(world, grant, is_justified=False)
    assert (closed.reviewer, closed.is_justified) == (world.cast.dora, False)
    assert "not justified" in Notification.objects.get(kind="break-glass-reviewed", user=world.cast.ada).subject
    with pytest.raises(Conflict) as again:
        close(world, grant)
    assert again.value.reason is Reason.ALREADY_DECIDED
    assert AuditEntry.objects.filter(kind="break-glass.reviewed").count() == 1


def test_nobody_reviews_their_own(world: World) -> None:
    world.cast.ada.groups.add(*world.cast.dora.groups.filter(name="security"))
    grant = call(world)
    grants.relinquish_grant(actor=world.cast.ada, grant=grant)
    assert reason_of(close, world, grant, world.cast.ada) is Reason.OWN_REQUEST
    assert close(world, grant)


def test_overdue_reviews_are_cried_out_again_and_again(world: World, clock) -> None:
    grant = call(world)
    reviewing.remind_reviewers()
    assert not Alert.objects.filter(kind="break-glass-overdue").exists()
    clock.advance(hours=24, seconds=1)
    reviewing.remind_reviewers()
    reviewing.remind_reviewers()
    assert Alert.objects.filter(kind="break-glass-overdue").count() == 1
    clock.advance(hours=4)
    reviewing.remind_reviewers()
    assert Alert.objects.filter(kind="break-glass-overdue").count() == 2
    assert Notification.objects.filter(kind="break-glass-overdue", user=world.cast.dora).count() == 2
    close(world, grant)
    clock.advance(hours=4)
    reviewing.remind_reviewers()
    assert Alert.objects.filter(kind="break-glass-overdue").count() == 2


def test_an_offer_names_whom_it_would_skip_and_changes_nothing(world: World) -> None:
    offer = find_offer(actor=world.cast.ada, draft=draft(world, TINY))
    assert (offer.is_open, offer.lasts_s, offer.word) == (True, 1800, TINY)
    assert [person.username for person in offer.skipped] == ["ben"]
    assert find_offer(actor=world.cast.ada, draft=draft(world, FRONTIER)).why_not is Reason.BREAK_GLASS_NOT_OFFERED
    assert not AccessRequest.objects.exists()


def test_the_shortest_of_rule_and_house_counts(world: World, settings) -> None:
    settings.BREAK_GLASS_LONGEST_S = 600
    assert call(world).lasts_s == 600


def test_what_could_not_be_started_is_left_to_be_started_by_hand(world: World, monkeypatch) -> None:
    """The review is there all the same: nothing was opened without one."""

    def broken(**_: Any) -> Grant:
        raise Conflict(Reason.STATE_CHANGED)

    monkeypatch.setattr(break_glass, "activate_grant", broken)
    with pytest.raises(Conflict):
        call(world)
    grant = Grant.objects.get()
    assert grant.state == GrantState.SCHEDULED
    assert review_of(grant)
