"""Decisions from what was pushed: each refusal beside the allow it differs from in one thing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from jit_access.domain.operations import Operation, Staleness
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, Scope
from jit_access.domain.session_view import RepositoryFacts, ViewState
from jit_access.domain.tokens import TokenKind
from registry_proxy.control_client import Counts, Doubt, Snapshot, UsageTold
from registry_proxy.gate import Refusal
from registry_proxy.protocols.wanted import RefKind
from tests.support.gate_world import NOW, TARGET_FACTS, World, admitted, refused
from tests.support.views import REPOSITORY, TARGET, closed, make_lease, make_token, make_view, pull


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def token() -> str:
    return make_token()


def test_live_grant_is_admitted_with_the_facts_for_the_record(world: World, token: str) -> None:
    view = make_view(token, now=NOW)
    world.load(view)
    admission = admitted(world.gate.decide(token, pull()))
    assert admission.view == view
    assert admission.lease == view.leases[0]
    assert admission.rule == "research-pulls-models"
    assert admission.strict
    assert admission.verify_digests


def test_nothing_is_admitted_before_the_first_snapshot_and_beat(world: World, token: str) -> None:
    assert refused(world.gate.decide(token, pull())) is Reason.CONTROL_PLANE_LOST
    snapshot = Snapshot(NOW, world.position(), (make_view(token, now=NOW),), (TARGET_FACTS,), 100.0, ends_doubt=True)
    world.gate.deliver(snapshot)
    assert refused(world.gate.decide(token, pull())) is Reason.CONTROL_PLANE_LOST
    world.beat()
    admitted(world.gate.decide(token, pull()))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, Reason.TOKEN_MISSING),
        ("", Reason.TOKEN_MISSING),
        ("password", Reason.TOKEN_MALFORMED),
        ("{typo}", Reason.TOKEN_MALFORMED),
        ("{token} ", Reason.TOKEN_MALFORMED),
        ("ü" * 20, Reason.TOKEN_MALFORMED),
        ("\ud800", Reason.TOKEN_MALFORMED),
        ("a" * 100_000, Reason.TOKEN_MALFORMED),
        ("{stranger}", Reason.TOKEN_UNKNOWN),
        ("{api}", Reason.TOKEN_UNKNOWN),
    ],
)
def test_only_the_token_itself_opens(world: World, token: str, given: str | None, reason: Reason) -> None:
    world.load(make_view(token, now=NOW))
    typo = token[:-1] + ("0" if token[-1] != "0" else "1")
    if given is not None:
        given = given.format(token=token, typo=typo, stranger=make_token(), api=make_token(TokenKind.API))
    admitted(world.gate.decide(token, pull()))
    assert refused(world.gate.decide(given, pull())) is reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"repository": "llm/frontier"}, Reason.OUT_OF_SCOPE),
        ({"target": "other-registry"}, Reason.OUT_OF_SCOPE),
        ({"operation": Operation.PUSH}, Reason.OPERATION_NOT_GRANTED),
        ({"operation": Operation.DELETE}, Reason.OPERATION_NOT_GRANTED),
    ],
)
def test_scope_bounds_what_is_admitted(world: World, token: str, changes: dict[str, Any], reason: Reason) -> None:
    world.load(make_view(token, now=NOW))
    admitted(world.gate.decide(token, pull()))
    assert refused(world.gate.decide(token, pull(**changes))) is reason
    assert refused(world.gate.decide(token, pull() + pull(**changes))) is reason  # all of it or nothing


def test_restricted_scope_opens_only_its_tags(world: World, token: str) -> None:
    scope = Scope((ResourceScope(REPOSITORY, frozenset({Operation.PULL}), tags=("v1*",)),))
    world.load(make_view(token, now=NOW, scope=scope))
    admitted(world.gate.decide(token, pull(reference="v1.2")))
    assert refused(world.gate.decide(token, pull(reference="latest"))) is Reason.REFERENCE_NOT_GRANTED


def test_pull_by_digest_under_restricted_tags_is_left_to_the_data_path(world: World, token: str) -> None:
    scope = Scope((ResourceScope(REPOSITORY, frozenset({Operation.PULL, Operation.DELETE}), tags=("v1",)),))
    world.load(make_view(token, now=NOW, scope=scope))
    digest = {"reference": "sha256:" + "0" * 64, "reference_kind": RefKind.DIGEST}
    admitted(world.gate.decide(token, pull(**digest)))
    deleted = pull(**digest, operation=Operation.DELETE)
    assert refused(world.gate.decide(token, deleted)) is Reason.REFERENCE_NOT_GRANTED


def test_interval_of_a_grant_is_half_open(world: World, token: str) -> None:
    view = make_view(token, now=NOW + 120)  # begins at NOW + 60
    world.load(view)
    assert refused(world.gate.decide(token, pull())) is Reason.GRANT_NOT_STARTED
    world.pass_time(60)
    admitted(world.gate.decide(token, pull()))
    world.pass_time(view.valid_until - world.now - 0.001)
    admitted(world.gate.decide(token, pull()))
    world.pass_time(view.valid_until - world.now)
    assert refused(world.gate.decide(token, pull())) is Reason.GRANT_EXPIRED


def test_token_may_end_before_its_grant(world: World, token: str) -> None:
    other = make_token()
    lease = make_lease(token, valid_until=NOW + 10)
    view = make_view(other, now=NOW)
    world.load(replace(view, leases=(*view.leases, lease)))
    admitted(world.gate.decide(token, pull()))
    world.pass_time(10)
    assert refused(world.gate.decide(token, pull())) is Reason.TOKEN_EXPIRED
    admitted(world.gate.decide(other, pull()))


@pytest.mark.parametrize("reason", [Reason.GRANT_REVOKED, Reason.GRANT_RELINQUISHED, Reason.GROUP_MEMBERSHIP_LOST])
@pytest.mark.parametrize("keeps_leases", [True, False])
def test_ended_grant_says_precisely_why(world: World, token: str, reason: Reason, keeps_leases: bool) -> None:
    view = make_view(token, now=NOW)
    world.load(view)
    admitted(world.gate.decide(token, pull()))
    ended = closed(view, reason)
    world.tell(ended if keeps_leases else replace(ended, leases=()))
    answer = world.gate.decide(token, pull())
    assert refused(answer) is reason
    assert isinstance(answer, Refusal)
    assert answer.view is not None
    assert answer.lease is not None


def test_paused_grant_opens_again(world: World, token: str) -> None:
    view = make_view(token, now=NOW)
    world.load(view)
    world.tell(replace(view, epoch=2, state=ViewState.PAUSED, reason=Reason.GRANT_SUSPENDED))
    assert refused(world.gate.decide(token, pull())) is Reason.GRANT_SUSPENDED
    world.tell(replace(view, epoch=3))
    admitted(world.gate.decide(token, pull()))


def test_one_revoked_token_leaves_the_others(world: World, token: str) -> None:
    other = make_token()
    view = make_view(token, other, now=NOW)
    world.load(view)
    world.tell(replace(view, epoch=2, leases=view.leases[1:]))
    assert refused(world.gate.decide(token, pull())) is Reason.TOKEN_REVOKED
    admitted(world.gate.decide(other, pull()))


def test_older_and_equal_epochs_change_nothing(world: World, token: str) -> None:
    view = make_view(token, now=NOW, epoch=5)
    world.load(closed(view))
    for epoch in (5, 6):
        world.tell(replace(view, epoch=epoch))
        assert refused(world.gate.decide(token, pull())) is Reason.GRANT_REVOKED
    world.tell(replace(view, epoch=7))
    admitted(world.gate.decide(token, pull()))


def test_spent_budget_is_refused(world: World, token: str) -> None:
    view = make_view(token, now=NOW, byte_budget=1000, bytes_used=999)
    world.load(view)
    admitted(world.gate.decide(token, pull()))
    world.tell(replace(view, epoch=2, bytes_used=1000))
    assert refused(world.gate.decide(token, pull())) is Reason.BUDGET_SPENT


def test_running_exchange_stops_at_the_slice_after_its_budget(world: World, token: str) -> None:
    world.load(make_view(token, now=NOW, byte_budget=1000, bytes_used=400))
    admission, moved = admitted(world.gate.decide(token, pull())), [0]
    watch = world.gate.watch(admission, pull(), lambda _: None, lambda: moved[0])
    moved[0] = 599
    assert watch.spend() is None
    moved[0] = 600
    assert watch.spend() is Reason.BUDGET_SPENT
    assert refused(world.gate.decide(token, pull())) is Reason.BUDGET_SPENT
    assert world.gate.recheck(admission, pull()) is None  # what is on its way already was within the budget
    assert world.gate.collect_usage() == {"grt_first": Counts(600)}


def test_budget_is_shared_by_all_that_runs_and_ran(world: World, token: str) -> None:
    world.load(make_view(token, now=NOW, byte_budget=1000))
    admission = admitted(world.gate.decide(token, pull()))
    world.gate.unwatch(world.gate.watch(admission, pull(), lambda _: None, lambda: 500))
    running = world.gate.watch(admission, pull(), lambda _: None, lambda: 300)
    assert running.spend() is None
    world.gate.deliver(UsageTold({"grt_first": Counts(800)}, {"grt_first": Counts(999)}))
    admitted(world.gate.decide(token, pull()))
    world.gate.deliver(UsageTold({"grt_first": Counts(800)}, {"grt_first": Counts(1000)}))  # another proxy's bytes
    assert refused(world.gate.decide(token, pull())) is Reason.BUDGET_SPENT
    assert running.spend() is Reason.BUDGET_SPENT


def test_request_budget_counts_what_begins(world: World, token: str) -> None:
    world.load(make_view(token, now=NOW, request_budget=2))
    for _ in range(2):
        world.gate.count_request(admitted(world.gate.decide(token, pull())))
    assert refused(world.gate.decide(token, pull())) is Reason.REQUEST_BUDGET_SPENT
    assert world.gate.collect_usage() == {"grt_first": Counts(0, 2)}


def test_spent_requests_end_nothing_that_runs(world: World, token: str) -> None:
    world.load(make_view(token, now=NOW, request_budget=1))
    admission = admitted(world.gate.decide(token, pull()))
    world.gate.count_request(admission)
    watch = world.gate.watch(admission, pull(), lambda _: None, lambda: 10**9)
    assert refused(world.gate.decide(token, pull())) is Reason.REQUEST_BUDGET_SPENT
    assert watch.spend() is None
    assert world.gate.recheck(admission, pull()) is None
    admitted(world.gate.decide(token, pull(), is_counted=True))  # the same request, about something else


def test_refused_kind_of_file_is_neither_read_nor_written(world: World, token: str) -> None:
    everything = frozenset(Operation)
    scope = Scope((ResourceScope(REPOSITORY, everything),))
    view = make_view(token, now=NOW, scope=scope, refused_files=("pickle",))
    world.load(view)
    for operation in (Operation.PULL, Operation.PUSH):
        admitted(world.gate.decide(token, pull(operation=operation, file="model.safetensors")))
        admitted(world.gate.decide(token, pull(operation=operation, file="")))  # a listing
        for file in ("model.bin", "a/Model.BIN"):
            answer = world.gate.decide(token, pull(operation=operation, file=file))
            assert refused(answer) is Reason.FILE_TYPE_REFUSED
    admitted(world.gate.decide(token, pull(operation=Operation.DELETE, file="model.bin")))
    world.tell(replace(view, epoch=2, refused_files=()))
    admitted(world.gate.decide(token, pull(file="model.bin")))


def test_one_refused_file_among_many_refuses_all(world: World, token: str) -> None:
    world.load(make_view(token, now=NOW, refused_files=("pickle",)))
    good, bad = pull(file="model.safetensors"), pull(file="model.pt")
    admitted(world.gate.decide(token, good + good))
    assert refused(world.gate.decide(token, good + bad)) is Reason.FILE_TYPE_REFUSED


def test_running_exchange_ends_when_its_file_is_refused(world: World, token: str) -> None:
    view = make_view(token, now=NOW)
    world.load(view)
    wanted = pull(file="model.bin")
    admission = admitted(world.gate.decide(token, wanted))
    assert world.gate.recheck(admission, wanted) is None
    world.tell(replace(view, epoch=2, refused_files=("pickle",)))
    assert world.gate.recheck(admission, wanted) is Reason.FILE_TYPE_REFUSED


def test_extension_brings_a_budget_of_its_own(world: World, token: str) -> None:
    first = make_view(token, now=NOW, byte_budget=1000)
    world.load(first)
    moved = [900]
    watch = world.gate.watch(admitted(world.gate.decide(token, pull())), pull(), lambda _: None, lambda: moved[0])
    assert watch.spend() is None
    longer = make_view(token, now=NOW, grant_id="grt_longer", byte_budget=500)
    world.tell(longer, replace(closed(first, Reason.GRANT_EXTENDED), leases=()))
    admitted(world.gate.decide(token, pull()))
    moved[0] = 1399
    assert watch.spend() is None
    moved[0] = 1400
    assert watch.spend() is Reason.BUDGET_SPENT
    assert world.gate.collect_usage() == {"grt_first": Counts(900), "grt_longer": Counts(500)}


def test_target_that_is_gone_is_refused(world: World, token: str) -> None:
    world.load(make_view(token, now=NOW))
    admitted(world.gate.decide(token, pull()))
    world.load(make_view(token, now=NOW), targets=())
    assert refused(world.gate.decide(token, pull())) is Reason.TARGET_UNKNOWN
    assert world.gate.target(TARGET) is None


def test_target_facts_do_not_print_their_password(world: World) -> None:
    world.load()
    facts = world.gate.target(TARGET)
    assert facts is not None
    assert facts.password.reveal() == "upstream password"
    assert "upstream password" not in f"{facts!r} {facts.password!s}"


def test_old_news_let_nothing_new_through(world: World, token: str) -> None:
    world.load(make_view(token, now=NOW))
    world.pass_time(1.0, beating=False)
    admitted(world.gate.decide(token, pull()))
    world.pass_time(0.01, beating=False)
    assert refused(world.gate.decide(token, pull())) is Reason.CONTROL_PLANE_LOST
    world.beat()
    admitted(world.gate.decide(token, pull()))


def test_doubt_ends_only_with_a_snapshot_that_was_asked_for_after_it(world: World, token: str) -> None:
    view = make_view(token, now=NOW)
    world.load(view)
    world.gate.deliver(Doubt("gap"))
    assert refused(world.gate.decide(token, pull())) is Reason.CONTROL_PLANE_LOST
    world.load(view, ends_doubt=False)
    assert refused(world.gate.decide(token, pull())) is Reason.CONTROL_PLANE_LOST
    world.load(view)
    admitted(world.gate.decide(token, pull()))


def test_view_that_the_snapshot_does_not_know_is_dropped(world: World, token: str) -> None:
    world.load(make_view(token, now=NOW))
    admitted(world.gate.decide(token, pull()))
    world.load()
    assert refused(world.gate.decide(token, pull())) is Reason.TOKEN_UNKNOWN


def test_view_from_news_after_the_snapshots_position_stays(world: World, token: str) -> None:
    snapshot = Snapshot(NOW, world.position(), (), (TARGET_FACTS,), 100.0, ends_doubt=True)
    world.tell(make_view(token, now=NOW))
    world.gate.deliver(snapshot)  # asked for before the news, answered after it
    world.beat()
    admitted(world.gate.decide(token, pull()))


def test_database_clock_that_goes_back_revives_nothing(world: World, token: str) -> None:
    view = make_view(token, now=NOW)
    world.load(view)
    world.pass_time(view.valid_until - NOW)
    assert refused(world.gate.decide(token, pull())) is Reason.GRANT_EXPIRED
    world.ticks.value += 1
    world.beat(db_now=NOW)
    assert refused(world.gate.decide(token, pull())) is Reason.GRANT_EXPIRED


@pytest.mark.parametrize(("staleness", "is_cut"), [(Staleness.STRICT, True), (Staleness.BEST_EFFORT, False)])
def test_lost_control_plane_ends_strict_streams_only(
    world: World, token: str, staleness: Staleness, is_cut: bool
) -> None:
    facts = (RepositoryFacts(REPOSITORY, "sensitive", True, staleness),)
    world.load(make_view(token, now=NOW, repositories=facts))
    admission = admitted(world.gate.decide(token, pull()))
    assert admission.strict is is_cut
    world.pass_time(3.0, beating=False)
    assert world.gate.recheck(admission, pull()) is None
    world.pass_time(0.01, beating=False)
    assert world.gate.recheck(admission, pull()) is (Reason.CONTROL_PLANE_LOST if is_cut else None)
    world.pass_time(3600, beating=False)  # expiry holds without any news
    if not is_cut:
        assert world.gate.recheck(admission, pull()) is Reason.GRANT_EXPIRED


def test_repository_without_facts_is_strict_and_verified(world: World, token: str) -> None:
    world.load(make_view(token, now=NOW, repositories=()))
    admission = admitted(world.gate.decide(token, pull()))
    assert admission.strict
    assert admission.verify_digests


def test_epoch_grows_with_views_and_doubt_but_not_with_beats(world: World, token: str) -> None:
    view = make_view(token, now=NOW)
    world.load(view)
    seen = [world.gate.epoch]
    world.beat()
    assert world.gate.epoch == seen[0]
    for change in (lambda: world.tell(replace(view, epoch=2)), lambda: world.gate.deliver(Doubt("gap"))):
        change()
        assert world.gate.epoch > seen[-1]
        seen.append(world.gate.epoch)


def test_instants_come_from_the_database_clock(world: World) -> None:
    assert math.isfinite(world.gate.now())
    world.load()
    assert world.gate.now() == pytest.approx(NOW)
