"""Codes: each counts once, ten are evaluated per quarter of an hour, whoever asks and wherever."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyotp
import pytest
from django.db import connection, connections
from django.test import Client

from jit_access.accounts.models import User
from jit_access.accounts.services import lock_account
from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa.attempts import LIMIT, WINDOW
from jit_access.mfa.models import FactorAttempt, RecoveryCode, TotpDevice, UsedTimestep
from jit_access.mfa.proof import Method, prove_code
from jit_access.mfa.services import remove_factor, renew_recovery_codes
from jit_access.mfa.totp import STEP_S
from jit_access.notifications.models import Notification
from tests.conftest import Clock
from tests.support.cast import PASSWORD, Cast, make_cast
from tests.support.effort import at_length
from tests.support.sessions import TOTP_SECRET, code_now, give_factor

MakeClient = Callable[..., Client]


@pytest.fixture
def ada(cast: Cast) -> User:
    give_factor(cast.ada)
    return cast.ada


def code_at(steps: int) -> str:
    """The code `steps` time steps from now."""
    return pyotp.TOTP(TOTP_SECRET).at(core_clock.now() + timedelta(seconds=STEP_S * steps))


def wrong_code() -> str:
    """Six digits that are none of the codes in the window."""
    right = {code_at(steps) for steps in (-2, -1, 0, 1, 2)}
    return next(code for code in (f"{number:06}" for number in range(1000)) if code not in right)


def refusal_of(user: User, code: str) -> PolicyRefusal:
    with pytest.raises(PolicyRefusal) as caught:
        prove_code(user=user, code=code)
    return caught.value


class TestWindow:
    @pytest.mark.parametrize("steps", [-1, 0, 1])
    def test_a_code_of_the_window_is_right(self, ada: User, clock: Clock, steps: int) -> None:
        clock.advance(seconds=STEP_S - clock.now().timestamp() % STEP_S + 5)  # not at the edge of a step
        assert prove_code(user=ada, code=code_at(steps)) is Method.TOTP

    @pytest.mark.parametrize("steps", [-3, 3])
    def test_an_older_or_newer_code_is_wrong(self, ada: User, clock: Clock, steps: int) -> None:
        assert refusal_of(ada, code_at(steps)).reason is Reason.SECOND_FACTOR_WRONG

    def test_spaces_do_not_matter(self, ada: User) -> None:
        code = code_now()
        assert prove_code(user=ada, code=f" {code[:3]} {code[3:]} ") is Method.TOTP

    @pytest.mark.parametrize("typed", ["", "12345", "1234567", "١٢٣٤٥٦", "１２３４５６", "0x1234", "null", "a" * 40])
    def test_what_is_no_code_is_wrong_and_counts(self, ada: User, typed: str) -> None:
        assert refusal_of(ada, typed).reason is Reason.SECOND_FACTOR_WRONG
        assert FactorAttempt.objects.filter(user=ada).count() == 1

    def test_without_a_device_nothing_is_evaluated(self, cast: Cast) -> None:
        assert refusal_of(cast.cleo, "123456").reason is Reason.SECOND_FACTOR_MISSING
        assert not FactorAttempt.objects.exists()

    def test_a_locked_account_proves_nothing(self, ada: User) -> None:
        lock_account(actor=GATEWAY, user=ada)
        assert refusal_of(ada, code_now()).reason is Reason.ACCOUNT_LOCKED
        assert not FactorAttempt.objects.exists()


class TestOnce:
    def test_a_code_counts_once(self, ada: User) -> None:
        code = code_now()
        prove_code(user=ada, code=code)
        assert refusal_of(ada, code).reason is Reason.SECOND_FACTOR_REUSED

    def test_the_next_code_counts_again(self, ada: User, clock: Clock) -> None:
        prove_code(user=ada, code=code_now())
        clock.advance(seconds=STEP_S)
        assert prove_code(user=ada, code=code_now()) is Method.TOTP

    def test_a_code_used_at_sign_in_is_refused_at_the_step_up(self, ada: User) -> None:
        client, code = Client(), code_now()
        body = {"username": "ada", "password": PASSWORD, "code": code}
        started = client.post("/api/v1/session", body, content_type="application/json")
        assert started.status_code == 201
        again = client.post(
            "/api/v1/session/proof",
            {"code": code},
            content_type="application/json",
            headers={"X-CSRFToken": started.json()["csrf_token"]},
        )
        assert (again.status_code, again.json()["code"]) == (403, "second-factor-reused")

    def test_two_people_may_use_the_same_step(self, ada: User, cast: Cast) -> None:
        give_factor(cast.ben)
        code = code_now()
        assert prove_code(user=ada, code=code) is prove_code(user=cast.ben, code=code) is Method.TOTP

    def test_old_steps_are_forgotten_only_when_they_cannot_come_back(self, ada: User, clock: Clock) -> None:
        prove_code(user=ada, code=code_now())
        clock.advance(hours=1)
        prove_code(user=ada, code=code_now())
        assert UsedTimestep.objects.filter(user=ada).count() == 1


@pytest.mark.django_db(transaction=True)
class TestParallel:
    def test_twenty_parallel_uses_of_one_code_give_one_success(self) -> None:
        ada = make_cast().ada
        give_factor(ada)
        code = code_now()
        results = in_parallel(20, lambda: outcome(ada, code))
        assert results.count("totp") == 1
        assert set(results) <= {"totp", "second-factor-reused", "second-factor-locked"}
        assert FactorAttempt.objects.filter(user=ada).count() == LIMIT
        assert FactorAttempt.objects.filter(user=ada, is_right=True).count() == 1

    def test_twenty_parallel_uses_of_one_recovery_code_give_one_success(self) -> None:
        ada = make_cast().ada
        give_factor(ada)
        code = renew_recovery_codes(actor=ada.ref, user=ada)[0]
        results = in_parallel(20, lambda: outcome(ada, code))
        assert results.count("recovery-code") == 1
        assert RecoveryCode.objects.filter(user=ada, used_at__isnull=False).count() == 1

    def test_parallel_guesses_are_evaluated_ten_times_at_most(self) -> None:
        ada = make_cast().ada
        give_factor(ada)
        guess = wrong_code()
        results = in_parallel(40, lambda: outcome(ada, guess))
        assert results.count("second-factor-wrong") == LIMIT
        assert results.count("second-factor-locked") == 30


def outcome(user: User, code: str) -> str:
    try:
        return str(prove_code(user=user, code=code))
    except PolicyRefusal as refusal:
        return str(refusal.reason)


def in_parallel(count: int, act: Callable[[], str]) -> list[str]:
    def run(_: int) -> str:
        try:
            return act()
        finally:
            connections.close_all()

    workers = 20 if connection.vendor == "postgresql" else 8
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(count)))


class TestGuessing:
    def test_many_guesses_over_spellings_and_addresses_are_evaluated_ten_times(self, ada: User) -> None:
        spellings = ["ada", "ADA", " Ada ", "ａｄａ", "aDa", "𝐚𝐝𝐚", "AdA\t", "ａDa"]
        guess, answers = wrong_code(), []
        for number in range(at_length(1000, 200)):
            body = {"username": spellings[number % 8], "password": PASSWORD, "code": guess}
            answer = Client(REMOTE_ADDR=f"198.51.100.{number % 250}").post(
                "/api/v1/session", json.dumps(body), content_type="application/json"
            )
            answers.append(answer.json()["code"])
        assert answers.count("second-factor-wrong") == LIMIT
        assert set(answers[LIMIT:]) == {"second-factor-locked"}
        assert FactorAttempt.objects.filter(user=ada).count() == LIMIT
        assert AuditEntry.objects.filter(kind="second-factor.alarm").count() == 1
        assert Notification.objects.filter(user=ada, kind="second-factor.alarm").count() == 1

    def test_the_right_code_is_not_evaluated_either_while_locked(self, ada: User) -> None:
        for _ in range(LIMIT):
            refusal_of(ada, wrong_code())
        assert refusal_of(ada, code_now()).reason is Reason.SECOND_FACTOR_LOCKED
        assert not UsedTimestep.objects.exists()

    def test_tries_left_are_told(self, ada: User) -> None:
        told = [refusal_of(ada, wrong_code()).fields["tries_left"] for _ in range(LIMIT)]
        assert told == list(range(LIMIT - 1, -1, -1))

    def test_the_person_has_a_way_back_when_the_window_has_passed(self, ada: User, clock: Clock) -> None:
        for _ in range(LIMIT):
            refusal_of(ada, wrong_code())
        clock.advance(seconds=WINDOW.total_seconds() - 5)
        assert refusal_of(ada, code_now()).reason is Reason.SECOND_FACTOR_LOCKED
        clock.advance(seconds=10)
        assert prove_code(user=ada, code=code_now()) is Method.TOTP

    def test_another_account_is_not_kept_out(self, ada: User, cast: Cast) -> None:
        give_factor(cast.ben)
        for _ in range(LIMIT):
            refusal_of(ada, wrong_code())
        assert prove_code(user=cast.ben, code=code_now()) is Method.TOTP

    def test_every_refusal_is_recorded_and_no_code_is(self, ada: User) -> None:
        guess = wrong_code()
        refusal_of(ada, guess)
        (entry,) = AuditEntry.objects.filter(kind="second-factor.refused")
        assert (entry.reason, entry.decision, entry.actor_id) == ("second-factor-wrong", "deny", ada.public_id)
        assert guess not in json.loads(entry.body)["detail"].values()
        assert f'"{guess}"' not in entry.body


class TestRecoveryCodes:
    def test_ten_codes_each_good_for_one_proof(self, ada: User, clock: Clock) -> None:
        codes = renew_recovery_codes(actor=ada.ref, user=ada)
        assert len(set(codes)) == 10
        assert prove_code(user=ada, code=codes[0]) is Method.RECOVERY_CODE
        assert refusal_of(ada, codes[0]).reason is Reason.SECOND_FACTOR_REUSED
        assert prove_code(user=ada, code=codes[1]) is Method.RECOVERY_CODE
        assert Notification.objects.filter(user=ada, kind="second-factor.recovery-used").count() == 2

    def test_they_are_read_from_paper(self, ada: User) -> None:
        code = renew_recovery_codes(actor=ada.ref, user=ada)[3]
        typed = code.upper().replace("-", " ").replace("O", "0").replace("L", "1").replace("B", "8")
        assert prove_code(user=ada, code=typed) is Method.RECOVERY_CODE

    def test_new_codes_end_the_old_ones(self, ada: User) -> None:
        old = renew_recovery_codes(actor=ada.ref, user=ada)[0]
        new = renew_recovery_codes(actor=ada.ref, user=ada)[0]
        assert refusal_of(ada, old).reason is Reason.SECOND_FACTOR_WRONG
        assert prove_code(user=ada, code=new) is Method.RECOVERY_CODE

    def test_somebody_elses_code_is_wrong(self, ada: User, cast: Cast) -> None:
        give_factor(cast.ben)
        code = renew_recovery_codes(actor=cast.ben.ref, user=cast.ben)[0]
        assert refusal_of(ada, code).reason is Reason.SECOND_FACTOR_WRONG
        assert prove_code(user=cast.ben, code=code) is Method.RECOVERY_CODE

    def test_they_are_stored_hashed_and_logged_not_at_all(self, ada: User) -> None:
        codes = [code.replace("-", "") for code in renew_recovery_codes(actor=ada.ref, user=ada)]
        stored = " ".join(RecoveryCode.objects.values_list("code_hash", flat=True))
        logged = " ".join(AuditEntry.objects.values_list("body", flat=True))
        assert not any(code in stored or code in logged for code in codes)

    def test_removing_the_factor_removes_them_too(self, ada: User) -> None:
        renew_recovery_codes(actor=ada.ref, user=ada)
        epoch = ada.session_epoch
        remove_factor(actor=ada.ref, user=ada)
        assert not RecoveryCode.objects.exists()
        assert not TotpDevice.objects.exists()
        assert User.objects.get(pk=ada.pk).session_epoch == epoch + 1


def test_the_secret_is_sealed_for_its_owner(ada: User, cast: Cast) -> None:
    give_factor(cast.ben)
    device = TotpDevice.objects.get(user=ada)
    assert TOTP_SECRET not in device.sealed_secret
    TotpDevice.objects.filter(user=cast.ben).update(sealed_secret=device.sealed_secret)
    with pytest.raises(Exception, match="could not be opened"):
        prove_code(user=cast.ben, code=code_now())
