"""RFC 9470: a token whose proof is missing or too old is told what to ask for; a session is not, it has pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.test import Client

from jit_access.accounts.services import issue_api_token
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.oauth.access_tokens import find_access_token
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.lifecycles import TINY, make_world, scheduled
from tests.support.oauth_client import CommandLine

ClientFor = Callable[..., Client]


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


class TestChallenges:
    def test_a_fresh_token_starts_a_grant_and_a_stale_one_is_told_how(
        self, cast: Cast, client_for: ClientFor, clock: Clock
    ) -> None:
        world = make_world(cast)
        grant = scheduled(world, TINY)
        text = CommandLine(client_for(cast.ada)).sign_in()
        clock.advance(minutes=20)
        stale = Client().post(
            f"/api/v1/grants/{grant.public_id}/activate", headers=bearer(text), content_type="application/json"
        )
        assert (stale.status_code, stale.json()["code"], stale.json()["status"]) == (401, "second-factor-stale", 401)
        challenge = stale["WWW-Authenticate"]
        assert challenge.startswith("Bearer ")
        assert 'error="insufficient_user_authentication"' in challenge
        assert 'acr_values="second-factor"' in challenge
        age = stale.json()["fields"]["max_age_s"]
        assert f'max_age="{age}"' in challenge
        again = CommandLine(client_for(cast.ada)).sign_in(acr_values="second-factor", max_age=str(age))
        got = Client().post(
            f"/api/v1/grants/{grant.public_id}/activate", headers=bearer(again), content_type="application/json"
        )
        assert got.status_code == 200, got.content
        grant.refresh_from_db()
        assert grant.started_in == session_of(again)

    def test_an_api_token_of_a_person_is_told_too(self, cast: Cast) -> None:
        world = make_world(cast)
        grant = scheduled(world, TINY)
        token = issue_api_token(actor=GATEWAY, user=cast.ada, name="x", lasts=timedelta(days=1)).text.reveal()
        answer = Client().post(
            f"/api/v1/grants/{grant.public_id}/activate", headers=bearer(token), content_type="application/json"
        )
        assert answer.status_code == 401
        assert "insufficient_user_authentication" in answer["WWW-Authenticate"]

    def test_a_session_keeps_its_403(self, cast: Cast, client_for: ClientFor) -> None:
        world = make_world(cast)
        grant = scheduled(world, TINY)
        answer = client_for(cast.ada, "stale").post(
            f"/api/v1/grants/{grant.public_id}/activate", content_type="application/json"
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "second-factor-stale")
        assert "WWW-Authenticate" not in answer
        assert AuditEntry.objects.filter(reason="second-factor-stale").exists()


def session_of(text: str) -> str:
    token = find_access_token(text)
    assert token is not None
    return token.session


class TestOtherChallenges:
    def ask(self, text: str, method: str = "get") -> tuple[int, str]:
        answer = getattr(Client(), method)("/api/v1/requests", headers=bearer(text))
        return answer.status_code, answer.get("WWW-Authenticate", "")

    def test_a_token_that_counts_no_more_is_called_invalid(self, cast: Cast, client_for: ClientFor) -> None:
        browser = client_for(cast.ada)
        text = CommandLine(browser).sign_in()
        assert self.ask(text) == (200, "")
        browser.post("/sign-out")
        for bad in (text, "x"):
            status, challenge = self.ask(bad)
            assert (status, 'error="invalid_token"' in challenge) == (401, True)
        assert "error" not in Client().get("/api/v1/requests")["WWW-Authenticate"]

    def test_a_narrow_one_is_told_which_scope_would_do(self, cast: Cast, client_for: ClientFor) -> None:
        status, challenge = self.ask(CommandLine(client_for(cast.ada)).sign_in(scope="read"), "post")
        assert status == 403
        assert 'error="insufficient_scope", scope="act"' in challenge
