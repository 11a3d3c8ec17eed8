"""Access tokens: what they open, what they prove, and everything that ends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client

from jit_access.accounts.models import User
from jit_access.accounts.services import change_password, end_sessions, lock_account, remove_from_group, unlock_account
from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.core.ids import new_token_id, new_token_secret
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, PolicyRefusal
from jit_access.domain.locks import LockAxis, LockFacts
from jit_access.domain.tokens import TokenKind, format_token
from jit_access.locks.models import Lock
from jit_access.mfa.assurance import Assurance, Level
from jit_access.mfa.device_binding import hash_of
from jit_access.mfa.models import Device, WebSession
from jit_access.mfa.services import end_vouched_sessions
from jit_access.mfa.session_keys import DEVICE, PUBLIC_ID
from jit_access.oauth.access_tokens import Terms, issue_access_token, revoke_access_token
from jit_access.oauth.models import AccessToken
from tests.conftest import Clock
from tests.support.cast import PASSWORD, Cast
from tests.support.sessions import code_now

ME = "/api/v1/me"
ClientFor = Callable[..., Client]


def proof_of(client: Client, *, age_s: int = 0, level: Level = Level.SECOND_FACTOR) -> Assurance:
    """What this browser session has proved."""
    session = client.session
    proved_at = core_clock.now() - timedelta(seconds=age_s)
    return Assurance(level, proved_at, age_s, session[PUBLIC_ID], session[DEVICE])


def issue(user: User, client: Client | None = None, *, hours: float = 1, **terms: object) -> str:
    held = {"assurance": proof_of(client)} if client is not None else {}
    facts = Terms(lasts=timedelta(hours=hours), scope="read act", client="jit-cli")
    issued = issue_access_token(actor=user.ref, user=user, terms=replace(facts, **(held | terms)))
    return issued.text.reveal()


def ask(text: str, path: str = ME, method: str = "get") -> tuple[int, str]:
    answer = getattr(Client(), method)(path, headers={"Authorization": f"Bearer {text}"})
    return answer.status_code, answer.json().get("code", answer.json().get("person", {}).get("name"))


def lock(axis: LockAxis, key: str, resource: str = "") -> Lock:
    facts = LockFacts(axis, key, resource)
    return Lock.objects.create(
        axis=facts.axis,
        key=facts.key,
        resource=facts.resource,
        label="it",
        reason="Seen elsewhere",
        placed_by=User.objects.get(username="dora"),
        placed_at=core_clock.now(),
    )


class TestUse:
    def test_a_live_token_is_its_account_and_what_its_session_proved(self, cast: Cast, client_for: ClientFor) -> None:
        text = issue(cast.ada, client_for(cast.ada))
        answer = Client().get(ME, headers={"Authorization": f"Bearer {text}"}).json()
        assert answer["person"]["name"] == "ada"
        assert answer["assurance"]["level"] == "second-factor"
        assert AccessToken.objects.get().last_used_at is not None

    def test_the_proof_grows_old_with_the_token(self, cast: Cast, client_for: ClientFor, clock: Clock) -> None:
        text = issue(cast.ada, client_for(cast.ada))
        clock.advance(seconds=90)
        answer = Client().get(ME, headers={"Authorization": f"Bearer {text}"}).json()
        assert 90 <= answer["assurance"]["age_s"] < 95

    def test_without_a_proof_it_proves_nothing(self, cast: Cast) -> None:
        text = issue(cast.ci_bot)
        answer = Client().get(ME, headers={"Authorization": f"Bearer {text}"}).json()
        assert answer["assurance"] == {"level": "none", "proved_at": None, "age_s": None}

    def test_a_session_beside_it_adds_nothing(self, cast: Cast, client_for: ClientFor) -> None:
        answer = client_for(cast.ada).get(ME, headers={"Authorization": f"Bearer {issue(cast.ada)}"}).json()
        assert answer["assurance"]["level"] == "none"

    def test_a_scope_that_reads_changes_nothing(self, cast: Cast) -> None:
        text = issue(cast.ada, scope="read")
        assert ask(text) == (200, "ada")
        assert ask(text, "/api/v1/requests", "post") == (403, "scope-too-narrow")
        assert ask(issue(cast.ada, scope=""), ME) == (403, "scope-too-narrow")
        assert ask(issue(cast.ada, scope="act"), "/api/v1/requests", "post") == (415, "invalid-input")

    def test_unknown_and_forged_ones_are_refused(self, cast: Cast) -> None:
        text = issue(cast.ada)
        assert ask(text) == (200, "ada")
        forged = format_token(TokenKind.ACCESS, text.split("_")[2], new_token_secret())
        unknown = format_token(TokenKind.ACCESS, new_token_id(), new_token_secret())
        assert (ask(forged), ask(unknown)) == ((401, "token-unknown"), (401, "token-unknown"))
        assert ask(text + "x") == (401, "token-malformed")

    def test_nothing_that_opens_is_kept_or_logged(self, cast: Cast) -> None:
        text = issue(cast.ada)
        secret = text.split("_")[3]
        assert secret not in str(AccessToken.objects.values().get())
        assert not [entry for entry in AuditEntry.objects.all() if secret in entry.body]


class TestItsTime:
    def test_it_ends_at_its_instant(self, cast: Cast, clock: Clock) -> None:
        text = issue(cast.ada, hours=1)
        clock.advance(minutes=59)
        assert ask(text) == (200, "ada")
        clock.advance(minutes=1)
        assert ask(text) == (401, "token-expired")

    def test_never_longer_than_the_setting_says(self, cast: Cast, settings: pytest.FixtureRequest) -> None:
        settings.ACCESS_TOKEN_LONGEST_S = 600  # type: ignore[attr-defined]
        issue(cast.ada, hours=20)
        token = AccessToken.objects.get()
        assert token.expires_at - core_clock.now() <= timedelta(seconds=600)

    def test_never_longer_than_a_session_after_the_proof(self, cast: Cast, client_for: ClientFor) -> None:
        client = client_for(cast.ada)
        held = proof_of(client, age_s=11 * 3600)
        issue(cast.ada, hours=20, assurance=held)
        assert AccessToken.objects.get().expires_at == held.proved_at + timedelta(hours=12)  # type: ignore[operator]
        with pytest.raises(CallerError):
            issue(cast.ada, hours=20, assurance=proof_of(client, age_s=12 * 3600))


class TestWhatEndsIt:
    def test_signing_out_of_its_session(self, cast: Cast, client_for: ClientFor) -> None:
        client, other = client_for(cast.ada), client_for(cast.ada)
        text, beside, agents = issue(cast.ada, client), issue(cast.ada, other), issue(cast.ci_bot)
        assert client.post("/sign-out").status_code == 302
        assert ask(text) == (401, "token-revoked")
        assert (ask(beside), ask(agents)) == ((200, "ada"), (200, "ci-bot"))
        assert AuditEntry.objects.filter(kind="access-token.revoked").count() == 1

    def test_ending_its_session_from_another_one(self, cast: Cast, client_for: ClientFor) -> None:
        client, other = client_for(cast.ada), client_for(cast.ada)
        text = issue(cast.ada, client)
        assert other.post(f"/settings/sessions/{client.session[PUBLIC_ID]}/end").status_code == 302
        assert ask(text) == (401, "token-revoked")

    def test_removing_its_device_from_another_one(self, cast: Cast, client_for: ClientFor) -> None:
        client, other = client_for(cast.ada), client_for(cast.ada)
        text = issue(cast.ada, client)
        device = Device.objects.get(user=cast.ada)
        elsewhere = "the-second-device-that-this-test-alone-has_"
        session = other.session
        session[DEVICE] = hash_of(elsewhere)
        session.save()
        other.cookies["device"] = elsewhere
        assert other.post(f"/settings/devices/{device.public_id}/remove").status_code == 302
        assert ask(text) == (401, "token-revoked")

    def test_its_session_in_another_device(self, cast: Cast, client_for: ClientFor) -> None:
        client = client_for(cast.ada)
        text = issue(cast.ada, client)
        client.cookies["device"] = "another-device-that-nobody-has-seen-before_"
        assert client.get("/access").status_code == 302
        assert ask(text) == (401, "token-revoked")

    def test_a_sign_out_at_the_identity_provider(self, cast: Cast, client_for: ClientFor) -> None:
        client, other = client_for(cast.ada), client_for(cast.ada)
        text, beside = issue(cast.ada, client), issue(cast.ada, other)
        WebSession.objects.filter(public_id=client.session[PUBLIC_ID]).update(came_by="corp")
        end_vouched_sessions(provider="corp", session="", user=cast.ada)
        assert (ask(text), ask(beside)) == ((401, "token-revoked"), (200, "ada"))

    def test_another_sign_in_in_its_browser(self, cast: Cast, client_for: ClientFor, clock: Clock) -> None:
        client = client_for(cast.ada)
        text = issue(cast.ada, client)
        clock.advance(seconds=60)
        body = {"username": "ada", "password": PASSWORD, "code": code_now()}
        assert client.post("/api/v1/session", body, content_type="application/json").status_code == 201
        assert ask(text) == (401, "token-revoked")

    def test_silence_of_the_browser_ends_nothing_elsewhere(
        self, cast: Cast, client_for: ClientFor, clock: Clock
    ) -> None:
        client = client_for(cast.ada)
        text = issue(cast.ada, client)
        clock.advance(minutes=40)
        assert client.get("/access").status_code == 302
        assert ask(text) == (200, "ada")

    @pytest.mark.parametrize("end", [end_sessions, change_password])
    def test_whatever_ends_every_session(self, cast: Cast, client_for: ClientFor, end: Callable[..., None]) -> None:
        text = issue(cast.ada, client_for(cast.ada))
        assert ask(text) == (200, "ada")
        more = {"password": "another long one here"} if end is change_password else {}
        end(actor=cast.ada.ref, user=cast.ada, **more)
        assert ask(text) == (401, "token-revoked")

    def test_a_locked_account_and_for_good(self, cast: Cast) -> None:
        text, agents = issue(cast.ada), issue(cast.ci_bot)
        lock_account(actor=GATEWAY, user=cast.ada)
        assert (ask(text)[0], ask(agents)[0]) == (401, 401)
        unlock_account(actor=GATEWAY, user=cast.ada)
        assert (ask(text), ask(agents)) == ((401, "token-revoked"), (401, "token-revoked"))

    def test_a_lost_group_does_not(self, cast: Cast) -> None:
        text = issue(cast.ada)
        remove_from_group(actor=GATEWAY, user=cast.ada, group="research")
        assert ask(text) == (200, "ada")

    def test_a_lock_pauses_it_on_every_axis(self, cast: Cast, client_for: ClientFor) -> None:
        client = client_for(cast.ada)
        text, held = issue(cast.ada, client), proof_of(client)
        axes = [
            (LockAxis.PERSON, cast.ada.public_id, ""),
            (LockAxis.SESSION, held.session, ""),
            (LockAxis.DEVICE, Device.objects.get().public_id, held.device),
        ]
        for axis, key, resource in axes:
            row = lock(axis, key, resource)
            assert ask(text) == (403, "locked"), axis
            with pytest.raises(PolicyRefusal, match="locked"):
                issue(cast.ada, client)
            row.delete()
            assert ask(text) == (200, "ada")

    def test_being_revoked_once(self, cast: Cast) -> None:
        text = issue(cast.ada)
        for _ in range(2):
            revoke_access_token(actor=cast.ada.ref, token=AccessToken.objects.get())
        assert ask(text) == (401, "token-revoked")
        assert AuditEntry.objects.filter(kind="access-token.revoked").count() == 1

    def test_a_locked_account_gets_none(self, cast: Cast) -> None:
        lock_account(actor=GATEWAY, user=cast.ada)
        for user in (cast.ada, cast.ci_bot):
            with pytest.raises(PolicyRefusal):
                issue(user)
