"""Issuers and trusts over the API: the same rules as on the pages, and never by a token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.domain.actors import GATEWAY
from jit_access.jose import key_sets
from jit_access.mfa.assurance import Assurance, Level
from jit_access.oauth.access_tokens import Terms, issue_access_token
from jit_access.workloads.models import TrustedIssuer, WorkloadTrust
from tests.api.caller import Caller
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.workloads.issuer import GITHUB, Issuer, running_issuer
from tests.support.workloads.trusting import GITHUB_PINS, add_issuer, propose


@pytest.fixture(scope="module")
def served() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def known(cast: Cast, served: Issuer) -> TrustedIssuer:
    key_sets.forget_keys()
    return add_issuer(cast, served)


def trusts(cast: Cast) -> str:
    return f"/agents/{cast.ci_bot.public_id}/trusts"


def order(known: TrustedIssuer, **changes: Any) -> dict[str, Any]:
    return {"issuer": known.public_id, "name": "Nightly", "claims": GITHUB_PINS, **changes}


def test_a_workload_is_trusted_by_two_people_and_untrusted_by_one(
    cast: Cast, known: TrustedIssuer, served: Issuer
) -> None:
    ada, dora = Caller(cast.ada), Caller(cast.dora)
    made = ada.post(trusts(cast), order(known))
    assert made.status_code == 201, made.content
    there = f"{trusts(cast)}/{made.json()['id']}"
    assert (made.json()["state"], made.json()["counts"]) == ("proposed", False)
    own = ada.post(f"{there}/confirm")
    assert (own.status_code, own.json()["code"]) == (403, "own-trust")
    confirmed = dora.post(f"{there}/confirm")
    assert (confirmed.status_code, confirmed.json()["counts"]) == (200, True)
    assert confirmed.json()["words"][0] == "runs in the repository with id 74"
    assert [row["id"] for row in ada.get(trusts(cast)).json()["results"]] == [made.json()["id"]]
    sample = ada.post(f"{trusts(cast)}/match", {"sample": json.dumps(served.claims(GITHUB))})
    assert (sample.json()["fits"], sample.json()["was_signed"]) == (True, False)
    ended = ada.post(f"{there}/revoke", {"note": "Moved"})
    assert (ended.status_code, ended.json()["state"]) == (200, "revoked")
    assert ada.get(there).json()["end_note"] == "Moved"


def test_an_operator_names_issuers(cast: Cast, served: Issuer) -> None:
    key_sets.forget_keys()
    ben, ada = Caller(cast.ben), Caller(cast.ada)
    said = {"kind": "github-actions", "name": "Forge", "issuer": served.url, "allows_private": True}
    assert ada.post("/issuers", said).status_code == 404
    made = ben.post("/issuers", said)
    assert made.status_code == 201, made.content
    found = ada.get("/issuers").json()["results"]
    assert [(row["issuer"], row["jwks_uri"]) for row in found] == [(served.url, "")]
    assert {claim["name"] for claim in found[0]["claims"] if claim["needed"]} == GITHUB_PINS.keys()
    assert ada.post(f"/issuers/{made.json()['id']}/retire").status_code == 404
    retired = ben.post(f"/issuers/{made.json()['id']}/retire")
    assert retired.json()["retired_at"] is not None
    assert Caller(cast.cleo).get("/issuers").status_code == 404


def by_token(cast: Cast, name: str) -> Caller:
    """Somebody whose browser proved a second factor just now, through the token of a client."""
    user = getattr(cast, name)
    caller = Caller(user)
    now = Assurance(Level.SECOND_FACTOR, core_clock.now(), 0)
    issued = issue_access_token(actor=user.ref, user=user, terms=_terms(now))
    caller.client, caller.headers = Client(), {"Authorization": f"Bearer {issued.text.reveal()}"}
    return caller


def _terms(assurance: Assurance) -> Terms:
    return Terms(lasts=timedelta(minutes=5), scope="read act", assurance=assurance)


def test_no_token_says_whose_word_counts(cast: Cast, known: TrustedIssuer, served: Issuer) -> None:
    """Not an agent's own, and not one of a person who proved a second factor just now."""
    row = propose(cast, known, GITHUB_PINS)
    there = f"{trusts(cast)}/{row.public_id}"
    tries = [
        ("ada", trusts(cast), order(known, name="Mine", claims={**GITHUB_PINS, "ref": "refs/heads/main"})),
        ("ada", f"{there}/revoke", {}),
        ("dora", f"{there}/confirm", {}),
        ("ben", "/issuers", {"kind": "oidc", "name": "Evil", "issuer": "https://evil.example"}),
        ("ben", f"/issuers/{known.public_id}/retire", {}),
    ]
    for name, path, body in tries:
        answer = by_token(cast, name).post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-for-agents"), path
    agent = Caller(cast.ci_bot)
    for _, path, body in tries:
        assert agent.post(path, body).status_code in {403, 404}
    assert AuditEntry.objects.filter(kind="trust.by-token-refused").count() >= len(tries)
    assert (WorkloadTrust.objects.count(), TrustedIssuer.objects.filter(retired_at=None).count()) == (1, 1)
    row.refresh_from_db()
    assert row.state == "proposed"


def test_an_agent_does_not_even_see_them(cast: Cast, known: TrustedIssuer) -> None:
    agent = Caller(cast.ci_bot)
    assert agent.get(trusts(cast)).status_code == 404
    assert agent.get("/issuers").status_code == 404
    assert Caller(cast.ada).get(trusts(cast)).status_code == 200


@pytest.mark.parametrize("side_door", ["state", "confirmed_by", "agent", "expires_at", "proposed_by"])
def test_no_field_leads_around_the_second_person(cast: Cast, known: TrustedIssuer, side_door: str) -> None:
    answer = Caller(cast.ada).post(trusts(cast), order(known, **{side_door: "active"}))
    assert answer.status_code == 400
    assert not WorkloadTrust.objects.exists()


def test_a_stale_factor_is_not_enough(cast: Cast, known: TrustedIssuer, clock: Clock) -> None:
    ada = Caller(cast.ada, factor="stale")
    answer = ada.post(trusts(cast), order(known))
    assert answer.status_code in {401, 403}
    assert not WorkloadTrust.objects.exists()


def test_trusts_of_another_owner_s_agent_are_unknown(cast: Cast, known: TrustedIssuer) -> None:
    row = propose(cast, known, GITHUB_PINS)
    other = accounts.create_service_account(actor=GATEWAY, username="train-bot", owner=cast.ben)
    wrong = f"/agents/{other.public_id}/trusts/{row.public_id}"
    assert Caller(cast.dora).get(wrong).status_code == 404
    assert Caller(cast.dora).get(f"{trusts(cast)}/{row.public_id}").status_code == 200
    assert Caller(cast.cleo).get(f"{trusts(cast)}/{row.public_id}").status_code == 404
