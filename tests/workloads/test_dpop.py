"""Tokens that belong to a key: of no use to whoever has the token alone, or a proof alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
from django.test import Client
from joserfc import jwk

from jit_access.accounts.models import ApiToken
from jit_access.accounts.services import TokenLimits, issue_api_token
from jit_access.audit.models import AuditEntry
from jit_access.core import redis as core_redis
from jit_access.oauth.dpop import new_nonce
from jit_access.oauth.models import AccessToken
from jit_access.workloads.models import WorkloadTrust
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.oauth_client import CommandLine
from tests.support.workloads.dpop import TOKEN_URL, Holder
from tests.support.workloads.exchanging import call, exchange, last
from tests.support.workloads.issuer import GITHUB, Issuer, new_key
from tests.support.workloads.trusting import GITHUB_PINS, add_issuer, trust

ME = "http://localhost:8000/api/v1/me"


@pytest.fixture
def trusted(cast: Cast, issuer: Issuer) -> WorkloadTrust:
    return trust(cast, add_issuer(cast, issuer), GITHUB_PINS)


@pytest.fixture
def holder(trusted: WorkloadTrust) -> Holder:
    return Holder(nonce=new_nonce())


@pytest.fixture
def token(holder: Holder, issuer: Issuer) -> str:
    """A token that belongs to the holder's key."""
    lasting = issuer.token(GITHUB, exp=int(issuer.now()) + 1200)
    answer = exchange(lasting, proof=holder.proof("POST", TOKEN_URL))
    assert answer.status_code == 200, answer.content
    assert answer.json()["token_type"] == "DPoP"
    holder.nonce = answer["DPoP-Nonce"]
    found: str = answer.json()["access_token"]
    return found


def use(token: str, proof: str, *, scheme: str = "DPoP") -> Any:
    return call(token, scheme=scheme, proof=proof)


class TestGettingOne:
    def test_it_belongs_to_the_key_that_proved_itself(self, holder: Holder, token: str) -> None:
        assert AccessToken.objects.get().jkt == holder.jkt
        assert use(token, holder.proof("GET", ME, token)).status_code == 200

    def test_one_of_an_rsa_key_too(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        holder = Holder(new_key(), new_nonce())
        answer = exchange(issuer.token(GITHUB), proof=holder.proof("POST", TOKEN_URL))
        found = answer.json()["access_token"]
        assert use(found, holder.proof("GET", ME, found)).status_code == 200

    def test_the_first_try_is_told_the_nonce(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        holder, theirs = Holder(), issuer.token(GITHUB)
        answer = exchange(theirs, proof=holder.proof("POST", TOKEN_URL))
        assert (answer.status_code, answer.json()["error"]) == (400, "use_dpop_nonce")
        assert not AuditEntry.objects.filter(kind="oauth.refused").exists()
        holder.nonce = answer["DPoP-Nonce"]
        assert exchange(theirs, proof=holder.proof("POST", TOKEN_URL)).status_code == 200

    def test_a_proof_counts_once(self, trusted: WorkloadTrust, holder: Holder, issuer: Issuer) -> None:
        proof = holder.proof("POST", TOKEN_URL)
        assert exchange(issuer.token(GITHUB), proof=proof).status_code == 200
        answer = exchange(issuer.token(GITHUB), proof=proof)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
        assert last("oauth.refused")["detail"]["check"] == "dpop-used-before"

    def test_without_redis_nobody_gets_one(
        self, holder: Holder, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        away = redis.Redis(host="127.0.0.1", port=9, socket_connect_timeout=0.2)
        monkeypatch.setattr(core_redis, "client", lambda: away)
        answer = exchange(issuer.token(GITHUB), proof=holder.proof("POST", TOKEN_URL))
        assert answer.status_code == 503
        assert not AccessToken.objects.exists()


def public(key: jwk.ECKey | jwk.RSAKey) -> dict[str, Any]:
    return {name: value for name, value in key.as_dict(private=False).items() if name in {"kty", "crv", "x", "y"}}


Bend = Callable[[Holder, str], str]
OTHER = Holder()


def claims(**changes: Any) -> Bend:
    return lambda holder, token: holder.proof("GET", ME, token, **changes)


def header(**changes: Any) -> Bend:
    return lambda holder, token: holder.sign(holder.header(**changes), holder.claims("GET", ME, token))


def moved(name: str, by_s: int) -> Bend:
    def bend(holder: Holder, token: str) -> str:
        told = holder.claims("GET", ME, token)
        return holder.sign(holder.header(), {**told, name: told["iat"] + by_s})

    return bend


BENT: dict[str, tuple[Bend, str]] = {
    "another method": (claims(htm="POST"), "htm"),
    "the method in small letters": (claims(htm="get"), "htm"),
    "no method": (claims(htm=None), "htm"),
    "another path": (claims(htu="http://localhost:8000/api/v1/requests"), "htu"),
    "another host": (claims(htu="http://evil.example/api/v1/me"), "htu"),
    "another scheme": (claims(htu="https://localhost:8000/api/v1/me"), "htu"),
    "another port": (claims(htu="http://localhost/api/v1/me"), "htu"),
    "a path that leads there": (claims(htu="http://localhost:8000/api/v1/x/../me"), "htu"),
    "somebody in the address": (claims(htu="http://a@localhost:8000/api/v1/me"), "htu"),
    "an address that is none": (claims(htu=["x"]), "htu"),
    "no address": (claims(htu=None), "htu"),
    "two minutes old": (moved("iat", -120), "iat"),
    "two minutes early": (moved("iat", 120), "iat"),
    "no time": (claims(iat=None), "iat"),
    "a time that is text": (claims(iat="now"), "iat"),
    "over by its own word": (moved("exp", -1), "exp"),
    "no id": (claims(jti=None), "jti"),
    "an empty id": (claims(jti=""), "jti"),
    "a long id": (claims(jti="x" * 256), "jti"),
    "for another token": (claims(ath="AAAA"), "ath"),
    "for no token": (claims(ath=None), "ath"),
    "not of this kind": (header(typ="JWT"), "type"),
    "of no kind": (header(typ=None), "type"),
    "alg none": (header(alg="none"), "algorithm"),
    "alg HS256": (header(alg="HS256"), "algorithm"),
    "alg of another kind of key": (header(alg="RS256"), "jwk"),
    "another key in the header": (header(jwk=public(OTHER.key)), "signature"),
    "a private key in the header": (lambda h, t: header(jwk=h.key.as_dict(private=True))(h, t), "jwk"),
    "a shared key in the header": (header(jwk={"kty": "oct", "k": "AAAA"}), "jwk"),
    "no key": (header(jwk=None), "jwk"),
    "a key that is text": (header(jwk="x"), "jwk"),
    "a key that is elsewhere": (header(jku="http://127.0.0.1:9/keys"), "header"),
    "crit": (header(crit=["htm"]), "header"),
    "by another key": (lambda _, token: Holder(OTHER.key, new_nonce()).proof("GET", ME, token), "other-key"),
    "a changed signature": (lambda h, token: h.proof("GET", ME, token)[:-8] + "AAAAAAAA", "signature"),
    "two of them": (lambda h, token: f"{h.proof('GET', ME, token)}, {h.proof('GET', ME, token)}", "shape"),
    "no token at all": (lambda *_: "x", "shape"),
    "more than 8 KiB": (claims(more="x" * 8192), "too-large"),
}


class TestUsingOne:
    @pytest.mark.parametrize("case", BENT)
    def test_a_proof_that_is_not_for_this_is_none(self, holder: Holder, token: str, case: str) -> None:
        bend, check = BENT[case]
        answer = use(token, bend(holder, token))
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("DPoP error=")
        record = last("api.refused")
        assert (record["detail"]["check"], record["reason"]) == (check, "key-proof-refused")
        assert use(token, holder.proof("GET", ME, token)).status_code == 200

    def test_the_token_alone_is_worth_nothing(self, holder: Holder, token: str, cast: Cast) -> None:
        for scheme in ("Bearer", "bearer"):
            answer = use(token, "", scheme=scheme)
            assert (answer.status_code, answer.json()["code"]) == (401, "key-proof-missing")
        answer = use(token, holder.proof("GET", ME, token), scheme="Bearer")
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer["WWW-Authenticate"]
        record = last("api.refused")
        assert (record["actor_id"], record["detail"]["check"]) == (cast.ci_bot.public_id, "bearer")

    def test_nor_without_a_proof(self, token: str) -> None:
        answer = use(token, "")
        assert (answer.status_code, answer.json()["code"]) == (401, "key-proof-missing")

    def test_a_stolen_proof_is_worth_nothing_once_used(self, holder: Holder, token: str) -> None:
        proof = holder.proof("GET", ME, token)
        assert use(token, proof).status_code == 200
        assert use(token, proof).status_code == 401
        assert last("api.refused")["detail"]["check"] == "used-before"

    def test_nor_at_another_address(self, holder: Holder, token: str) -> None:
        proof = holder.proof("GET", ME, token)
        assert call(token, "/api/v1/requests", scheme="DPoP", proof=proof).status_code == 401

    @pytest.mark.parametrize("url", [f"{ME}?page=2", f"{ME}#part", "HTTP://LOCALHOST:8000/api/v1/me"])
    def test_addresses_are_compared_as_addresses(self, holder: Holder, token: str, url: str) -> None:
        assert use(token, holder.proof("GET", url, token)).status_code == 200

    def test_a_stale_nonce_is_renewed(self, holder: Holder, token: str, clock: Clock) -> None:
        clock.advance(seconds=301)
        answer = use(token, holder.proof("GET", ME, token))
        assert (answer.status_code, 'error="use_dpop_nonce"' in answer["WWW-Authenticate"]) == (401, True)
        assert not AuditEntry.objects.filter(kind="api.refused").exists()
        holder.nonce = answer["DPoP-Nonce"]
        assert use(token, holder.proof("GET", ME, token)).status_code == 200

    @pytest.mark.parametrize("nonce", ["", "x", "1.0", None, 7])
    def test_a_nonce_that_we_never_gave_is_none(self, holder: Holder, token: str, nonce: object) -> None:
        answer = use(token, holder.proof("GET", ME, token, nonce=nonce))
        assert 'error="use_dpop_nonce"' in answer["WWW-Authenticate"]

    def test_a_nonce_of_another_time_cannot_be_made(self, holder: Holder, token: str) -> None:
        moment, _, seal = holder.nonce.partition(".")
        forged = f"{int(moment) + 60}.{seal}"
        answer = use(token, holder.proof("GET", ME, token, nonce=forged))
        assert 'error="use_dpop_nonce"' in answer["WWW-Authenticate"]

    def test_without_redis_nothing_opens(self, holder: Holder, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
        away = redis.Redis(host="127.0.0.1", port=9, socket_connect_timeout=0.2)
        with monkeypatch.context() as patch:
            patch.setattr("jit_access.oauth.dpop.core_redis.client", lambda: away)
            assert use(token, holder.proof("GET", ME, token)).status_code == 503
        assert use(token, holder.proof("GET", ME, token)).status_code == 200


class TestTokensWithoutAKey:
    def test_one_is_used_as_before_and_not_as_if_it_had_one(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        token = exchange(issuer.token(GITHUB)).json()["access_token"]
        assert call(token).status_code == 200
        holder = Holder(nonce=new_nonce())
        answer = use(token, holder.proof("GET", ME, token))
        assert (answer.status_code, last("api.refused")["detail"]["check"]) == (401, "not-bound")


class TestTrustsThatAskForAKey:
    """For workloads whose token, copied by somebody, must open nothing elsewhere."""

    def test_without_one_nothing_is_given(self, cast: Cast, issuer: Issuer) -> None:
        row = trust(cast, add_issuer(cast, issuer), GITHUB_PINS, needs_key=True)
        answer = exchange(issuer.token(GITHUB))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        record = last("oauth.refused")
        assert (record["reason"], record["detail"]["trust"]) == ("key-proof-missing", row.public_id)
        assert not AccessToken.objects.exists()
        holder = Holder(nonce=new_nonce())
        given = exchange(issuer.token(GITHUB), proof=holder.proof("POST", TOKEN_URL))
        assert given.json()["token_type"] == "DPoP"


class TestApiTokens:
    """The same door for tokens that were made with the thumbprint of a key."""

    def test_one_with_a_key_is_used_with_its_key_alone(self, cast: Cast) -> None:
        holder = Holder(nonce=new_nonce())
        limits = TokenLimits(jkt=holder.jkt)
        issued = issue_api_token(
            actor=cast.ada.ref, user=cast.ci_bot, name="nightly", lasts=timedelta(days=1), limits=limits
        )
        token = issued.text.reveal()
        bare = use(token, "", scheme="Bearer")
        assert (bare.status_code, bare.json()["code"]) == (401, "key-proof-missing")
        assert ApiToken.objects.get().last_used_at is None
        assert use(token, OTHER.sign(OTHER.header(), holder.claims("GET", ME, token))).status_code == 401
        assert last("api.refused")["detail"]["check"] == "other-key"
        assert use(token, holder.proof("GET", ME, token)).status_code == 200

    def test_one_without_is_used_as_before(self, cast: Cast) -> None:
        issued = issue_api_token(actor=cast.ada.ref, user=cast.ci_bot, name="nightly", lasts=timedelta(days=1))
        token = issued.text.reveal()
        assert use(token, "", scheme="Bearer").status_code == 200
        holder = Holder(nonce=new_nonce())
        assert use(token, holder.proof("GET", ME, token)).status_code == 401


class TestPeople:
    def test_a_command_line_can_bind_what_it_signs_in_with(self, cast: Cast, client_for: Callable[..., Client]) -> None:
        line, holder = CommandLine(client_for(cast.ada)), Holder(nonce=new_nonce())
        form = {
            "grant_type": "authorization_code",
            "code": line.code(),
            "client_id": line.client_id,
            "redirect_uri": line.redirect_uri,
            "code_verifier": line.verifier,
        }
        headers = {"DPoP": holder.proof("POST", TOKEN_URL)}
        answer = Client().post(
            "/oauth/token", urlencode(form), content_type="application/x-www-form-urlencoded", headers=headers
        )
        assert answer.json()["token_type"] == "DPoP"
        token = answer.json()["access_token"]
        assert use(token, "", scheme="Bearer").status_code == 401
        assert use(token, holder.proof("GET", ME, token)).status_code == 200
