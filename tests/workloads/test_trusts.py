"""Who trusts a workload, and as what: two people, exact ids, an end. Each refusal beside what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from jit_access.accounts import services as accounts
from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.core.secret import Secret
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound, PeerError, PolicyRefusal
from jit_access.domain.lifecycle import TrustState
from jit_access.domain.locks import LockAxis, LockFacts
from jit_access.domain.reasons import Reason
from jit_access.grants.lockable import find_lockable
from jit_access.locks import services as locks
from jit_access.mfa.assurance import NO_ASSURANCE
from jit_access.notifications.models import Notification
from jit_access.workloads import access, selectors, services
from jit_access.workloads.issuers import IssuerOrder
from jit_access.workloads.kinds import RULES, IssuerKind, check_pins, in_words
from jit_access.workloads.models import TrustedIssuer, WorkloadTrust
from jit_access.workloads.selectors import fault_of, fits, matching_trusts
from tests.conftest import Clock
from tests.support.cast import Cast, make_person
from tests.support.workloads.cluster import Cluster
from tests.support.workloads.issuer import UID, Issuer
from tests.support.workloads.trusting import (
    GITHUB_PINS,
    GITLAB_PINS,
    KUBERNETES_PINS,
    SPIFFE_PINS,
    add_cluster,
    add_issuer,
    fresh,
    propose,
    trust,
)


def recorded(kind: str) -> str:
    """Why the last one of these was refused or made."""
    return AuditEntry.objects.filter(kind=kind).latest("seq").reason


@pytest.fixture
def known(cast: Cast, issuer: Issuer) -> TrustedIssuer:
    return add_issuer(cast, issuer)


class TestIssuers:
    def test_an_operator_adds_one_and_its_metadata_says_the_rest(self, cast: Cast, issuer: Issuer) -> None:
        row = add_issuer(cast, issuer)
        assert (row.jwks_uri, row.algorithms) == (f"{issuer.url}/keys", ["RS256", "ES256"])
        assert (row.audience, row.is_used_once) == ("http://localhost:8000", True)
        assert AuditEntry.objects.filter(kind="issuer.added").count() == 1

    @pytest.mark.parametrize("name", ["ada", "cleo", "dora", "ci_bot"])
    def test_nobody_else_does(self, cast: Cast, issuer: Issuer, name: str) -> None:
        order = IssuerOrder(IssuerKind.GITHUB, "Forge", issuer.url, allows_private=True)
        with pytest.raises(NotFound):
            services.add_issuer(actor=getattr(cast, name), order=order, assurance=fresh())
        assert recorded("issuer.add-refused") == "not-found"
        assert issuer.asked_for_keys == 0

    @pytest.mark.parametrize("age_s", [301, None])
    def test_a_stale_factor_is_not_enough(self, cast: Cast, issuer: Issuer, age_s: int | None) -> None:
        order = IssuerOrder(IssuerKind.GITHUB, "Forge", issuer.url, allows_private=True)
        with pytest.raises(PolicyRefusal):
            services.add_issuer(actor=cast.ben, order=order, assurance=NO_ASSURANCE if age_s is None else fresh(age_s))
        assert recorded("issuer.add-refused").startswith("second-factor-")

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"issuer": "http://forge.example"}, "issuer"),
            ({"issuer": "https://user@forge.example"}, "issuer"),
            ({"issuer": "file:///etc/passwd"}, "issuer"),
            ({"name": " "}, "name"),
            ({"audience": "two words"}, "audience"),
            ({"algorithms": ("HS256",)}, "algorithms"),
            ({"algorithms": ("RS256", "none")}, "algorithms"),
            ({"jwks_uri": "http://forge.example/keys"}, "jwks_uri"),
            ({"ca_pem": "no certificate"}, "ca"),
            ({"api_server": "https://127.0.0.1:6443"}, "api_server"),
        ],
    )
    def test_what_cannot_be_used_is_refused(
        self, cast: Cast, issuer: Issuer, changes: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(CallerError) as caught:
            add_issuer(cast, issuer, **changes)
        assert caught.value.fields["field"] == field
        assert recorded("issuer.add-refused") == "invalid-input"

    def test_metadata_of_another_issuer_are_not_its_own(self, cast: Cast, issuer: Issuer) -> None:
        address, issuer.url = issuer.url, "https://another.example"
        try:
            with pytest.raises(CallerError) as caught:
                add_issuer(cast, issuer, issuer=address)
        finally:
            issuer.url = address
        assert caught.value.fields["field"] == "issuer"

    def test_it_reaches_inside_only_when_told_to(self, cast: Cast, issuer: Issuer) -> None:
        with pytest.raises(PeerError) as caught:
            add_issuer(cast, issuer, allows_private=False)
        assert caught.value.reason is Reason.ISSUER_AWAY

    def test_the_same_issuer_counts_once(self, cast: Cast, issuer: Issuer, known: TrustedIssuer) -> None:
        with pytest.raises(Conflict):
            add_issuer(cast, issuer, name="Again")
        services.retire_issuer(actor=cast.ben, issuer=known, assurance=fresh())
        assert add_issuer(cast, issuer, name="Again").pk != known.pk

    def test_the_credential_of_a_cluster_is_sealed(self, cast: Cast, cluster: Cluster) -> None:
        row = add_cluster(cast, cluster)
        assert cluster.reviewer not in row.sealed_credential
        assert row.jwks_uri == ""

    @pytest.mark.parametrize("credential", [None, Secret(""), Secret("two words"), Secret("x" * 9000)])
    def test_a_cluster_that_is_asked_needs_one(self, cast: Cast, cluster: Cluster, credential: Secret | None) -> None:
        with pytest.raises(CallerError) as caught:
            add_cluster(cast, cluster, credential=credential)
        assert caught.value.fields["field"] == "credential"

    def test_retiring_one_ends_what_rests_on_it(self, cast: Cast, known: TrustedIssuer) -> None:
        row = trust(cast, known, GITHUB_PINS)
        with pytest.raises(NotFound):
            services.retire_issuer(actor=cast.ada, issuer=known, assurance=fresh())
        services.retire_issuer(actor=cast.ben, issuer=known, assurance=fresh())
        services.retire_issuer(actor=cast.ben, issuer=known, assurance=fresh())
        row.refresh_from_db()
        assert row.state == TrustState.REVOKED
        assert AuditEntry.objects.filter(kind="issuer.retired").count() == 1


class TestPins:
    @pytest.mark.parametrize(
        ("kind", "pins"),
        [
            (IssuerKind.GITHUB, GITHUB_PINS),
            (IssuerKind.GITHUB, {**GITHUB_PINS, "environment": "production", "ref": "refs/heads/main"}),
            (IssuerKind.GITLAB, GITLAB_PINS),
            (IssuerKind.KUBERNETES_KEYS, KUBERNETES_PINS),
            (IssuerKind.KUBERNETES_REVIEW, KUBERNETES_PINS),
            (IssuerKind.OIDC, SPIFFE_PINS),
            (IssuerKind.OIDC, {**SPIFFE_PINS, "team": "eval"}),
        ],
    )
    def test_these_can_be_pinned(self, kind: IssuerKind, pins: Mapping[str, str]) -> None:
        assert check_pins(kind, pins) == pins
        assert len(in_words(kind, pins)) == len(pins)

    @pytest.mark.parametrize(
        ("kind", "pins", "field"),
        [
            (IssuerKind.GITHUB, {"repository_id": "74"}, "repository_owner_id"),
            (IssuerKind.GITHUB, {"repository_owner_id": "65"}, "repository_id"),
            (IssuerKind.GITHUB, {"repository": "octo/models", "ref": "refs/heads/main"}, "claims"),
            (IssuerKind.GITHUB, {**GITHUB_PINS, "repository_id": "*"}, "repository_id"),
            (IssuerKind.GITHUB, {**GITHUB_PINS, "repository_id": "7?"}, "repository_id"),
            (IssuerKind.GITHUB, {**GITHUB_PINS, "repository_id": "octo/models"}, "repository_id"),
            (IssuerKind.GITHUB, {**GITHUB_PINS, "ref": "refs/heads/*"}, "ref"),
            (IssuerKind.GITHUB, {**GITHUB_PINS, "environment": "prod?"}, "environment"),
            (IssuerKind.GITHUB, {**GITHUB_PINS, "environment": "x" * 256}, "environment"),
            (IssuerKind.GITHUB, {**GITHUB_PINS, "environment": "prod\nuction"}, "environment"),
            (IssuerKind.GITHUB, {**GITHUB_PINS, "aud": "x"}, "claims"),
            (IssuerKind.GITLAB, {"project_id": "22"}, "namespace_id"),
            (IssuerKind.GITLAB, {"project_path": "ml/eval", "namespace_path": "ml"}, "claims"),
            (IssuerKind.KUBERNETES_KEYS, {"namespace": "train", "service_account": "eval"}, "service_account_uid"),
            (IssuerKind.KUBERNETES_REVIEW, {**KUBERNETES_PINS, "service_account_uid": "eval"}, "service_account_uid"),
            (IssuerKind.KUBERNETES_KEYS, {"service_account": "eval", "service_account_uid": UID}, "namespace"),
            (IssuerKind.OIDC, {"team": "eval"}, "sub"),
            (IssuerKind.OIDC, {**SPIFFE_PINS, "aud": "x"}, "claims"),
            (IssuerKind.OIDC, {**SPIFFE_PINS, "jti": "x"}, "claims"),
            (IssuerKind.OIDC, {**SPIFFE_PINS, "a b": "x"}, "claims"),
            (IssuerKind.OIDC, {"sub": "spiffe://example.org/*"}, "sub"),
            (IssuerKind.OIDC, {}, "sub"),
            (IssuerKind.OIDC, {**SPIFFE_PINS, **{f"c{n}": "x" for n in range(12)}}, "claims"),
        ],
    )
    def test_these_cannot(self, kind: IssuerKind, pins: Mapping[str, str], field: str) -> None:
        with pytest.raises(CallerError) as caught:
            check_pins(kind, pins)
        assert caught.value.fields["field"] == field

    def test_a_value_is_compared_whole(self) -> None:
        facts = {**GITHUB_PINS, "environment": "production"}
        assert fits(GITHUB_PINS, facts)
        assert not fits({**GITHUB_PINS, "environment": "prod"}, facts)
        assert not fits({**GITHUB_PINS, "environment": "Production"}, facts)
        assert not fits({**GITHUB_PINS, "ref": ""}, facts)
        assert not fits({}, facts)

    def test_every_kind_has_rules(self) -> None:
        assert set(RULES) == set(IssuerKind)


class TestTrusting:
    def test_it_counts_when_a_second_person_confirmed_it(self, cast: Cast, known: TrustedIssuer) -> None:
        proposed = propose(cast, known, GITHUB_PINS)
        assert matching_trusts(known, GITHUB_PINS, core_clock.now()) == ()
        assert {note.user for note in Notification.objects.filter(kind="trust.proposed")} == {cast.ben, cast.dora}
        confirmed = services.confirm_trust(actor=cast.dora, trust=proposed, assurance=fresh())
        assert matching_trusts(known, GITHUB_PINS, core_clock.now()) == (confirmed,)
        assert fault_of(confirmed, core_clock.now()) is None
        assert Notification.objects.get(kind="trust.confirmed").user == cast.ada
        services.confirm_trust(actor=cast.dora, trust=proposed, assurance=fresh())
        assert AuditEntry.objects.filter(kind="trust.confirmed").count() == 1

    @pytest.mark.parametrize("name", ["ben", "cleo", "dora", "ci_bot"])
    def test_only_the_owner_proposes(self, cast: Cast, known: TrustedIssuer, name: str) -> None:
        order = services.TrustOrder(known, "Mine now", GITHUB_PINS)
        with pytest.raises(NotFound):
            services.propose_trust(actor=getattr(cast, name), agent=cast.ci_bot, order=order, assurance=fresh())
        assert recorded("trust.propose-refused") == "not-found"

    def test_the_owner_proves_a_fresh_factor(self, cast: Cast, known: TrustedIssuer) -> None:
        order = services.TrustOrder(known, "Nightly", GITHUB_PINS)
        for assurance in (NO_ASSURANCE, fresh(301)):
            with pytest.raises(PolicyRefusal):
                services.propose_trust(actor=cast.ada, agent=cast.ci_bot, order=order, assurance=assurance)
        assert recorded("trust.propose-refused") == "second-factor-stale"
        assert not WorkloadTrust.objects.exists()

    @pytest.mark.parametrize(("name", "reason"), [("ada", "own-trust"), ("cleo", "not-found"), ("ci_bot", "not-found")])
    def test_only_a_second_person_confirms(self, cast: Cast, known: TrustedIssuer, name: str, reason: str) -> None:
        proposed = propose(cast, known, GITHUB_PINS)
        with pytest.raises(GatewayError):
            services.confirm_trust(actor=getattr(cast, name), trust=proposed, assurance=fresh())
        assert recorded("trust.confirm-refused") == reason
        assert matching_trusts(known, GITHUB_PINS, core_clock.now()) == ()

    def test_an_operator_never_confirms_what_they_proposed(self, cast: Cast, known: TrustedIssuer) -> None:
        accounts.add_to_group(actor=GATEWAY, user=cast.ada, group="operators")
        with pytest.raises(PolicyRefusal):
            services.confirm_trust(actor=cast.ada, trust=propose(cast, known, GITHUB_PINS), assurance=fresh())

    def test_confirming_asks_for_a_fresh_factor(self, cast: Cast, known: TrustedIssuer) -> None:
        with pytest.raises(PolicyRefusal):
            services.confirm_trust(actor=cast.ben, trust=propose(cast, known, GITHUB_PINS), assurance=fresh(301))

    def test_after_a_week_it_is_too_late(self, cast: Cast, known: TrustedIssuer, clock: Clock) -> None:
        proposed = propose(cast, known, GITHUB_PINS)
        clock.advance(days=7)
        with pytest.raises(Conflict):
            services.confirm_trust(actor=cast.ben, trust=proposed, assurance=fresh())

    def test_what_was_revoked_stays_so(self, cast: Cast, known: TrustedIssuer) -> None:
        proposed = propose(cast, known, GITHUB_PINS)
        services.revoke_trust(actor=cast.ada, trust=proposed)
        with pytest.raises(Conflict):
            services.confirm_trust(actor=cast.ben, trust=proposed, assurance=fresh())

    @pytest.mark.parametrize("changes", [
        {"scope": "admin"}, {"scope": ""}, {"longest_token_s": 901}, {"longest_token_s": 59}, {"lasts_days": 91},
        {"lasts_days": 0}, {"name": ""}, {"name": "x" * 81},
    ])  # fmt: skip
    def test_terms_beyond_the_limits_are_refused(
        self, cast: Cast, known: TrustedIssuer, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(CallerError):
            propose(cast, known, GITHUB_PINS, **changes)

    def test_the_same_workload_is_trusted_once(self, cast: Cast, known: TrustedIssuer) -> None:
        first = trust(cast, known, GITHUB_PINS)
        with pytest.raises(Conflict):
            propose(cast, known, GITHUB_PINS, name="Again")
        assert propose(cast, known, {**GITHUB_PINS, "environment": "production"})
        services.revoke_trust(actor=cast.ada, trust=first)
        assert propose(cast, known, GITHUB_PINS)

    @pytest.mark.parametrize(("name", "may"), [("ada", True), ("ben", True), ("dora", True), ("cleo", False)])
    def test_who_takes_it_back(self, cast: Cast, known: TrustedIssuer, name: str, may: bool) -> None:
        row, actor = trust(cast, known, GITHUB_PINS), getattr(cast, name)
        if may:
            services.revoke_trust(actor=actor, trust=row, note="Not needed")
            services.revoke_trust(actor=actor, trust=row)
            assert AuditEntry.objects.filter(kind="trust.revoked").count() == 1
        else:
            with pytest.raises(NotFound):
                services.revoke_trust(actor=actor, trust=row)
            assert recorded("trust.revoke-refused") == "not-found"
        assert (matching_trusts(known, GITHUB_PINS, core_clock.now()) == ()) is may

    @pytest.mark.parametrize(("name", "may"), [
        ("ada", True), ("ben", True), ("dora", True), ("cleo", False), ("ci_bot", False)
    ])  # fmt: skip
    def test_who_sees_it(self, cast: Cast, known: TrustedIssuer, name: str, may: bool) -> None:
        row, actor = trust(cast, known, GITHUB_PINS), getattr(cast, name)
        if may:
            found = access.get_trust(actor=actor, agent_id=cast.ci_bot.public_id, public_id=row.public_id)
            assert found == row
            assert access.get_issuer(actor=actor, public_id=known.public_id) == known
        else:
            with pytest.raises(NotFound):
                access.get_agent(actor=actor, public_id=cast.ci_bot.public_id)
            with pytest.raises(NotFound):
                access.get_issuer(actor=actor, public_id=known.public_id)


def test_security_finds_a_workload_to_lock_by_its_id(cast: Cast, known: TrustedIssuer) -> None:
    row = trust(cast, known, GITHUB_PINS)
    found = find_lockable(LockAxis.CREDENTIAL, row.public_id)
    assert (found.facts.key, found.label) == (row.public_id, "ci-bot’s workload Nightly eval")
    with pytest.raises(NotFound):
        find_lockable(LockAxis.CREDENTIAL, "trt_another")


class TestWhatItRestsOn:
    """A trust is asked about at each use; nothing has to run for it to be over."""

    @pytest.fixture
    def row(self, cast: Cast, known: TrustedIssuer) -> WorkloadTrust:
        return trust(cast, known, GITHUB_PINS)

    def fault(self, row: WorkloadTrust) -> Reason | None:
        again = selectors.trusts_of(row.agent).get(pk=row.pk)
        return fault_of(again, core_clock.now())

    def test_it_is_over_at_its_end(self, row: WorkloadTrust, clock: Clock) -> None:
        clock.advance(days=89, hours=23)
        assert self.fault(row) is None
        clock.advance(hours=1)
        assert self.fault(row) is Reason.TRUST_ENDED

    def test_a_locked_agent_and_a_locked_owner(self, row: WorkloadTrust, cast: Cast) -> None:
        accounts.lock_account(actor=GATEWAY, user=cast.ci_bot)
        assert self.fault(row) is Reason.ACCOUNT_LOCKED
        accounts.unlock_account(actor=GATEWAY, user=cast.ci_bot)
        assert self.fault(row) is None
        accounts.lock_account(actor=GATEWAY, user=cast.ada)
        assert self.fault(row) is Reason.AGENT_WITHOUT_OWNER

    def test_its_owner_hears_a_week_ahead_and_once(self, row: WorkloadTrust, cast: Cast, clock: Clock) -> None:
        clock.advance(days=82, hours=23)
        assert services.remind_owners() == 0
        clock.advance(hours=2)
        assert (services.remind_owners(), services.remind_owners()) == (1, 1)
        assert Notification.objects.get(kind="trust.runs-out").user == cast.ada

    def test_another_owner_has_to_trust_anew(self, row: WorkloadTrust, cast: Cast) -> None:
        User.objects.filter(pk=cast.ci_bot.pk).update(owner=cast.ben)
        assert self.fault(row) is Reason.TRUST_ENDED

    @pytest.mark.parametrize("axis", [LockAxis.CREDENTIAL, LockAxis.AGENT, LockAxis.PERSON])
    def test_a_lock_on_the_trust_the_agent_or_its_owner(self, row: WorkloadTrust, cast: Cast, axis: LockAxis) -> None:
        keys = {
            LockAxis.CREDENTIAL: row.public_id,
            LockAxis.AGENT: cast.ci_bot.public_id,
            LockAxis.PERSON: cast.ada.public_id,
        }
        order = locks.LockOrder(LockFacts(axis, keys[axis]), "It", "Looks stolen to us all")
        lock = locks.place(actor=cast.dora.ref, order=order, person=cast.dora)
        assert self.fault(row) is Reason.LOCKED
        locks.lift(actor=cast.dora.ref, lock=lock)
        assert self.fault(row) is None

    def test_a_lock_on_another_trust_stops_nothing(self, row: WorkloadTrust, cast: Cast) -> None:
        order = locks.LockOrder(LockFacts(LockAxis.CREDENTIAL, "trt_another"), "It", "Looks stolen to us all")
        locks.place(actor=cast.dora.ref, order=order, person=cast.dora)
        assert self.fault(row) is None

    def test_the_closest_trust_of_an_agent_is_the_one(
        self, row: WorkloadTrust, cast: Cast, known: TrustedIssuer
    ) -> None:
        closer = trust(cast, known, {**GITHUB_PINS, "environment": "production"}, scope="read")
        facts = {**GITHUB_PINS, "environment": "production"}
        assert matching_trusts(known, facts, core_clock.now()) == (closer,)
        assert matching_trusts(known, {**GITHUB_PINS, "environment": "test"}, core_clock.now()) == (row,)

    def test_a_successor_takes_over_without_a_gap(
        self, row: WorkloadTrust, cast: Cast, known: TrustedIssuer, clock: Clock
    ) -> None:
        with pytest.raises(Conflict):
            propose(cast, known, GITHUB_PINS)
        clock.advance(days=84)
        successor = trust(cast, known, GITHUB_PINS, name="Again")
        assert matching_trusts(known, GITHUB_PINS, core_clock.now()) == (successor,)
        clock.advance(days=7)
        assert matching_trusts(known, GITHUB_PINS, core_clock.now()) == (successor,)
        services.revoke_trust(actor=cast.ada, trust=successor)
        assert matching_trusts(known, GITHUB_PINS, core_clock.now()) == (row,)
        assert self.fault(row) is Reason.TRUST_ENDED

    def test_two_people_stand_behind_each_row(self, row: WorkloadTrust, cast: Cast) -> None:
        """The database says so too: a row that one person made alone cannot be stored."""
        from django.db import IntegrityError, transaction  # noqa: PLC0415  # only here

        with pytest.raises(IntegrityError), transaction.atomic():
            WorkloadTrust.objects.filter(pk=row.pk).update(confirmed_by=row.proposed_by)


def test_who_could_confirm_is_never_the_owner(cast: Cast, known: TrustedIssuer) -> None:
    accounts.add_to_group(actor=GATEWAY, user=cast.ada, group="security")
    mia = make_person("mia", "operators", "security")
    assert list(selectors.confirmers_of(propose(cast, known, GITHUB_PINS))) == [cast.ben, cast.dora, mia]
