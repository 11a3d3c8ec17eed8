"""What no honest client sends: each is refused as the client's fault, and none is an error of ours."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from django.test import Client

from tests.support.cast import Cast

MakeClient = Callable[..., Client]
SESSION = "/api/v1/session"
GOOD = b'{"username": "ada", "password": "x", "code": "1"}'


def send(body: bytes) -> tuple[int, str]:
    answer = Client(raise_request_exception=False).post(SESSION, body, content_type="application/json")
    return answer.status_code, answer.json()["code"]


def test_an_honest_body_is_read(cast: Cast) -> None:
    assert send(GOOD) == (401, "sign-in-failed")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"username": NaN}',
        b'{"username": "ben", ' + GOOD[1:],
        b'{"username": "ada", "password": "x", "code": {"a": 1, "a": 2}}',
    ],
    ids=["nothing", "cut", "bytes", "lists", "objects", "nan", "repeat", "repeat below"],
)
def test_what_is_no_plain_json_is_refused(cast: Cast, body: bytes) -> None:
    assert send(body) == (400, "invalid-input")


@pytest.mark.parametrize("path", ["requests", "grants", "catalogue", "targets/demo-registry/repositories"])
@pytest.mark.parametrize("position", ["abc", "\x00", "9" * 40, "²"])
def test_a_made_up_cursor_is_no_error_of_ours(cast: Cast, client_for: MakeClient, path: str, position: str) -> None:
    cursor = base64.b64encode(b"p=" + position.encode()).decode()
    answer = client_for(cast.ada).get(f"/api/v1/{path}", {"cursor": cursor})
    assert answer.status_code in {200, 404}


def test_a_cursor_of_ours_leads_on(cast: Cast, client_for: MakeClient) -> None:
    client = client_for(cast.dora)
    first = client.get("/api/v1/activity", {"page_size": 1}).json()
    assert client.get(first["next"]).json()["results"] != first["results"]


@pytest.mark.parametrize("since", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "9999999"])
def test_an_instant_outside_of_the_calendar_is_refused(cast: Cast, client_for: MakeClient, since: str) -> None:
    client = client_for(cast.dora)
    assert client.get("/api/v1/activity", {"since": "2026-01-01T00:00:00Z"}).status_code == 200
    assert client.get("/api/v1/activity", {"since": since}).status_code == 400
