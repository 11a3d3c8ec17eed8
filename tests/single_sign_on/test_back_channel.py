"""A provider says that somebody left: sessions and what was started in them end, once, and only on its own word."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.domain.actors import GATEWAY
from jit_access.grants.models import Grant
from jit_access.mfa.models import WebSession
from jit_access.mfa.session_keys import PUBLIC_ID
from jit_access.single_sign_on import services
from jit_access.single_sign_on.models import Provider
from tests.single_sign_on.conftest import Walk
from tests.support.cast import Cast
from tests.support.oidc.issuer import LOGOUT_EVENT, Issuer
from tests.support.sessions import code_now, give_factor

DOOR = "/sign-in/back-channel/corp"
ME = "/api/v1/me"


def send(token: str) -> int:
    answer = Client().post(DOOR, {"logout_token": token})
    assert answer["Cache-Control"]
    return answer.status_code


@pytest.fixture
def inside(linked: Client, cast: Cast) -> Client:
    """Ada, signed in through the provider and with her own second factor."""
    give_factor(cast.ada)
    walk = Walk(Client())
    walk.sign_in()
    core_clock.now()
    assert walk.client.post("/second-factor", {"code": code_now()}).status_code == 302
    assert walk.client.get(ME).status_code == 200
    return walk.client


def test_a_session_that_the_provider_ends_is_over_at_once(inside: Client, issuer: Issuer, linked: Client) -> None:
    assert send(issuer.logout_token(sid="session-of-S-ada")) == 200
    assert inside.get(ME).status_code == 401
    assert linked.get(ME).status_code == 200  # by password: not the provider's to end
    assert AuditEntry.objects.filter(kind="sign-on.logout", reason="signed-out-everywhere").count() == 1


def test_a_subject_alone_ends_all_that_came_by_the_provider(inside: Client, issuer: Issuer, linked: Client) -> None:
    assert send(issuer.logout_token(sub="S-ada")) == 200
    assert inside.get(ME).status_code == 401
    assert linked.get(ME).status_code == 200


def test_where_operators_say_so_everything_of_the_person_ends(
    inside: Client, issuer: Issuer, linked: Client, provider: Provider
) -> None:
    services.change_provider(actor=GATEWAY, provider=provider, logout_ends="person")
    assert send(issuer.logout_token(sub="S-ada")) == 200
    assert inside.get(ME).status_code == 401
    assert linked.get(ME).status_code == 401


def test_the_session_of_somebody_else_goes_on(inside: Client, issuer: Issuer) -> None:
    assert send(issuer.logout_token(sid="session-of-S-ben")) == 200
    assert send(issuer.logout_token(sub="S-ben")) == 200
    assert send(issuer.logout_token(sub="S-ben", sid="session-of-S-ada")) == 200
    assert inside.get(ME).status_code == 200


def test_a_token_counts_once(inside: Client, issuer: Issuer) -> None:
    token = issuer.logout_token(sid="another")
    assert send(token) == 200
    assert send(token) == 400
    assert AuditEntry.objects.filter(kind="sign-on.logout-refused").count() == 1


BENT: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": "n"},
    "no event": {"events": {}},
    "another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "event is text": {"events": {LOGOUT_EVENT: "yes"}},
    "nobody": {"sid": None},
    "no id": {"jti": None},
    "audience": {"aud": "another-client"},
    "issuer": {"iss": "https://evil.example"},
    "over": {"exp": 1_000_000_000},
    "endless": {"exp": 1e400},
    "old": {"iat": 1_000_000_000},
}


@pytest.mark.parametrize("case", BENT)
def test_a_token_that_is_not_a_logout_for_us_ends_nothing(inside: Client, issuer: Issuer, case: str) -> None:
    issuer.bend = BENT[case]
    assert send(issuer.logout_token(sid="session-of-S-ada")) == 400
    assert inside.get(ME).status_code == 200


def test_an_id_token_is_no_logout_and_neither_is_an_unsigned_one(inside: Client, issuer: Issuer) -> None:
    good = issuer.logout_token(sid="session-of-S-ada")
    head, body, _ = good.split(".")
    assert send(f"{head}.{body}.") == 400
    assert send("") == 400
    assert send(good + "x") == 400
    assert inside.get(ME).status_code == 200
    assert send(good) == 200
    assert inside.get(ME).status_code == 401


def test_only_the_provider_in_question_is_asked(inside: Client, issuer: Issuer) -> None:
    token = issuer.logout_token(sid="session-of-S-ada")
    assert Client().post("/sign-in/back-channel/nothing", {"logout_token": token}).status_code == 404
    assert Client().get(DOOR).status_code == 405
    assert inside.get(ME).status_code == 200


def test_a_session_remembers_what_was_started_in_it(inside: Client) -> None:
    assert inside.session[PUBLIC_ID]
    assert WebSession.objects.filter(came_by="corp").count() == 1
    assert not Grant.objects.exists()
