"""Stand-ins count as the one they stand in for, for a time; who is away is not told. Each refusal beside its twin."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from jit_access.access_requests import access, selectors
from jit_access.access_requests.models import Verdict
from jit_access.access_requests.services import standing_in
from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.notifications.models import Notification
from tests.support.cast import make_person
from tests.support.lifecycles import FRONTIER, TINY, World, answer, ask
from tests.support.rules import load_stages

DAY = timedelta(days=1)


def lend(giver, to: str, *, after: timedelta = timedelta(), lasts: timedelta = DAY):
    begin = core_clock.now() + after
    return standing_in.delegate_answers(actor=giver, to=to, starts_at=begin, ends_at=begin + lasts)


def told() -> list[str]:
    return sorted(Notification.objects.filter(kind="request-waits").values_list("user__username", flat=True))


def queue(user) -> list:
    return [item.request for item in selectors.approvals_queue(actor=user, now=core_clock.now()) if item.may_answer]


def refused(doing) -> Reason:
    with pytest.raises((PolicyRefusal, Conflict, CallerError)) as refusal:
        doing()
    return refusal.value.reason


def test_stand_in_answers_for_another_and_the_log_names_both(world: World) -> None:
    request = ask(world, TINY)
    assert refused(lambda: answer(request, world.cast.cleo)) is Reason.NOT_AN_APPROVER
    lend(world.cast.ben, "cleo")
    assert queue(world.cast.cleo) == [request]
    detail = selectors.describe_request(actor=world.cast.cleo, request=request, now=core_clock.now())
    assert detail.may_answer
    assert detail.answers_for is not None
    assert detail.answers_for.person == world.cast.ben
    assert answer(request, world.cast.cleo).state == RequestState.APPROVED
    verdict = Verdict.objects.get()
    assert (verdict.approver, verdict.on_behalf_of, verdict.counted) == (
        world.cast.cleo, world.cast.ben, world.cast.ben,
    )  # fmt: skip
    entry = AuditEntry.objects.get(kind="verdict.given")
    assert entry.actor_id == world.cast.cleo.public_id
    assert json.loads(entry.body)["detail"]["account"] == world.cast.ben.public_id
    assert AuditEntry.objects.filter(kind="delegation.given").count() == 1
    assert Notification.objects.filter(user=world.cast.cleo, kind="delegation-given").count() == 1


def test_it_counts_from_its_start_until_its_end(world: World, clock) -> None:
    lend(world.cast.ben, "cleo", after=timedelta(hours=1), lasts=timedelta(hours=1))
    request = ask(world, TINY)
    assert refused(lambda: answer(request, world.cast.cleo)) is Reason.NOT_AN_APPROVER
    clock.advance(hours=1, seconds=1)
    assert queue(world.cast.cleo) == [request]
    clock.advance(hours=1)
    assert refused(lambda: answer(request, world.cast.cleo)) is Reason.NOT_AN_APPROVER
    assert not queue(world.cast.cleo)


def test_taken_back_it_counts_no_more_and_what_was_answered_stands(world: World, tmp_path: Path) -> None:
    load_stages(tmp_path / "policy", "1 of model-owners; 1 of security")
    row = lend(world.cast.ben, "cleo")
    first = ask(world, TINY)
    answer(first, world.cast.cleo)
    with pytest.raises(NotFound):
        standing_in.end_delegation(actor=world.cast.ada, public_id=row.public_id)
    standing_in.end_delegation(actor=world.cast.ben, public_id=row.public_id)
    standing_in.end_delegation(actor=world.cast.cleo, public_id=row.public_id)
    assert AuditEntry.objects.filter(kind="delegation.ended").count() == 1
    assert answer(first, world.cast.dora).state == RequestState.APPROVED


def test_both_are_one_person(world: World, tmp_path: Path) -> None:
    load_stages(tmp_path / "policy", "2 of model-owners")
    eve, zoe = make_person("eve", "model-owners"), make_person("zoe", "model-owners")
    lend(world.cast.ben, "eve")
    request = ask(world, TINY)
    answer(request, eve)  # in her own right, which is nearer
    assert Verdict.objects.get().on_behalf_of is None
    assert refused(lambda: answer(request, eve, payload_hash="0" * 64)) is Reason.ALREADY_ANSWERED
    assert answer(request, world.cast.ben).state == RequestState.APPROVED
    lend(zoe, "cleo")
    other = ask(world, TINY)
    answer(other, world.cast.cleo)
    assert refused(lambda: answer(other, zoe)) is Reason.ALREADY_ANSWERED
    assert selectors.why_not_answer(zoe, other, now=core_clock.now()) is Reason.ALREADY_ANSWERED
    assert answer(other, world.cast.cleo).verdicts.count() == 1
    assert answer(other, eve).state == RequestState.APPROVED


def test_stand_in_in_both_stages_fills_one(world: World, tmp_path: Path) -> None:
    load_stages(tmp_path / "policy", "1 of model-owners; 1 of security")
    lend(world.cast.ben, "dora")
    request = ask(world, TINY)
    assert refused(lambda: answer(request, world.cast.dora)) is Reason.NEEDED_LATER
    make_person("eve", "security")
    answer(request, world.cast.dora)
    assert refused(lambda: answer(request, world.cast.dora, is_approval=False)) is Reason.ALREADY_ANSWERED
    assert request.verdicts.count() == 1


def test_requester_never_answers_their_own_by_standing_in(world: World) -> None:
    """Teleport PR #62556 by another door."""
    lend(world.cast.ben, "ada")
    request, agents = ask(world, TINY), ask(world, TINY, actor=world.cast.ci_bot)
    assert refused(lambda: answer(request, world.cast.ada)) is Reason.OWN_REQUEST
    assert refused(lambda: answer(agents, world.cast.ada)) is Reason.OWN_REQUEST
    assert told().count("ada") == 0
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


def test_right_of_the_requester_is_not_lent_either(world: World) -> None:
    accounts.add_to_group(actor=GATEWAY, user=world.cast.ada, group="model-owners")
    lend(world.cast.ada, "cleo")
    request = ask(world, TINY)
    assert refused(lambda: answer(request, world.cast.cleo)) is Reason.NOT_AN_APPROVER
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


def test_it_is_never_handed_on(world: World) -> None:
    lend(world.cast.ben, "cleo")
    eve = make_person("eve")
    lend(world.cast.cleo, "eve")
    request = ask(world, TINY)
    assert refused(lambda: answer(request, eve)) is Reason.NOT_AN_APPROVER
    assert answer(request, world.cast.cleo).state == RequestState.APPROVED


@pytest.mark.parametrize("who", ["ben", "cleo"])
def test_lock_of_either_takes_the_approval_back(world: World, who: str) -> None:
    lend(world.cast.ben, "cleo")
    request = answer(ask(world, FRONTIER), world.cast.cleo)
    accounts.lock_account(actor=GATEWAY, user=getattr(world.cast, who))
    assert AuditEntry.objects.filter(kind="verdict.voided").count() == 1
    assert answer(request, world.cast.dora).state == RequestState.PENDING


def test_group_lost_by_the_giver_takes_the_approval_back(world: World) -> None:
    lend(world.cast.ben, "cleo")
    request = answer(ask(world, FRONTIER), world.cast.cleo)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ben, group="model-owners")
    assert AuditEntry.objects.filter(kind="verdict.voided").count() == 1
    assert not queue(world.cast.cleo)
    with pytest.raises(NotFound):
        access.get_request(actor=world.cast.cleo, public_id=request.public_id)


def test_absent_people_are_not_told_and_their_stand_ins_are(world: World) -> None:
    make_person("eve", "model-owners")
    now = core_clock.now()
    standing_in.note_absence(actor=world.cast.ben, starts_at=now, ends_at=now + DAY)
    ask(world, TINY)
    assert told() == ["eve"]
    lend(world.cast.ben, "cleo")
    request = ask(world, FRONTIER)
    assert told() == ["cleo", "dora", "eve", "eve"]
    assert "You answer for Ben Okafor." in Notification.objects.get(user=world.cast.cleo, kind="request-waits").text
    steps = selectors.describe_request(actor=world.cast.ada, request=request, now=core_clock.now()).steps
    (state,) = [one for one in steps if one.group == "model-owners"]
    said = state.standings[world.cast.ben.pk]
    assert (said.away_until, said.stand_in) == (now + DAY, world.cast.cleo)


def test_everybody_away_is_told_after_all(world: World) -> None:
    now = core_clock.now()
    row = standing_in.note_absence(actor=world.cast.ben, starts_at=now, ends_at=now + DAY)
    request = ask(world, TINY)
    assert told() == ["ben"]
    standing_in.end_absence(actor=world.cast.ben, public_id=row.public_id)
    with pytest.raises(NotFound):
        standing_in.end_absence(actor=world.cast.ada, public_id=row.public_id)
    assert answer(request, world.cast.ben).state == RequestState.APPROVED


@pytest.mark.parametrize(
    ("to", "after", "lasts"),
    [
        ("ben", timedelta(), DAY),
        ("nobody-here", timedelta(), DAY),
        ("ci-bot", timedelta(), DAY),
        ("cleo", timedelta(), -DAY),
        ("cleo", -2 * DAY, DAY),
        ("cleo", timedelta(), 91 * DAY),
    ],
)
def test_what_cannot_be_lent(world: World, to: str, after: timedelta, lasts: timedelta) -> None:
    assert refused(lambda: lend(world.cast.ben, to, after=after, lasts=lasts)) is Reason.INVALID_INPUT
    assert AuditEntry.objects.filter(kind="delegation.give.refused").exists()
    lend(world.cast.ben, "cleo")
    assert refused(lambda: lend(world.cast.ben, "dora")) is Reason.INVALID_INPUT


def test_agents_lend_nothing(world: World) -> None:
    assert refused(lambda: lend(world.cast.ci_bot, "cleo")) is Reason.NOT_FOR_AGENTS
