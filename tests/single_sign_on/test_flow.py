"""Signing in at a provider: who is let in, as whom, how strong, and every answer that must not be believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from joserfc import jwk, jwt

from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of
from jit_access.accounts.services import lock_account
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, PeerError
from jit_access.domain.reasons import Reason
from jit_access.jose import key_sets as keys
from jit_access.jose.fetching import Peer
from jit_access.mfa.assurance import Level
from jit_access.mfa.models import WebSession
from jit_access.mfa.session_keys import LEVEL
from jit_access.single_sign_on import services
from jit_access.single_sign_on.models import Identity, Provider
from jit_access.single_sign_on.tokens import OLDEST
from tests.conftest import Clock
from tests.single_sign_on.conftest import Walk, add
from tests.support.cast import Cast
from tests.support.oidc.issuer import CLIENT_ID, Claims, Issuer, new_key
from tests.web.pages_of import text_of

MakeClient = Callable[..., Client]
ME = "/api/v1/me"


def failed_check() -> str:
    body = json.loads(AuditEntry.objects.filter(kind="sign-on.refused").latest("seq").body)
    return str(body["detail"]["check"])


def b64(data: object) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class TestSigningIn:
    def test_it_counts_as_a_password_and_leads_to_our_own_second_factor(self, linked: Client) -> None:
        walk = Walk(Client())
        answer = walk.client.get(walk.log_in(walk.leave(next="/access?tab=ended"), "ada@corp"))
        assert answer["Location"] == "/second-factor?next=%2Faccess%3Ftab%3Dended"
        assert walk.client.session[LEVEL] == Level.PASSWORD
        assert walk.client.get(ME).json()["code"] == "second-factor-missing"
        assert AuditEntry.objects.filter(kind="sign-on.accepted", decision="allow").count() == 1

    def test_the_session_id_is_new_and_a_planted_one_is_worth_nothing(self, linked: Client) -> None:
        walk = Walk(Client())
        address = walk.leave()
        before = walk.client.cookies["sessionid"].value
        walk.client.get(walk.log_in(address, "ada@corp"))
        assert walk.client.cookies["sessionid"].value != before
        old = Client()
        old.cookies["sessionid"] = before
        assert old.get("/access")["Location"].startswith("/sign-in")

    def test_a_subject_that_is_nobody_here_is_refused(self, provider: Provider, cast: Cast, issuer: Issuer) -> None:
        issuer.people["eve@corp"] = {
            "sub": "S-eve",
            "preferred_username": "eve.corp",
            "name": "Ada Okafor",
            "email": "ada@example.test",
            "email_verified": True,
        }
        answer: Any = Walk(Client()).sign_in("eve@corp")
        assert (answer.status_code, "identity-unknown" in text_of(answer)) == (422, True)
        assert not User.objects.filter(username="eve.corp").exists()
        assert not Identity.objects.exists()

    def test_where_the_operator_allows_it_an_account_is_made(
        self, provider: Provider, cast: Cast, issuer: Issuer
    ) -> None:
        services.change_provider(actor=GATEWAY, provider=provider, may_provision=True)
        answer: Any = Walk(Client()).sign_in()
        assert answer["Location"].startswith("/second-factor")
        made = User.objects.get(username="ada.corp")
        assert not made.has_usable_password()
        assert (made.is_superuser, made.is_staff, groups_of(made)) == (False, False, frozenset())

    def test_but_never_under_the_name_of_somebody_who_is_here(
        self, provider: Provider, cast: Cast, issuer: Issuer
    ) -> None:
        services.change_provider(actor=GATEWAY, provider=provider, may_provision=True)
        issuer.people["ada@corp"]["preferred_username"] = "ＡＤＡ"
        answer: Any = Walk(Client()).sign_in()
        assert (answer.status_code, "identity-unknown" in text_of(answer)) == (422, True)
        assert not Identity.objects.exists()

    def test_a_locked_account_stays_out(self, linked: Client, cast: Cast) -> None:
        lock_account(actor=GATEWAY, user=cast.ada)
        answer: Any = Walk(Client()).sign_in()
        assert "account-locked" in text_of(answer)

    def test_a_provider_that_is_switched_off_is_no_door(self, linked: Client, provider: Provider) -> None:
        assert "Sign in with Corp" in text_of(Client().get("/sign-in"))
        services.change_provider(actor=GATEWAY, provider=provider, is_active=False)
        assert "Sign in with Corp" not in text_of(Client().get("/sign-in"))
        assert Client().post("/sign-in/with/corp").status_code == 404

    def test_a_provider_that_is_away_says_so_and_the_password_still_works(
        self, linked: Client, provider: Provider
    ) -> None:
        walk = Walk(Client())
        answer = walk.log_in(walk.leave(), "ada@corp")
        Provider.objects.update(token_endpoint="http://127.0.0.1:9/token")
        page = walk.client.get(answer)
        assert (page.status_code, "provider-away" in text_of(page)) == (502, True)

    def test_one_whose_keys_cannot_be_had_is_not_asked_by_every_stranger(
        self, linked: Client, provider: Provider, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keys.forget_keys()
        tried: list[str] = []

        def away(url: str, *, peer: Peer) -> dict[str, Any]:
            tried.append(url)
            raise PeerError(Reason.PROVIDER_AWAY, f"{peer.name} does not answer.", retryable=True)

        with monkeypatch.context() as patch:
            patch.setattr(keys, "fetch_json", away)
            for _ in range(3):
                refused: Any = Walk(Client()).sign_in()
                assert refused.status_code == 502
        assert len(tried) == 1
        monkeypatch.setattr(keys, "AWAY_FOR_S", 0)  # that time is over
        taken: Any = Walk(Client()).sign_in()
        assert taken.status_code == 302


class TestStrength:
    def mapped(self, provider: Provider, level: Level = Level.SECOND_FACTOR) -> None:
        services.map_strength(actor=GATEWAY, provider=provider, word="amr:mfa", level=level)

    def here(self, known: Client) -> Walk:
        """A browser that is one of Ada's devices, signed out."""
        client = Client()
        client.cookies["device"] = known.cookies["device"].value
        return Walk(client)

    def test_a_mapped_word_in_a_known_device_counts(self, linked: Client, provider: Provider, issuer: Issuer) -> None:
        self.mapped(provider)
        issuer.bend = {"amr": ["pwd", "mfa"]}
        walk = self.here(linked)
        walk.sign_in()
        assert walk.client.get(ME).json()["assurance"]["level"] == "second-factor"

    def test_a_word_that_nobody_mapped_does_not(self, linked: Client, provider: Provider, issuer: Issuer) -> None:
        self.mapped(provider)
        issuer.bend = {"amr": ["pwd", "mfa2"], "acr": "mfa"}
        walk = self.here(linked)
        walk.sign_in()
        assert walk.client.get(ME).status_code == 401

    def test_a_new_device_shows_our_own_factor_too(self, linked: Client, provider: Provider, issuer: Issuer) -> None:
        self.mapped(provider)
        issuer.bend = {"amr": ["mfa"]}
        walk = Walk(Client())
        walk.sign_in()
        assert walk.client.get(ME).status_code == 401

    def test_the_proof_is_as_old_as_the_provider_says(
        self, linked: Client, provider: Provider, issuer: Issuer, clock: Clock
    ) -> None:
        self.mapped(provider)
        issuer.bend = {"amr": ["mfa"], "auth_time": int(clock.now().timestamp()) - 1200}
        walk = self.here(linked)
        walk.sign_in()
        assert 1195 <= walk.client.get(ME).json()["assurance"]["age_s"] <= 1260

    def test_without_its_time_it_is_no_proof(self, linked: Client, provider: Provider, issuer: Issuer) -> None:
        self.mapped(provider)
        issuer.bend = {"amr": ["mfa"], "auth_time": None}
        walk = self.here(linked)
        walk.sign_in()
        assert walk.client.get(ME).status_code == 401

    def test_a_step_up_asks_for_a_new_sign_in_and_believes_nothing_older(
        self, linked: Client, provider: Provider, issuer: Issuer, clock: Clock
    ) -> None:
        self.mapped(provider, Level.PHISHING_RESISTANT)
        issuer.bend = {"amr": ["mfa"]}
        clock.advance(minutes=10)
        walk = Walk(linked)
        address = walk.leave()
        assert "prompt=login" in address
        assert "max_age=300" in address
        issuer.bend["auth_time"] = int(clock.now().timestamp()) - 600
        assert walk.client.get(walk.log_in(address, "ada@corp")).status_code == 403
        assert failed_check() == "not-asked-again"
        issuer.bend.pop("auth_time")
        walk.client.get(walk.log_in(walk.leave(), "ada@corp"))
        told = walk.client.get(ME).json()["assurance"]
        assert (told["level"], told["age_s"] < 300) == ("phishing-resistant", True)

    def test_a_step_up_as_somebody_else_proves_nothing(
        self, linked: Client, provider: Provider, issuer: Issuer
    ) -> None:
        self.mapped(provider)
        issuer.people["ben@corp"] = {"sub": "S-ben", "amr": ["mfa"]}
        walk = Walk(linked)
        assert walk.client.get(walk.log_in(walk.leave(), "ben@corp")).status_code == 403
        assert failed_check() == "somebody-else"


class TestLinking:
    def test_it_asks_for_a_fresh_second_factor(self, provider: Provider, cast: Cast, client_for: MakeClient) -> None:
        answer = client_for(cast.ada, "stale").post("/settings/identities/corp/link")
        assert answer["Location"].startswith("/second-factor")

    def test_one_subject_is_one_person(self, linked: Client, cast: Cast, client_for: MakeClient) -> None:
        walk = Walk(client_for(cast.ben))
        answer = walk.client.get(walk.log_in(walk.leave(path="/settings/identities/corp/link"), "ada@corp"))
        assert (answer.status_code, "identity-taken" in text_of(answer)) == (403, True)
        assert Identity.objects.get().user == cast.ada

    def test_an_answer_that_another_person_began_links_nobody(
        self, provider: Provider, cast: Cast, client_for: MakeClient
    ) -> None:
        """A login CSRF: Eve's answer in Ada's browser would make Eve's account Ada's."""
        eve, ada = Walk(client_for(cast.cleo)), client_for(cast.ada)
        answer = eve.log_in(eve.leave(path="/settings/identities/corp/link"), "ada@corp")
        assert ada.get(answer).status_code == 403
        assert failed_check() == "not-begun-here"
        assert not Identity.objects.exists()
        assert eve.client.get(answer).status_code == 302

    def test_unlinking_shuts_the_door(self, linked: Client) -> None:
        path = f"/settings/identities/{Identity.objects.get().public_id}/unlink"
        assert "no longer sign in" in text_of(linked.get(path))
        assert linked.post(path).status_code == 302
        answer: Any = Walk(Client()).sign_in()
        assert "identity-unknown" in text_of(answer)

    def test_the_api_shows_and_unlinks_ones_own(self, linked: Client, cast: Cast, client_for: MakeClient) -> None:
        row = linked.get("/api/v1/me/identities").json()["results"][0]
        assert row["provider"] == "Corp"
        path = f"/api/v1/me/identities/{row['id']}"
        assert client_for(cast.ben).delete(path).status_code == 404
        assert client_for(cast.ada, "stale").delete(path).json()["code"] == "second-factor-stale"
        assert Identity.objects.exists()
        assert linked.delete(path).status_code == 204
        assert not Identity.objects.exists()


class TestGroups:
    def test_only_what_is_mapped_counts_and_a_loss_is_a_loss(
        self, linked: Client, provider: Provider, issuer: Issuer, cast: Cast
    ) -> None:
        services.map_group(actor=GATEWAY, provider=provider, external="G-owners", group="model-owners")
        issuer.bend = {"groups": ["G-owners", "security", "operators", "G-else"]}
        Walk(Client()).sign_in()
        assert groups_of(cast.ada) == {"research", "model-owners"}
        issuer.bend = {"groups": []}
        Walk(Client()).sign_in()
        assert groups_of(cast.ada) == {"research"}
        assert AuditEntry.objects.filter(kind="account.group-removed", actor_id=provider.public_id).count() == 1

    @pytest.mark.parametrize("group", ["security", "operators", "auditors"])
    def test_protected_groups_are_not_a_providers_to_give(
        self, linked: Client, provider: Provider, issuer: Issuer, cast: Cast, group: str, settings: Any
    ) -> None:
        with pytest.raises(CallerError):
            services.map_group(actor=GATEWAY, provider=provider, external="G", group=group)
        settings.PROTECTED_GROUPS = frozenset()
        services.map_group(actor=GATEWAY, provider=provider, external="G", group=group)
        settings.PROTECTED_GROUPS = frozenset({group})  # protected later on: the mapping that is there gives nothing
        issuer.bend = {"groups": ["G"]}
        Walk(Client()).sign_in()
        assert groups_of(cast.ada) == {"research"}


def unsigned(_issuer: Issuer, claims: Claims, alg: str = "none") -> str:
    return f"{b64({'alg': alg, 'kid': _issuer.keys[0].kid})}.{b64(claims)}."


def hmac_with(secret: Callable[[Issuer], bytes]) -> Callable[[Issuer, Claims], str]:
    def sign(issuer: Issuer, claims: Claims) -> str:
        head = f"{b64({'alg': 'HS256', 'kid': issuer.keys[0].kid})}.{b64(claims)}"
        return f"{head}.{b64(hmac.new(secret(issuer), head.encode(), hashlib.sha256).digest())}"

    return sign


def with_header(key_of: Callable[[Issuer], jwk.RSAKey], **more: object) -> Callable[[Issuer, Claims], str]:
    def sign(issuer: Issuer, claims: Claims) -> str:
        key = key_of(issuer)
        header = {"alg": "RS256", "kid": issuer.keys[0].kid, **more}
        head = f"{b64(header)}.{b64(claims)}"
        signed = jwt.encode({"alg": "RS256", "kid": "x"}, claims, key, algorithms=["RS256"])
        if not more and key is not issuer.keys[0]:
            return f"{b64(header)}.{'.'.join(signed.split('.')[1:])}"
        raw = key.private_key
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415  # only for forging
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415

        assert raw is not None
        return f"{head}.{b64(raw.sign(head.encode(), padding.PKCS1v15(), hashes.SHA256()))}"  # type: ignore[union-attr]

    return sign


EVIL = new_key()
PEM = "pem"
FORGERIES: dict[str, tuple[Callable[[Issuer, Claims], str], str]] = {
    "alg none": (unsigned, "algorithm"),
    "alg NoNe": (lambda issuer, claims: unsigned(issuer, claims, "NoNe"), "algorithm"),
    "alg none with kid": (lambda issuer, claims: unsigned(issuer, claims, "nOnE") + "AA", "algorithm"),
    "hmac with the public key": (hmac_with(lambda issuer: issuer.keys[0].as_pem(private=False)), "algorithm"),
    "hmac with it and a space": (hmac_with(lambda issuer: b" " + issuer.keys[0].as_pem(private=False)), "algorithm"),
    "hmac with nothing": (hmac_with(lambda _: b""), "algorithm"),
    "another key": (with_header(lambda _: EVIL), "signature"),
    "jwk in the header": (with_header(lambda _: EVIL, jwk=EVIL.as_dict(private=False)), "header"),
    "jku": (with_header(lambda _: EVIL, jku="http://127.0.0.1:9/keys"), "header"),
    "x5u": (with_header(lambda _: EVIL, x5u="http://127.0.0.1:9/cert"), "header"),
    "x5c": (with_header(lambda _: EVIL, x5c=["AAAA"]), "header"),
    "crit unknown": (with_header(lambda issuer: issuer.keys[0], crit=["exp"]), "header"),
    "crit empty": (with_header(lambda issuer: issuer.keys[0], crit=[]), "header"),
    "zip": (with_header(lambda issuer: issuer.keys[0], zip="DEF"), "header"),
    "kid is a path": (with_header(lambda issuer: issuer.keys[0], kid="../../etc/passwd"), "key-unknown"),
    "kid is a number": (with_header(lambda issuer: issuer.keys[0], kid=1), "key-unnamed"),
    "type of an access token": (with_header(lambda issuer: issuer.keys[0], typ="at+jwt"), "type"),
    "type of a logout token": (with_header(lambda issuer: issuer.keys[0], typ="logout+jwt"), "type"),
    "JSON serialisation": (lambda _, claims: json.dumps({"payload": b64(claims), "signatures": []}), "shape"),
    "no signature part": (lambda issuer, claims: unsigned(issuer, claims)[:-1], "shape"),
    "ten megabytes": (lambda issuer, claims: unsigned(issuer, claims) + "A" * 400_000, "too-large"),
}


class TestCase31ForgedTokens:
    @pytest.mark.parametrize("forgery", FORGERIES)
    def test_it_is_refused_with_one_constant_answer(self, linked: Client, issuer: Issuer, forgery: str) -> None:
        issuer.forge, check = FORGERIES[forgery]
        walk = Walk(Client())
        answer: Any = walk.sign_in()
        assert (answer.status_code, failed_check()) == (422, check)
        assert "The identity provider's answer could not be used." in text_of(answer)
        assert "_auth_user_id" not in walk.client.session

    def test_the_same_walk_with_a_true_token_goes_through(self, linked: Client, issuer: Issuer) -> None:
        issuer.forge = with_header(lambda one: one.keys[0], typ="JWT")
        answer: Any = Walk(Client()).sign_in()
        assert answer.status_code == 302

    def test_a_rotated_key_is_looked_up_and_a_withdrawn_one_is_forgotten(
        self, linked: Client, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = issuer.keys[0]
        issuer.rotate()
        refused: Any = Walk(Client()).sign_in()
        assert refused.status_code == 422  # looked up less than 30 s ago
        asked = issuer.asked_for_keys
        Walk(Client()).sign_in()
        assert issuer.asked_for_keys == asked
        monkeypatch.setattr(keys, "ASK_AGAIN_AFTER_S", -1)
        taken: Any = Walk(Client()).sign_in()
        assert taken.status_code == 302
        issuer.forge = lambda _, claims: jwt.encode({"alg": "RS256", "kid": old.kid}, claims, old, algorithms=["RS256"])
        gone: Any = Walk(Client()).sign_in()
        assert (gone.status_code, failed_check()) == (422, "key-unknown")


BAD_CLAIMS: dict[str, tuple[Claims, str]] = {
    "iss of another": ({"iss": "https://evil.example"}, "issuer"),
    "iss with a slash more": ({"iss": "slash"}, "issuer"),
    "iss missing": ({"iss": None}, "issuer"),
    "aud of another": ({"aud": "another-client"}, "audience"),
    "aud missing": ({"aud": None}, "audience"),
    "aud with others": ({"aud": [CLIENT_ID, "another-client"], "azp": CLIENT_ID}, "audience"),
    "azp of another": ({"azp": "another-client"}, "authorized-party"),
    "nonce of another": ({"nonce": "another"}, "nonce"),
    "nonce missing": ({"nonce": None}, "nonce"),
    "sub missing": ({"sub": None}, "sub"),
    "sub is a number": ({"sub": 7}, "sub"),
    "sub is long": ({"sub": "x" * 256}, "sub"),
    "exp missing": ({"exp": None}, "exp"),
    "exp as text": ({"exp": "4102444800"}, "exp"),
    "exp endless": ({"exp": 1e400}, "shape"),
    "exp is true": ({"exp": True}, "exp"),
    "exp a second ago": ({"exp": -1}, "expired"),
    "iat missing": ({"iat": None}, "iat"),
    "iat in the future": ({"iat": 120}, "issued-at"),
    "iat long ago": ({"iat": -int(OLDEST.total_seconds()) - 60}, "issued-at"),
    "nbf in the future": ({"nbf": 120}, "not-yet"),
    "logout event": ({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, "kind"),
}
_RELATIVE = {"exp", "iat", "nbf"}


class TestCase32Claims:
    @pytest.mark.parametrize("case", BAD_CLAIMS)
    def test_it_is_refused(self, linked: Client, issuer: Issuer, clock: Clock, case: str) -> None:
        claims, check = BAD_CLAIMS[case]
        now = int(clock.now().timestamp())
        issuer.bend = {
            name: now + value if name in _RELATIVE and isinstance(value, int) and value is not True else value
            for name, value in claims.items()
        }
        if case == "iss with a slash more":
            issuer.bend = {"iss": f"{issuer.url}/"}
        walk = Walk(Client())
        answer: Any = walk.sign_in()
        assert (answer.status_code, failed_check()) == (422, check)
        assert "_auth_user_id" not in walk.client.session

    @pytest.mark.parametrize("claims", [{"aud": [CLIENT_ID]}, {"azp": CLIENT_ID}, {"amr": "pwd"}, {"groups": 7}])
    def test_what_is_odd_but_right_is_taken(self, linked: Client, issuer: Issuer, claims: Claims) -> None:
        issuer.bend = claims
        answer: Any = Walk(Client()).sign_in()
        assert answer.status_code == 302


class TestTheAnswer:
    def test_it_counts_once(self, linked: Client) -> None:
        walk = Walk(Client())
        answer = walk.log_in(walk.leave(), "ada@corp")
        assert walk.client.get(answer).status_code == 302
        assert walk.client.get(answer).status_code == 403
        assert failed_check() == "not-begun-here"

    def test_in_another_browser_it_counts_for_nothing(self, linked: Client) -> None:
        walk = Walk(Client())
        answer = walk.log_in(walk.leave(), "ada@corp")
        assert Client().get(answer).status_code == 422
        assert walk.client.get(answer).status_code == 302

    def test_a_look_ahead_uses_nothing_up(self, linked: Client) -> None:
        walk = Walk(Client())
        answer = walk.log_in(walk.leave(), "ada@corp")
        assert walk.client.head(answer).status_code == 405
        assert walk.client.get(answer).status_code == 302

    def test_with_another_state_it_is_refused_and_used_up(self, linked: Client) -> None:
        walk = Walk(Client())
        answer = walk.log_in(walk.leave(), "ada@corp")
        assert walk.client.get(answer.replace("state=", "state=x")).status_code == 422
        assert walk.client.get(answer).status_code == 422

    def test_after_ten_minutes_it_is_too_late(self, linked: Client, clock: Clock) -> None:
        walk = Walk(Client())
        address = walk.leave()
        clock.advance(seconds=601)
        assert walk.client.get(walk.log_in(address, "ada@corp")).status_code == 422
        assert failed_check() == "too-late"

    def test_a_replayed_code_gets_nothing(self, linked: Client, issuer: Issuer) -> None:
        first, second = Walk(Client()), Walk(Client())
        answer = first.log_in(first.leave(), "ada@corp")
        assert first.client.get(answer).status_code == 302
        code = answer.partition("code=")[2].partition("&")[0]
        mine = second.log_in(second.leave(), "ada@corp")
        stolen = mine.replace(mine.partition("code=")[2].partition("&")[0], code)
        assert second.client.get(stolen).status_code == 422
        assert failed_check() == "code-refused"

    def test_a_stolen_code_is_worth_nothing_without_the_verifier(self, linked: Client, issuer: Issuer) -> None:
        victim, thief = Walk(Client()), Walk(Client())
        code = victim.log_in(victim.leave(), "ada@corp").partition("code=")[2].partition("&")[0]
        mine = thief.log_in(thief.leave(), "ada@corp")
        stolen = mine.replace(mine.partition("code=")[2].partition("&")[0], code)
        assert thief.client.get(stolen).status_code == 422
        assert failed_check() == "code-refused"

    def test_one_that_the_person_refused_is_no_sign_in(self, linked: Client) -> None:
        answer: Any = Walk(Client()).sign_in("nobody@corp")
        assert (answer.status_code, failed_check()) == (422, "no-code")


class TestMixUp:
    """RFC 9700 4.4: an answer of one provider must never be taken for another's."""

    def test_an_answer_at_the_address_of_another_is_refused(
        self, linked: Client, issuers: tuple[Issuer, Issuer]
    ) -> None:
        add("evil", issuers[1])
        walk = Walk(Client())
        answer = walk.log_in(walk.leave("corp"), "ada@corp")
        assert walk.client.get(answer.replace("/answer/corp", "/answer/evil")).status_code == 422
        assert failed_check() == "mixed-up"
        assert issuers[1].token_requests == []

    def test_also_when_neither_names_itself(self, issuers: tuple[Issuer, Issuer], cast: Cast) -> None:
        for slug, issuer in zip(("corp", "evil"), issuers, strict=True):
            issuer.names_itself = False
            add(slug, issuer)
        walk = Walk(Client())
        answer = walk.log_in(walk.leave("corp"), "ada@corp")
        assert walk.client.get(answer.replace("/answer/corp", "/answer/evil")).status_code == 422
        assert failed_check() == "mixed-up"
        assert issuers[1].token_requests == []

    def test_an_answer_that_names_another_is_refused(self, linked: Client, issuers: tuple[Issuer, Issuer]) -> None:
        walk = Walk(Client())
        answer = walk.log_in(walk.leave("corp"), "ada@corp")
        assert walk.client.get(answer.partition("&iss=")[0] + "&iss=https%3A%2F%2Fevil.example").status_code == 422
        assert failed_check() == "mixed-up"

    def test_one_that_always_names_itself_must(self, linked: Client) -> None:
        walk = Walk(Client())
        answer = walk.log_in(walk.leave("corp"), "ada@corp")
        assert walk.client.get(answer.partition("&iss=")[0]).status_code == 422
        assert failed_check() == "issuer-missing"

    def test_the_same_subject_at_another_provider_is_somebody_else(
        self, linked: Client, issuers: tuple[Issuer, Issuer]
    ) -> None:
        add("evil", issuers[1])
        answer: Any = Walk(Client()).sign_in(slug="evil")
        assert "identity-unknown" in text_of(answer)


def test_leaving_here_tells_how_to_leave_there(linked: Client) -> None:
    walk = Walk(Client())
    walk.sign_in()
    assert walk.client.post("/sign-out")["Location"] == "/sign-in?left=corp"
    page = walk.client.get("/sign-in?left=corp")
    assert "Sign out of Corp too" in text_of(page)
    assert not WebSession.objects.filter(came_by="corp").exists()
