"""Where one is signed in: seen, ended one by one, and held to the device in which it began."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.sessions.exceptions import SessionInterrupted
from django.test import Client

from jit_access.audit.models import AuditEntry
from jit_access.mfa.models import Device, WebSession
from jit_access.mfa.session_store import SessionStore, stored_key
from jit_access.notifications.models import Notification
from tests.conftest import Clock
from tests.support.cast import PASSWORD, Cast
from tests.support.sessions import code_now, give_factor

ME = "/api/v1/me"
SESSIONS = "/api/v1/me/sessions"
MakeClient = Callable[..., Client]


def sign_in(agent: str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0") -> Client:
    client = Client(headers={"User-Agent": agent})
    body = {"username": "ada", "password": PASSWORD, "code": code_now()}
    assert client.post("/api/v1/session", body, content_type="application/json").status_code == 201
    return client


def both(cast: Cast, clock: Clock) -> tuple[Client, Client]:
    give_factor(cast.ada)
    first = sign_in()
    clock.advance(seconds=60)
    return first, sign_in("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/605.1")


def test_no_cookie_stands_in_the_database(cast: Cast, client_for: MakeClient) -> None:
    key = client_for(cast.ada).cookies["sessionid"].value
    row = WebSession.objects.get()
    assert key not in {row.session_key, row.session_data, row.public_id}
    assert row.session_key == stored_key(key)
    thief = Client()
    thief.cookies = client_for(cast.ben).cookies
    thief.cookies["sessionid"] = row.session_key
    assert thief.get(ME).status_code == 401


class TestEnding:
    def test_every_open_session_is_shown_and_this_one_is_marked(self, cast: Cast, clock: Clock) -> None:
        laptop, phone = both(cast, clock)
        shown = phone.get(SESSIONS).json()["results"]
        assert [(one["browser"], one["is_here"]) for one in shown] == [
            ("Safari on iPhone", True),
            ("Firefox on Linux", False),
        ]
        assert laptop.get(SESSIONS).json()["results"][0]["browser"] == "Firefox on Linux"

    def test_one_that_is_ended_opens_nothing_and_the_other_goes_on(self, cast: Cast, clock: Clock) -> None:
        laptop, phone = both(cast, clock)
        other = phone.get(SESSIONS).json()["results"][1]["id"]
        assert phone.delete(f"{SESSIONS}/{other}").status_code == 204
        assert laptop.get(ME).status_code == 401
        assert phone.get(ME).status_code == 200
        assert phone.delete(f"{SESSIONS}/{other}").status_code == 404
        assert '"because":"ended-by-owner"' in AuditEntry.objects.get(kind="session.ended").body

    def test_nobody_ends_or_sees_the_session_of_somebody_else(
        self, cast: Cast, clock: Clock, client_for: MakeClient
    ) -> None:
        laptop, phone = both(cast, clock)
        other = phone.get(SESSIONS).json()["results"][1]["id"]
        ben = client_for(cast.ben)
        assert len(ben.get(SESSIONS).json()["results"]) == 1
        assert ben.delete(f"{SESSIONS}/{other}").status_code == 404
        assert laptop.get(ME).status_code == 200

    def test_a_request_that_runs_meanwhile_does_not_bring_it_back(self, cast: Cast, client_for: MakeClient) -> None:
        running = SessionStore(client_for(cast.ada).cookies["sessionid"].value)
        assert running["jit.id"]
        WebSession.objects.all().delete()
        with pytest.raises(SessionInterrupted):
            running.cycle_key()
        assert not WebSession.objects.exists()

    def test_one_that_is_over_by_silence_is_not_shown(self, cast: Cast, clock: Clock) -> None:
        _, phone = both(cast, clock)
        for _ in range(2):
            clock.advance(minutes=20)
            shown = phone.get(SESSIONS).json()["results"]
        assert [one["is_here"] for one in shown] == [True]


class TestDevices:
    def test_a_copied_session_ends_in_another_device_and_the_person_is_told(self, cast: Cast) -> None:
        give_factor(cast.ada)
        mine, thief = sign_in(), Client()
        assert mine.get(ME).status_code == 200
        thief.cookies["sessionid"] = mine.cookies["sessionid"].value
        answer = thief.get(ME)
        assert (answer.status_code, answer.json()["code"]) == (401, "device-changed")
        assert mine.get(ME).status_code == 401
        assert Notification.objects.filter(user=cast.ada, kind="session.other-device").count() == 1
        assert AuditEntry.objects.filter(kind="session.ended", reason="device-changed").count() == 1

    def test_a_second_device_is_told_and_the_first_is_not(self, cast: Cast, clock: Clock) -> None:
        both(cast, clock)
        assert Device.objects.filter(user=cast.ada).count() == 2
        told = Notification.objects.get(user=cast.ada, kind="device.added")
        assert "Safari on iPhone" in told.subject

    def test_a_password_alone_makes_no_device_known(self, cast: Cast) -> None:
        give_factor(cast.ada)
        client = Client()
        client.post("/sign-in", {"username": "ada", "password": PASSWORD})
        assert client.cookies["device"]["httponly"]
        assert not Device.objects.exists()
        client.post("/second-factor", {"code": code_now()})
        assert Device.objects.filter(user=cast.ada).count() == 1

    def test_the_same_device_stays_one_device(self, cast: Cast, clock: Clock) -> None:
        give_factor(cast.ada)
        client = sign_in()
        clock.advance(seconds=60)
        body = {"username": "ada", "password": PASSWORD, "code": code_now()}
        assert client.post("/api/v1/session", body, content_type="application/json").status_code == 201
        assert Device.objects.filter(user=cast.ada).count() == 1

    def test_removing_one_ends_its_sessions_and_needs_a_fresh_proof(self, cast: Cast, clock: Clock) -> None:
        laptop, phone = both(cast, clock)
        listed = phone.get("/api/v1/me/devices").json()["results"]
        address = "/api/v1/me/devices/" + next(one["id"] for one in listed if not one["is_here"])
        clock.advance(seconds=400)
        assert phone.delete(address).json()["code"] == "second-factor-stale"
        assert laptop.get(ME).status_code == 200
        phone.post("/api/v1/session/proof", {"code": code_now()}, content_type="application/json")
        assert phone.delete(address).status_code == 204
        assert laptop.get(ME).status_code == 401
        assert phone.get(ME).status_code == 200

    def test_it_can_be_named_by_its_owner_only(self, cast: Cast, clock: Clock, client_for: MakeClient) -> None:
        _, phone = both(cast, clock)
        address = "/api/v1/me/devices/" + phone.get("/api/v1/me/devices").json()["results"][0]["id"]
        body = {"name": "Ada's phone"}
        assert client_for(cast.ben).patch(address, body, content_type="application/json").status_code == 404
        assert phone.patch(address, body, content_type="application/json").json()["name"] == "Ada's phone"
        assert phone.patch(address, {"name": " "}, content_type="application/json").status_code == 400
