"""What a session without a second factor reaches: walked over every address there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.mfa import middleware
from tests.support.cast import Cast
from tests.support.sessions import give_factor

MakeClient = Callable[..., Client]
# What is open by design, and to whom.
OPEN = {
    "/sign-in",
    "/sign-out",
    "/healthz",
    "/readyz",
    "/api/v1/session",
    "/api/v1/session/proof",
    "/api/v1/leaked-tokens",
}
# On the way to an identity provider, and what directories and Slack send: no session counts for anything there.
WITHOUT_SESSION = ("/internal/", "/scim/", "/sign-in/", "/slack/")
# The authorization server's endpoints for machines: a client's own credential counts, no session.
OAUTH = ("/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/device_authorization", "/.well-known/")
_PART = re.compile(r"<[^>]+>|\(\?P<[^)]+\)")


def addresses() -> list[str]:
    """One example of every address in the URL configuration."""
    return sorted(set(_walk(get_resolver().url_patterns, "/")))


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for item in patterns:
        raw = _PART.sub("1", str(item.pattern))
        address = prefix + raw.replace("^", "").replace("$", "").replace("\\Z", "").replace(".*", "x").replace("\\", "")
        if isinstance(item, URLResolver):
            yield from _walk(item.url_patterns, address)
        else:
            yield address


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("has_device", [True, False])
def test_a_password_alone_reaches_only_the_second_factor(
    cast: Cast, client_for: MakeClient, method: str, *, has_device: bool
) -> None:
    if has_device:
        give_factor(cast.ada)
    User.objects.filter(pk=cast.ada.pk).update(is_superuser=True, is_staff=True)
    client = client_for(cast.ada, "none")
    leads_to = "/second-factor" if has_device else "/second-factor/set-up"
    seen = addresses()
    assert {"/admin/", "/admin/login/", "/access", "/api/v1/me", "/api/v1/openapi.json"} <= set(seen)
    for address in seen:
        if address in OPEN or address.startswith((*WITHOUT_SESSION, *OAUTH, "/second-factor")):
            continue
        answer = getattr(client, method)(address)
        if address.startswith("/api/"):
            assert (answer.status_code, answer.json()["code"]) == (401, "second-factor-missing"), address
        else:
            assert answer.status_code == 302, address
            assert answer["Location"].split("?")[0] == leads_to, address


def test_nobody_reaches_less_than_that(db: None) -> None:
    for address in addresses():
        if address in OPEN or address.startswith((*WITHOUT_SESSION, *OAUTH)):
            continue
        answer = Client().get(address)
        if address.startswith("/api/"):
            assert answer.status_code in {401, 404}, address
        else:
            assert answer["Location"].split("?")[0] == "/sign-in", address


def test_no_session_counts_for_a_directory_or_on_the_way_to_a_provider(cast: Cast, client_for: MakeClient) -> None:
    for client in (Client(), client_for(cast.ada, "none"), client_for(cast.dora)):
        for address in addresses():
            if address.startswith("/scim/"):
                assert client.get(address).status_code == 401, address
            elif address.startswith("/sign-in/"):
                assert client.get(address).status_code in {404, 405}, address
                assert client.post(address).status_code in {404, 405}, address


def test_with_the_second_factor_the_same_session_goes_on(cast: Cast, client_for: MakeClient) -> None:
    assert client_for(cast.ada, "fresh").get("/api/v1/me").status_code == 200


class TestWhichPage:
    def test_who_has_a_device_cannot_set_up_another_on_a_password(self, cast: Cast, client_for: MakeClient) -> None:
        give_factor(cast.ada)
        answer = client_for(cast.ada, "none").get("/second-factor/set-up")
        assert answer["Location"] == "/second-factor"

    def test_who_has_none_is_led_to_set_one_up(self, cast: Cast, client_for: MakeClient) -> None:
        answer = client_for(cast.cleo, "none").get("/second-factor")
        assert answer["Location"].startswith("/second-factor/set-up")

    @pytest.mark.parametrize(
        ("wanted", "led_to"), [("/requests/new", "/requests/new"), ("https://evil.example/", None)]
    )
    def test_the_pages_of_the_factor_are_no_place_to_come_back_to(
        self, cast: Cast, client_for: MakeClient, wanted: str, led_to: str | None
    ) -> None:
        """Else a first enrolment ends in a second question for the code that was just used."""
        answer = client_for(cast.cleo, "none").get("/second-factor", {"next": wanted})
        assert answer["Location"] == "/second-factor/set-up" + (f"?{urlencode({'next': led_to})}" if led_to else "")

    def test_a_fragment_is_told_to_load_the_page(self, db: None) -> None:
        headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/approvals?tab=own"}
        answer = Client().get("/approvals/parts", headers=headers)
        assert answer.status_code == 401
        assert answer["HX-Redirect"] == "/sign-in?next=%2Fapprovals%3Ftab%3Down"

    @pytest.mark.parametrize("foreign", ["https://evil.example/x", "//evil.example/x", "javascript:alert(1)", ""])
    def test_the_way_back_never_leads_elsewhere(self, db: None, foreign: str) -> None:
        headers = {"HX-Request": "true", "HX-Current-URL": foreign, "Referer": foreign}
        assert "evil" not in Client().get("/access", headers=headers)["HX-Redirect"]
        assert "evil" not in Client().post("/access", headers={"Referer": foreign})["Location"]
        assert Client().get("/", PATH_INFO="//evil.example/x")["Location"] == "/sign-in"


class TestAdmin:
    def make_superuser(self, user: User) -> None:
        User.objects.filter(pk=user.pk).update(is_superuser=True, is_staff=True)

    def test_a_proved_superuser_may_look_and_change_nothing(self, cast: Cast, client_for: MakeClient) -> None:
        self.make_superuser(cast.dora)
        client = client_for(cast.dora, "fresh")
        assert client.get("/admin/accounts/user/").status_code == 200
        assert client.get(f"/admin/accounts/user/{cast.ada.pk}/change/").status_code == 200
        for address in ("user/add/", f"user/{cast.ada.pk}/delete/", f"user/{cast.ada.pk}/password/"):
            assert client.get(f"/admin/accounts/{address}").status_code in {302, 403, 404}, address
        changed = client.post(f"/admin/accounts/user/{cast.ada.pk}/change/", {"is_active": ""})
        assert changed.status_code == 403
        assert User.objects.get(pk=cast.ada.pk).is_active

    def test_its_own_doors_are_closed(self, cast: Cast, client_for: MakeClient) -> None:
        self.make_superuser(cast.dora)
        client = client_for(cast.dora, "fresh")
        for address in ("login/", "password_change/", "password_change/done/"):
            assert client.get(f"/admin/{address}").status_code == 404
            assert client.post(f"/admin/{address}").status_code == 404

    def test_only_accounts_and_groups_are_shown(self, cast: Cast, client_for: MakeClient) -> None:
        self.make_superuser(cast.dora)
        page = client_for(cast.dora, "fresh").get("/admin/").content.decode()
        assert set(re.findall(r'href="/admin/(\w+/\w+)/"', page)) == {"accounts/user", "auth/group"}

    def test_everybody_else_finds_nothing_there(self, cast: Cast, client_for: MakeClient) -> None:
        client = client_for(cast.ben, "fresh")
        answer = client.get("/admin/", follow=True)
        assert answer.status_code == 404


class TestTrouble:
    @pytest.mark.parametrize(
        ("address", "kind"), [("/api/v1/me", "application/problem+json"), ("/access", "text/plain")]
    )
    def test_without_a_database_everything_says_503(
        self, cast: Cast, client_for: MakeClient, monkeypatch: pytest.MonkeyPatch, address: str, kind: str
    ) -> None:
        def away() -> None:
            raise OperationalError("server closed the connection: host=10.0.0.5 user=jit")

        client = client_for(cast.ada, "fresh")
        monkeypatch.setattr(middleware.clock, "now", away)
        answer = client.get(address)
        assert answer.status_code == 503
        assert answer["Content-Type"].startswith(kind)
        assert b"database-away" in answer.content
        assert b"10.0.0.5" not in answer.content

    def test_a_refused_session_is_recorded(self, cast: Cast, client_for: MakeClient) -> None:
        client_for(cast.ada, "none").get("/api/v1/me")
        entry = AuditEntry.objects.get(kind="session.refused")
        assert (entry.actor_id, entry.reason) == (cast.ada.public_id, "second-factor-missing")
