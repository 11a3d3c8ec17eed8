"""Name and password: one answer for every failure, one count for every spelling; strangers keep nobody out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from jit_access.accounts.models import User
from jit_access.accounts.services import lock_account
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa import guessing
from jit_access.mfa.services import remember_device, sign_in
from jit_access.mfa.session_store import SessionStore
from tests.support.cast import PASSWORD, Cast
from tests.support.sessions import code_now, give_factor, signed_in

LIMIT = 10
STRANGERS_LIMIT = 15  # fewer than in real life, for the sake of the clock on the wall


@pytest.fixture(autouse=True)
def smaller_budget_of_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert guessing.STRANGERS_LIMIT > STRANGERS_LIMIT
    monkeypatch.setattr(guessing, "STRANGERS_LIMIT", STRANGERS_LIMIT)


def new_request(address: str = "127.0.0.1", cookies: Mapping[str, str] = MappingProxyType({})) -> HttpRequest:
    request = RequestFactory().post("/sign-in", REMOTE_ADDR=address)
    request.COOKIES.update(cookies)
    request.session = SessionStore()
    request.user = AnonymousUser()
    return request


def device_of(user: User) -> dict[str, str]:
    """The cookie of a browser in which this person has fully signed in."""
    request, response = new_request(), HttpResponse()
    request.session, request.user = signed_in(user, "fresh").session, user
    remember_device(request, response)
    return {name: morsel.value for name, morsel in response.cookies.items()}


def attempt(
    username: str,
    password: str = "not the password",
    address: str = "127.0.0.1",
    cookies: Mapping[str, str] = MappingProxyType({}),
) -> User | Reason:
    try:
        return sign_in(new_request(address, cookies), username=username, password=password)
    except PolicyRefusal as refusal:
        return refusal.reason


@pytest.mark.parametrize("typed", ["ada", "ADA", " ａｄａ "])
def test_the_right_password_opens_under_any_spelling(cast: Cast, typed: str) -> None:
    assert attempt(typed, PASSWORD) == cast.ada
    assert AuditEntry.objects.get(kind="sign-in.password-accepted").actor_id == cast.ada.public_id


def test_every_failure_gets_the_same_answer(cast: Cast) -> None:
    lock_account(actor=GATEWAY, user=cast.ben)
    tries = [("ada", "wrong"), ("nobody", PASSWORD), ("ben", PASSWORD), ("ci-bot", ""), ("a\x00b", PASSWORD), ("", "")]
    refusals = []
    for name, password in tries:
        with pytest.raises(PolicyRefusal) as caught:
            sign_in(new_request(), username=name, password=password)
        refusals.append((caught.value.reason, caught.value.sentence, dict(caught.value.fields)))
    assert set(map(str, refusals)) == {str(refusals[0])}
    assert refusals[0][0] is Reason.SIGN_IN_FAILED


def test_a_refusal_names_the_account_and_never_what_was_typed(cast: Cast) -> None:
    attempt("ada", "hunter2-hunter2")
    attempt("my-secret-password-in-the-wrong-field")
    bodies = list(AuditEntry.objects.filter(kind="sign-in.refused").order_by("seq").values_list("body", flat=True))
    assert cast.ada.public_id in bodies[0]
    assert "hunter2" not in bodies[0]
    assert "my-secret" not in bodies[1]


@pytest.mark.parametrize("name", ["ada", "nobody-here"])
def test_ten_failures_under_any_spelling_lock_the_name_for_that_network(cast: Cast, name: str) -> None:
    for number in range(LIMIT):
        spelling = (name, name.upper(), f" {name.title()} ")[number % 3]
        assert attempt(spelling, address="198.51.100.1") in {Reason.SIGN_IN_FAILED, Reason.SIGN_IN_LOCKED}
    assert attempt(name, PASSWORD, "198.51.100.1") is Reason.SIGN_IN_LOCKED
    assert attempt("ben", PASSWORD, "198.51.100.1") == cast.ben


def test_a_stranger_elsewhere_keeps_nobody_out(cast: Cast) -> None:
    for _ in range(2 * STRANGERS_LIMIT):
        attempt("ada", address="198.51.100.1")
    assert attempt("ada", PASSWORD, "198.51.100.1") is Reason.SIGN_IN_LOCKED
    assert attempt("ada", PASSWORD, "203.0.113.9") == cast.ada


def test_one_host_with_many_addresses_of_its_network_is_one_network(cast: Cast) -> None:
    for number in range(LIMIT):
        attempt("ada", address=f"2001:db8:0:1::{number + 1:x}")
    assert attempt("ada", PASSWORD, "2001:db8:0:1:ffff::1") is Reason.SIGN_IN_LOCKED
    assert attempt("ada", PASSWORD, "2001:db8:0:2::1") == cast.ada


@pytest.mark.parametrize("name", ["ada", "nobody-here"])
def test_many_networks_are_not_many_budgets(cast: Cast, name: str) -> None:
    for number in range(STRANGERS_LIMIT - 1):
        assert attempt(name, address=f"198.51.100.{number}") is Reason.SIGN_IN_FAILED
    assert attempt("ada", PASSWORD, "203.0.113.8") == cast.ada
    assert attempt(name, address="198.51.100.99") is Reason.SIGN_IN_LOCKED
    assert attempt(name, PASSWORD, "203.0.113.9") is Reason.SIGN_IN_LOCKED
    assert attempt("ben", PASSWORD, "203.0.113.9") == cast.ben


def test_a_known_device_does_not_wait_for_strangers(cast: Cast) -> None:
    device = device_of(cast.ada)
    for number in range(STRANGERS_LIMIT):
        attempt("ada", address=f"198.51.100.{number}")
    for _ in range(LIMIT):
        attempt("ada", address="203.0.113.9")
    assert attempt("ada", PASSWORD, "203.0.113.9") is Reason.SIGN_IN_LOCKED
    assert attempt("ada", PASSWORD, "203.0.113.9", device) == cast.ada


def test_a_known_device_has_ten_guesses_in_whatever_network(cast: Cast) -> None:
    stolen, other = device_of(cast.ada), device_of(cast.ada)
    for number in range(LIMIT):
        assert attempt("ada", address=f"198.51.100.{number}", cookies=stolen) in {
            Reason.SIGN_IN_FAILED,
            Reason.SIGN_IN_LOCKED,
        }
    assert attempt("ada", PASSWORD, "203.0.113.9", stolen) is Reason.SIGN_IN_LOCKED
    assert attempt("ada", PASSWORD, "203.0.113.9", other) == cast.ada
    assert attempt("ada", PASSWORD, "203.0.113.9") == cast.ada


@pytest.mark.parametrize("change", ["of-ben", "forged", "empty", "old"])
def test_only_a_cookie_of_ours_for_this_person_makes_a_device_known(cast: Cast, change: str) -> None:
    name, good = f"device_{cast.ada.public_id}", device_of(cast.ada)
    now = timezone.now()
    for number in range(STRANGERS_LIMIT):
        attempt("ada", address=f"198.51.100.{number}")
    assert attempt("ada", PASSWORD, cookies=good) == cast.ada
    bad = {
        "of-ben": {name: next(iter(device_of(cast.ben).values()))},
        "forged": {name: good[name][:-1] + ("A" if good[name][-1] != "A" else "B")},
        "empty": {name: ""},
        "old": good,
    }[change]
    with time_machine.travel(now + timedelta(days=366 if change == "old" else 0), tick=False):
        for number in range(STRANGERS_LIMIT if change == "old" else 0):
            attempt("ada", address=f"198.51.100.{number}")
        assert attempt("ada", PASSWORD, cookies=bad) is Reason.SIGN_IN_LOCKED


def test_only_a_second_factor_makes_a_device_known(cast: Cast) -> None:
    user, client = cast.ada, Client()
    give_factor(user)
    client.post("/sign-in", {"username": "ada", "password": PASSWORD})
    assert f"device_{user.public_id}" not in client.cookies
    client.post("/second-factor", {"code": code_now()})
    cookie = client.cookies[f"device_{user.public_id}"]
    assert cookie["httponly"]
    assert cookie["max-age"] == 365 * 86400
    first = cookie.value
    client.post("/sign-out")
    assert client.cookies[f"device_{user.public_id}"].value == first
    assert attempt("ada", PASSWORD, cookies={f"device_{user.public_id}": first}) == user


def test_nine_failures_do_not_lock_and_a_success_forgets_them(cast: Cast) -> None:
    for _ in range(LIMIT - 1):
        assert attempt("ada") is Reason.SIGN_IN_FAILED
    Client().post("/sign-in", {"username": "ada", "password": PASSWORD})
    assert not AccessAttempt.objects.filter(username="ada").exists()


def test_an_open_session_stays_usable_while_the_name_is_locked(cast: Cast) -> None:
    client = signed_in(cast.ada, "fresh")
    for _ in range(LIMIT):
        attempt("ada")
    assert attempt("ada", PASSWORD) is Reason.SIGN_IN_LOCKED
    assert client.get("/api/v1/me").status_code == 200


def test_the_lock_ends_after_15_minutes_and_tries_meanwhile_do_not_lengthen_it(cast: Cast) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False) as machine:
        for _ in range(LIMIT):
            attempt("ada")
        machine.shift(14 * 60)
        assert attempt("ada", PASSWORD) is Reason.SIGN_IN_LOCKED
        machine.shift(61)
        assert attempt("ada", PASSWORD) == cast.ada


def test_a_right_guess_that_finishes_after_the_tenth_failure_is_refused(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty parallel guesses all pass the first look; the second one, after the slow hash, must count."""
    check = User.check_password

    def slow(self: User, raw: str) -> bool:
        for _ in range(LIMIT if raw == PASSWORD else 0):
            attempt("ada")
        return check(self, raw)

    monkeypatch.setattr(User, "check_password", slow)
    assert attempt("ada", PASSWORD) is Reason.SIGN_IN_LOCKED


def test_many_failures_from_one_network_are_refused_before_the_slow_hash(cast: Cast) -> None:
    answers = [attempt(f"guess-{number}") for number in range(62)]
    assert answers == [Reason.SIGN_IN_FAILED] * 60 + [Reason.RATE_LIMITED] * 2
    assert attempt("ada", PASSWORD) is Reason.RATE_LIMITED
    assert attempt("ada", PASSWORD, address="192.0.2.7") == cast.ada
    assert AuditEntry.objects.filter(kind="sign-in.refused").count() < 20
