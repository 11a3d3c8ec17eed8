"""A zero byte is refused wherever a stranger can put one; PostgreSQL would refuse it as an error of ours."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from tests.support.cast import Cast

MakeClient = Callable[..., Client]


@pytest.mark.parametrize(
    "address",
    [
        "/requests/{}",
        "/requests/new?again={}",
        "/requests/new?{}=x",
        "/activity?target={}",
        "/api/v1/requests/{}",
        "/api/v1/targets/{}",
        "/api/v1/catalogue?q={}",
    ],
)
def test_in_an_address(cast: Cast, client_for: MakeClient, address: str) -> None:
    client = client_for(cast.ada)
    assert client.get(address.format("x")).status_code in {200, 404}
    answer = client.get(address.format("x%00"))
    assert answer.status_code == 400
    assert answer["Content-Security-Policy"]
    kind = "application/problem+json" if address.startswith("/api/") else "text/html; charset=utf-8"
    assert answer["Content-Type"] == kind


def test_in_a_form(cast: Cast, client_for: MakeClient) -> None:
    client = client_for(cast.ada)
    assert client.post("/requests/preview", {"resource": "rpo_x"}).status_code == 200
    assert client.post("/requests/preview", {"resource": "rpo_x\x00"}).status_code == 400


def test_in_a_cookie_of_somebody_unknown(db: None) -> None:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "aaaaaaaaaaaa"
    assert client.get("/sign-in").status_code == 200
    client.cookies[settings.SESSION_COOKIE_NAME] = "\x00aaaaaaaaaaaa"
    assert client.get("/sign-in").status_code == 400
