"""The addresses for proxies: one shared secret, nothing else opens them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.test import Client

from jit_access.api import internal
from jit_access.audit.models import AuditEntry
from jit_access.domain.audit_record import AuditRecord, canonical_bytes
from jit_access.domain.session_view import check_signature, decode_view
from jit_access.proxy_sessions import news, services
from jit_access.proxy_sessions.models import GrantUsage
from tests.support.processes import free_port
from tests.support.views import REPOSITORY, make_token, make_view

pytestmark = pytest.mark.django_db
SNAPSHOT, AUDIT, USAGE = "/internal/v1/snapshot", "/internal/v1/audit", "/internal/v1/usage"
PINS = "/internal/v1/pins"
RUN = "ab" * 16


@pytest.fixture(autouse=True)
def fresh_client(redis_url: str) -> Iterator[None]:
    news.client.cache_clear()
    yield
    news.client().close()
    news.client.cache_clear()


@pytest.fixture
def proxy() -> Client:
    """As a proxy calls: a bearer, no cookie. CSRF is checked as in production."""
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {django_settings.PROXY_SECRET}"})


def make_record(number: int = 1) -> bytes:
    return canonical_bytes(
        AuditRecord(
            id=f"rec_{number:032x}",
            at="2026-11-23T13:55:10.123456Z",
            source="proxy/proxy-1",
            kind="proxy.request.allowed",
        )
    )


def post(client: Client, body: bytes) -> Any:
    return client.post(AUDIT, body, content_type="application/x-ndjson")


def test_snapshot_is_signed_and_not_to_be_cached(proxy: Client) -> None:
    (view,) = services.put_views([make_view(make_token())])
    answer = proxy.get(SNAPSHOT)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    envelope = answer.json()
    check_signature(envelope["body"], envelope["signature"], django_settings.VIEW_KEY)
    assert [decode_view(text) for text in json.loads(envelope["body"])["views"]] == [view]


@pytest.mark.parametrize(
    "bearer",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic {secret}",
        "bearer {secret}",
        "Bearer {secret} ",
        "Bearer ü",
        "{secret}",
    ],
)
@pytest.mark.parametrize("path", [SNAPSHOT, AUDIT, USAGE])
def test_only_the_bearer_opens(path: str, bearer: str) -> None:
    given = bearer.format(secret=django_settings.PROXY_SECRET)
    client = Client(headers={"Authorization": given} if given else {})
    for answer in (client.get(path), client.post(path, make_record(), content_type="application/x-ndjson")):
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"
        assert answer["Cache-Control"] == "no-store"
        assert answer.json()["code"] == "token-unknown"
    assert not AuditEntry.objects.filter(source="proxy/proxy-1").exists()


def test_session_of_the_strongest_person_opens_nothing() -> None:
    client = Client()
    boss = get_user_model().objects.create_user(username="boss", is_staff=True, is_superuser=True)
    client.force_login(boss, backend=django_settings.AUTHENTICATION_BACKENDS[-1])
    assert client.get(SNAPSHOT).status_code == 401


def test_records_count_once(proxy: Client) -> None:
    body = make_record(1) + b"\n" + make_record(2)
    assert post(proxy, body).json() == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert post(proxy, body).json() == {"accepted": 0, "duplicates": 2, "rejected": []}
    assert AuditEntry.objects.filter(source="proxy/proxy-1").count() == 2


def test_bad_record_is_named_and_holds_nothing_back(proxy: Client) -> None:
    answer = post(proxy, b"garbage\n" + make_record(1))
    assert answer.json() == {"accepted": 1, "duplicates": 0, "rejected": ["#0"]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\n".join([b"x"] * 501), 413),
        (b"x" * (internal.MAX_AUDIT_BYTES + 1), 413),
        (b"x" * (5 * 1024 * 1024), 413),
    ],
)
def test_body_out_of_bounds_is_refused(proxy: Client, body: bytes, status: int) -> None:
    answer = post(proxy, body)
    assert answer.status_code == status
    assert answer["Cache-Control"] == "no-store"
    assert not AuditEntry.objects.filter(source="proxy/proxy-1").exists()


def test_usage_is_answered_with_the_sum(proxy: Client) -> None:
    services.put_views([make_view(make_token(), byte_budget=1000)])
    for run, used in ((RUN, 300), ("cd" * 16, 600), (RUN, 600)):
        answer = proxy.post(USAGE, {"run": run, "moved": {"grt_first": 300}}, content_type="application/json")
        assert answer.json() == {"used": {"grt_first": used}, "requests": {"grt_first": 0}}


def test_requests_are_answered_with_their_sum(proxy: Client) -> None:
    services.put_views([make_view(make_token(), request_budget=1000)])
    for run, used in ((RUN, 3), ("cd" * 16, 6), (RUN, 6)):
        body = {"run": run, "moved": {"grt_first": 5}, "requests": {"grt_first": 3}}
        answer = proxy.post(USAGE, body, content_type="application/json")
        assert answer.json()["requests"] == {"grt_first": used}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"run": "%s"}' % RUN.encode(),
        b'{"run": "short", "moved": {}}',
        b'{"run": 5, "moved": {}}',
        b'{"run": "%s", "moved": []}' % RUN.encode(),
        b'{"run": "%s", "moved": {"grt_first": -1}}' % RUN.encode(),
        b'{"run": "%s", "moved": {"grt_first": 1.5}}' % RUN.encode(),
        b'{"run": "%s", "moved": {"grt_first": true}}' % RUN.encode(),
        b'{"run": "%s", "moved": {"grt_first": 9007199254740992}}' % RUN.encode(),
        b'{"run": "%s", "moved": {"grt\\u0000": 1}}' % RUN.encode(),
        b'{"run": "%s", "moved": {"grt_first": 1}, "requests": []}' % RUN.encode(),
        b'{"run": "%s", "moved": {"grt_first": 1}, "requests": {"grt_first": -1}}' % RUN.encode(),
        b'{"run": "%s", "moved": {}, "requests": {"grt_first": 1}}' % RUN.encode(),
    ],
)
def test_usage_of_another_shape_is_refused(proxy: Client, body: bytes) -> None:
    services.put_views([make_view(make_token(), byte_budget=1000)])
    answer = proxy.post(USAGE, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")
    assert not GrantUsage.objects.exists()


def test_pins_are_answered_with_what_stands(proxy: Client) -> None:
    services.put_views([make_view(make_token())])
    for means in ("a" * 40, "b" * 40):
        body = {"grant": "grt_first", "repository": REPOSITORY, "names": {"main": means}}
        answer = proxy.post(PINS, body, content_type="application/json")
        assert answer.json() == {"pins": {"main": "a" * 40}}
    answer = proxy.post(PINS, body | {"grant": "grt_other"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    "change",
    [
        {"grant": 5}, {"grant": "GRT"}, {"repository": "../x"}, {"repository": None}, {"names": []},
        {"names": {"a b": "c"}},
        {"names": {"a": None}}, {"names": {"a": 5}}, {"names": {"a": "x" * 129}},
        {"names": {str(n): "c" for n in range(501)}},
    ],
)  # fmt: skip
def test_pins_of_another_shape_are_refused(proxy: Client, change: dict[str, object]) -> None:
    services.put_views([make_view(make_token())])
    body = {"grant": "grt_first", "repository": REPOSITORY, "names": {"a": "b"}}
    assert proxy.post(PINS, body, content_type="application/json").status_code == 200
    answer = proxy.post(PINS, body | change, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")


def test_methods_are_fixed(proxy: Client) -> None:
    assert proxy.post(SNAPSHOT).status_code == 405
    assert proxy.get(AUDIT).status_code == 405
    assert proxy.get(AUDIT)["Allow"] == "POST"


def test_lost_redis_is_told_as_unavailable(proxy: Client, settings: Any) -> None:
    assert proxy.get(SNAPSHOT).status_code == 200
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    news.client.cache_clear()
    answer = proxy.get(SNAPSHOT)
    assert answer.status_code == 503
    assert answer.json()["code"] == "control-plane-lost"
    assert post(proxy, make_record()).status_code == 200  # records need the database only


@pytest.mark.parametrize("path", [SNAPSHOT, AUDIT])
def test_lost_database_is_told_as_unavailable(proxy: Client, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(internal, "read_snapshot", fail)
    monkeypatch.setattr(internal, "ingest_records", fail)
    answer = proxy.get(path) if path == SNAPSHOT else post(proxy, make_record())
    assert answer.status_code == 503
    assert answer.json()["code"] == "database-away"
    assert "closed the connection" not in answer.content.decode()
