"""What a workload brings: only what its issuer said, for us, now. Each refusal beside the token that is taken."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwk

from jit_access.core import clock as core_clock
from jit_access.domain.errors import PeerError
from jit_access.domain.reasons import Reason
from jit_access.jose import key_sets
from jit_access.jose.errors import TokenFault
from jit_access.workloads.kinds import IssuerKind
from jit_access.workloads.models import TrustedIssuer
from jit_access.workloads.subject_tokens import Workload, read_subject_token
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.workloads.cluster import Cluster
from tests.support.workloads.issuer import (
    AUDIENCE,
    GITHUB,
    GITLAB,
    KUBERNETES,
    SPIFFE,
    UID,
    Claims,
    Issuer,
    b64,
    new_ec_key,
    new_key,
    running_issuer,
    sign_raw,
)
from tests.support.workloads.trusting import add_cluster, add_issuer

ADDRESS = "198.51.100.7"


def read(text: object) -> Workload:
    return read_subject_token(text, now=core_clock.now(), address=ADDRESS)


def refused(text: object) -> str:
    """The check that failed."""
    with pytest.raises(TokenFault) as caught:
        read(text)
    return caught.value.code


@pytest.fixture
def known(cast: Cast, issuer: Issuer) -> TrustedIssuer:
    return add_issuer(cast, issuer)


EVIL = new_key()


def forged(key: jwk.RSAKey = EVIL, **header: Any) -> Callable[[Issuer], object]:
    return lambda issuer: issuer.sign(issuer.claims(GITHUB), key, **header)


def unsigned(alg: str) -> Callable[[Issuer], object]:
    return lambda issuer: f"{b64({'alg': alg, 'kid': issuer.keys[0].kid})}.{b64(issuer.claims(GITHUB))}."


def by_hmac(secret: Callable[[Issuer], bytes]) -> Callable[[Issuer], object]:
    def sign(issuer: Issuer) -> object:
        head = f"{b64({'alg': 'HS256', 'kid': issuer.keys[0].kid})}.{b64(issuer.claims(GITHUB))}"
        return f"{head}.{b64(hmac.digest(secret(issuer), head.encode(), 'sha256'))}"

    return sign


def own(**header: Any) -> Callable[[Issuer], object]:
    """Signed by the issuer itself, with another header."""
    return lambda issuer: issuer.sign(issuer.claims(GITHUB), **header)


def with_body(change: Callable[[str], str]) -> Callable[[Issuer], object]:
    """Signed by the issuer itself, over a text that two readers could read differently."""
    return lambda issuer: issuer.sign(change(json.dumps(issuer.claims(GITHUB))).encode())


def serialised(issuer: Issuer) -> object:
    head, body, signature = issuer.token(GITHUB).split(".")
    return json.dumps({"payload": body, "protected": head, "signature": signature})


def resigned_head(issuer: Issuer) -> object:
    """The header names an algorithm twice; the second one is ours."""
    head = f'{{"alg":"none","alg":"RS256","kid":"{issuer.keys[0].kid}"}}'.encode()
    return sign_raw(head, json.dumps(issuer.claims(GITHUB)).encode(), issuer.keys[0], "RS256")


FORGERIES: dict[str, tuple[Callable[[Issuer], object], str]] = {
    "alg none": (unsigned("none"), "algorithm"),
    "alg NoNe": (unsigned("NoNe"), "algorithm"),
    "no alg": (own(alg=None), "algorithm"),
    "alg is a list": (own(alg=["RS256"]), "algorithm"),
    "alg that the issuer did not name": (own(alg="PS256"), "algorithm"),
    "hmac with the public key": (by_hmac(lambda issuer: issuer.keys[0].as_pem(private=False)), "algorithm"),
    "hmac with nothing": (by_hmac(lambda _: b""), "algorithm"),
    "another key": (forged(), "signature"),
    "another key that brings itself": (forged(jwk=EVIL.as_dict(private=False)), "header"),
    "jku": (forged(jku="http://127.0.0.1:9/keys"), "header"),
    "x5u": (forged(x5u="http://127.0.0.1:9/cert"), "header"),
    "x5c": (forged(x5c=["AAAA"]), "header"),
    "its own key in the header": (lambda i: i.sign(i.claims(GITHUB), jwk=i.keys[0].as_dict(private=False)), "header"),
    "crit unknown": (own(crit=["exp"]), "header"),
    "crit empty": (own(crit=[]), "header"),
    "b64 false": (own(b64=False), "header"),
    "zip": (own(zip="DEF"), "header"),
    "kid of nobody": (own(kid="../../etc/passwd"), "key-unknown"),
    "kid is a number": (own(kid=1), "key-unnamed"),
    "no kid": (own(kid=None), "key-unnamed"),
    "typ of a DPoP proof": (own(typ="dpop+jwt"), "type"),
    "typ of a logout token": (own(typ="logout+jwt"), "type"),
    "typ of a list": (own(typ=["JWT"]), "type"),
    "JSON serialisation": (serialised, "shape"),
    "no signature part": (lambda issuer: issuer.token(GITHUB).rpartition(".")[0], "shape"),
    "no signature": (lambda issuer: issuer.token(GITHUB).rpartition(".")[0] + ".", "signature"),
    "a fourth part": (lambda issuer: issuer.token(GITHUB) + ".AA", "shape"),
    "another alphabet": (lambda issuer: issuer.token(GITHUB).replace(".", ".+", 1), "shape"),
    "a line break": (lambda issuer: issuer.token(GITHUB) + "\n", "shape"),
    "no text": (lambda _: None, "shape"),
    "one of our own tokens": (lambda _: "jita_api_" + "0" * 16 + "_" + "0" * 49, "shape"),
    "a claim twice": (with_body(lambda text: text[:-1] + ', "repository_id": "99"}'), "shape"),
    "iss twice": (with_body(lambda text: '{"iss": "https://evil.example", ' + text[1:]), "shape"),
    "alg twice": (resigned_head, "shape"),
    "a list": (with_body(lambda text: f"[{text}]"), "shape"),
    "a body that is too deep": (with_body(lambda text: '{"a":' * 1200 + text + "}" * 1200), "shape"),
    "more than 16 KiB": (lambda issuer: issuer.token(GITHUB, more="x" * 16_384), "too-large"),
    "a signature changed by one letter": (
        lambda issuer: issuer.token(GITHUB)[:-20] + "AAAAAAAAAA" + issuer.token(GITHUB)[-10:],
        "signature",
    ),
}


class TestForgeries:
    @pytest.mark.parametrize("case", FORGERIES)
    def test_it_is_refused(self, known: TrustedIssuer, issuer: Issuer, case: str) -> None:
        forge, check = FORGERIES[case]
        assert refused(forge(issuer)) == check

    @pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", None])
    def test_the_same_token_of_the_issuer_is_taken(self, known: TrustedIssuer, issuer: Issuer, typ: str | None) -> None:
        found = read(issuer.sign(issuer.claims(GITHUB), typ=typ, x5t="AAAA"))
        assert (found.issuer, found.facts["repository_id"]) == (known, "74")

    def test_one_of_an_elliptic_curve_too(self, known: TrustedIssuer, issuer: Issuer) -> None:
        issuer.keys = [new_ec_key()]
        assert read(issuer.token(GITHUB)).subject == GITHUB["sub"]

    @pytest.mark.filterwarnings("ignore:Key size should be")
    def test_a_weak_key_is_no_key(self, known: TrustedIssuer, issuer: Issuer) -> None:
        weak = jwk.RSAKey.generate_key(1024, {"kid": "weak", "use": "sig"}, auto_kid=False)
        issuer.keys = [weak]
        assert refused(issuer.token(GITHUB)) == "key-weak"


BAD_CLAIMS: dict[str, tuple[Claims, str]] = {
    "iss of nobody": ({"iss": "https://evil.example"}, "issuer"),
    "iss missing": ({"iss": None}, "issuer"),
    "iss is a list": ({"iss": ["x"]}, "issuer"),
    "aud of another": ({"aud": "https://another.example"}, "audience"),
    "aud missing": ({"aud": None}, "audience"),
    "aud of the forge's default": ({"aud": "https://github.com/octo"}, "audience"),
    "aud with others": ({"aud": [AUDIENCE, "https://another.example"]}, "audience"),
    "aud with a slash more": ({"aud": f"{AUDIENCE}/"}, "audience"),
    "aud in other letters": ({"aud": AUDIENCE.upper()}, "audience"),
    "aud empty": ({"aud": []}, "audience"),
    "exp missing": ({"exp": None}, "exp"),
    "exp as text": ({"exp": "4102444800"}, "exp"),
    "exp is true": ({"exp": True}, "exp"),
    "exp this very second": ({"exp": 0}, "expired"),
    "exp a second ago": ({"exp": -1}, "expired"),
    "exp in two days": ({"exp": 172_800}, "lives-too-long"),
    "iat missing": ({"iat": None}, "iat"),
    "iat in the future": ({"iat": 90}, "issued-at"),
    "nbf in the future": ({"nbf": 90}, "not-yet"),
    "nbf as text": ({"nbf": "x"}, "nbf"),
    "jti missing": ({"jti": None}, "jti"),
    "jti is a number": ({"jti": 7}, "jti"),
}


class TestClaims:
    @pytest.mark.parametrize("case", BAD_CLAIMS)
    def test_it_is_refused(self, known: TrustedIssuer, issuer: Issuer, clock: Clock, case: str) -> None:
        said, check = BAD_CLAIMS[case]
        now = int(issuer.now())
        relative = {"exp", "iat", "nbf"}
        moved = {
            name: now + value if name in relative and type(value) is int else value for name, value in said.items()
        }
        assert refused(issuer.token(GITHUB, **moved)) == check

    @pytest.mark.parametrize("body", ['"exp": 1e400', '"exp": NaN', '"exp": Infinity', '"exp": 99999999999999999999'])
    def test_a_number_that_is_none_is_no_time(self, known: TrustedIssuer, issuer: Issuer, body: str) -> None:
        claims = issuer.claims(GITHUB, exp=None)
        text = json.dumps(claims)[:-1] + f", {body}}}"
        assert refused(issuer.sign(text.encode())) in {"exp", "shape"}

    @pytest.mark.parametrize("said", [{"aud": [AUDIENCE]}, {"nbf": None}, {"more": 7}])
    def test_what_is_odd_but_right_is_taken(self, known: TrustedIssuer, issuer: Issuer, said: Claims) -> None:
        assert read(issuer.token(GITHUB, **said)).expires_at

    def test_it_is_over_at_its_end_and_not_a_second_later(
        self, known: TrustedIssuer, issuer: Issuer, clock: Clock
    ) -> None:
        token = issuer.token(GITHUB)
        clock.advance(seconds=295)
        assert read(token)
        clock.advance(seconds=6)
        assert refused(token) == "expired"

    def test_an_issuer_that_was_retired_is_nobody(self, known: TrustedIssuer, issuer: Issuer) -> None:
        TrustedIssuer.objects.update(retired_at=core_clock.now())
        assert refused(issuer.token(GITHUB)) == "issuer"

    def test_a_key_of_one_issuer_says_nothing_for_another(
        self, known: TrustedIssuer, issuer: Issuer, cast: Cast
    ) -> None:
        with running_issuer() as other:
            other.now = issuer.now
            add_issuer(cast, other, name="Another forge")
            assert read(other.token(GITHUB)).issuer.name == "Another forge"
            assert refused(other.token(GITHUB, iss=issuer.url)) == "key-unknown"
            assert refused(other.sign(other.claims(GITHUB, iss=issuer.url), kid=issuer.keys[0].kid)) == "signature"


class TestKeys:
    def test_they_are_fetched_once_and_again_for_a_new_key(
        self, known: TrustedIssuer, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key_sets.forget_keys()
        issuer.asked_for_keys = 0
        for _ in range(3):
            read(issuer.token(GITHUB))
        assert issuer.asked_for_keys == 1
        old = issuer.token(GITHUB)
        issuer.rotate()
        assert refused(issuer.token(GITHUB)) == "key-unknown"  # looked up less than 30 s ago
        assert issuer.asked_for_keys == 1
        monkeypatch.setattr(key_sets, "ASK_AGAIN_AFTER_S", -1)
        assert read(issuer.token(GITHUB))
        assert refused(old) == "key-unknown"

    def test_the_last_good_ones_count_for_a_while_when_the_issuer_is_away(
        self, known: TrustedIssuer, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = issuer.token(GITHUB)
        assert read(token)
        issuer.is_away = True
        monkeypatch.setattr(key_sets, "FRESH_FOR_S", -1)
        assert read(token)
        monkeypatch.setattr("jit_access.workloads.models.KEYS_KEPT_FOR_S", -1)
        key_sets.forget_keys()
        with pytest.raises(PeerError) as caught:
            read(token)
        assert caught.value.reason is Reason.ISSUER_AWAY

    def test_a_redirect_leads_nowhere(self, known: TrustedIssuer, issuer: Issuer) -> None:
        key_sets.forget_keys()
        issuer.redirects_to = f"{issuer.url}/keys"
        with pytest.raises(PeerError):
            read(issuer.token(GITHUB))

    def test_an_address_inside_is_reached_only_where_an_operator_said_so(
        self, known: TrustedIssuer, issuer: Issuer
    ) -> None:
        TrustedIssuer.objects.update(allows_private=False)
        key_sets.forget_keys()
        with pytest.raises(PeerError):
            read(issuer.token(GITHUB))
        TrustedIssuer.objects.update(allows_private=True)
        assert read(issuer.token(GITHUB))


class TestKinds:
    def test_gitlab(self, cast: Cast, issuer: Issuer) -> None:
        add_issuer(cast, issuer, IssuerKind.GITLAB)
        assert read(issuer.token(GITLAB)).facts["project_id"] == "22"

    def test_spiffe_need_not_say_when_it_was_made(self, cast: Cast, issuer: Issuer) -> None:
        add_issuer(cast, issuer, IssuerKind.OIDC)
        assert read(issuer.token(SPIFFE, iat=None, nbf=None, jti=None)).subject == SPIFFE["sub"]
        assert refused(issuer.token(SPIFFE, iat=None, exp=int(issuer.now()) + 172_800)) == "lives-too-long"

    def test_a_claim_that_is_no_text_counts_for_nothing(self, cast: Cast, issuer: Issuer) -> None:
        add_issuer(cast, issuer, IssuerKind.OIDC)
        found = read(issuer.token(SPIFFE, number=7, flag=True, many=["a"], text="x", long="x" * 256))
        assert {"number", "flag", "many", "long"} & found.facts.keys() == set()
        assert found.facts["text"] == "x"

    def test_kubernetes_by_its_keys(self, cast: Cast, issuer: Issuer) -> None:
        add_issuer(cast, issuer, IssuerKind.KUBERNETES_KEYS)
        facts = read(issuer.token(KUBERNETES)).facts
        assert (facts["namespace"], facts["service_account"], facts["service_account_uid"]) == ("train", "eval", UID)

    @pytest.mark.parametrize(
        "sub", ["system:serviceaccount:other:eval", "system:serviceaccount:train:admin", "system:admin", "ada", 7]
    )
    def test_kubernetes_that_says_two_things_says_nothing(self, cast: Cast, issuer: Issuer, sub: object) -> None:
        add_issuer(cast, issuer, IssuerKind.KUBERNETES_KEYS)
        assert refused(issuer.token(KUBERNETES, sub=sub)) == "subject"


class TestAskingTheCluster:
    @pytest.fixture
    def known_cluster(self, cast: Cast, cluster: Cluster) -> TrustedIssuer:
        return add_cluster(cast, cluster)

    def test_a_pod_that_runs_is_vouched_for(self, known_cluster: TrustedIssuer, cluster: Cluster) -> None:
        found = read(cluster.pod_token())
        assert (found.facts["service_account_uid"], found.facts["pod"]) == (UID, "eval-7d9c")
        assert [spec["audiences"] for spec in cluster.reviews] == [[AUDIENCE]]

    def test_a_pod_that_is_gone_is_not_though_its_token_lives(
        self, known_cluster: TrustedIssuer, cluster: Cluster
    ) -> None:
        token = cluster.pod_token()
        cluster.deleted_pods.add(KUBERNETES["kubernetes.io"]["pod"]["uid"])
        assert refused(token) == "review-denied"

    def test_a_token_that_the_cluster_never_made(self, known_cluster: TrustedIssuer, cluster: Cluster) -> None:
        claims = cluster.issuer.claims(KUBERNETES)
        assert refused(cluster.issuer.sign(claims, EVIL)) == "review-denied"

    def test_a_server_that_knows_no_audiences_vouches_for_nobody(
        self, known_cluster: TrustedIssuer, cluster: Cluster
    ) -> None:
        cluster.knows_audiences = False
        assert refused(cluster.pod_token()) == "review-audience"

    @pytest.mark.parametrize(
        ("bend", "check"),
        [
            ({"authenticated": "true"}, "review-denied"),
            ({"authenticated": False}, "review-denied"),
            ({"error": "something"}, "review-denied"),
            ({"audiences": ["https://another.example"]}, "review-audience"),
            ({"audiences": AUDIENCE}, "review-audience"),
            ({"user": {"username": "system:serviceaccount:train:admin", "uid": UID}}, "review-differs"),
            ({"user": {"username": "system:admin", "uid": UID}}, "subject"),
            ({"user": {"username": "system:serviceaccount:train:eval"}}, "review-uid"),
            ({"user": {"username": "system:serviceaccount:train:eval", "uid": "another"}}, "review-differs"),
            ({"user": None}, "subject"),
        ],
    )
    def test_an_answer_that_is_not_about_this_token_is_none(
        self, known_cluster: TrustedIssuer, cluster: Cluster, bend: Claims, check: str
    ) -> None:
        cluster.bend = bend
        assert refused(cluster.pod_token()) == check

    def test_it_is_not_asked_about_what_is_wrong_on_its_face(
        self, known_cluster: TrustedIssuer, cluster: Cluster
    ) -> None:
        assert refused(cluster.pod_token(aud=["https://another.example"])) == "audience"
        assert refused(cluster.pod_token(exp=int(cluster.now()) - 1)) == "expired"
        assert cluster.reviews == []

    def test_strangers_cannot_make_us_ask_for_ever(self, known_cluster: TrustedIssuer, cluster: Cluster) -> None:
        claims = cluster.issuer.claims(KUBERNETES)
        for _ in range(20):
            assert refused(cluster.issuer.sign(claims, EVIL)) == "review-denied"
        assert refused(cluster.issuer.sign(claims, EVIL)) == "too-many-tries"
        assert len(cluster.reviews) == 20
        good = cluster.pod_token()
        assert read_subject_token(good, now=core_clock.now(), address="203.0.113.9")  # from elsewhere it goes on

    def test_its_own_authority_is_believed_and_no_other(self, cast: Cast, cluster: Cluster) -> None:
        add_cluster(cast, cluster, ca_pem="")
        with pytest.raises(PeerError):
            read(cluster.pod_token())

    def test_another_cluster_s_credential_opens_nothing(self, known_cluster: TrustedIssuer, cluster: Cluster) -> None:
        kept, cluster.reviewer = cluster.reviewer, "another"
        try:
            with pytest.raises(PeerError) as caught:
                read(cluster.pod_token())
        finally:
            cluster.reviewer = kept
        assert caught.value.reason is Reason.ISSUER_AWAY
        assert kept not in str(caught.value)
        assert kept not in TrustedIssuer.objects.get().sealed_credential
