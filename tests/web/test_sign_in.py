"""The way in: a password leads to the second factor and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyotp
import pytest
from django.test import Client

from jit_access.audit.models import AuditEntry
from jit_access.core import clock
from jit_access.mfa.selectors import factor_state
from tests.support.cast import PASSWORD, Cast
from tests.support.sessions import code_now, give_factor
from tests.web.pages_of import heading_of, hidden_value, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(client: Client, username: str = "ada", password: str = PASSWORD, **more: str) -> object:
    return client.post("/sign-in", {"username": username, "password": password, **more})


def test_password_then_code_leads_to_the_page_that_was_asked_for(cast: Cast) -> None:
    give_factor(cast.ada)
    client = Client()
    asked = client.get("/requests/new?q=llama")
    assert asked.status_code == 302
    assert asked["Location"] == "/sign-in?next=%2Frequests%2Fnew%3Fq%3Dllama"
    form = client.get(asked["Location"])
    assert heading_of(form) == "Sign in"
    first = sign_in(client, next=hidden_value(form, "next"))
    assert first["Location"] == "/second-factor?next=%2Frequests%2Fnew%3Fq%3Dllama"
    proof = client.get(first["Location"])
    assert heading_of(proof) == "Prove it is you"
    second = client.post("/second-factor", {"code": code_now(), "next": hidden_value(proof, "next")})
    assert second["Location"] == "/requests/new?q=llama"
    assert client.get("/access").status_code == 200


@pytest.mark.parametrize("path", ["/access", "/approvals", "/activity", "/settings", "/targets", "/requests/new"])
def test_a_password_alone_reaches_no_page(cast: Cast, client_for: Callable[..., Client], path: str) -> None:
    give_factor(cast.ada)
    refused = client_for(cast.ada, "none").get(path)
    assert refused.status_code == 302
    assert refused["Location"].startswith("/second-factor?")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "evil"]
)
def test_next_never_leaves_this_host(cast: Cast, client_for: Callable[..., Client], elsewhere: str) -> None:
    give_factor(cast.ada)
    client = client_for(cast.ada, "none")
    done = client.post("/second-factor", {"code": code_now(), "next": elsewhere})
    assert done.status_code == 302
    assert done["Location"] == "/"


def test_wrong_password_says_so_and_keeps_the_name(cast: Cast) -> None:
    refused = sign_in(Client(), password="not it at all")
    assert refused.status_code == 422
    assert "Name or password does not match." in text_of(refused)
    assert "sign-in-failed" in text_of(refused)
    assert b'value="ada"' in refused.content
    assert b"not it at all" not in refused.content


def test_unknown_name_gets_the_same_page_as_a_wrong_password(cast: Cast) -> None:
    known, unknown = sign_in(Client(), password="wrong"), sign_in(Client(), "nobody", "wrong")
    assert unknown.status_code == known.status_code
    assert text_of(unknown) == text_of(known)


def test_wrong_code_says_what_to_do_and_how_many_tries_are_left(cast: Cast, client_for: Callable[..., Client]) -> None:
    client = client_for(cast.ada, "stale")
    wrong = "000000" if code_now() != "000000" else "111111"
    refused = client.post("/second-factor", {"code": wrong, "next": "/access"})
    assert refused.status_code == 422
    text = text_of(refused)
    assert "That code does not match. Codes change every 30 s; wait for the next one. 9 tries left." in text
    assert b'aria-invalid="true"' in refused.content


def test_wrong_recovery_code_speaks_of_recovery_codes(cast: Cast, client_for: Callable[..., Client]) -> None:
    refused = client_for(cast.ada, "stale").post("/second-factor/recovery", {"code": "AAAAA-BBBBB-CCCCC"})
    assert refused.status_code == 422
    text = text_of(refused)
    assert "That is not one of your recovery codes, or it was used already. 9 tries left." in text
    assert "wait for the next one" not in text


def test_enrolment_shows_a_code_to_scan_then_recovery_codes_once(cast: Cast, client_for: Callable[..., Client]) -> None:
    client = client_for(cast.cleo, "none")
    assert client.get("/access")["Location"].startswith("/second-factor/set-up")
    page = client.get("/second-factor/set-up")
    assert b"<svg" in page.content
    assert b"style=" not in page.content
    assert "no-store" in page["Cache-Control"]
    key = "".join(part for part in _key_parts(page.content.decode()))
    again = client.get("/second-factor/set-up")
    assert _key_parts(again.content.decode()) == _key_parts(page.content.decode())
    done = client.post("/second-factor/set-up", {"code": pyotp.TOTP(key).at(clock.now()), "next": "/access"})
    assert heading_of(done) == "Your recovery codes"
    assert "no-store" in done["Cache-Control"]
    assert done.content.count(b'class="codes__code"') == 10
    assert factor_state(cast.cleo).recovery_codes_left == 10
    assert client.get("/access").status_code == 200


def _key_parts(page: str) -> list[str]:
    block = re.search(r'(?s)class="secret__key"[^>]*>(.*?)</p>', page)
    assert block
    return re.findall(r"<span>([A-Z2-7]+)</span>", block[1])


def test_sign_out_ends_the_session(cast: Cast, client_for: Callable[..., Client]) -> None:
    client = client_for(cast.ada)
    assert client.get("/sign-out").status_code == 405
    assert client.get("/access").status_code == 200
    assert client.post("/sign-out")["Location"] == "/sign-in"
    assert client.get("/access").status_code == 302


def test_an_ended_session_says_why(cast: Cast) -> None:
    page = Client().get("/sign-in?because=signed-out")
    assert "Your session ended. Sign in again." in text_of(page)
    assert "Your session ended" not in text_of(Client().get("/sign-in?because=anything"))


def test_the_way_out_of_the_admin_is_ours_and_recorded(cast: Cast, client_for: Callable[..., Client]) -> None:
    client = client_for(cast.ada)
    assert client.get("/admin/logout/").status_code == 405
    assert client.get("/access").status_code == 200
    assert client.post("/admin/logout/")["Location"] == "/sign-in"
    assert AuditEntry.objects.get(kind="session.ended").actor_id == cast.ada.public_id
    assert client.get("/access")["Location"].startswith("/sign-in")
