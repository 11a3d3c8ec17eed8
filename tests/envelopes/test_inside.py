"""What an agent asks: inside it is granted at once, outside people decide and the answer says what is exceeded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jit_access.access_requests import services as requests
from jit_access.access_requests.inside import envelope_of, outside_of
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.payloads import is_intact
from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.audit.recorder import audited
from jit_access.core import clock as core_clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.audit_record import decode_record
from jit_access.domain.errors import CallerError, GatewayError, PolicyRefusal
from jit_access.domain.locks import LockAxis
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.envelopes.budgets import DAY, SETTLES_AFTER, day_use, settle_uses
from jit_access.envelopes.hours import Hours
from jit_access.envelopes.models import Envelope, EnvelopeUse
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.mfa.assurance import Assurance
from jit_access.proxy_sessions.models import SessionViewRow
from jit_access.proxy_sessions.usage import Used, record_usage
from jit_access.workloads.ending import end_trust
from jit_access.workloads.models import WorkloadTrust
from tests.support.cast import make_person, make_service_account
from tests.support.envelopes import MIB, in_force, load_agent_rules, make_trust, proposed, sign
from tests.support.lifecycles import BASE, HOUR, TINY, World, answer, ask, draft, reload, scope_of, start
from tests.support.locking import place

pytestmark = pytest.mark.django_db
OFFICE = Hours(frozenset(range(5)), 8 * 60, 18 * 60, "Europe/Berlin")


def asks(world: World, *names: str, **changes: Any) -> AccessRequest:
    return ask(world, *(names or (TINY,)), actor=world.cast.ci_bot, **changes)


def grant_of(request: AccessRequest) -> Grant:
    return Grant.objects.get(request=request)


def fields(request: AccessRequest) -> list[str]:
    assert request.state == "pending"
    return [one["field"] for one in outside_of(request)]


def details(kind: str) -> dict[str, Any]:
    return dict(decode_record(AuditEntry.objects.filter(kind=kind).latest("seq").body.encode()).detail)


def refused(act: Callable[[], Any]) -> Reason:
    with pytest.raises(GatewayError) as caught:
        act()
    return caught.value.reason


def test_inside_is_granted_at_once_and_names_the_envelope(world: World) -> None:
    row = in_force(world)
    request = asks(world)
    grant = grant_of(request)
    assert (request.state, request.end_reason) == ("approved", Reason.INSIDE_ENVELOPE)
    named = envelope_of(request)
    assert named is not None
    assert (named["id"], named["name"], named["signed_by"]) == (row.public_id, "nightly", ["Ben Okafor"])
    assert (request.envelope, grant.envelope, grant.byte_budget) == (row.public_id, row.public_id, 10 * MIB)
    assert is_intact(reload(request))
    assert not request.steps.exists()
    for kind in ("request.submitted", "request.approved", "grant.created"):
        assert details(kind)["envelope"] == row.public_id
    started = start(grant)
    assert started.state == "active"
    assert grants.reevaluate_live_grants() == 0
    assert reload(grant).state == "active"


def test_without_an_envelope_people_are_asked(world: World) -> None:
    proposed(world)  # nobody signed it
    request = asks(world)
    assert (request.state, request.envelope, outside_of(request)) == ("pending", "", [])
    assert answer(request, world.cast.ben).state == "approved"


def test_people_have_no_envelopes(world: World) -> None:
    in_force(world)
    assert ask(world, TINY).state == "pending"


def test_an_agent_has_only_its_own(world: World) -> None:
    other = make_service_account("other-bot", world.cast.ada, "research")
    in_force(world)
    assert ask(world, TINY, actor=other).state == "pending"
    assert asks(world).state == "approved"


def test_where_rules_ask_nobody_nothing_is_taken_from_it(world: World) -> None:
    in_force(world, scope=scope_of(BASE, TINY))
    assert asks(world, BASE).end_reason == Reason.NO_APPROVAL_NEEDED
    assert not EnvelopeUse.objects.exists()


@pytest.mark.parametrize(
    ("limits", "asked", "field"),
    [
        ({"scope": scope_of(TINY, tags=("v1", "v2.*"))}, {"scope": scope_of(TINY)}, "resources"),
        ({"scope": scope_of(TINY, tags=("v1", "v2.*"))}, {"scope": scope_of(TINY, tags=("v3",))}, "resources"),
        ({"lasts_at_most_s": HOUR // 2}, {"lasts_s": HOUR // 2 + 1}, "lasts_s"),
    ],
)
def test_each_limit_that_is_exceeded_is_named(
    world: World, limits: dict[str, Any], asked: dict[str, Any], field: str
) -> None:
    row = in_force(world, **limits)
    request = asks(world, **asked)
    assert fields(request) == [field]
    assert outside_of(request)[0]["envelope"] == row.public_id
    assert details("request.submitted")["outside"] == field
    assert is_intact(reload(request))
    assert answer(request, world.cast.ben).state == "approved"
    assert grant_of(request).envelope == ""


def test_what_is_narrower_is_inside(world: World) -> None:
    in_force(world, scope=scope_of(TINY, tags=("v1", "v2.*")), lasts_at_most_s=HOUR)
    assert asks(world, scope=scope_of(TINY, tags=("v1",)), lasts_s=HOUR).state == "approved"
    assert asks(world, scope=scope_of(TINY, tags=("v2.7",)), lasts_s=60).state == "approved"


def test_operations_are_named(world: World, tmp_path: Path) -> None:
    row = in_force(world)
    forbidden = refused(lambda: asks(world, scope=scope_of(TINY, operations=frozenset({Operation.PUSH}))))
    assert forbidden is Reason.FORBIDDEN_BY_RULE  # an envelope replaces people, never a rule
    assert reload(row).state == "active"


def test_rules_beat_the_envelope_at_each_use(world: World, tmp_path: Path) -> None:
    in_force(world)
    live = start(grant_of(asks(world)))
    load_agent_rules(tmp_path, "1 of model-owners, 1 of security")
    assert reload(live).end_reason == Reason.POLICY_TIGHTENED
    assert fields(asks(world)) == ["policy"]


def test_a_shorter_rule_counts_inside_too(world: World, tmp_path: Path) -> None:
    in_force(world)
    load_agent_rules(tmp_path, "1 of model-owners", more='@byte_budget("4 MiB")')
    assert grant_of(asks(world)).byte_budget == 4 * MIB


def test_hours_hold_for_asking_and_for_starting(world: World, clock: Any) -> None:
    clock.set(datetime(2027, 3, 1, 16, 30, tzinfo=UTC))  # Monday, 17:30 in Berlin
    in_force(world, hours=OFFICE)
    late = asks(world)
    assert fields(late) == ["hours"]
    requests.withdraw_request(actor=world.cast.ci_bot, request=late)
    request = asks(world, lasts_s=1790)
    assert request.state == "approved"  # over when the hours are
    clock.advance(seconds=60)
    assert refused(lambda: start(grant_of(request))) is Reason.OUTSIDE_ENVELOPE
    clock.set(datetime(2027, 3, 2, 7, 0, tzinfo=UTC))
    assert start(grant_of(request)).state == "active"


def test_a_grant_never_outlives_its_envelope(world: World) -> None:
    in_force(world, expires_at=core_clock.now() + timedelta(minutes=90))
    assert asks(world, lasts_s=HOUR).state == "approved"
    assert fields(asks(world, lasts_s=5401, scope=scope_of(TINY, tags=("v1",)))) == ["lasts_s", "expires_at"]


def test_a_grant_never_outlives_the_review(world: World) -> None:
    in_force(world, review_every_s=HOUR)
    assert fields(asks(world, lasts_s=HOUR)) == ["review_by"]
    assert asks(world, lasts_s=HOUR - 60, scope=scope_of(TINY, tags=("v1",))).state == "approved"


def test_later_starts_and_bundles_are_asked_of_people(world: World) -> None:
    in_force(world)
    later = requests.starting_later(draft(world, TINY), core_clock.now() + timedelta(hours=2))
    sent = requests.submit_request(actor=world.cast.ci_bot, draft=later, assurance=Assurance())
    assert fields(sent) == ["not_before"]


def test_as_often_as_a_day_allows_and_again_a_day_later(world: World, clock: Any) -> None:
    in_force(world, grants_per_day=2)
    first, _ = asks(world), asks(world)
    third = asks(world)
    assert fields(third) == ["grants_per_day"]
    grants.relinquish_grant(actor=world.cast.ci_bot, grant=grant_of(first))
    requests.withdraw_request(actor=world.cast.ci_bot, request=third)
    again = asks(world)
    assert fields(again) == ["grants_per_day"]  # ending one gives no other one
    requests.withdraw_request(actor=world.cast.ci_bot, request=again)
    clock.advance(seconds=DAY.total_seconds() + 60)
    assert asks(world).state == "approved"


def test_bytes_are_reserved_and_come_back_unused(world: World, clock: Any) -> None:
    row = in_force(world, bytes_per_day=25 * MIB, bytes_per_grant=10 * MIB)
    one, two = start(grant_of(asks(world))), start(grant_of(asks(world)))
    assert day_use(row, core_clock.now()).taken_bytes == 20 * MIB
    third = asks(world)
    assert fields(third) == ["bytes_per_day"]
    assert "5 MiB of 25 MiB" in outside_of(third)[0]["sentence"]
    requests.withdraw_request(actor=world.cast.ci_bot, request=third)
    record_usage(run="a" * 32, counted={one.public_id: Used(3 * MIB, 4)})
    grants.relinquish_grant(actor=world.cast.ci_bot, grant=one)
    assert day_use(row, core_clock.now()).taken_bytes == 20 * MIB  # what was on its way may still be told
    record_usage(run="b" * 32, counted={one.public_id: Used(2 * MIB, 1)})
    clock.advance(seconds=SETTLES_AFTER.total_seconds() + 1)
    assert settle_uses() == 1
    assert EnvelopeUse.objects.get(grant=one).moved_bytes == 5 * MIB
    assert day_use(row, core_clock.now()).taken_bytes == 15 * MIB
    assert asks(world).state == "approved"
    assert reload(two).state == "active"


def test_what_is_told_late_still_counts(world: World, clock: Any) -> None:
    row = in_force(world)
    one = start(grant_of(asks(world)))
    grants.relinquish_grant(actor=world.cast.ci_bot, grant=one)
    clock.advance(seconds=60)
    settle_uses()
    assert day_use(row, core_clock.now()).taken_bytes == 0
    assert SessionViewRow.objects.filter(grant_id=one.public_id).exists()
    record_usage(run="a" * 32, counted={one.public_id: Used(7 * MIB, 1)})
    assert day_use(row, core_clock.now()).taken_bytes == 7 * MIB
    settle_uses()
    clock.advance(seconds=DAY.total_seconds())
    assert day_use(row, core_clock.now()).taken_bytes == 0


def test_an_overrun_is_charged_to_the_day(world: World, clock: Any) -> None:
    """Several proxies may let one grant have a little more than its part (ADR 0013); the day knows it."""
    row = in_force(world, bytes_per_day=25 * MIB, bytes_per_grant=10 * MIB)
    one = start(grant_of(asks(world)))
    record_usage(run="a" * 32, counted={one.public_id: Used(16 * MIB, 4)})
    assert day_use(row, core_clock.now()).taken_bytes == 16 * MIB
    assert fields(asks(world)) == ["bytes_per_day"]


def test_an_extension_is_inside_while_the_whole_is(world: World, clock: Any) -> None:
    in_force(world, lasts_at_most_s=HOUR)
    first = start(grant_of(asks(world, lasts_s=HOUR // 2)))
    clock.advance(seconds=600)

    def extend(by_s: int) -> AccessRequest:
        return requests.submit_extension(
            actor=world.cast.ci_bot, grant=first, by_s=by_s, purpose="Not done yet", assurance=Assurance()
        )

    long = extend(HOUR // 2 + 60)
    assert fields(long) == ["lasts_s"]
    requests.withdraw_request(actor=world.cast.ci_bot, request=long)
    inside = extend(HOUR // 2 - 60)
    assert (inside.state, inside.envelope) == ("approved", grant_of(inside).envelope)
    second = start(grant_of(inside))
    assert reload(first).end_reason == Reason.GRANT_EXTENDED
    more = requests.submit_extension(
        actor=world.cast.ci_bot, grant=second, by_s=600, purpose="Still not", assurance=Assurance()
    )
    assert fields(more) == ["lasts_s"]  # counted from the first of them


def test_extending_what_people_approved_is_asked_of_people(world: World) -> None:
    request = asks(world, lasts_s=600)
    grant = start(grant_of(answer(request, world.cast.ben)))
    in_force(world)
    more = requests.submit_extension(
        actor=world.cast.ci_bot, grant=grant, by_s=600, purpose="More", assurance=Assurance()
    )
    assert fields(more) == ["extends"]


def test_a_pinned_envelope_is_for_that_workload_alone(world: World) -> None:
    trust, other = make_trust(world, "nightly"), make_trust(world, "other")
    row, bot = in_force(world, workloads=(trust.public_id,)), world.cast.ci_bot
    assert [one["name"] for one in row.payload["identities"]] == ["nightly"]
    plain = asks(world)
    assert fields(plain) == ["workload"]  # an API token of the agent
    requests.withdraw_request(actor=bot, request=plain)

    def comes(workload: str) -> AccessRequest:
        return requests.submit_request(actor=bot, draft=draft(world), assurance=Assurance(workload=workload))

    stranger = comes(other.public_id)
    assert fields(stranger) == ["workload"]
    requests.withdraw_request(actor=bot, request=stranger)
    grant = grant_of(comes(trust.public_id))
    assert grant.envelope == row.public_id
    # The token of an agent that was stolen elsewhere neither starts nor takes what the workload asked for.
    for workload in ("", other.public_id):
        act = lambda: grants.activate_grant(actor=bot, grant=grant, assurance=Assurance(workload=workload))  # noqa: B023, E731
        assert refused(act) is Reason.WORKLOAD_NEEDED
    started = grants.activate_grant(actor=bot, grant=grant, assurance=Assurance(workload=trust.public_id))
    assert refused(lambda: grants.issue_token(grant=started, actor=bot)) is Reason.WORKLOAD_NEEDED
    issued = grants.issue_token(grant=started, actor=bot, workload=trust.public_id)
    assert refused(lambda: grants.rotate_token(lease=issued.lease, actor=bot)) is Reason.WORKLOAD_NEEDED
    assert grants.rotate_token(lease=issued.lease, actor=bot, workload=trust.public_id)
    end_of_trust(other)
    assert grants.reevaluate_live_grants() == 0
    end_of_trust(trust)
    assert reload(grant).end_reason == Reason.TRUST_ENDED


def end_of_trust(trust: WorkloadTrust) -> None:
    with audited(actor=GATEWAY) as audit:
        end_trust(audit, trust.pk)


def test_a_pinned_grant_is_over_with_its_identity_by_the_clock_alone(world: World, clock: Any) -> None:
    trust, bot = make_trust(world, "nightly"), world.cast.ci_bot
    WorkloadTrust.objects.filter(pk=trust.pk).update(expires_at=core_clock.now() + timedelta(minutes=10))
    in_force(world, workloads=(trust.public_id,))
    token = Assurance(workload=trust.public_id)
    grant = grant_of(requests.submit_request(actor=bot, draft=draft(world), assurance=token))
    grants.activate_grant(actor=bot, grant=grant, assurance=token)
    assert grants.reevaluate_live_grants() == 0
    clock.advance(seconds=601)
    assert grants.reevaluate_live_grants() == 1
    assert reload(grant).end_reason == Reason.TRUST_ENDED


def test_only_identities_in_force_are_pinned(world: World) -> None:
    trust = make_trust(world, "nightly")
    end_of_trust(trust)
    with pytest.raises(CallerError, match="in force"):
        proposed(world, workloads=(trust.public_id,))


def test_the_nearest_of_several_is_named_and_any_that_holds_is_taken(world: World) -> None:
    short = in_force(world, name="short", lasts_at_most_s=600)
    in_force(world, name="none", lasts_at_most_s=600, scope=scope_of(TINY, tags=("v9",)))
    request = asks(world)
    assert {one["envelope"] for one in outside_of(request)} == {short.public_id}
    requests.withdraw_request(actor=world.cast.ci_bot, request=request)
    long = in_force(world, name="long")
    assert asks(world).envelope == long.public_id


def test_a_preview_says_it_beforehand_and_takes_nothing(world: World) -> None:
    row = in_force(world, lasts_at_most_s=HOUR)

    def look(lasts_s: int) -> requests.Preview:
        return requests.preview_request(
            actor=world.cast.ci_bot, target=world.target, scope=scope_of(TINY), lasts_s=lasts_s, assurance=Assurance()
        )

    inside, outside = look(HOUR), look(HOUR + 60)
    assert (inside.is_inside, outside.is_inside) == (True, False)
    assert outside.fit is not None
    assert [one.field for one in outside.fit.exceeded] == ["lasts_s"]
    assert day_use(row, core_clock.now()).grants == 0


def test_nobody_is_needed_for_what_is_inside(world: World) -> None:
    """People who left do not stop a pipeline that they agreed to; the review does."""
    in_force(world)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ben, group="model-owners")
    assert asks(world).state == "approved"
    assert refused(lambda: asks(world, lasts_s=HOUR + 60)) is Reason.NO_APPROVER


def test_an_exposed_access_or_a_lock_stops_it_as_anything_else(world: World) -> None:
    in_force(world)
    running = start(grant_of(asks(world)))
    place(world.cast.dora, LockAxis.AGENT, world.cast.ci_bot.public_id)
    assert reload(running).state == "suspended"
    with pytest.raises(PolicyRefusal) as caught:
        asks(world)
    assert caught.value.reason is Reason.LOCKED


def test_somebody_who_changed_the_row_by_hand_gains_nothing(world: World) -> None:
    row = in_force(world)
    live = start(grant_of(asks(world)))
    Envelope.objects.filter(pk=row.pk).update(bytes_per_day=1 << 40, lasts_at_most_s=2 * HOUR)
    assert fields(asks(world, lasts_s=2 * HOUR)) == ["state"]
    assert grants.reevaluate_live_grants() == 1
    assert reload(live).end_reason == Reason.ENVELOPE_ENDED


def test_a_request_of_before_is_still_answerable(world: World) -> None:
    """Payloads that were signed before there were envelopes keep their bytes."""
    request = asks(world)
    assert not {"envelope", "outside"} & request.payload.keys()
    assert is_intact(reload(request))
    AccessRequest.objects.filter(pk=request.pk).update(envelope="env_aaaaaaaaaaaaaaaaaaaa")
    assert not is_intact(reload(request))


def test_an_envelope_is_signed_again_after_a_long_time_only_by_people(world: World) -> None:
    mara = make_person("mara", "model-owners")
    row = in_force(world)
    with pytest.raises(CallerError):
        sign(row, mara)  # nobody asks now
    assert reload(row).round == 1
