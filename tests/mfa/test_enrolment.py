"""Setting up, replacing and removing the second factor."""

from __future__ import annotations

from collections.abc import Callable

import pyotp
import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.test import Client, RequestFactory

from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.core.secret import Secret
from jit_access.domain.errors import Conflict, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa import services
from jit_access.mfa.assurance import assurance_of
from jit_access.mfa.models import TotpDevice
from jit_access.mfa.selectors import factor_state, has_factor
from jit_access.mfa.session_keys import ENROLMENT
from jit_access.notifications.models import Notification
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.sessions import code_now

MakeClient = Callable[..., Client]


def request_of(client: Client, user: User | None) -> HttpRequest:
    """What a view gets for this client."""
    request = RequestFactory().post("/second-factor/set-up")
    request.session = client.session
    request.user = user or AnonymousUser()
    return request


def code_of(secret: Secret) -> str:
    return pyotp.TOTP(secret.reveal()).at(core_clock.now())


def enrol(request: HttpRequest) -> Secret:
    enrolment = services.begin_totp_enrolment(request)
    services.confirm_totp(request, code=code_of(enrolment.secret))
    return enrolment.secret


class TestFirstDevice:
    def test_one_code_makes_it_count_and_proves_the_session(self, cast: Cast, client_for: MakeClient) -> None:
        request = request_of(client_for(cast.cleo, "none"), cast.cleo)
        before = request.session.session_key
        enrol(request)
        assert has_factor(cast.cleo)
        assert assurance_of(request).is_proved
        assert request.session.session_key != before
        assert ENROLMENT not in request.session
        assert AuditEntry.objects.filter(kind="second-factor.enrolled").count() == 1
        assert Notification.objects.filter(user=cast.cleo, kind="second-factor.changed").count() == 1

    def test_the_code_that_confirmed_it_is_used_up(self, cast: Cast, client_for: MakeClient) -> None:
        request = request_of(client_for(cast.cleo, "none"), cast.cleo)
        secret = enrol(request)
        with pytest.raises(PolicyRefusal) as refused:
            services.prove_code(user=cast.cleo, code=code_of(secret))
        assert refused.value.reason is Reason.SECOND_FACTOR_REUSED

    def test_the_address_names_us_and_the_person(self, cast: Cast, client_for: MakeClient) -> None:
        enrolment = services.begin_totp_enrolment(request_of(client_for(cast.cleo, "none"), cast.cleo))
        parsed = pyotp.parse_uri(enrolment.uri.reveal())
        assert (parsed.issuer, parsed.name, parsed.secret) == ("jit access", "cleo", enrolment.secret.reveal())
        assert enrolment.secret.reveal() not in repr(enrolment)

    def test_loading_the_page_again_shows_the_same_secret(self, cast: Cast, client_for: MakeClient) -> None:
        request = request_of(client_for(cast.cleo, "none"), cast.cleo)
        assert services.begin_totp_enrolment(request) == services.begin_totp_enrolment(request)

    def test_another_session_never_sees_it(self, cast: Cast, client_for: MakeClient) -> None:
        """Or somebody with the password alone could plant a secret for the person to confirm."""
        planted = services.begin_totp_enrolment(request_of(client_for(cast.cleo, "none"), cast.cleo))
        request = request_of(client_for(cast.cleo, "none"), cast.cleo)
        assert services.begin_totp_enrolment(request).secret != planted.secret
        with pytest.raises(PolicyRefusal):
            services.confirm_totp(request, code=code_of(planted.secret))
        assert not has_factor(cast.cleo)

    def test_it_waits_sealed_in_the_session(self, cast: Cast, client_for: MakeClient) -> None:
        client = client_for(cast.cleo, "none")
        request = request_of(client, cast.cleo)
        secret = services.begin_totp_enrolment(request).secret.reveal()
        assert secret not in str(dict(request.session.items()))
        other = request_of(client_for(cast.ada, "none"), cast.ada)
        other.session[ENROLMENT] = request.session[ENROLMENT]
        assert services.begin_totp_enrolment(other).secret.reveal() != secret

    def test_a_wrong_code_makes_nothing_and_counts(self, cast: Cast, client_for: MakeClient) -> None:
        request = request_of(client_for(cast.cleo, "none"), cast.cleo)
        services.begin_totp_enrolment(request)
        with pytest.raises(PolicyRefusal) as refused:
            services.confirm_totp(request, code="no")
        assert refused.value.fields["tries_left"] == services.TRIES_LIMIT - 1
        assert not TotpDevice.objects.exists()
        assert not assurance_of(request).is_proved

    def test_without_a_beginning_there_is_no_end(self, cast: Cast, client_for: MakeClient) -> None:
        with pytest.raises(Conflict):
            services.confirm_totp(request_of(client_for(cast.cleo, "none"), cast.cleo), code="123456")

    def test_of_two_sessions_that_set_up_a_first_device_one_wins(self, cast: Cast, client_for: MakeClient) -> None:
        slow, quick = (request_of(client_for(cast.cleo, "none"), cast.cleo) for _ in range(2))
        secret = services.begin_totp_enrolment(slow).secret
        enrol(quick)
        with pytest.raises(PolicyRefusal) as refused:
            services.confirm_totp(slow, code=code_of(secret))
        assert refused.value.reason is Reason.SECOND_FACTOR_MISSING

    def test_nobody_sets_up_nothing(self, cast: Cast) -> None:
        with pytest.raises(PolicyRefusal):
            services.begin_totp_enrolment(request_of(Client(), None))


class TestReplacing:
    @pytest.mark.parametrize("factor", ["none", "stale"])
    def test_it_needs_a_fresh_proof(self, cast: Cast, client_for: MakeClient, factor: str) -> None:
        client_for(cast.ada, "fresh")
        request = request_of(client_for(cast.ada, factor), cast.ada)
        with pytest.raises(PolicyRefusal):
            services.begin_totp_enrolment(request)
        with pytest.raises(PolicyRefusal):
            services.confirm_totp(request, code="123456")
        with pytest.raises(PolicyRefusal):
            services.generate_recovery_codes(request)
        assert AuditEntry.objects.filter(kind="step-up.asked", decision="deny").count() == 3

    def test_with_one_the_old_device_is_gone_and_other_sessions_end(
        self, cast: Cast, client_for: MakeClient, clock: Clock
    ) -> None:
        other, mine = client_for(cast.ada), client_for(cast.ada)
        request = request_of(mine, cast.ada)
        old = code_now()
        enrol(request)
        request.session.save()
        with pytest.raises(PolicyRefusal) as refused:
            services.prove_code(user=cast.ada, code=old)
        assert refused.value.reason is Reason.SECOND_FACTOR_WRONG
        assert other.get("/api/v1/me").status_code == 401
        mine.cookies["sessionid"] = request.session.session_key or ""
        assert mine.get("/api/v1/me").status_code == 200
        assert AuditEntry.objects.filter(kind="second-factor.replaced").count() == 1

    def test_the_old_one_works_until_the_new_one_is_confirmed(self, cast: Cast, client_for: MakeClient) -> None:
        request = request_of(client_for(cast.ada), cast.ada)
        services.begin_totp_enrolment(request)
        assert services.prove_code(user=cast.ada, code=code_now()) is services.Method.TOTP

    def test_recovery_codes_after_a_fresh_proof(self, cast: Cast, client_for: MakeClient) -> None:
        request = request_of(client_for(cast.ada), cast.ada)
        assert len(services.generate_recovery_codes(request)) == 10
        assert factor_state(cast.ada).recovery_codes_left == 10
