"""Somebody lost every factor: two other people bring them back, and nobody does it alone or for themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client, RequestFactory

from jit_access.accounts.models import User
from jit_access.accounts.services import issue_api_token, remove_from_group
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa.models import Device, FactorReset
from jit_access.mfa.selectors import has_factor
from jit_access.mfa.services import begin_totp_enrolment
from jit_access.notifications.models import Notification
from tests.conftest import Clock
from tests.support.cast import PASSWORD, Cast, join, make_person, make_service_account
from tests.support.sessions import code_now, give_factor
from tests.web.pages_of import text_of

MakeClient = Callable[..., Client]
RESETS = "/api/v1/factor-resets"
WHY = "Called her on the number that I have known for years."


@pytest.fixture
def eli(cast: Cast) -> User:
    """The second member of security."""
    return make_person("eli", "security")


@pytest.fixture
def ada(cast: Cast, client_for: MakeClient) -> Client:
    """Ada, signed in with the factor that she is about to lose."""
    return client_for(cast.ada)


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(path, body or {}, content_type="application/json")


def ask(client: Client, person: str = "ada", why: str = WHY) -> Any:
    return post(client, RESETS, {"person": person, "reason": why})


def asked(dora: Client, clock: Clock) -> str:
    """A reset that may be confirmed by now."""
    answer = ask(dora)
    assert answer.status_code == 201, answer.json()
    clock.advance(seconds=901)
    return f"{RESETS}/{answer.json()['id']}"


def test_two_people_bring_somebody_back(
    cast: Cast, ada: Client, eli: User, client_for: MakeClient, clock: Clock
) -> None:
    path = asked(client_for(cast.dora), clock)
    answer = post(client_for(eli), f"{path}/confirm")
    assert answer.status_code == 200
    assert not has_factor(cast.ada)
    assert not Device.objects.filter(user=cast.ada).exists()
    assert ada.get("/api/v1/me").status_code == 401
    kinds = set(AuditEntry.objects.values_list("kind", flat=True))
    assert {"factor-reset.asked", "factor-reset.confirmed", "second-factor.removed"} <= kinds
    assert Notification.objects.filter(user=cast.ada, kind="factor-reset").count() == 2
    assert Notification.objects.filter(user=eli, kind="factor-reset").count() == 2


class TestComingBack:
    @pytest.fixture
    def code(self, cast: Cast, ada: Client, eli: User, client_for: MakeClient, clock: Clock) -> str:
        path = asked(client_for(cast.dora), clock)
        return str(post(client_for(eli), f"{path}/confirm").json()["code"])

    def inside(self) -> Client:
        client = Client()
        client.post("/sign-in", {"username": "ada", "password": PASSWORD})
        return client

    def test_a_password_alone_sets_up_nothing(self, cast: Cast, code: str) -> None:
        client = self.inside()
        assert client.get("/second-factor/set-up")["Location"].startswith("/second-factor/reset-code")
        assert client.post("/second-factor/set-up", {"code": "123456"})["Location"].startswith("/second-factor/reset")
        assert not has_factor(cast.ada)

    def test_whatever_page_or_endpoint_comes_first(self, cast: Cast, code: str) -> None:
        request = RequestFactory().get("/")
        request.session, request.user = self.inside().session, cast.ada
        with pytest.raises(PolicyRefusal) as refused:
            begin_totp_enrolment(request)
        assert refused.value.reason is Reason.RESET_CODE_NEEDED

    def test_with_the_code_it_does_once(self, cast: Cast, code: str) -> None:
        client, other = self.inside(), self.inside()
        assert "Your second factor was reset" in text_of(client.get("/second-factor/reset-code"))
        assert client.post("/second-factor/reset-code", {"code": code.upper()}).status_code == 302
        assert client.get("/second-factor/set-up").status_code == 200
        assert other.post("/second-factor/reset-code", {"code": code}).status_code == 422
        assert other.get("/second-factor/set-up").status_code == 302

    def test_after_an_hour_it_is_worth_nothing(self, cast: Cast, code: str, clock: Clock) -> None:
        clock.advance(seconds=3601)
        client = self.inside()
        answer = client.post("/second-factor/reset-code", {"code": code})
        assert (answer.status_code, "its time is over" in text_of(answer)) == (422, True)
        assert client.get("/second-factor/set-up").status_code == 302

    def test_guesses_are_counted(self, cast: Cast, code: str) -> None:
        client = self.inside()
        wrong = [client.post("/second-factor/reset-code", {"code": "a" * 15}).status_code for _ in range(11)]
        assert wrong == [422] * 10 + [429]
        assert client.post("/second-factor/reset-code", {"code": code}).status_code == 429

    def test_a_lost_code_is_followed_by_another_reset(
        self, cast: Cast, code: str, eli: User, client_for: MakeClient, clock: Clock
    ) -> None:
        path = asked(client_for(eli), clock)
        newer = post(client_for(cast.dora), f"{path}/confirm").json()["code"]
        client = self.inside()
        assert client.post("/second-factor/reset-code", {"code": code}).status_code == 422
        assert client.post("/second-factor/reset-code", {"code": newer}).status_code == 302

    def test_the_new_factor_closes_it(self, cast: Cast, code: str) -> None:
        give_factor(cast.ada)
        assert FactorReset.objects.get().outcome == "done"


class TestRefusals:
    def test_nobody_asks_for_themselves(self, cast: Cast, eli: User, client_for: MakeClient) -> None:
        answer = ask(client_for(cast.dora), "dora")
        assert (answer.status_code, answer.json()["code"]) == (403, "own-request")
        assert AuditEntry.objects.filter(kind="factor-reset.refused", reason="own-request").count() == 1
        assert ask(client_for(cast.dora), "ada").status_code == 201

    def test_who_asked_does_not_confirm(
        self, cast: Cast, ada: Client, eli: User, client_for: MakeClient, clock: Clock
    ) -> None:
        path = asked(client_for(cast.dora), clock)
        answer = post(client_for(cast.dora), f"{path}/confirm")
        assert (answer.status_code, answer.json()["code"]) == (403, "own-request")
        assert has_factor(cast.ada)

    def test_whom_it_is_about_does_not_confirm(
        self, cast: Cast, eli: User, client_for: MakeClient, clock: Clock
    ) -> None:
        answer = ask(client_for(cast.dora), "eli")
        clock.advance(seconds=901)
        path = f"{RESETS}/{answer.json()['id']}/confirm"
        assert post(client_for(eli), path).json()["code"] == "own-request"

    def test_not_before_its_time(
        self, cast: Cast, ada: Client, eli: User, client_for: MakeClient, clock: Clock
    ) -> None:
        path = f"{RESETS}/{ask(client_for(cast.dora)).json()['id']}/confirm"
        clock.advance(seconds=890)
        early = post(client_for(eli), path)
        assert (early.status_code, early.json()["code"]) == (403, "reset-too-early")
        assert has_factor(cast.ada)
        clock.advance(seconds=11)
        assert post(client_for(eli), path).status_code == 200

    def test_nor_after_a_day_nor_twice(
        self, cast: Cast, ada: Client, eli: User, client_for: MakeClient, clock: Clock
    ) -> None:
        path = asked(client_for(cast.dora), clock)
        assert post(client_for(eli), f"{path}/confirm").status_code == 200
        assert post(client_for(eli), f"{path}/confirm").status_code == 409
        late = asked(client_for(cast.dora), clock)
        clock.advance(hours=24)
        assert post(client_for(eli), f"{late}/confirm").status_code == 409

    @pytest.mark.parametrize("who", ["ben", "cleo", "ada"])
    def test_only_security_sees_and_asks(self, cast: Cast, eli: User, client_for: MakeClient, who: str) -> None:
        other = client_for(getattr(cast, who))
        assert other.get(RESETS).status_code == 404
        assert other.get("/resets").status_code == 404
        assert ask(other, "eli").status_code == 404
        assert ask(client_for(cast.dora), "eli").status_code == 201

    def test_a_stale_factor_does_not_do(
        self, cast: Cast, ada: Client, eli: User, client_for: MakeClient, clock: Clock
    ) -> None:
        assert ask(client_for(cast.dora, "stale")).json()["code"] == "second-factor-stale"
        path = asked(client_for(cast.dora), clock)
        assert post(client_for(eli, "stale"), f"{path}/confirm").json()["code"] == "second-factor-stale"
        assert has_factor(cast.ada)

    def test_no_token_and_no_agent_of_security_does_it(
        self, cast: Cast, ada: Client, client_for: MakeClient, clock: Clock
    ) -> None:
        from datetime import timedelta  # noqa: PLC0415  # here only

        agent = make_service_account("dora-bot", cast.dora)
        join(agent, "security")
        path = asked(client_for(cast.dora), clock)
        for account in (agent, cast.dora):
            text = issue_api_token(actor=GATEWAY, user=account, name="t", lasts=timedelta(days=1)).text.reveal()
            headers = {"Authorization": f"Bearer {text}"}
            assert Client().post(f"{path}/confirm", headers=headers).status_code == 401
        assert has_factor(cast.ada)

    @pytest.mark.parametrize(
        ("person", "why"), [("ci-bot", WHY), ("nobody", WHY), ("ada", "short"), ("ada", "x" * 301)]
    )
    def test_what_cannot_be_asked(self, cast: Cast, client_for: MakeClient, person: str, why: str) -> None:
        assert ask(client_for(cast.dora), person, why).status_code == 400
        assert not FactorReset.objects.exists()

    def test_one_at_a_time(self, cast: Cast, eli: User, client_for: MakeClient) -> None:
        assert ask(client_for(cast.dora)).status_code == 201
        assert ask(client_for(eli)).status_code == 409

    @pytest.mark.parametrize("who", ["ada", "eli"])
    def test_its_owner_and_security_can_stop_it(
        self, cast: Cast, ada: Client, eli: User, client_for: MakeClient, clock: Clock, who: str
    ) -> None:
        path = asked(client_for(cast.dora), clock)
        assert post(client_for(cast.ben), f"{path}/withdraw").status_code == 404
        assert post(client_for(eli if who == "eli" else cast.ada), f"{path}/withdraw").status_code == 204
        assert post(client_for(eli), f"{path}/confirm").status_code == 409
        assert has_factor(cast.ada)


class TestPages:
    def test_one_that_was_confirmed_is_not_stopped_and_says_so(
        self, cast: Cast, ada: Client, eli: User, client_for: MakeClient, clock: Clock
    ) -> None:
        path = asked(client_for(cast.dora), clock)
        other = client_for(eli)
        assert post(other, f"{path}/confirm").status_code == 200
        assert post(other, f"{path}/withdraw").status_code == 409
        assert AuditEntry.objects.filter(kind="factor-reset.refused", reason="state-changed").count() == 1
        assert FactorReset.objects.get().ended_at is None  # the code is still asked for

    def test_who_asked_must_still_be_of_security(
        self, cast: Cast, ada: Client, eli: User, client_for: MakeClient, clock: Clock
    ) -> None:
        path = asked(client_for(cast.dora), clock)
        remove_from_group(actor=GATEWAY, user=cast.dora, group="security")
        other = client_for(eli)
        assert post(other, f"{path}/confirm").status_code == 409
        assert AuditEntry.objects.filter(kind="factor-reset.refused", reason="state-changed").count() == 1
        assert has_factor(cast.ada)
        assert post(other, f"{path}/withdraw").status_code == 204

    def test_the_owner_is_warned_where_they_look(self, cast: Cast, ada: Client, client_for: MakeClient) -> None:
        ask(client_for(cast.dora))
        assert "Dora Okafor asks to reset your second factor." in text_of(ada.get("/settings"))
        reset = FactorReset.objects.get()
        assert "This is about you." in text_of(ada.get(f"/resets/{reset.public_id}"))
        assert ada.post(f"/resets/{reset.public_id}/withdraw").status_code == 302
        assert "asks to reset" not in text_of(ada.get("/settings"))

    def test_asking_and_confirming(
        self, cast: Cast, ada: Client, eli: User, client_for: MakeClient, clock: Clock
    ) -> None:
        dora = client_for(cast.dora)
        assert dora.post("/resets", {"username": "dora", "reason": WHY}).status_code == 422
        assert "Say in 10" in text_of(dora.post("/resets", {"username": "ada", "reason": ""}))
        page = dora.post("/resets", {"username": "ada", "reason": WHY})
        address = page["Location"]
        assert "Somebody else of security confirms it." in text_of(dora.get(address))
        assert "It can be confirmed in" in text_of(client_for(eli).get(address))
        clock.advance(seconds=901)
        colleague = client_for(eli)
        assert "Reset Ada Okafor's factor" in text_of(colleague.get(address))
        assert "Reset Ada Okafor's factor" not in text_of(client_for(cast.dora).get(address))
        shown = colleague.post(address)
        assert "It is not shown again." in text_of(shown)
        assert "no-store" in shown["Cache-Control"]
        assert "It is not shown again." not in text_of(colleague.get(address))
        assert "Waits" not in text_of(colleague.get("/resets"))


def test_at_the_terminal_one_is_enough_and_all_of_security_hears(cast: Cast, ada: Client, eli: User) -> None:
    assert code_now()
    call_command("account", "forget-factor", "ada")
    assert not has_factor(cast.ada)
    assert Notification.objects.filter(kind="factor-reset", user__in=[cast.dora, eli]).count() == 2
    assert AuditEntry.objects.filter(kind="factor-reset.at-terminal").count() == 1
