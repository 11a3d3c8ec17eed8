"""Who asks: tokens, sessions, and that one never stands in for the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.test import Client

from jit_access.accounts.models import ApiToken, User
from jit_access.accounts.services import (
    IssuedToken,
    issue_api_token,
    lock_account,
    resume_agent,
    revoke_api_token,
    unlock_account,
)
from jit_access.audit.models import AuditEntry
from jit_access.core.ids import new_token_id, new_token_secret
from jit_access.domain.actors import GATEWAY
from jit_access.domain.tokens import TokenKind, format_token
from tests.conftest import Clock
from tests.support.cast import Cast

ME = "/api/v1/me"
MakeClient = Callable[..., Client]


def issue(user: User, **lasts: float) -> IssuedToken:
    return issue_api_token(actor=GATEWAY, user=user, name="test", lasts=timedelta(**(lasts or {"days": 1})))


def ask(text: str, client: Client | None = None) -> tuple[int, str]:
    answer = (client or Client()).get(ME, headers={"Authorization": text})
    return answer.status_code, answer.json().get("code", answer.json().get("person", {}).get("name"))


class TestTokens:
    def test_a_live_token_is_its_account(self, cast: Cast) -> None:
        issued = issue(cast.ci_bot)
        assert ask(f"Bearer {issued.text.reveal()}") == (200, "ci-bot")
        assert ask(f"bearer  {issued.text.reveal()}") == (200, "ci-bot")
        assert ApiToken.objects.get(pk=issued.token.pk).last_used_at is not None

    def test_it_ends_at_its_instant(self, cast: Cast, clock: Clock) -> None:
        text = issue(cast.ada, hours=1).text.reveal()
        clock.advance(minutes=59)
        assert ask(f"Bearer {text}") == (200, "ada")
        clock.advance(minutes=1)
        assert ask(f"Bearer {text}") == (401, "token-expired")

    def test_revoked_is_refused_at_once(self, cast: Cast) -> None:
        issued = issue(cast.ada)
        assert ask(f"Bearer {issued.text.reveal()}")[0] == 200
        revoke_api_token(actor=cast.ada.ref, token=issued.token)
        assert ask(f"Bearer {issued.text.reveal()}") == (401, "token-revoked")

    def test_a_lock_of_the_account_closes_it(self, cast: Cast) -> None:
        text = issue(cast.ci_bot).text.reveal()
        assert ask(f"Bearer {text}") == (200, "ci-bot")
        lock_account(actor=GATEWAY, user=cast.ci_bot)
        assert ask(f"Bearer {text}") == (403, "account-locked")
        unlock_account(actor=GATEWAY, user=cast.ci_bot)
        assert ask(f"Bearer {text}") == (200, "ci-bot")

    def test_without_its_owner_it_stays_closed_until_somebody_takes_it_up(self, cast: Cast) -> None:
        text = issue(cast.ci_bot).text.reveal()
        assert ask(f"Bearer {text}") == (200, "ci-bot")
        lock_account(actor=GATEWAY, user=cast.ada)
        assert ask(f"Bearer {text}") == (403, "agent-without-owner")
        unlock_account(actor=GATEWAY, user=cast.ada)
        assert ask(f"Bearer {text}") == (403, "agent-without-owner")
        resume_agent(actor=cast.ada, agent=cast.ci_bot)
        assert ask(f"Bearer {text}") == (200, "ci-bot")

    def test_what_is_no_token_of_ours_is_refused(self, cast: Cast) -> None:
        text = issue(cast.ada).text.reveal()
        unknown = format_token(TokenKind.API, new_token_id(), new_token_secret())
        grant = format_token(TokenKind.GRANT, new_token_id(), new_token_secret())
        assert ask(f"Bearer {unknown}") == (401, "token-unknown")
        for bad in (f"Bearer {grant}", "Bearer", "Bearer x", f"Bearer {text}x", f"Basic {text}", f"Token {text}", text):
            assert ask(bad) == (401, "token-malformed"), bad

    def test_same_id_other_secret_is_unknown(self, cast: Cast) -> None:
        issued = issue(cast.ada)
        forged = format_token(TokenKind.API, issued.token.token_id, new_token_secret())
        assert ask(f"Bearer {forged}") == (401, "token-unknown")

    def test_a_bad_token_never_falls_back_to_the_session(self, cast: Cast, client_for: MakeClient) -> None:
        client = client_for(cast.ada)
        assert client.get(ME).status_code == 200
        assert ask("Bearer jita_api_x", client) == (401, "token-malformed")
        assert ask("Basic YWRhOmFkYQ==", client) == (401, "token-malformed")

    def test_a_good_token_beside_a_weak_session_is_the_tokens(self, cast: Cast, client_for: MakeClient) -> None:
        client = client_for(cast.ada, "none")
        assert ask(f"Bearer {issue(cast.ci_bot).text.reveal()}", client) == (200, "ci-bot")

    def test_each_refusal_is_recorded_without_the_token(self, cast: Cast) -> None:
        issued = issue(cast.ada)
        revoke_api_token(actor=cast.ada.ref, token=issued.token)
        ask(f"Bearer {issued.text.reveal()}")
        entry = AuditEntry.objects.get(kind="api.refused")
        assert (entry.reason, entry.actor_id) == ("token-revoked", cast.ada.public_id)
        assert issued.token.public_id in entry.body
        assert issued.text.reveal().split("_")[3] not in entry.body

    def test_a_401_says_how(self, db: None) -> None:
        answer = Client().get(ME)
        assert (answer.status_code, answer.json()["code"]) == (401, "token-missing")
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer["Cache-Control"] == "no-store"


class TestSessions:
    def test_changes_need_the_form_token(self, cast: Cast, client_for: MakeClient) -> None:
        weak = client_for(cast.ada)
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = weak.cookies
        assert strict.get(ME).status_code == 200
        for headers in ({}, {"X-CSRFToken": "x" * 32}, {"Origin": "https://evil.example"}):
            answer = strict.delete("/api/v1/session", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf-failed")
        assert strict.get(ME).status_code == 200
        assert AuditEntry.objects.filter(kind="api.refused", reason="csrf-failed").count() == 3

    def test_with_it_they_go_through(self, cast: Cast, client_for: MakeClient) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = client_for(cast.ada).cookies
        token = "a" * 32
        strict.cookies["csrftoken"] = token
        assert strict.delete("/api/v1/session", headers={"X-CSRFToken": token}).status_code == 204
        assert strict.get(ME).status_code == 401

    def test_a_token_needs_none_since_no_browser_sends_it_by_itself(self, cast: Cast) -> None:
        strict = Client(enforce_csrf_checks=True)
        text = issue(cast.ada).text.reveal()
        answer = strict.post(ME, headers={"Authorization": f"Bearer {text}"})
        assert answer.json()["code"] == "method-not-allowed"


class TestManyBadTokens:
    def test_they_are_refused_more_shortly_and_the_log_stays_short(self, cast: Cast) -> None:
        answers = [ask("Bearer jita_api_x") for _ in range(70)]
        assert answers[:60] == [(401, "token-malformed")] * 60
        assert answers[60:] == [(429, "rate-limited")] * 10
        assert AuditEntry.objects.filter(kind="api.refused").count() < 20

    def test_a_good_one_beside_them_is_served(self, cast: Cast) -> None:
        text = issue(cast.ci_bot).text.reveal()
        for _ in range(70):
            ask("Bearer jita_api_x")
        assert ask(f"Bearer {text}") == (200, "ci-bot")
