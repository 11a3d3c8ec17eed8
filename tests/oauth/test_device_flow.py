"""Signing in where there is no browser: off by default, one's own only, bounded in guesses and in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from jit_access.audit.models import AuditEntry
from jit_access.notifications.models import Notification
from jit_access.oauth.device_codes import GUESSES
from jit_access.oauth.forgetting import forget
from jit_access.oauth.models import AccessToken, AuthorizationCode, DeviceCode, DeviceCodeGuess
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.oauth_client import CommandLine, me, send

ClientFor = Callable[..., Client]
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PAGE = "/oauth/device"


@pytest.fixture
def switched_on(settings: Any) -> None:
    settings.OAUTH_DEVICE_GRANT = True


def begin(**changes: str | None) -> Any:
    return send("/oauth/device_authorization", **({"client_id": "jit-cli"} | changes))


def poll(device_code: str, **changes: str | None) -> Any:
    fields: dict[str, str | None] = {"grant_type": GRANT, "device_code": device_code, "client_id": "jit-cli"}
    return send("/oauth/token", **(fields | changes))


def answer(browser: Client, user_code: str, decision: str = "allow") -> Any:
    return browser.post(PAGE, {"user_code": user_code, "decision": decision})


class TestSwitchedOff:
    def test_it_is_off_unless_somebody_switched_it_on(self, cast: Cast, client_for: ClientFor) -> None:
        refused = begin()
        assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
        assert poll("x").json()["error"] == "unauthorized_client"
        for page in (client_for(cast.ada).get(PAGE), answer(client_for(cast.ada), "BCDF-GHJK")):
            assert page.status_code == 403
            assert "device-grant-off" in page.content.decode()
        metadata = Client().get("/.well-known/oauth-authorization-server").json()
        assert "device_authorization_endpoint" not in metadata
        assert GRANT not in metadata["grant_types_supported"]
        assert AuditEntry.objects.filter(kind="oauth.refused", reason="device-grant-off").count() == 4

    def test_switched_off_meanwhile_it_gives_nothing(
        self, cast: Cast, client_for: ClientFor, settings: Any, switched_on: None
    ) -> None:
        begun = begin().json()
        answer(client_for(cast.ada), begun["user_code"])
        settings.OAUTH_DEVICE_GRANT = False
        assert poll(begun["device_code"]).status_code == 400
        settings.OAUTH_DEVICE_GRANT = True
        assert poll(begun["device_code"]).status_code == 200


@pytest.mark.usefixtures("switched_on")
class TestTheWholeWay:
    def test_a_typed_code_signs_the_device_in_as_whoever_typed_it(self, cast: Cast, client_for: ClientFor) -> None:
        begun = begin(scope="read").json()
        assert (begun["expires_in"], begun["interval"]) == (600, 5)
        assert "verification_uri_complete" not in begun
        assert poll(begun["device_code"]).json()["error"] == "authorization_pending"
        browser = client_for(cast.ada)
        shown = browser.post(PAGE, {"user_code": begun["user_code"].lower().replace("-", " ")}).content.decode()
        for words in ("jit-cli", "127.0.0.1", "Ada Okafor", "See what you may see"):
            assert words in shown, words
        assert "Act for you" not in shown
        assert answer(browser, begun["user_code"]).status_code == 200
        got = poll(begun["device_code"])
        assert (got.status_code, got.json()["scope"]) == (200, "read")
        status, body = me(got.json()["access_token"])
        assert (status, body["person"]["name"], body["assurance"]["level"]) == (200, "ada", "second-factor")
        told = Notification.objects.get(kind="oauth.device-signed-in")
        assert (told.user, "127.0.0.1" in told.text) == (cast.ada, True)
        browser.post("/sign-out")
        assert me(got.json()["access_token"])[0] == 401

    def test_metadata_names_it(self, db: None) -> None:
        metadata = Client().get("/.well-known/oauth-authorization-server").json()
        assert metadata["device_authorization_endpoint"].endswith("/oauth/device_authorization")

    def test_looking_a_code_up_decides_nothing(self, cast: Cast, client_for: ClientFor) -> None:
        begun, browser = begin().json(), client_for(cast.ada)
        browser.get(PAGE, {"user_code": begun["user_code"], "decision": "allow"})
        browser.post(PAGE, {"user_code": begun["user_code"], "decision": "maybe"})
        assert poll(begun["device_code"]).json()["error"] == "authorization_pending"

    def test_no_means_no_and_for_good(self, cast: Cast, client_for: ClientFor) -> None:
        begun, browser = begin().json(), client_for(cast.ada)
        answer(browser, begun["user_code"], "deny")
        assert poll(begun["device_code"]).json()["error"] == "access_denied"
        assert answer(browser, begun["user_code"]).status_code == 422
        assert poll(begun["device_code"]).json()["error"] == "access_denied"
        assert not AccessToken.objects.exists()

    def test_a_code_is_decided_once_by_one_person(self, cast: Cast, client_for: ClientFor) -> None:
        """Whoever is second learns nothing, and the first one's yes stays theirs."""
        begun = begin().json()
        assert answer(client_for(cast.ada), begun["user_code"]).status_code == 200
        assert answer(client_for(cast.ben), begun["user_code"]).status_code == 422
        assert me(poll(begun["device_code"]).json()["access_token"])[1]["person"]["name"] == "ada"

    def test_a_code_gives_one_token(self, cast: Cast, client_for: ClientFor) -> None:
        begun = begin().json()
        answer(client_for(cast.ada), begun["user_code"])
        text = poll(begun["device_code"]).json()["access_token"]
        assert poll(begun["device_code"]).json()["error"] == "invalid_grant"
        assert me(text)[0] == 401
        assert AccessToken.objects.count() == 1


@pytest.mark.usefixtures("switched_on")
class TestItsBounds:
    def test_ten_minutes(self, cast: Cast, client_for: ClientFor, clock: Clock) -> None:
        early, late = begin().json(), begin().json()
        clock.advance(seconds=599)
        assert answer(client_for(cast.ada), early["user_code"]).status_code == 200
        assert poll(early["device_code"]).status_code == 200
        clock.advance(seconds=1)
        assert answer(client_for(cast.ada), late["user_code"]).status_code == 422
        assert poll(late["device_code"]).json()["error"] == "expired_token"

    def test_asking_too_often_is_told(self, db: None, clock: Clock) -> None:
        code = begin().json()["device_code"]
        assert poll(code).json()["error"] == "authorization_pending"
        assert poll(code).json()["error"] == "slow_down"
        clock.advance(seconds=6)
        assert poll(code).json()["error"] == "slow_down"
        clock.advance(seconds=16)
        assert poll(code).json()["error"] == "authorization_pending"
        assert not AuditEntry.objects.filter(kind="oauth.refused").exists()

    def test_ten_guesses_and_no_more(self, cast: Cast, client_for: ClientFor, clock: Clock) -> None:
        begun, browser = begin().json(), client_for(cast.ada)
        for _ in range(GUESSES):
            assert answer(browser, "BBBB-BBBB").status_code == 422
        assert answer(browser, begun["user_code"]).status_code == 429
        assert answer(client_for(cast.ada), begun["user_code"]).status_code == 429
        assert answer(client_for(cast.ben), begun["user_code"]).status_code == 200
        assert AuditEntry.objects.filter(kind="oauth.refused", reason="rate-limited").exists()

    def test_an_old_proof_is_asked_for_again(self, cast: Cast, client_for: ClientFor) -> None:
        begun = begin().json()
        page = answer(client_for(cast.ada, "stale"), begun["user_code"])
        assert page["Location"].startswith("/second-factor?next=%2Foauth%2Fdevice")
        assert poll(begun["device_code"]).json()["error"] == "authorization_pending"

    def test_strangers_do_not_fill_the_house(self, db: None) -> None:
        answers = [begin().status_code for _ in range(32)]
        assert answers == [200] * 30 + [429] * 2
        assert DeviceCode.objects.count() == 30

    def test_another_site_cannot_press_the_button(self, cast: Cast, client_for: ClientFor) -> None:
        begun, strict = begin().json(), Client(enforce_csrf_checks=True)
        strict.cookies = client_for(cast.ada).cookies
        assert answer(strict, begun["user_code"]).status_code == 403
        assert poll(begun["device_code"]).json()["error"] == "authorization_pending"

    def test_its_session_must_still_be_there(self, cast: Cast, client_for: ClientFor) -> None:
        begun, browser = begin().json(), client_for(cast.ada)
        answer(browser, begun["user_code"])
        browser.post("/sign-out")
        assert poll(begun["device_code"]).json()["error"] == "invalid_grant"
        assert not AccessToken.objects.exists()

    def test_odd_messages(self, db: None) -> None:
        assert begin(scope="admin").json()["error"] == "invalid_scope"
        assert begin(client_id="nobody").json()["error"] == "invalid_client"
        assert begin(client_id=None, scope="read").json()["error"] == "invalid_client"
        assert poll("x" * 43).json()["error"] == "invalid_grant"
        assert poll("").json()["error"] == "invalid_request"
        assert Client().get("/oauth/device_authorization").status_code == 405

    def test_neither_code_is_kept(self, db: None) -> None:
        begun = begin().json()
        kept = str(list(DeviceCode.objects.values())) + "".join(row.body for row in AuditEntry.objects.all())
        assert begun["device_code"] not in kept
        assert begun["user_code"] not in kept
        assert begun["user_code"].replace("-", "") not in kept


def test_what_is_over_is_forgotten(cast: Cast, client_for: ClientFor, settings: Any, clock: Clock) -> None:
    settings.OAUTH_DEVICE_GRANT = True
    browser = client_for(cast.ada)
    CommandLine(browser).sign_in()
    begin()
    answer(browser, "BBBB-BBBB")
    assert forget() == 0
    clock.advance(days=2)
    assert forget() == 3
    for rows in (AuthorizationCode, DeviceCode, DeviceCodeGuess):
        assert not rows.objects.exists()
    clock.advance(days=6)
    assert forget() == 1
    assert not AccessToken.objects.exists()
