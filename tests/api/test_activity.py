"""Activity over the API: one line per exchange, each filter, and nobody sees what is not theirs."""

from __future__ import annotations

from typing import Any

import pytest

from jit_access.audit.ingest import ingest_records
from jit_access.audit.models import AuditEntry
from jit_access.audit.proofs import InclusionProof, SignedHead
from jit_access.audit.recorder import audited
from jit_access.audit.signing import load_signer
from jit_access.core.ids import new_record_id
from jit_access.domain.audit_record import AuditRecord, canonical_bytes
from jit_access.domain.reasons import Reason
from tests.api.caller import Caller
from tests.support.cast import Cast

DIGEST = "sha256:" + "ab" * 32


def send(*records: AuditRecord) -> None:
    assert ingest_records([canonical_bytes(record) for record in records]).rejected == ()


def step(user: Any, kind: str, exchange: str, **fields: Any) -> AuditRecord:
    base: dict[str, Any] = {
        "id": new_record_id(),
        "at": "2026-11-23T13:55:10.000000Z",
        "source": "proxy/p1",
        "kind": kind,
        "actor_kind": "person",
        "actor_id": user.public_id,
        "actor_name": user.display_name,
        "grant": "grt_a",
        "target": "demo-registry",
        "repository": "llm/tiny-llama",
        "operation": "pull",
        "reference": DIGEST,
        "exchange": exchange,
    }
    return AuditRecord(**(base | fields))


def pull(user: Any, exchange: str, end: str = "proxy.transfer.completed", **last: Any) -> None:
    send(
        step(user, "proxy.request.allowed", exchange, decision="allow", reason="granted", rule="research-pull"),
        step(user, end, exchange, at="2026-11-23T13:55:12.500000Z", status=200, bytes_out=67_108_864, **last),
    )


@pytest.fixture
def story(cast: Cast) -> Cast:
    with audited(actor=cast.ben.ref) as audit:
        audit.record("request.approved", request="req_1", decision="allow", reason=Reason.APPROVED)
    pull(cast.ada, "exc_1")
    pull(cast.ada, "exc_2", "proxy.transfer.cut", decision="deny", reason="grant-revoked")
    refused = {"decision": "deny", "reason": "out-of-scope", "status": 403, "repository": "llm/frontier"}
    send(step(cast.cleo, "proxy.request.refused", "exc_3", **refused))
    send(step(cast.ada, "proxy.request.allowed", "exc_4", decision="allow", reason="granted"))
    return cast


def rows(user: Any, **query: Any) -> list[dict[str, Any]]:
    answer = Caller(user).get("/activity", **query)
    assert answer.status_code == 200, answer.content
    # Making the cast and signing in leave records of their own.
    return [row for row in answer.json()["results"] if row["kind"].startswith(("proxy.", "request."))]


def test_one_line_per_exchange_says_who_what_how_much_and_how_it_ended(story: Cast) -> None:
    found = rows(story.dora)
    assert [row["ended"] for row in found] == ["running", "refused", "cut", "completed", ""]
    cut = found[2]
    assert cut["actor"] == {"id": story.ada.public_id, "name": "Ada Okafor", "kind": "person"}
    assert (cut["repository"], cut["reference"], cut["bytes_out"]) == ("llm/tiny-llama", DIGEST, 67_108_864)
    assert (cut["grant"], cut["rule"], cut["status"]) == ("grt_a", "research-pull", 200)
    assert cut["reason"] == {"code": "grant-revoked", "sentence": "This session was revoked."}
    assert (cut["started_at"], cut["ended_at"]) == ("2026-11-23T13:55:10.000000Z", "2026-11-23T13:55:12.500000Z")
    assert len(cut["records"]) == 2
    assert found[0]["ended_at"] is None


def test_everybody_sees_their_own_only(story: Cast) -> None:
    assert {row["actor"]["id"] for row in rows(story.ada)} == {story.ada.public_id}
    assert {row["actor"]["id"] for row in rows(story.cleo)} == {story.cleo.public_id}
    assert len({row["actor"]["id"] for row in rows(story.dora)}) == 3


def test_an_owner_sees_what_their_service_account_did(story: Cast) -> None:
    pull(story.ci_bot, "exc_ci")
    assert rows(story.ada)[0]["actor"]["id"] == story.ci_bot.public_id
    assert story.ci_bot.public_id not in {row["actor"]["id"] for row in rows(story.cleo)}


@pytest.mark.parametrize(
    ("query", "exchanges"),
    [
        ({"decision": "deny"}, ["exc_3", "exc_2"]),
        ({"outcome": "deny"}, ["exc_3", "exc_2"]),
        ({"outcome": "cut"}, ["exc_2"]),
        ({"reason": "out-of-scope"}, ["exc_3"]),
        ({"kind": "proxy.transfer.cut"}, ["exc_2"]),
        ({"kind": "proxy.transfer"}, ["exc_2", "exc_1"]),
        ({"kind": "proxy.request.allowed"}, ["exc_4", "exc_2", "exc_1"]),
        ({"kind": "request"}, [""]),
        ({"repository": "llm/frontier"}, ["exc_3"]),
        ({"grant": "grt_a", "repository": "llm/tiny-llama"}, ["exc_4", "exc_2", "exc_1"]),
        ({"request": "req_1"}, [""]),
        ({"exchange": "exc_1"}, ["exc_1"]),
        ({"target": "elsewhere"}, []),
        ({"actor": "cleo", "kind": "proxy"}, ["exc_3"]),
        ({"text": "frontier cleo"}, ["exc_3"]),
        ({"text": "frontier ada"}, []),
        ({"since": "2026-11-23T13:55:12Z", "until": "2026-11-23T13:55:13Z"}, ["exc_2", "exc_1"]),
        ({"kind": "proxy", "until": "2026-11-23T13:55:10Z"}, []),
    ],
)
def test_each_filter_finds_exactly_its_rows(story: Cast, query: dict[str, str], exchanges: list[str]) -> None:
    assert [row["exchange"] for row in rows(story.dora, **query)] == exchanges


@pytest.mark.parametrize(
    "query",
    [
        {"reposytory": "llm/frontier"},
        {"decision": "maybe"},
        {"outcome": "lost"},
        {"since": "yesterday"},
        {"since": "2026-11-23T13:55:10"},
        {"text": "x" * 201},
        {"grant": ["a", "b"]},
    ],
)
def test_a_filter_that_is_not_understood_is_refused_not_ignored(story: Cast, query: dict[str, Any]) -> None:
    answer = Caller(story.dora).get("/activity", **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")


def test_pages_follow_each_other_without_gap_or_repeat(story: Cast) -> None:
    for number in range(7):
        pull(story.ada, f"exc_more_{number}")
    seen: list[str] = []
    dora = Caller(story.dora)
    answer = dora.get("/activity", page_size=2, kind="proxy").json()
    while True:
        seen += [row["exchange"] for row in answer["results"]]
        if not answer["next"]:
            break
        pull(story.ada, f"exc_late_{len(seen)}")  # rows that arrive meanwhile do not shift the pages
        answer = dora.client.get(answer["next"]).json()
    assert len(seen) == len(set(seen)) == 11


def test_a_page_costs_the_same_for_many_rows(story: Cast, django_assert_max_num_queries: Any) -> None:
    for number in range(10):
        pull(story.ada, f"exc_more_{number}")
    dora = Caller(story.dora)
    dora.get("/activity")
    # session (2), user, factor and activity of the session, groups, page, exchanges: none per row
    with django_assert_max_num_queries(12):
        assert len(dora.get("/activity", kind="proxy").json()["results"]) == 14


def test_one_record_with_the_text_that_is_hashed(story: Cast) -> None:
    entry = AuditEntry.objects.get(kind="proxy.transfer.cut")
    shown = Caller(story.ada).get(f"/activity/{entry.record_id}").json()
    assert (shown["canonical"], shown["leaf_hash"]) == (entry.body, entry.leaf_hash)
    assert shown["record"]["bytes_out"] == 67_108_864


def test_a_hidden_record_looks_like_an_unknown_one(story: Cast) -> None:
    entry = AuditEntry.objects.get(kind="proxy.transfer.cut")
    cleo = Caller(story.cleo)
    hidden, unknown = cleo.get(f"/activity/{entry.record_id}"), cleo.get(f"/activity/{new_record_id()}")
    assert hidden.status_code == unknown.status_code == 404
    assert {**hidden.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}


def test_the_proof_can_be_checked_without_us_and_is_for_auditors(story: Cast) -> None:
    entry = AuditEntry.objects.get(kind="proxy.transfer.cut")
    raw = Caller(story.dora).get(f"/activity/{entry.record_id}/proof").json()
    proof = InclusionProof(raw["seq"], raw["record"], tuple(raw["path"]), SignedHead(**raw["head"]))
    assert proof.holds(load_signer().verifier)
    assert Caller(story.ada).get(f"/activity/{entry.record_id}/proof").status_code == 404


def test_the_log_shows_its_head(story: Cast) -> None:
    state = Caller(story.cleo).get("/activity/log").json()
    assert state["size"] == AuditEntry.objects.count()
    assert state["public_key"] == load_signer().public_key_hex


def test_strangers_see_nothing(client: Any, story: Cast) -> None:
    assert client.get("/api/v1/activity").status_code == 401
