"""Name and password: one answer for every failure, one count for every spelling."""

from __future__ import annotations

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from jit_access.accounts.models import User
from jit_access.accounts.services import lock_account
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa.services import sign_in
from tests.support.cast import PASSWORD, Cast
from tests.support.sessions import signed_in

LIMIT = 10


def new_request(address: str = "127.0.0.1") -> HttpRequest:
    request = RequestFactory().post("/sign-in", REMOTE_ADDR=address)
    request.session = SessionStore()
    request.user = AnonymousUser()
    return request


def attempt(username: str, password: str = "not the password", address: str = "127.0.0.1") -> User | Reason:
    try:
        return sign_in(new_request(address), username=username, password=password)
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
def test_ten_failures_under_any_spelling_from_anywhere_lock_the_name(cast: Cast, name: str) -> None:
    for number in range(LIMIT):
        spelling = (name, name.upper(), f" {name.title()} ")[number % 3]
        assert attempt(spelling, address=f"198.51.100.{number}") in {Reason.SIGN_IN_FAILED, Reason.SIGN_IN_LOCKED}
    assert attempt(name, PASSWORD, "203.0.113.9") is Reason.SIGN_IN_LOCKED
    assert attempt("ben", PASSWORD) == cast.ben


def test_nine_failures_do_not_lock_and_a_success_forgets_them(cast: Cast) -> None:
    for _ in range(LIMIT - 1):
        assert attempt("ada") is Reason.SIGN_IN_FAILED
    assert attempt("ada", PASSWORD) == cast.ada
    signed_in(cast.ada, "none")
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
