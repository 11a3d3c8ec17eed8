"""Locks meet everything else at once, on PostgreSQL: whoever comes first, nothing that is locked runs.

SQLite runs writers one after the other and would prove nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from jit_access.access_requests import services as requests
from jit_access.access_requests.models import AccessRequest
from jit_access.audit.models import AuditEntry
from jit_access.domain.errors import GatewayError
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.locks import LockAxis
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import ViewState
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.locks.models import Lock
from jit_access.locks.turns import wait_for_locks
from tests.grants.test_opening import view_of
from tests.support.cast import Cast
from tests.support.lifecycles import (
    BASE,
    HOUR,
    World,
    active,
    draft,
    fresh,
    make_world,
    reload,
    scheduled,
    scope_of,
    start,
)
from tests.support.locking import lift, place
from tests.support.racing import lasting_racers

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
RACES = 10
Race = Callable[[Sequence[Callable[[], Any]]], list[Any]]


@pytest.fixture
def race() -> Iterator[Race]:
    with lasting_racers() as racers:
        yield racers.race


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def tagged(index: int) -> Any:
    return scope_of(BASE, tags=(f"v{index}",))


def lock_ada(world: World) -> Callable[[], Lock]:
    return partial(place, world.cast.dora, LockAxis.PERSON, world.cast.ada.public_id)


def nothing_broke(results: list[Any]) -> None:
    assert not [one for one in results if isinstance(one, Exception) and not isinstance(one, GatewayError)]


def test_a_start_and_a_lock_at_once_never_leave_an_open_door(race: Race, world: World) -> None:
    """Glide: the revoke during activation (anchors 3.2 no. 31), for the switch that can be undone."""
    for index in range(RACES):
        grant = scheduled(world, scope=tagged(index))
        results = race([partial(start, grant), lock_ada(world), partial(start, grant)])
        nothing_broke(results)
        state = reload(grant).state
        assert state in {GrantState.SCHEDULED, GrantState.SUSPENDED}
        if state == GrantState.SUSPENDED:
            assert (view_of(grant).state, view_of(grant).reason) == (ViewState.PAUSED, Reason.LOCKED)
        lift(world.cast.dora, next(one for one in results if isinstance(one, Lock)))


def test_what_is_asked_and_started_in_one_breath_is_not_missed(race: Race, world: World) -> None:
    """The grant is made, started and committed while the lock looks for what it stops: they take turns."""

    def ask_and_start(index: int) -> Grant:
        request = requests.submit_request(
            actor=world.cast.ada, draft=draft(world, BASE, scope=tagged(index)), assurance=fresh()
        )
        return start(Grant.objects.get(request=request))

    for index in range(RACES):
        results = race([partial(ask_and_start, 10 * index + one) for one in range(3)] + [lock_ada(world)])
        nothing_broke(results)
        assert not Grant.objects.filter(state=GrantState.ACTIVE).exists()
        lift(world.cast.dora, next(one for one in results if isinstance(one, Lock)))
        for row in AccessRequest.objects.filter(grant__state=GrantState.ACTIVE):
            grants.relinquish_grant(actor=world.cast.ada, grant=row.grant)


def test_an_extension_and_a_lock_at_once_leave_nothing_running(race: Race, world: World) -> None:
    for index in range(RACES):
        older = active(world, scope=tagged(index))
        grants.issue_token(grant=older, actor=world.cast.ada)
        request = requests.submit_extension(
            actor=world.cast.ada, grant=older, by_s=HOUR, purpose="More", assurance=fresh()
        )
        newer = Grant.objects.get(request=request)
        results = race([partial(start, newer), partial(place, world.cast.dora, LockAxis.GRANT, older.public_id)])
        nothing_broke(results)
        for grant in (older, newer):
            assert reload(grant).state != GrantState.ACTIVE
            if reload(grant).activated_at is not None:
                assert view_of(grant).state is not ViewState.OPEN


def test_two_locks_and_one_lifting_at_once_leave_it_paused(race: Race, world: World) -> None:
    for index in range(RACES):
        grant = active(world, scope=tagged(index))
        first = place(world.cast.dora, LockAxis.GRANT, grant.public_id)
        second = partial(place, world.cast.dora, LockAxis.GRANT, grant.public_id)
        results = race([partial(lift, world.cast.dora, first), second, grants.settle_locks])
        nothing_broke(results)
        assert reload(grant).state == GrantState.SUSPENDED
        lift(world.cast.dora, next(one for one in results if isinstance(one, Lock) and one.pk != first.pk))
        assert reload(grant).state == GrantState.ACTIVE


def test_a_hand_that_resumes_and_a_lock_at_once_leave_it_paused(race: Race, world: World) -> None:
    for index in range(RACES):
        grant = active(world, scope=tagged(index))
        grants.suspend_grant(actor=world.cast.dora, grant=grant)
        nothing_broke(
            race(
                [
                    partial(grants.resume_grant, actor=world.cast.dora, grant=grant),
                    partial(place, world.cast.dora, LockAxis.GRANT, grant.public_id),
                ]
            )
        )
        assert reload(grant).state == GrantState.SUSPENDED
        assert view_of(grant).state is ViewState.PAUSED


def test_lifting_and_running_out_at_once_are_one_end(race: Race, world: World, clock) -> None:
    for index in range(RACES):
        grant = active(world, scope=tagged(index))
        lock = place(world.cast.dora, LockAxis.GRANT, grant.public_id, lasts_s=60)
        clock.set(lock.until)
        nothing_broke(race([partial(lift, world.cast.dora, lock), grants.settle_locks, grants.settle_locks]))
        assert reload(grant).state == GrantState.ACTIVE
        ends = AuditEntry.objects.filter(kind__in=["lock.lifted", "lock.ran-out"])
        assert ends.count() == index + 1


def test_lifting_and_the_end_of_the_grant_at_once(race: Race, world: World, clock) -> None:
    for index in range(RACES):
        grant = active(world, scope=tagged(index))
        lock = place(world.cast.dora, LockAxis.GRANT, grant.public_id, lasts_s=None)
        clock.set(reload(grant).valid_until)
        nothing_broke(race([partial(lift, world.cast.dora, lock), grants.expire_due_grants]))
        grants.expire_due_grants()
        assert reload(grant).end_reason == Reason.GRANT_EXPIRED
        assert view_of(grant).state is ViewState.CLOSED


def test_a_token_issued_while_the_lock_is_placed_never_works(race: Race, world: World) -> None:
    for index in range(RACES):
        grant = active(world, scope=tagged(index))
        issue = partial(grants.issue_token, grant=grant, actor=world.cast.ada)
        results = race([issue, issue, lock_ada(world)])
        nothing_broke(results)
        assert (view_of(grant).state, view_of(grant).reason) == (ViewState.PAUSED, Reason.LOCKED)
        lift(world.cast.dora, next(one for one in results if isinstance(one, Lock)))


def test_a_lock_waits_for_doors_that_are_being_opened(world: World) -> None:
    """What a transaction opens that has not committed yet is seen by neither side: so the two take turns."""

    def try_to_place() -> object:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        try:
            return place(world.cast.dora, LockAxis.TARGET, world.target.public_id)
        except OperationalError as waited:
            return waited
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as elsewhere:
        with transaction.atomic():
            wait_for_locks()
            assert isinstance(elsewhere.submit(try_to_place).result(), OperationalError)
        assert isinstance(elsewhere.submit(try_to_place).result(), Lock)
