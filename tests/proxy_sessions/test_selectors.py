"""The snapshot: everything that may still matter, signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from jit_access.domain.session_view import check_signature, decode_view
from jit_access.proxy_sessions import news, selectors, services
from jit_access.targets.models import Target
from tests.support.plane import make_target
from tests.support.views import TARGET, closed, make_token, make_view

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_client(redis_url: str) -> Iterator[None]:
    news.client.cache_clear()
    yield
    news.client().close()
    news.client.cache_clear()


def read() -> dict[str, Any]:
    text, signature = selectors.read_snapshot()
    check_signature(text, signature, settings.VIEW_KEY)
    body = json.loads(text)
    assert isinstance(body, dict)
    return body


def test_empty_house_still_has_a_position_and_a_birth() -> None:
    body = read()
    assert (body["views"], body["targets"], body["position"], body["added"]) == ([], [], "0-0", 0)
    assert body["birth"]
    assert read()["birth"] == body["birth"]


def test_open_and_closed_views_are_told(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        (first,) = services.put_views([make_view(make_token())])
        (second,) = services.put_views([closed(make_view(make_token(), grant_id="grt_second"))])
    body = read()
    assert [decode_view(text) for text in body["views"]] == [first, second]
    assert body["added"] == 2
    assert body["position"] == news.client().xrevrange(news.NEWS, count=1)[0][0].decode()


def test_views_that_ended_long_ago_are_left_out(clock: Any) -> None:
    services.put_views([make_view(make_token())])
    clock.advance(seconds=3600 + 3000)
    assert len(read()["views"]) == 1  # ended, but its tokens still get the precise reason
    clock.advance(seconds=3600)
    assert read()["views"] == []


def test_targets_come_with_their_opened_credential() -> None:
    target = make_target()
    target.token_origins, target.redirect_origins = ["https://auth.example"], ["https://cdn.example"]
    target.save()
    assert read()["targets"] == [
        {
            "slug": TARGET,
            "kind": "oci",
            "base_url": target.base_url,
            "username": "gateway",
            "password": "upstream password",
            "allow_private": False,
            "token_origins": ["https://auth.example"],
            "redirect_origins": ["https://cdn.example"],
        }
    ]


def test_credential_that_cannot_be_opened_shuts_its_target_only(caplog: pytest.LogCaptureFixture) -> None:
    good = make_target()
    Target.objects.create(
        slug="stolen", display_name="Stolen", base_url="http://127.0.0.1:1", sealed_password=good.sealed_password
    )
    assert [target["slug"] for target in read()["targets"]] == [TARGET]
    assert "stolen" in caplog.text
    assert "upstream password" not in caplog.text


def test_flushed_redis_has_another_birth() -> None:
    before = read()["birth"]
    news.client().flushall()
    assert read()["birth"] != before


def test_snapshot_costs_three_queries_and_the_clock(django_assert_num_queries: Any) -> None:
    make_target()
    services.put_views([make_view(make_token())])
    with django_assert_num_queries(4):
        # clock; time told; views; targets
        selectors.read_snapshot()
