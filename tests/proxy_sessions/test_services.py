"""Views get their epochs and their way out in the transaction that made them true."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.db import connection, transaction

from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import ViewState, check_signature, decode_view
from jit_access.proxy_sessions import news, services
from jit_access.proxy_sessions.models import SessionViewRow, ViewOutbox
from jit_access.targets import changes
from tests.support.processes import free_port
from tests.support.views import closed, make_token, make_view

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_client(redis_url: str) -> Iterator[None]:
    news.client.cache_clear()
    yield
    news.client().close()
    news.client.cache_clear()


@pytest.fixture
def lost_redis(settings: Any) -> Iterator[Callable[[], None]]:
    """Redis is away; call it to have it back."""
    url, settings.REDIS_URL = settings.REDIS_URL, f"redis://127.0.0.1:{free_port()}/0"
    news.client.cache_clear()

    def restore() -> None:
        settings.REDIS_URL = url
        news.client.cache_clear()

    yield restore
    restore()


def published() -> list[dict[str, Any]]:
    """The news stream as a proxy reads it; every signature is checked."""
    messages = []
    for _, fields in news.client().xrange(news.NEWS):
        text, signature = fields[b"m"].decode(), fields[b"s"].decode()
        check_signature(text, signature, django_settings.VIEW_KEY)
        messages.append(json.loads(text))
    return messages


def test_first_view_begins_at_one_and_each_further_one_is_newer() -> None:
    view = make_view(make_token(), epoch=0)
    (first,) = services.put_views([view])
    (second,) = services.put_views([replace(view, risk=5)])
    assert (first.epoch, second.epoch) == (1, 2)
    row = SessionViewRow.objects.get(grant_id=view.grant_id)
    assert decode_view(row.body) == second
    assert row.is_open


def test_views_of_one_call_travel_in_one_message(django_capture_on_commit_callbacks: Any) -> None:
    views = [make_view(make_token(), grant_id="grt_b"), make_view(make_token(), grant_id="grt_a")]
    with django_capture_on_commit_callbacks(execute=True):
        stored = services.put_views(views)
    (message,) = published()
    assert {decode_view(text) for text in message["views"]} == set(stored)
    assert [view.grant_id for view in stored] == ["grt_b", "grt_a"]


def test_no_views_are_no_news() -> None:
    assert services.put_views([]) == ()
    assert not ViewOutbox.objects.exists()


def test_nothing_leaves_before_the_commit(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        services.put_views([make_view(make_token())])
    assert published() == []
    (callback,) = callbacks
    callback()
    assert len(published()) == 1


@pytest.mark.django_db(transaction=True)
def test_rollback_takes_view_and_news_with_it() -> None:
    with transaction.atomic():
        services.put_views([make_view(make_token())])
        transaction.set_rollback(True)
    assert not SessionViewRow.objects.exists()
    assert services.drain_outbox() == 0
    assert published() == []


@pytest.mark.django_db(transaction=True)
def test_lost_redis_delays_news_and_loses_none(
    lost_redis: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    services.put_views([make_view(make_token())])
    assert "wait in the outbox" in caplog.text
    with pytest.raises(redis.RedisError):
        services.drain_outbox()
    lost_redis()
    assert services.drain_outbox() == 1
    assert services.drain_outbox() == 0
    assert len(published()) == 1
    row = ViewOutbox.objects.get()
    assert row.published_at is not None
    assert row.stream_id


@pytest.mark.django_db(transaction=True)
def test_large_backlog_goes_out_in_order() -> None:
    count = services.DRAIN_BATCH * 2 + 3
    ViewOutbox.objects.bulk_create(ViewOutbox(message=json.dumps({"n": number})) for number in range(count))
    assert services.drain_outbox() == count
    assert [message["n"] for message in published()] == list(range(count))


def test_close_keeps_the_tokens_and_tells_why_once() -> None:
    (view,) = services.put_views([make_view(make_token())])
    shut = services.close_view(grant_id=view.grant_id, reason=Reason.GRANT_REVOKED)
    assert shut is not None
    assert (shut.state, shut.reason, shut.leases, shut.epoch) == (
        ViewState.CLOSED,
        Reason.GRANT_REVOKED,
        view.leases,
        view.epoch + 1,
    )
    assert services.close_view(grant_id=view.grant_id, reason=Reason.GRANT_EXPIRED) == shut
    assert services.close_view(grant_id="grt_unknown", reason=Reason.GRANT_REVOKED) is None
    assert not SessionViewRow.objects.get().is_open


def test_row_remembers_the_latest_end_ever_told() -> None:
    (view,) = services.put_views([make_view(make_token())])
    services.put_views([replace(closed(view), valid_until=view.valid_from)])
    assert SessionViewRow.objects.get().valid_until.timestamp() == pytest.approx(view.valid_until)


def test_prune_forgets_only_what_went_out_long_ago(clock: Any, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        services.put_views([make_view(make_token())])
    due = ViewOutbox.objects.create(message="{}")
    assert services.prune_outbox() == 0
    clock.advance(hours=2)
    assert services.prune_outbox() == 1
    assert list(ViewOutbox.objects.all()) == [due]


@pytest.mark.django_db(transaction=True)
def test_parallel_writers_never_share_an_epoch() -> None:
    """Also for a grant that nobody told of before: the row is made by one of them."""
    barrier, epochs, failures = threading.Barrier(6), [], []

    def write() -> None:
        try:
            barrier.wait()
            for _ in range(5):
                (view,) = services.put_views([make_view(make_token())])
                epochs.append(view.epoch)
        except Exception as exc:  # noqa: BLE001  # shown by the assertion below
            failures.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(epochs) == list(range(1, 31))


@pytest.mark.django_db(transaction=True)
def test_parallel_drains_lose_nothing() -> None:
    ViewOutbox.objects.bulk_create(ViewOutbox(message=json.dumps({"n": number})) for number in range(300))
    failures = []

    def drain() -> None:
        try:
            services.drain_outbox()
        except Exception as exc:  # noqa: BLE001  # shown by the assertion below
            failures.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {message["n"] for message in published()} == set(range(300))
    assert not ViewOutbox.objects.filter(published_at=None).exists()


def test_changed_target_is_told_to_the_proxies(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        changes.announce()
    assert published() == [{"type": "targets"}]
