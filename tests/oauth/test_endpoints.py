"""Metadata, revocation, introspection, and clients with a secret."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oauth2.rfc9207 import AuthorizationServerMetadata as NamesItself
from django.core.management import CommandError, call_command
from django.test import Client

from jit_access.accounts.services import lock_account
from jit_access.audit.models import AuditEntry
from jit_access.core.ids import new_token_id, new_token_secret
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict
from jit_access.domain.tokens import TokenKind, format_token
from jit_access.oauth import models
from jit_access.oauth.access_tokens import Terms, issue_access_token
from jit_access.oauth.registration import NewClient, register_client, remove_client, renew_secret
from jit_access.oauth.scopes import Scope, parse_scope
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.oauth_client import CommandLine, me, send

ClientFor = Callable[..., Client]


@pytest.fixture
def asker(cast: Cast) -> NewClient:
    """A client of ci-bot that may introspect."""
    return made(cast, "asker", may_introspect=True)


def made(cast: Cast, name: str, scope: str = "read act", **more: Any) -> NewClient:
    return register_client(actor=GATEWAY, account=cast.ci_bot, name=name, scopes=parse_scope(scope), **more)


def basic(client: NewClient, secret: str | None = None) -> dict[str, str]:
    pair = f"{client.client.public_id}:{secret or client.secret.reveal()}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def posted(client: NewClient) -> dict[str, str]:
    return {"client_id": client.client.public_id, "client_secret": client.secret.reveal()}


def as_itself(client: NewClient, **fields: str) -> Any:
    return send("/oauth/token", basic(client), grant_type="client_credentials", **fields)


class TestMetadata:
    def test_it_holds_by_the_standards(self, db: None, settings: Any) -> None:
        settings.PUBLIC_URL = "https://access.example.com"
        answer = Client().get("/.well-known/oauth-authorization-server")
        found = AuthorizationServerMetadata(answer.json())
        found.validate(metadata_classes=[NamesItself])
        assert found["issuer"] == "https://access.example.com"
        assert found["code_challenge_methods_supported"] == ["S256"]
        assert found["authorization_response_iss_parameter_supported"] is True
        assert "refresh_token" not in found["grant_types_supported"]

    def test_every_endpoint_that_it_names_is_there(self, db: None, settings: Any) -> None:
        found = Client().get("/.well-known/oauth-authorization-server").json()
        named = [value for name, value in found.items() if name.endswith("_endpoint")]
        assert len(named) >= 4
        for address in named:
            assert Client().get(address.removeprefix(settings.PUBLIC_URL)).status_code in {302, 405}, address

    def test_only_to_be_read(self, db: None) -> None:
        assert Client().post("/.well-known/oauth-authorization-server").status_code == 405


class TestRevocation:
    def test_who_holds_it_ends_it(self, cast: Cast, client_for: ClientFor) -> None:
        text = CommandLine(client_for(cast.ada)).sign_in()
        assert me(text)[0] == 200
        answer = send("/oauth/revoke", token=text, client_id="jit-cli", token_type_hint="refresh_token")
        assert (answer.status_code, answer.json()) == (200, {})
        assert me(text)[0] == 401
        assert AuditEntry.objects.get(kind="access-token.revoked").actor_id == cast.ada.public_id

    def test_the_answer_is_the_same_whatever_was_there(
        self, cast: Cast, client_for: ClientFor, asker: NewClient
    ) -> None:
        text = CommandLine(client_for(cast.ada)).sign_in()
        unknown = format_token(TokenKind.ACCESS, new_token_id(), new_token_secret())
        answers = [
            send("/oauth/revoke", client_id="jit-cli", token=one) for one in (unknown, "x", asker.secret.reveal())
        ]
        answers.append(send("/oauth/revoke", basic(asker), token=text))  # another client's
        assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"{}")}
        assert me(text)[0] == 200

    def test_a_client_and_a_token_are_needed(self, db: None) -> None:
        assert send("/oauth/revoke", client_id="jit-cli").json()["error"] == "invalid_request"
        assert send("/oauth/revoke", token="x").json()["error"] == "invalid_client"
        assert send("/oauth/revoke", token="x", client_id="nobody").json()["error"] == "invalid_client"
        assert Client().get("/oauth/revoke").status_code == 405


class TestIntrospection:
    def test_who_may_ask_learns_what_it_is(self, cast: Cast, client_for: ClientFor, asker: NewClient) -> None:
        text = CommandLine(client_for(cast.ada)).sign_in(scope="read")
        for answer in (
            send("/oauth/introspect", basic(asker), token=text),
            send("/oauth/introspect", token=text, **posted(asker)),
        ):
            found = answer.json()
            assert (found["active"], found["sub"], found["scope"]) == (True, cast.ada.public_id, "read")
            assert (found["client_id"], found["acr"], found["token_type"]) == ("jit-cli", "second-factor", "Bearer")
            assert found["exp"] - found["iat"] <= 12 * 3600
            assert text not in answer.content.decode()

    def test_whatever_does_not_count_looks_alike(
        self, cast: Cast, client_for: ClientFor, asker: NewClient, clock: Clock
    ) -> None:
        def is_active(text: str) -> dict[str, object]:
            answer: dict[str, object] = send("/oauth/introspect", basic(asker), token=text).json()
            return answer

        text, browser = CommandLine(client_for(cast.ada)).sign_in(), client_for(cast.ada)
        other = CommandLine(browser).sign_in()
        assert is_active(text)["active"] is True
        browser.post("/sign-out")
        unknown = format_token(TokenKind.ACCESS, new_token_id(), new_token_secret())
        for dead in (other, unknown, "x", "jita_api_x"):
            assert is_active(dead) == {"active": False}
        clock.advance(hours=13)
        assert is_active(text) == {"active": False}

    def test_a_removed_client_may_no_more(self, cast: Cast, client_for: ClientFor, asker: NewClient) -> None:
        text = CommandLine(client_for(cast.ada)).sign_in()
        assert send("/oauth/introspect", basic(asker), token=text).json()["active"] is True
        remove_client(actor=GATEWAY, client=asker.client)
        assert send("/oauth/introspect", basic(asker), token=text).json()["error"] == "invalid_client"

    def test_nobody_else_may(self, cast: Cast, client_for: ClientFor, asker: NewClient) -> None:
        text = CommandLine(client_for(cast.ada)).sign_in()
        weak = made(cast, "weak")
        refused = send("/oauth/introspect", basic(weak), token=text)
        assert (refused.status_code, refused.json()["error"]) == (403, "unauthorized_client")
        assert send("/oauth/introspect", client_id="jit-cli", token=text).json()["error"] == "invalid_client"
        assert send("/oauth/introspect", basic(asker, "x"), token=text).json()["error"] == "invalid_client"
        assert send("/oauth/introspect", {"Authorization": f"Bearer {text}"}, token=text).status_code == 401
        assert AuditEntry.objects.filter(kind="oauth.refused", reason="client-not-allowed").count() == 1


class TestClientCredentials:
    def test_a_client_is_its_account_for_a_quarter_of_an_hour(self, cast: Cast, asker: NewClient, clock: Clock) -> None:
        answer = as_itself(asker)
        found = answer.json()
        assert (answer.status_code, found["scope"]) == (200, "read act")
        assert 890 <= found["expires_in"] <= 900
        assert "refresh_token" not in found
        status, body = me(found["access_token"])
        assert (status, body["person"]["name"], body["assurance"]["level"]) == (200, "ci-bot", "none")
        clock.advance(minutes=15)
        assert me(found["access_token"])[0] == 401

    def test_authlibs_own_client_gets_one(self, cast: Cast, asker: NewClient) -> None:
        answer = send("/oauth/token", grant_type="client_credentials", **posted(asker))
        assert answer.status_code == 200

    def test_never_wider_than_the_client(self, cast: Cast) -> None:
        reader = made(cast, "reader", "read")
        assert as_itself(reader).json()["scope"] == "read"
        for scope in ("act", "read act", "admin", "read read act"):
            assert as_itself(reader, scope=scope).json()["error"] == "invalid_scope", scope
        assert as_itself(made(cast, "both"), scope="read").json()["scope"] == "read"

    def test_a_wrong_secret_opens_nothing(self, cast: Cast, asker: NewClient) -> None:
        assert as_itself(asker).status_code == 200
        for bad in (
            "x",
            asker.secret.reveal()[:-1],
            format_token(TokenKind.CLIENT, new_token_id(), new_token_secret()),
        ):
            answer = send("/oauth/token", basic(asker, bad), grant_type="client_credentials")
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
            assert answer["WWW-Authenticate"].startswith("Basic")
        gone = send("/oauth/token", grant_type="client_credentials", client_id=asker.client.public_id)
        assert gone.json()["error"] == "invalid_client"
        both = send("/oauth/token", basic(asker), grant_type="client_credentials", **posted(asker))
        assert both.json()["error"] == "invalid_request"

    def test_the_command_lines_client_cannot(self, db: None) -> None:
        answer = send("/oauth/token", grant_type="client_credentials", client_id="jit-cli")
        assert answer.json()["error"] == "invalid_client"

    def test_its_secret_is_not_for_codes(self, cast: Cast, client_for: ClientFor, asker: NewClient) -> None:
        code = CommandLine(client_for(cast.ada)).code()
        answer = send("/oauth/token", basic(asker), grant_type="authorization_code", code=code)
        assert answer.json()["error"] == "invalid_client"

    @pytest.mark.parametrize("change", [remove_client, renew_secret])
    def test_a_changed_client_and_what_it_got_is_over(
        self, cast: Cast, asker: NewClient, change: Callable[..., object]
    ) -> None:
        text = as_itself(asker).json()["access_token"]
        assert me(text)[0] == 200
        after = change(actor=GATEWAY, client=asker.client)
        assert me(text)[0] == 401
        assert as_itself(asker).json()["error"] == "invalid_client"
        if isinstance(after, NewClient):
            assert as_itself(after).status_code == 200

    def test_a_locked_owner_stops_it(self, cast: Cast, asker: NewClient) -> None:
        lock_account(actor=GATEWAY, user=cast.ada)
        assert as_itself(asker).json()["error"] == "invalid_grant"

    def test_who_may_have_a_client(self, cast: Cast, asker: NewClient) -> None:
        with pytest.raises(CallerError):
            register_client(actor=GATEWAY, account=cast.ada, name="x", scopes=frozenset({Scope.READ}))
        with pytest.raises(Conflict):
            made(cast, "asker")
        for name, scope in (("", "read"), ("x" * 81, "read"), ("y", "")):
            with pytest.raises(CallerError):
                made(cast, name, scope)

    def test_no_secret_is_kept(self, asker: NewClient) -> None:
        secret = asker.secret.reveal()
        kept = str(list(models.Client.objects.values())) + "".join(row.body for row in AuditEntry.objects.all())
        assert secret.split("_")[3] not in kept


class TestCommand:
    def call(self, *words: str) -> str:
        out = StringIO()
        call_command("oauth_client", *words, stdout=out)
        return out.getvalue()

    def test_the_whole_life_of_a_client(self, cast: Cast) -> None:
        shown = dict(
            line.split(" ") for line in self.call("add", "ci-bot", "nightly", "--scope", "read").split("\n") if line
        )
        assert shown["client_secret"].startswith("jita_client_")
        assert "nightly  read" in self.call("list", "ci-bot")
        renewed = self.call("renew", "ci-bot", shown["client_id"])
        assert shown["client_secret"] not in renewed
        self.call("remove", "ci-bot", shown["client_id"])
        assert self.call("list", "ci-bot").strip() == "It has no client."
        assert AuditEntry.objects.filter(kind__startswith="oauth-client.", actor_id="terminal").count() == 3

    def test_people_and_strangers_have_none(self, cast: Cast) -> None:
        for name in ("ada", "nobody"):
            with pytest.raises(CommandError):
                self.call("add", name, "x")
        with pytest.raises(CommandError):
            self.call("remove", "ci-bot", "oac_x")


class TestOverTheAPI:
    def test_the_owner_makes_renews_and_removes(self, cast: Cast, client_for: ClientFor) -> None:
        ada, root = client_for(cast.ada), f"/api/v1/agents/{cast.ci_bot.public_id}/clients"
        got = ada.post(root, {"name": "nightly", "scope": "read"}, content_type="application/json")
        assert got.status_code == 201
        body = got.json()
        token = send(
            "/oauth/token", grant_type="client_credentials", client_id=body["id"], client_secret=body["client_secret"]
        )
        assert me(token.json()["access_token"])[1]["person"]["name"] == "ci-bot"
        assert [row["name"] for row in ada.get(root).json()["results"]] == ["nightly"]
        assert "client_secret" not in ada.get(root).content.decode()
        renewed = ada.post(f"{root}/{body['id']}/secret", {}, content_type="application/json").json()
        assert renewed["client_secret"] != body["client_secret"]
        assert ada.delete(f"{root}/{body['id']}").status_code == 204
        assert ada.get(root).json()["results"] == []

    def test_with_a_stale_proof_not(self, cast: Cast, client_for: ClientFor) -> None:
        root = f"/api/v1/agents/{cast.ci_bot.public_id}/clients"
        answer = client_for(cast.ada, "stale").post(root, {"name": "x"}, content_type="application/json")
        assert answer.json()["code"] == "second-factor-stale"
        assert not models.Client.objects.exists()

    def test_nobody_else_sees_them(self, cast: Cast, client_for: ClientFor, asker: NewClient) -> None:
        root = f"/api/v1/agents/{cast.ci_bot.public_id}/clients"
        agents = as_itself(asker).json()["access_token"]
        assert client_for(cast.ben).get(root).status_code == 404
        assert client_for(cast.ben).delete(f"{root}/{asker.client.public_id}").status_code == 404
        assert Client().get(root, headers={"Authorization": f"Bearer {agents}"}).status_code == 404
        assert client_for(cast.ada).delete(f"{root}/oac_x").status_code == 404

    def test_ones_own_tokens_are_seen_and_ended(self, cast: Cast, client_for: ClientFor) -> None:
        browser = client_for(cast.ada)
        text, other = CommandLine(browser).sign_in(), CommandLine(browser).sign_in()
        headers = {"Authorization": f"Bearer {text}"}
        rows = Client().get("/api/v1/me/access-tokens", headers=headers).json()["results"]
        assert [row["is_here"] for row in rows] == [False, True]
        assert rows[0]["level"] == "second-factor"
        assert client_for(cast.ben).delete(f"/api/v1/me/access-tokens/{rows[0]['id']}").status_code == 404
        assert Client().delete(f"/api/v1/me/access-tokens/{rows[0]['id']}", headers=headers).status_code == 204
        assert (me(other)[0], me(text)[0]) == (401, 200)
        assert len(browser.get("/api/v1/me/access-tokens").json()["results"]) == 1

    def test_an_owner_ends_a_token_of_their_agent(self, cast: Cast, client_for: ClientFor) -> None:
        terms = Terms(lasts=timedelta(minutes=5), scope="read")
        token = issue_access_token(actor=GATEWAY, user=cast.ci_bot, terms=terms).token
        assert client_for(cast.ada).delete(f"/api/v1/me/access-tokens/{token.public_id}").status_code == 204
