"""From a workload's token to one of ours: never for another, never wider, never longer, never twice."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.locks import LockAxis, LockFacts
from jit_access.locks import services as locks
from jit_access.oauth.models import AccessToken
from jit_access.oauth.scopes import ALL
from jit_access.workloads import services
from jit_access.workloads.kinds import IssuerKind
from jit_access.workloads.models import TrustedIssuer, UsedSubjectToken, WorkloadTrust
from tests.conftest import Clock
from tests.support.cast import Cast, make_service_account
from tests.support.workloads.cluster import Cluster
from tests.support.workloads.exchanging import ACCESS_TOKEN, JWT, call, exchange, last
from tests.support.workloads.issuer import GITHUB, KUBERNETES, Issuer, new_key, running_issuer
from tests.support.workloads.trusting import (
    GITHUB_PINS,
    KUBERNETES_PINS,
    SPIFFE_PINS,
    add_cluster,
    add_issuer,
    fresh,
    trust,
)

CONSTANT = {
    "error": "invalid_request",
    "error_description": "This token of a workload is not accepted here. The log says why.",
}


@pytest.fixture
def known(cast: Cast, issuer: Issuer) -> TrustedIssuer:
    return add_issuer(cast, issuer)


@pytest.fixture
def trusted(cast: Cast, known: TrustedIssuer) -> WorkloadTrust:
    return trust(cast, known, GITHUB_PINS)


def refused(answer: Any, check: str, *, reason: str = "workload-refused") -> None:
    """An outsider's answer, and what the log knows."""
    assert (answer.status_code, answer.json()) == (400, CONSTANT)
    record = last("oauth.refused")
    assert (record["detail"]["check"], record["reason"]) == (check, reason)


class TestGettingOne:
    def test_a_job_gets_a_token_of_its_agent(self, cast: Cast, trusted: WorkloadTrust, issuer: Issuer) -> None:
        answer = exchange(issuer.token(GITHUB))
        assert answer.status_code == 200, answer.content
        said = answer.json()
        assert (said["token_type"], said["issued_token_type"], said["scope"]) == ("Bearer", ACCESS_TOKEN, "act")
        assert "refresh_token" not in said
        assert answer["Cache-Control"] == "no-store"
        me = call(said["access_token"])
        assert (me.status_code, me.json()["person"]["id"]) == (200, cast.ci_bot.public_id)

    def test_who_acts_stands_in_the_token_and_in_the_log(
        self, cast: Cast, trusted: WorkloadTrust, issuer: Issuer
    ) -> None:
        exchange(issuer.token(GITHUB))
        token = AccessToken.objects.get()
        assert token.act == {"iss": issuer.url, "sub": GITHUB["sub"]}
        assert (token.user, token.trust_id) == (cast.ci_bot, trusted.public_id)
        record = last("workload.exchanged")
        assert (record["actor_id"], record["decision"]) == (cast.ci_bot.public_id, "allow")
        told = record["detail"]
        assert (told["act"], told["trust"], told["token"]) == (GITHUB["sub"], trusted.public_id, token.public_id)
        assert (told["claim.run_id"], told["claim.repository"]) == ("30433642", "octo/models")
        trusted.refresh_from_db()
        assert trusted.used_at is not None

    def test_neither_token_is_kept_anywhere(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        theirs = issuer.token(GITHUB)
        ours = exchange(theirs).json()["access_token"]
        kept = "".join(entry.body for entry in AuditEntry.objects.all())
        assert theirs.rpartition(".")[2] not in kept
        assert ours not in kept

    @pytest.mark.parametrize("kind", ["kubernetes-jwks", "oidc"])
    def test_other_kinds_of_issuers(self, cast: Cast, issuer: Issuer, kind: str) -> None:
        about, pins = {
            "kubernetes-jwks": (KUBERNETES, KUBERNETES_PINS),
            "oidc": ({"sub": SPIFFE_PINS["sub"]}, SPIFFE_PINS),
        }[kind]
        trust(cast, add_issuer(cast, issuer, IssuerKind(kind)), pins)
        token = issuer.token(about)
        assert exchange(token).status_code == 200
        assert exchange(token).status_code == 200  # a pod has one token for an hour

    def test_a_pod_of_a_cluster_that_is_asked(self, cast: Cast, cluster: Cluster) -> None:
        trust(cast, add_cluster(cast, cluster), KUBERNETES_PINS)
        token = cluster.pod_token()
        assert exchange(token).status_code == 200
        assert last("workload.exchanged")["detail"]["claim.pod"] == "eval-7d9c"
        cluster.deleted_pods.add(KUBERNETES["kubernetes.io"]["pod"]["uid"])
        refused(exchange(token), "review-denied")


class TestNeverForAnother:
    @pytest.mark.parametrize(
        ("changes", "check"),
        [
            ({"repository_id": "75"}, "no-trust"),
            ({"repository_owner_id": "66"}, "no-trust"),
            ({"repository_id": 74}, "no-trust"),
            ({"repository_id": None}, "no-trust"),
            ({"repository_id": "74 "}, "no-trust"),
            ({"aud": "https://another.example"}, "audience"),
            ({"iss": "https://another.example"}, "issuer"),
        ],
    )
    def test_another_workload_is_nobody(
        self, trusted: WorkloadTrust, issuer: Issuer, changes: dict[str, Any], check: str
    ) -> None:
        refused(exchange(issuer.token(GITHUB, **changes)), check)
        assert not AccessToken.objects.exists()
        assert exchange(issuer.token(GITHUB)).status_code == 200

    def test_a_repository_of_the_same_name_made_anew_is_another(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        refused(exchange(issuer.token(GITHUB, repository_id="9001", repository_owner_id="9002")), "no-trust")

    def test_a_service_account_made_anew_is_another(self, cast: Cast, cluster: Cluster) -> None:
        trust(cast, add_cluster(cast, cluster), KUBERNETES_PINS)
        told = KUBERNETES["kubernetes.io"]
        uid = "00000000-1c52-4a8e-9a53-0c4f3a2b1d60"
        again = {**told, "serviceaccount": {"name": "eval", "uid": uid}}
        refused(exchange(cluster.pod_token(**{"kubernetes.io": again})), "no-trust")

    def test_the_same_claims_of_another_issuer_are_nobody_s(
        self, cast: Cast, trusted: WorkloadTrust, issuer: Issuer
    ) -> None:
        with running_issuer() as other:
            other.now = issuer.now
            refused(exchange(other.token(GITHUB)), "issuer")
            add_issuer(cast, other, name="Another forge")
            refused(exchange(other.token(GITHUB)), "no-trust")

    def test_a_proposed_trust_is_none(self, cast: Cast, known: TrustedIssuer, issuer: Issuer) -> None:
        order = services.TrustOrder(known, "Nightly", GITHUB_PINS)
        row = services.propose_trust(actor=cast.ada, agent=cast.ci_bot, order=order, assurance=fresh())
        refused(exchange(issuer.token(GITHUB)), "no-trust")
        services.confirm_trust(actor=cast.ben, trust=row, assurance=fresh())
        assert exchange(issuer.token(GITHUB)).status_code == 200

    def test_whoever_stands_for_two_agents_says_for_which(
        self, cast: Cast, trusted: WorkloadTrust, known: TrustedIssuer, issuer: Issuer
    ) -> None:
        other = make_service_account("train-bot", cast.ada)
        order = services.TrustOrder(known, "Training", GITHUB_PINS)
        row = services.propose_trust(actor=cast.ada, agent=other, order=order, assurance=fresh())
        services.confirm_trust(actor=cast.ben, trust=row, assurance=fresh())
        refused(exchange(issuer.token(GITHUB)), "several-trusts")
        refused(exchange(issuer.token(GITHUB), client_id="another"), "no-trust")
        for name in ("train-bot", other.public_id):
            answer = exchange(issuer.token(GITHUB), client_id=name)
            assert call(answer.json()["access_token"]).json()["person"]["id"] == other.public_id

    def test_answers_tell_outsiders_nothing(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        tokens = [
            issuer.sign(issuer.claims(GITHUB), new_key()),
            issuer.token(GITHUB, repository_id="75"),
            issuer.token(GITHUB, aud="https://another.example"),
            issuer.token(GITHUB, exp=int(issuer.now()) - 1),
            "a.b.c",
            "nothing",
            "{}",
        ]
        answers = {exchange(token).content for token in tokens}
        assert len(answers) == 1


class TestNeverElsewhere:
    @pytest.mark.parametrize(
        ("form", "error"),
        [
            ({"audience": "https://another.example"}, "invalid_target"),
            ({"resource": "https://another.example/api/v1"}, "invalid_target"),
            ({"resource": "http://localhost:8000/api/v2"}, "invalid_target"),
            ({"requested_token_type": JWT}, "invalid_request"),
            ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
            ({"subject_token_type": ""}, "invalid_request"),
            ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
            ({"subject_token": ""}, "invalid_request"),
            ({"actor_token": "a.b.c", "actor_token_type": JWT}, "invalid_request"),
            ({"actor_token": "a.b.c"}, "invalid_request"),
            ({"client_secret": "x"}, "invalid_request"),
            ({"scope": "admin"}, "invalid_scope"),
            ({"scope": "act *"}, "invalid_scope"),
        ],
    )
    def test_what_is_not_ours_to_give(
        self, trusted: WorkloadTrust, issuer: Issuer, form: dict[str, str], error: str
    ) -> None:
        answer = exchange(issuer.token(GITHUB), **form)
        assert (answer.status_code, answer.json()["error"]) == (400, error)
        assert AuditEntry.objects.filter(kind="oauth.refused").count() == 1
        assert not AccessToken.objects.exists()

    @pytest.mark.parametrize(
        "form",
        [
            {"audience": "http://localhost:8000"},
            {"resource": "http://localhost:8000/api/v1"},
            {"requested_token_type": ACCESS_TOKEN},
            {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
            {"scope": "read"},
            {"scope": "read act"},
        ],
    )
    def test_what_is(self, trusted: WorkloadTrust, issuer: Issuer, form: dict[str, str]) -> None:
        assert exchange(issuer.token(GITHUB), **form).status_code == 200

    def test_one_kind_of_token_does_not_pass_for_another(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        access = issuer.sign(issuer.claims(GITHUB), typ="at+jwt")
        refused(exchange(access, subject_token_type="urn:ietf:params:oauth:token-type:id_token"), "type")
        refused(exchange(issuer.token(GITHUB), subject_token_type=ACCESS_TOKEN), "type")
        assert exchange(access, subject_token_type=ACCESS_TOKEN).status_code == 200

    def test_our_own_token_is_no_subject(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        ours = exchange(issuer.token(GITHUB)).json()["access_token"]
        refused(exchange(ours, subject_token_type=ACCESS_TOKEN), "shape")


class TestNeverWider:
    @pytest.fixture
    def narrow(self, cast: Cast, known: TrustedIssuer) -> WorkloadTrust:
        return trust(cast, known, GITHUB_PINS, scope="read")

    @pytest.mark.parametrize("scope", ["act", "read act"])
    def test_more_than_the_trust_says_is_refused(self, narrow: WorkloadTrust, issuer: Issuer, scope: str) -> None:
        answer = exchange(issuer.token(GITHUB), scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
        assert last("oauth.refused")["reason"] == "wider-than-trusted"

    @pytest.mark.parametrize("scope", ["", "read"])
    def test_what_it_says_is_given_and_no_more(self, narrow: WorkloadTrust, issuer: Issuer, scope: str) -> None:
        answer = exchange(issuer.token(GITHUB), scope=scope)
        assert answer.json()["scope"] == "read"
        token = answer.json()["access_token"]
        assert call(token).status_code == 200
        assert call(token, "/api/v1/requests", method="POST").status_code == 403

    def test_less_than_the_trust_says_can_be_asked_for(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        token = exchange(issuer.token(GITHUB), scope="read").json()["access_token"]
        assert call(token, "/api/v1/requests", method="POST").status_code == 403

    def test_scopes_here_are_the_server_s(self) -> None:
        assert set(services.SCOPES) == set(ALL)


class TestNeverLonger:
    def test_not_than_the_subject_token(self, trusted: WorkloadTrust, issuer: Issuer, clock: Clock) -> None:
        end = int(issuer.now()) + 100
        answer = exchange(issuer.token(GITHUB, exp=end))
        assert answer.json()["expires_in"] <= 100
        assert AccessToken.objects.get().expires_at.timestamp() <= end
        clock.advance(seconds=101)
        assert call(answer.json()["access_token"]).status_code == 401

    def test_not_than_the_trust_allows(self, cast: Cast, known: TrustedIssuer, issuer: Issuer) -> None:
        trust(cast, known, GITHUB_PINS, longest_token_s=120)
        assert exchange(issuer.token(GITHUB, exp=int(issuer.now()) + 3600)).json()["expires_in"] <= 120

    def test_not_than_fifteen_minutes(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        assert exchange(issuer.token(GITHUB, exp=int(issuer.now()) + 3600)).json()["expires_in"] <= 900

    def test_not_than_the_trust_itself(self, trusted: WorkloadTrust, issuer: Issuer, clock: Clock) -> None:
        end = core_clock.now() + timedelta(seconds=60)
        WorkloadTrust.objects.update(expires_at=end)
        assert exchange(issuer.token(GITHUB)).json()["expires_in"] <= 60
        assert AccessToken.objects.get().expires_at <= end
        clock.advance(seconds=61)
        answer = exchange(issuer.token(GITHUB))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert last("oauth.refused")["reason"] == "trust-ended"


class TestNeverTwice:
    def test_a_token_of_a_job_counts_once(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        token = issuer.token(GITHUB)
        assert exchange(token).status_code == 200
        refused(exchange(token), "used-before")
        assert AccessToken.objects.count() == 1

    def test_a_new_one_with_a_used_id_does_not_count(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        assert exchange(issuer.token(GITHUB, jti="one")).status_code == 200
        refused(exchange(issuer.token(GITHUB, jti="one", run_id="2")), "used-before")
        assert exchange(issuer.token(GITHUB, jti="two")).status_code == 200

    def test_what_was_refused_was_not_used_up(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        token = issuer.token(GITHUB)
        assert exchange(token, scope="admin").status_code == 400
        assert exchange(token).status_code == 200

    def test_the_memory_lasts_as_long_as_the_token(self, trusted: WorkloadTrust, issuer: Issuer, clock: Clock) -> None:
        token = issuer.token(GITHUB)
        exchange(token)
        assert services.forget_used_tokens() == 0
        clock.advance(seconds=299)
        assert services.forget_used_tokens() == 0
        clock.advance(minutes=6)
        assert services.forget_used_tokens() == 1
        refused(exchange(token), "expired")
        assert not UsedSubjectToken.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_of_ten_at_once_one_counts(self, cast: Cast, issuer: Issuer) -> None:
        trust(cast, add_issuer(cast, issuer), GITHUB_PINS)
        token, answers = issuer.token(GITHUB), []

        def ask() -> None:
            try:
                answers.append(exchange(token).status_code)
            finally:
                connection.close()

        threads = [threading.Thread(target=ask) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(answers) == [200] + [400] * 9
        assert AccessToken.objects.count() == 1


class TestWhatStopsIt:
    def refused_after(self, issuer: Issuer, held: str) -> tuple[int, str, int]:
        """Status and reason of a new exchange, and what the token got before still opens."""
        answer = exchange(issuer.token(GITHUB))
        assert answer.status_code != 200
        return answer.status_code, last("oauth.refused")["reason"], call(held).status_code

    def held(self, issuer: Issuer) -> str:
        token: str = exchange(issuer.token(GITHUB)).json()["access_token"]
        assert call(token).status_code == 200
        return token

    def test_a_revoked_trust_ends_its_tokens_at_once(self, cast: Cast, trusted: WorkloadTrust, issuer: Issuer) -> None:
        held = self.held(issuer)
        services.revoke_trust(actor=cast.ada, trust=trusted)
        assert call(held).status_code == 401
        refused(exchange(issuer.token(GITHUB)), "no-trust")
        assert last("access-token.revoked")["detail"]["because"] == "trust-ended"

    def test_a_retired_issuer_too(self, cast: Cast, trusted: WorkloadTrust, issuer: Issuer) -> None:
        held = self.held(issuer)
        services.retire_issuer(actor=cast.ben, issuer=trusted.issuer, assurance=fresh())
        assert call(held).status_code == 401
        refused(exchange(issuer.token(GITHUB)), "issuer")

    def test_a_locked_agent(self, cast: Cast, trusted: WorkloadTrust, issuer: Issuer) -> None:
        held = self.held(issuer)
        accounts.lock_account(actor=GATEWAY, user=cast.ci_bot)
        assert self.refused_after(issuer, held) in {(403, "account-locked", 401), (403, "account-locked", 403)}

    def test_an_owner_who_left(self, cast: Cast, trusted: WorkloadTrust, issuer: Issuer) -> None:
        held = self.held(issuer)
        accounts.lock_account(actor=GATEWAY, user=cast.ada)
        status, reason, opened = self.refused_after(issuer, held)
        assert (status, reason) == (403, "agent-without-owner")
        assert opened in {401, 403}

    def test_an_agent_in_other_hands_and_back_again(
        self, cast: Cast, trusted: WorkloadTrust, issuer: Issuer, settings: Any
    ) -> None:
        """What its former owner trusted does not wake up when they own it again."""
        settings.AGENT_OWNER_GROUPS = frozenset({"research", "operators"})
        held = self.held(issuer)
        for giver, taker in ((cast.ada, cast.ben), (cast.ben, cast.ada)):
            agent = type(cast.ci_bot).objects.get(pk=cast.ci_bot.pk)
            offer = accounts.offer_agent(actor=giver, agent=agent, to=taker)
            accounts.accept_agent(actor=taker, offer=offer)
        assert call(held).status_code == 401
        refused(exchange(issuer.token(GITHUB)), "no-trust")
        trusted.refresh_from_db()
        assert trusted.state == "revoked"

    def test_a_retired_agent(self, cast: Cast, trusted: WorkloadTrust, issuer: Issuer) -> None:
        held = self.held(issuer)
        accounts.retire_agent(actor=cast.ada, agent=cast.ci_bot)
        assert call(held).status_code in {401, 403}
        refused(exchange(issuer.token(GITHUB)), "no-trust")

    def test_without_a_database_it_says_that_it_cannot_tell(
        self, trusted: WorkloadTrust, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: object, **__: object) -> None:
            raise OperationalError("database is locked")

        with monkeypatch.context() as patch:
            patch.setattr("jit_access.oauth.token_exchange.use_once", away)
            answer = exchange(issuer.token(GITHUB))
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        assert exchange(issuer.token(GITHUB)).status_code == 200

    @pytest.mark.parametrize("axis", [LockAxis.CREDENTIAL, LockAxis.AGENT, LockAxis.PERSON])
    def test_a_lock_while_it_stands(self, cast: Cast, trusted: WorkloadTrust, issuer: Issuer, axis: LockAxis) -> None:
        held = self.held(issuer)
        keys = {
            LockAxis.CREDENTIAL: trusted.public_id,
            LockAxis.AGENT: cast.ci_bot.public_id,
            LockAxis.PERSON: cast.ada.public_id,
        }
        order = locks.LockOrder(LockFacts(axis, keys[axis]), "It", "Looks stolen to us all")
        lock = locks.place(actor=cast.dora.ref, order=order, person=cast.dora)
        assert self.refused_after(issuer, held) == (403, "locked", 403)
        locks.lift(actor=cast.dora.ref, lock=lock)
        assert call(held).status_code == 200
        assert exchange(issuer.token(GITHUB)).status_code == 200

    def test_an_issuer_that_is_away_lets_nobody_in(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        from jit_access.jose import key_sets  # noqa: PLC0415  # only here

        key_sets.forget_keys()
        issuer.is_away = True
        answer = exchange(issuer.token(GITHUB))
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        assert last("oauth.refused")["reason"] == "issuer-away"

    def test_a_token_of_an_agent_proves_no_person(self, trusted: WorkloadTrust, issuer: Issuer) -> None:
        """Approving, extending, trusting: nothing that asks for a second factor opens to it."""
        held = self.held(issuer)
        answer = call(held, "/api/v1/session/proof", method="POST")
        assert answer.status_code in {400, 401, 403, 404}


def test_every_refusal_of_a_known_workload_names_it(cast: Cast, trusted: WorkloadTrust, issuer: Issuer) -> None:
    accounts.lock_account(actor=GATEWAY, user=cast.ci_bot)
    exchange(issuer.token(GITHUB))
    record = last("oauth.refused")
    assert record["actor_id"] == cast.ci_bot.public_id
    assert (record["detail"]["trust"], record["detail"]["claim.run_id"]) == (trusted.public_id, "30433642")
