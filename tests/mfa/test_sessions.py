"""Sessions: when they are over, and that their id changes with their strength."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client, RequestFactory

from jit_access.accounts.services import change_password, end_sessions, lock_account, unlock_account
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.mfa.models import WebSession
from jit_access.mfa.services import start_session
from jit_access.mfa.session_keys import ENROLMENT, EPOCH, LAST_SEEN, PROVED_AT, STARTED_AT
from jit_access.mfa.session_store import stored_key
from jit_access.mfa.sessions import forget_old_sessions
from tests.conftest import Clock
from tests.support.cast import PASSWORD, Cast
from tests.support.sessions import code_now, give_factor

HOUR, MINUTE = 3600, 60
ME = "/api/v1/me"


def key_of(client: Client) -> str:
    return client.cookies["sessionid"].value


def start(client: Client, code: str) -> str:
    body = {"username": "ada", "password": PASSWORD, "code": code}
    answer = client.post("/api/v1/session", body, content_type="application/json")
    assert answer.status_code == 201
    return str(answer.json()["csrf_token"])


@pytest.fixture
def ada(cast: Cast, client_for: Callable[..., Client]) -> Client:
    return client_for(cast.ada)


def test_rows_of_sessions_that_are_over_are_forgotten(ada: Client, clock: Clock) -> None:
    clock.advance(hours=11)
    assert (forget_old_sessions(), WebSession.objects.count()) == (0, 1)
    clock.advance(hours=2)
    assert (forget_old_sessions(), WebSession.objects.count()) == (1, 0)


class TestEnds:
    def test_it_goes_on_just_before_30_minutes_of_silence_and_ends_after(self, ada: Client, clock: Clock) -> None:
        for _ in range(3):
            clock.advance(seconds=30 * MINUTE - 25)  # use is noted every 20 s, so it may end up to that much early
            assert ada.get(ME).status_code == 200
        clock.advance(seconds=30 * MINUTE)
        answer = ada.get(ME)
        assert (answer.status_code, answer.json()["code"]) == (401, "signed-out")
        assert ada.get(ME).json()["code"] == "token-missing"
        assert '"because":"silence"' in AuditEntry.objects.get(kind="session.ended").body

    def test_it_ends_after_12_hours_of_constant_use(self, ada: Client, clock: Clock) -> None:
        for _ in range(12 * 3 - 1):
            clock.advance(seconds=20 * MINUTE)
            assert ada.get(ME).status_code == 200
        clock.advance(seconds=20 * MINUTE)
        assert ada.get(ME).status_code == 401
        assert '"because":"12-hours"' in AuditEntry.objects.get(kind="session.ended").body

    def test_a_page_that_updates_itself_does_not_keep_it_alive(self, ada: Client, clock: Clock) -> None:
        for _ in range(2):
            clock.advance(seconds=14 * MINUTE)
            assert ada.get(ME, headers={"X-Polling": "true"}).status_code == 200
        clock.advance(seconds=3 * MINUTE)
        assert ada.get(ME, headers={"X-Polling": "true"}).status_code == 401

    def test_a_lock_ends_it_at_once_and_unlocking_does_not_bring_it_back(self, ada: Client, cast: Cast) -> None:
        assert ada.get(ME).status_code == 200
        lock_account(actor=GATEWAY, user=cast.ada)
        assert ada.get(ME).json()["code"] == "account-locked"
        unlock_account(actor=GATEWAY, user=cast.ada)
        assert ada.get(ME).status_code == 401

    def test_a_lock_that_was_lifted_unseen_still_ended_it(self, ada: Client, cast: Cast) -> None:
        lock_account(actor=GATEWAY, user=cast.ada)
        unlock_account(actor=GATEWAY, user=cast.ada)
        assert ada.get(ME).json()["code"] == "signed-out"

    def test_ending_all_sessions_ends_the_others(self, ada: Client, cast: Cast) -> None:
        end_sessions(actor=cast.ada.ref, user=cast.ada)
        assert ada.get(ME).json()["code"] == "signed-out"

    def test_a_new_password_ends_it(self, ada: Client, cast: Cast) -> None:
        change_password(actor=cast.ada.ref, user=cast.ada, password="an otter hums at dusk")
        assert ada.get(ME).status_code == 401

    @pytest.mark.parametrize("fact", [STARTED_AT, LAST_SEEN, EPOCH])
    def test_one_that_lacks_a_fact_is_over(self, ada: Client, fact: str) -> None:
        session = ada.session
        del session[fact]
        session.save()
        assert ada.get(ME).status_code == 401

    def test_pages_lead_back_to_where_one_was(self, ada: Client, clock: Clock) -> None:
        clock.advance(seconds=31 * MINUTE)
        answer = ada.get("/access?tab=ended")
        assert answer.status_code == 302
        assert answer["Location"] == "/sign-in?next=%2Faccess%3Ftab%3Dended&because=signed-out"


class TestRotation:
    def test_a_planted_session_id_is_not_the_one_that_is_signed_in(self, cast: Cast) -> None:
        give_factor(cast.ada)
        attacker = Client()
        attacker.session.save()
        victim = Client()
        victim.cookies["sessionid"] = planted = attacker.session.session_key or ""
        start(victim, code_now())
        assert key_of(victim) != planted
        attacker.cookies["sessionid"] = planted
        assert attacker.get(ME).status_code == 401

    def test_a_step_up_changes_the_id_and_the_form_token_and_ends_the_old_id(self, cast: Cast, clock: Clock) -> None:
        give_factor(cast.ada)
        client = Client(enforce_csrf_checks=True)
        token = start(client, code_now())
        before = key_of(client)
        clock.advance(seconds=60)
        answer = client.post(
            "/api/v1/session/proof",
            {"code": code_now()},
            content_type="application/json",
            headers={"X-CSRFToken": token},
        )
        assert answer.status_code == 200
        assert answer.json()["assurance"]["age_s"] == 0
        assert key_of(client) != before
        old = Client()
        old.cookies["sessionid"] = before
        assert old.get(ME).status_code == 401
        assert not WebSession.objects.filter(session_key=stored_key(before)).exists()

    def test_signing_in_again_changes_the_id_and_drops_the_earlier_proof(self, cast: Cast, clock: Clock) -> None:
        give_factor(cast.ada)
        client = Client()
        start(client, code_now())
        before = key_of(client)
        clock.advance(seconds=60)
        start(client, code_now())
        assert key_of(client) != before
        assert not WebSession.objects.filter(session_key=stored_key(before)).exists()

    def test_a_password_alone_never_takes_over_what_the_browser_held(
        self, cast: Cast, client_for: Callable[..., Client]
    ) -> None:
        request = RequestFactory().post("/sign-in")
        request.session, request.user = client_for(cast.ada).session, cast.ada
        request.session[ENROLMENT] = "held"
        before = request.session.session_key
        start_session(request, cast.ada)
        assert request.session.session_key != before
        assert not {PROVED_AT, ENROLMENT} & set(request.session.keys())
        assert not WebSession.objects.filter(session_key=stored_key(before)).exists()

    def test_after_signing_out_the_id_is_worth_nothing(self, cast: Cast) -> None:
        give_factor(cast.ada)
        client = Client()
        token = start(client, code_now())
        before = key_of(client)
        assert client.delete("/api/v1/session", headers={"X-CSRFToken": token}).status_code == 204
        client.cookies["sessionid"] = before
        assert client.get(ME).status_code == 401


def test_the_cookie_is_closed_to_scripts_and_other_sites(cast: Cast) -> None:
    give_factor(cast.ada)
    client = Client()
    start(client, code_now())
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert int(cookie["max-age"]) == timedelta(hours=12).total_seconds()
