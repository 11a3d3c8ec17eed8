"""Every answer says what may be asked and how much is left; whoever asks more is told when to come back."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from jit_access.api import throttling
from tests.api.caller import ROOT, Caller
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db
ONE = re.compile(r'"(\w+)";r=(\d+);t=(\d+)')


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small numbers, all within one minute."""
    throttling.forget()
    monkeypatch.setattr(throttling.time, "monotonic", lambda: 30.0)


def small(monkeypatch: pytest.MonkeyPatch, name: str, quota: int) -> None:
    monkeypatch.setattr(throttling, name.upper(), throttling.Policy(name, quota))


def left(answer) -> dict[str, int]:
    return {name: int(count) for name, count, _ in ONE.findall(answer["RateLimit"])}


def test_every_answer_counts_down(cast: Cast) -> None:
    ada = Caller(cast.ada)
    first, second = ada.get("/requests"), ada.get("/requests/nothing")
    assert (first.status_code, second.status_code) == (200, 404)
    assert first["RateLimit-Policy"] == '"account";q=1200;w=60'
    assert first["RateLimit"] == '"account";r=1199;t=30'
    assert left(second) == {"account": 1198}


def test_a_token_has_less_than_its_account(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, "token", 2)
    bot, other = Caller(cast.ci_bot), Caller(cast.ci_bot)
    assert [left(bot.get("/me")) for _ in range(2)] == [{"account": 1199, "token": 1}, {"account": 1198, "token": 0}]
    refused = bot.get("/me")
    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (429, "rate-limited", "31")
    assert left(refused) == {"account": 1197, "token": 0}
    assert other.get("/me").status_code == 200


def test_an_account_is_one_however_many_tokens(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, "account", 3)
    bots = [Caller(cast.ci_bot) for _ in range(4)]
    assert [bot.get("/me").status_code for bot in bots] == [200, 200, 200, 429]
    assert Caller(cast.ada).get("/me").status_code == 200


def test_strangers_are_counted_by_where_they_come_from(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, "stranger", 2)
    answers = [Client().get(f"{ROOT}/requests") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert left(answers[0]) == {"stranger": 1}
    assert Client(REMOTE_ADDR="192.0.2.9").get(f"{ROOT}/requests").status_code == 401
    assert Caller(cast.ada).get("/requests").status_code == 200


def test_addresses_that_do_not_exist_say_it_too(cast: Cast) -> None:
    assert "RateLimit-Policy" in Client().get(f"{ROOT}/no-such-thing")
