"""Mistakes that peers made with requests and answers, told once more here. See docs/reference/edge-cases.md."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from jit_access.access_requests.models import AccessRequest
from jit_access.accounts.models import User
from jit_access.core import clock as core_clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import Conflict
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.notifications.models import Notification
from jit_access.policies.services import load_policy
from tests.conftest import Clock
from tests.support.cast import make_person
from tests.support.lifecycles import TINY, World, active, answer, ask, fresh, reload


def test_an_approval_sent_again_gains_no_time(world: World, clock: Clock) -> None:
    """jit-groups: the approval was never marked used, and each further POST counted the time from its own now."""
    request = ask(world, TINY)
    answer(request, world.cast.ben)
    grant = grants.activate_grant(actor=world.cast.ada, grant=Grant.objects.get(), assurance=fresh())
    until = grant.valid_until
    clock.advance(minutes=30)
    answer(request, world.cast.ben)  # the same answer of the same person: nothing happens
    assert (Grant.objects.count(), reload(grant).valid_until) == (1, until)
    clock.advance(hours=4)
    answer(request, world.cast.ben)
    assert Grant.objects.count() == 1
    assert reload(grant).valid_until == until


def test_a_name_that_moved_takes_nothing_along(world: World) -> None:
    """elevator PR #175: looked up by mail address once more at the approval, and so perhaps another person."""
    request = ask(world, TINY)
    User.objects.filter(pk=world.cast.ada.pk).update(username="ada.former", email="former@example.org")
    other = make_person("ada", "research")
    User.objects.filter(pk=other.pk).update(email=world.cast.ada.email)
    answer(request, world.cast.ben)
    assert Grant.objects.get().subject_id == world.cast.ada.pk
    assert not Grant.objects.filter(subject=other).exists()


def test_news_of_what_was_rolled_back_reaches_nobody(world: World) -> None:
    """Glide: the workflow began, then the request was stored, or not. Here grant and news are of one transaction."""
    request = ask(world, TINY)
    before = Notification.objects.count()

    with transaction.atomic():
        answer(request, world.cast.ben)
        assert Grant.objects.exists()
        transaction.set_rollback(True)  # as when the process dies just before the commit
    assert not Grant.objects.exists()
    assert Notification.objects.count() == before
    answer(request, world.cast.ben)
    assert Grant.objects.count() == 1


def test_the_version_shown_stays_with_the_request(world: World, tmp_path: Path) -> None:
    """Glide pins it, jit-groups does not: what was read is told with its version; what decides is the newest."""
    request = ask(world, TINY)
    shown = request.policy_version
    folder = shutil.copytree(settings.POLICY_DIR, tmp_path / "policy")
    for file in Path(folder).glob("*.cedar"):
        file.write_text(f"// a remark that changes nothing\n{file.read_text()}")
    newer = load_policy(actor=GATEWAY, directory=folder)
    assert newer.number > shown.number
    answer(request, world.cast.ben)
    stored = AccessRequest.objects.get(pk=request.pk)
    assert (stored.policy_version, stored.payload["policy"]["version"]) == (shown, shown.number)


def test_an_end_in_the_past_is_an_end_and_no_error(world: World, clock: Clock) -> None:
    """Glide fails the workflow when the window is over; a late approval here is told as what it is."""
    request = ask(world, TINY)
    answer(request, world.cast.ben)
    grant = Grant.objects.get()
    clock.set(grant.start_by)
    with pytest.raises(Conflict) as refusal:
        grants.activate_grant(actor=world.cast.ada, grant=grant, assurance=fresh())
    assert refusal.value.reason is Reason.START_TOO_LATE
    assert (reload(grant).state, reload(grant).end_reason) == (GrantState.ENDED, Reason.START_TOO_LATE)


def test_a_late_timer_ends_nothing_a_second_time(world: World, clock: Clock) -> None:
    """TEAM: the timer of the end still fires after a revocation. Here a sweep asks the rows, and finds none due."""
    grant = active(world, TINY)
    grants.revoke_grant(actor=world.cast.dora, grant=grant)
    grants.finish_revocation(grant_id=grant.pk)
    ended_at = reload(grant).ended_at
    clock.set(core_clock.now() + (grant.valid_until - core_clock.now()) * 2)  # type: ignore[operator]  # it was started
    grants.expire_due_grants()
    grants.finish_revocation(grant_id=grant.pk)
    assert (reload(grant).ended_at, reload(grant).end_reason) == (ended_at, Reason.GRANT_REVOKED)
