"""Signing in through the API: both factors or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client

from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from tests.support.cast import PASSWORD, Cast
from tests.support.sessions import code_now, give_factor

SESSION = "/api/v1/session"
PROOF = "/api/v1/session/proof"
ME = "/api/v1/me"
MakeClient = Callable[..., Client]


@pytest.fixture
def ada(cast: Cast) -> User:
    give_factor(cast.ada)
    return cast.ada


def sign_in(client: Client, **changes: object) -> HttpResponse:
    body = {"username": "ada", "password": PASSWORD, "code": code_now()} | changes
    return client.post(SESSION, json.dumps(body), content_type="application/json")  # type: ignore[return-value]


class TestSignIn:
    def test_both_factors_make_a_session(self, ada: User) -> None:
        client = Client(enforce_csrf_checks=True)
        answer = sign_in(client)
        assert answer.status_code == 201
        body = json.loads(answer.content)
        assert body["person"]["name"] == "ada"
        assert body["person"]["groups"] == ["research"]
        assert (body["assurance"]["level"], body["assurance"]["age_s"]) == ("second-factor", 0)
        me = client.get(ME)
        assert me.json()["person"] == body["person"]
        assert client.delete(SESSION, headers={"X-CSRFToken": body["csrf_token"]}).status_code == 204
        kinds = set(AuditEntry.objects.values_list("kind", flat=True))
        assert {"sign-in.password-accepted", "second-factor.proved", "session.ended"} <= kinds

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"password": "wrong"}, 401, "sign-in-failed"),
            ({"username": "nobody"}, 401, "sign-in-failed"),
            ({"username": "ci-bot"}, 401, "sign-in-failed"),
            ({"code": "no"}, 403, "second-factor-wrong"),
            ({"username": "ben"}, 401, "second-factor-missing"),
            ({"code": ""}, 400, "invalid-input"),
            ({"username": None}, 400, "invalid-input"),
            ({"password": ["x"]}, 400, "invalid-input"),
            ({"username": "a\x00da"}, 400, "invalid-input"),
        ],
    )
    def test_anything_less_makes_none(self, ada: User, changes: dict[str, object], status: int, code: str) -> None:
        client = Client()
        answer = sign_in(client, **changes)
        assert (answer.status_code, json.loads(answer.content)["code"]) == (status, code)
        assert "sessionid" not in client.cookies
        assert client.get(ME).status_code == 401

    def test_unknown_and_wrong_are_answered_alike_to_the_byte(self, ada: User) -> None:
        wrong, unknown = sign_in(Client(), password="wrong"), sign_in(Client(), username="nobody")
        assert wrong.content == unknown.content
        assert set(wrong.headers) == set(unknown.headers)

    def test_a_form_or_plain_text_is_not_json(self, ada: User) -> None:
        """What a foreign page can send without asking first."""
        body = {"username": "ada", "password": PASSWORD, "code": code_now()}
        assert Client().post(SESSION, body).status_code == 415
        assert Client().post(SESSION, json.dumps(body), content_type="text/plain").status_code == 415

    def test_a_failed_second_factor_leaves_no_half_session(self, ada: User) -> None:
        client = Client()
        sign_in(client, code="no")
        assert client.get(ME).json()["code"] == "token-missing"


class TestProof:
    def test_a_session_on_a_password_becomes_a_proved_one(self, ada: User, client_for: MakeClient) -> None:
        client = client_for(ada, "none")
        assert client.get(ME).json()["code"] == "second-factor-missing"
        answer = client.post(PROOF, {"code": code_now()}, content_type="application/json")
        assert answer.status_code == 200
        assert client.get(ME).status_code == 200

    def test_a_wrong_code_leaves_it_as_it_was(self, ada: User, client_for: MakeClient) -> None:
        client = client_for(ada, "none")
        answer = client.post(PROOF, {"code": "no"}, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (403, "second-factor-wrong")
        assert answer.json()["fields"] == {"tries_left": 9}
        assert client.get(ME).status_code == 401

    def test_nobody_proves_nothing(self, ada: User) -> None:
        answer = Client().post(PROOF, {"code": code_now()}, content_type="application/json")
        assert answer.status_code == 401

    def test_a_weak_session_can_be_left(self, ada: User, client_for: MakeClient) -> None:
        client = client_for(ada, "none")
        assert client.delete(SESSION).status_code == 204
        assert client.get(ME).json()["code"] == "token-missing"
