"""The queue shortens lags and is never decisive: away, full or forgetful, access ends all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from celery import current_app
from django.db import transaction

from jit_access.config.celery import app
from jit_access.core import redis
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.session_view import ViewState
from jit_access.grants import jobs, services, tasks
from jit_access.grants.jobs import FINISH_REVOCATION, enqueue
from tests.grants.test_opening import view_of
from tests.support.lifecycles import TINY, World, active, reload

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "revocation"


@pytest.fixture
def broker_away(settings, tmp_path) -> Iterator[None]:
    settings.CELERY_BROKER_URL = f"redis+socket://{tmp_path}/nobody.sock"
    jobs._sender.cache_clear()
    yield
    jobs._sender.cache_clear()


def test_message_carries_the_id_and_nothing_else(world: World) -> None:
    grant = active(world, TINY)
    services.revoke_grant(actor=world.cast.dora, grant=grant)
    [message] = [json.loads(raw) for raw in redis.client().lrange(QUEUE, 0, -1)]
    assert message["headers"]["task"] == FINISH_REVOCATION
    assert message["headers"]["argsrepr"] == f"({grant.pk},)"
    assert message["headers"]["eta"] is None


def test_broker_away_is_no_failure_of_the_revocation(world: World, broker_away: None) -> None:
    grant = active(world, TINY)
    assert not enqueue(FINISH_REVOCATION, grant.pk)
    services.revoke_grant(actor=world.cast.dora, grant=grant)
    assert view_of(grant).state is ViewState.CLOSED
    tasks.finish_due_revocations()
    assert reload(grant).state == GrantState.ENDED


def test_nothing_is_sent_when_the_change_is_rolled_back(world: World) -> None:
    grant = active(world, TINY)
    with transaction.atomic():
        services.revoke_grant(actor=world.cast.dora, grant=grant)
        transaction.set_rollback(True)
    assert redis.client().llen(QUEUE) == 0
    assert reload(grant).state == GrantState.ACTIVE


def test_every_periodic_job_of_these_rooms_exists() -> None:
    app.loader.import_default_modules()
    named = {entry["task"] for entry in app.conf.beat_schedule.values()}
    ours = {name for name in named if ".grants." in name or ".access_requests." in name}
    assert ours
    assert ours <= set(app.tasks)
    assert FINISH_REVOCATION in app.tasks
    assert current_app.conf.task_acks_late


def test_a_broker_that_hangs_gets_little_time(settings) -> None:
    jobs._sender.cache_clear()
    options = jobs._sender().conf.broker_transport_options
    assert options["socket_timeout"] <= 1 < settings.CELERY_BROKER_TRANSPORT_OPTIONS["socket_timeout"]
