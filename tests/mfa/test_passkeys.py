"""Passkeys: made, used in place of a code, and every answer that must not count. Each refusal beside its allow twin."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from webauthn.helpers import base64url_to_bytes

from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa import passkey_challenges, services
from jit_access.mfa.assurance import Assurance, Level, assurance_of
from jit_access.mfa.models import Passkey, PasskeyChallenge
from jit_access.mfa.passkey_ceremony import MOST_PASSKEYS
from jit_access.notifications.models import Notification
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.passkey import PRESENT, SoftKey

pytestmark = pytest.mark.django_db
ORIGIN, HOST = "https://access.example.test", "access.example.test"
MakeClient = Callable[..., Client]


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.PUBLIC_URL = ORIGIN


@pytest.fixture
def ada(cast: Cast, client_for: MakeClient) -> HttpRequest:
    return request_of(client_for(cast.ada), cast.ada)


def request_of(client: Client, user: User) -> HttpRequest:
    """What a view gets for this client."""
    request = RequestFactory().post("/second-factor")
    request.session = client.session
    request.user = user
    return request


def soft_key(**knobs: Any) -> SoftKey:
    return SoftKey(**({"origin": ORIGIN, "host": HOST} | knobs))


def enrolled(request: HttpRequest, key: SoftKey, name: str = "Laptop") -> Passkey:
    return services.add_passkey(request, name=name, answer=key.make(services.begin_passkey(request)))


def prove(request: HttpRequest, key: SoftKey) -> None:
    services.prove_passkey(request, answer=key.prove(services.begin_passkey_proof(request)))


def refusal_of(act: Callable[[], object]) -> Reason:
    with pytest.raises(PolicyRefusal) as refused:
        act()
    return refused.value.reason


def last_kind() -> str:
    return str(AuditEntry.objects.order_by("-seq").values_list("kind", flat=True)[0])


class TestAdding:
    def test_a_key_is_kept_told_and_recorded(self, ada: HttpRequest, cast: Cast) -> None:
        kept = enrolled(ada, soft_key(), "  Work   laptop ")
        assert (kept.user, kept.name, kept.transports) == (cast.ada, "Work laptop", ["hybrid", "internal"])
        assert last_kind() == "passkey.added"
        assert Notification.objects.filter(user=cast.ada, kind="passkey.changed").count() == 1

    @pytest.mark.parametrize("factor", ["stale", "none"])
    def test_without_a_fresh_proof_nothing_is_asked(self, cast: Cast, client_for: MakeClient, factor: str) -> None:
        request = request_of(client_for(cast.ada, factor), cast.ada)
        assert refusal_of(lambda: services.begin_passkey(request)) in {
            Reason.SECOND_FACTOR_STALE,
            Reason.SECOND_FACTOR_MISSING,
        }
        assert not PasskeyChallenge.objects.exists()

    @pytest.mark.parametrize(
        "knobs",
        [
            {"origin": "https://access.example.test.evil.example"},
            {"origin": "http://access.example.test"},
            {"host": "evil.example"},
            {"flags": PRESENT},  # nobody was recognised: a stolen device would do
        ],
        ids=["look-alike", "plain", "other-host", "unverified"],
    )
    def test_an_answer_for_elsewhere_is_refused(self, ada: HttpRequest, knobs: dict[str, Any]) -> None:
        assert refusal_of(lambda: enrolled(ada, soft_key(**knobs))) is Reason.PASSKEY_REFUSED
        assert not Passkey.objects.exists()
        assert last_kind() == "passkey.refused"

    def test_an_answer_counts_once(self, ada: HttpRequest) -> None:
        key = soft_key()
        answer = key.make(services.begin_passkey(ada))
        services.add_passkey(ada, name="Laptop", answer=answer)
        again = replace(key, id=b"x" * 32).make({"challenge": json.loads(_client_data(answer))["challenge"]})
        assert refusal_of(lambda: services.add_passkey(ada, name="Other", answer=again)) is Reason.PASSKEY_REFUSED

    def test_a_key_belongs_to_one_person(self, ada: HttpRequest, cast: Cast, client_for: MakeClient) -> None:
        key = soft_key()
        enrolled(ada, key)
        with pytest.raises(Conflict):
            enrolled(request_of(client_for(cast.ben), cast.ben), key)

    @pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b", "right\u202eleft"])
    def test_a_name_must_be_a_name(self, ada: HttpRequest, name: str) -> None:
        with pytest.raises(CallerError):
            enrolled(ada, soft_key(), name)

    def test_each_name_once(self, ada: HttpRequest) -> None:
        enrolled(ada, soft_key())
        with pytest.raises(CallerError):
            enrolled(ada, soft_key())
        enrolled(ada, soft_key(), "Phone")

    def test_twenty_are_enough(self, ada: HttpRequest) -> None:
        for number in range(MOST_PASSKEYS):
            enrolled(ada, soft_key(), f"Key {number}")
        with pytest.raises(Conflict):
            services.begin_passkey(ada)

    @pytest.mark.parametrize(
        "answer", ["", "[]", "{", "null", '{"response": 3}', '{"response": {"clientDataJSON": "!"}}', "9" * 20_000]
    )
    def test_noise_is_refused(self, ada: HttpRequest, answer: str) -> None:
        services.begin_passkey(ada)
        assert refusal_of(lambda: services.add_passkey(ada, name="Laptop", answer=answer)) is Reason.PASSKEY_REFUSED


class TestProving:
    def test_it_completes_a_sign_in_and_is_stronger_than_a_code(self, cast: Cast, client_for: MakeClient) -> None:
        key = soft_key()
        enrolled(request_of(client_for(cast.ada), cast.ada), key)
        request = request_of(client_for(cast.ada, "none"), cast.ada)
        before = request.session.session_key
        prove(request, key)
        found = assurance_of(request)
        assert (found.level, found.age_s, found.is_proved) == (Level.PHISHING_RESISTANT, 0, True)
        assert request.session.session_key != before
        assert last_kind() == "second-factor.proved"
        assert Passkey.objects.get().last_used_at is not None

    @pytest.mark.parametrize(
        "knobs",
        [
            {"origin": "https://access.example.test.evil.example"},
            {"host": "evil.example"},
            {"flags": PRESENT},
            {"private": soft_key().private},
        ],
        ids=["look-alike", "other-host", "unverified", "other-key"],
    )
    def test_another_sites_or_another_keys_answer_is_refused(self, ada: HttpRequest, knobs: dict[str, Any]) -> None:
        key = soft_key()
        enrolled(ada, key)
        assert refusal_of(lambda: prove(ada, replace(key, **knobs))) is Reason.PASSKEY_REFUSED
        assert assurance_of(ada).level is Level.SECOND_FACTOR
        assert last_kind() == "second-factor.refused"
        prove(ada, key)

    def test_somebody_elses_key_is_unknown(self, ada: HttpRequest, cast: Cast, client_for: MakeClient) -> None:
        bens = soft_key()
        enrolled(request_of(client_for(cast.ben), cast.ben), bens)
        enrolled(ada, soft_key())
        assert refusal_of(lambda: prove(ada, bens)) is Reason.PASSKEY_UNKNOWN

    def test_an_answer_counts_once(self, ada: HttpRequest) -> None:
        key = soft_key()
        enrolled(ada, key)
        answer = key.prove(services.begin_passkey_proof(ada))
        services.prove_passkey(ada, answer=answer)
        assert refusal_of(lambda: services.prove_passkey(ada, answer=answer)) is Reason.PASSKEY_REFUSED

    def test_an_answer_counts_in_the_session_that_asked(
        self, ada: HttpRequest, cast: Cast, client_for: MakeClient
    ) -> None:
        key = soft_key()
        enrolled(ada, key)
        answer = key.prove(services.begin_passkey_proof(ada))
        elsewhere = request_of(client_for(cast.ada, "none"), cast.ada)
        assert refusal_of(lambda: services.prove_passkey(elsewhere, answer=answer)) is Reason.PASSKEY_REFUSED
        services.prove_passkey(ada, answer=answer)

    def test_an_answer_counts_for_what_was_asked(self, ada: HttpRequest) -> None:
        """A proof that was got for one request must not approve another one."""
        key = soft_key()
        enrolled(ada, key)
        one, other = "a" * 64, "b" * 64
        answer = key.prove(services.begin_passkey_proof(ada, purpose=services.purpose_of(one)))

        def use(payload_hash: str) -> Assurance:
            return services.prove_passkey_once(ada, answer=answer, payload_hash=payload_hash)

        assert refusal_of(lambda: use(other)) is Reason.PASSKEY_REFUSED
        assert refusal_of(lambda: services.prove_passkey(ada, answer=answer)) is Reason.PASSKEY_REFUSED
        before = assurance_of(ada)
        assert (use(one).level, use_is_over(use, one)) == (Level.PHISHING_RESISTANT, True)
        assert replace(assurance_of(ada), age_s=before.age_s) == before  # the proof before it, a moment older perhaps

    def test_a_password_alone_pushes_no_question_out(
        self, ada: HttpRequest, cast: Cast, client_for: MakeClient
    ) -> None:
        key = soft_key()
        enrolled(ada, key)
        answer = key.prove(services.begin_passkey_proof(ada))
        elsewhere = request_of(client_for(cast.ada, "none"), cast.ada)
        for _ in range(passkey_challenges.MOST_OPEN + 5):
            services.begin_passkey_proof(elsewhere)
        assert PasskeyChallenge.objects.count() == passkey_challenges.MOST_OPEN + 1
        services.prove_passkey(ada, answer=answer)

    @pytest.mark.parametrize(("minutes", "is_good"), [(4, True), (6, False)])
    def test_a_question_waits_five_minutes(self, ada: HttpRequest, clock: Clock, minutes: int, is_good: bool) -> None:
        key = soft_key()
        enrolled(ada, key)
        answer = key.prove(services.begin_passkey_proof(ada))
        clock.advance(seconds=60 * minutes)
        if is_good:
            services.prove_passkey(ada, answer=answer)
        else:
            assert refusal_of(lambda: services.prove_passkey(ada, answer=answer)) is Reason.PASSKEY_REFUSED

    def test_a_counter_that_does_not_grow_is_an_alarm(self, ada: HttpRequest, cast: Cast) -> None:
        key = soft_key(count=5)
        enrolled(ada, key)
        key.count = 6
        prove(ada, key)
        copy = replace(key, count=6)
        assert refusal_of(lambda: prove(ada, copy)) is Reason.PASSKEY_COPIED
        kinds = list(AuditEntry.objects.order_by("-seq").values_list("kind", flat=True)[:2])
        assert set(kinds) == {"passkey.alarm", "second-factor.refused"}
        assert Notification.objects.filter(user=cast.ada, subject__contains="may have been copied").exists()

    def test_a_counter_that_is_never_kept_is_no_alarm(self, ada: HttpRequest) -> None:
        key = soft_key(count=0)
        enrolled(ada, key)
        prove(ada, key)
        prove(ada, key)

    def test_ten_tries_are_all(self, ada: HttpRequest) -> None:
        key = soft_key()
        enrolled(ada, key)
        wrong = replace(key, host="evil.example")
        assert {refusal_of(lambda: prove(ada, wrong)) for _ in range(10)} == {Reason.PASSKEY_REFUSED}
        assert refusal_of(lambda: prove(ada, key)) is Reason.SECOND_FACTOR_LOCKED

    def test_a_locked_account_proves_nothing(self, ada: HttpRequest, cast: Cast) -> None:
        key = soft_key()
        enrolled(ada, key)
        User.objects.filter(pk=cast.ada.pk).update(is_active=False)
        assert refusal_of(lambda: prove(ada, key)) is Reason.ACCOUNT_LOCKED

    def test_without_a_key_nothing_is_asked(self, ada: HttpRequest) -> None:
        assert refusal_of(lambda: services.begin_passkey_proof(ada)) is Reason.PASSKEY_UNKNOWN


class TestKeeping:
    def test_renamed_and_removed(self, ada: HttpRequest, cast: Cast) -> None:
        key = soft_key()
        kept = enrolled(ada, key)
        services.rename_passkey(ada, key=kept, name="Old laptop")
        assert services.get_passkey(actor=cast.ada, public_id=kept.public_id).name == "Old laptop"
        services.remove_passkey(ada, key=kept)
        assert last_kind() == "passkey.removed"
        assert refusal_of(lambda: prove(ada, key)) is Reason.PASSKEY_UNKNOWN

    def test_others_do_not_find_it(self, ada: HttpRequest, cast: Cast) -> None:
        kept = enrolled(ada, soft_key())
        with pytest.raises(NotFound):
            services.get_passkey(actor=cast.ben, public_id=kept.public_id)

    def test_removing_needs_a_fresh_proof(self, ada: HttpRequest, cast: Cast, client_for: MakeClient) -> None:
        kept = enrolled(ada, soft_key())
        stale = request_of(client_for(cast.ada, "stale"), cast.ada)
        assert refusal_of(lambda: services.remove_passkey(stale, key=kept)) is Reason.SECOND_FACTOR_STALE
        assert Passkey.objects.exists()

    def test_taking_the_factor_away_takes_the_keys_too(self, ada: HttpRequest, cast: Cast) -> None:
        enrolled(ada, soft_key())
        services.remove_factor(actor=cast.ada.ref, user=cast.ada)
        assert not Passkey.objects.exists()


def use_is_over(use: Callable[[str], Assurance], payload_hash: str) -> bool:
    return refusal_of(lambda: use(payload_hash)) is Reason.PASSKEY_REFUSED


def _client_data(answer: str) -> bytes:
    return base64url_to_bytes(json.loads(answer)["response"]["clientDataJSON"])
