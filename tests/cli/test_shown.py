"""Grants and requests as they stand on the screen, at one fixed moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from jit_access.cli import times
from jit_access.cli.commands.looking import _lines
from jit_access.cli.grants import row_of
from jit_access.cli.requests_shown import facts_of, heading
from jit_access.cli.table import write_facts, write_table
from jit_access.cli.words import Voice
from tests.cli.test_words import Screen

NOW = datetime(2026, 11, 24, 13, 56, tzinfo=UTC)
PULL = {"repository": "llm/llama-70b-ft", "operations": ["pull"], "tags": [], "digests": []}


@pytest.fixture(autouse=True)
def moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "now", lambda: NOW)


def grant(**changes: Any) -> dict[str, Any]:
    facts = {
        "id": "grt_71cd", "state": "active", "target": "prod-registry", "resources": [PULL], "left_s": 4320,
        "valid_until": "2026-11-24T15:08:00Z", "start_by": "2026-11-24T17:06:00Z", "reason": None,
        "subject": {"name": "Ada Okafor"},
    }  # fmt: skip
    return facts | changes


def shown(heads: tuple[str, ...], rows: list[Any]) -> list[str]:
    screen = Screen("utf-8")
    write_table(Voice(screen), heads, rows)
    return screen.text.splitlines()


def test_grants() -> None:
    evals = {"repository": "ns/evals", "operations": ["pull", "push"], "tags": ["v1"], "digests": []}
    ended = {"code": "grant-revoked", "sentence": "This session was revoked."}
    rows = [
        grant(),
        grant(target="train-eu-1", resources=[evals], left_s=540, valid_until="2026-11-24T14:05:00Z"),
        grant(state="scheduled", left_s=0, valid_until=None),
        grant(state="suspended", left_s=0),
        grant(state="ended", left_s=0, reason=ended),
    ]
    heads = ("RESOURCE", "DOING", "LEFT", "ENDS (UTC)", "STATE", "ID")
    assert shown(heads, [row_of(row, with_subject=False) for row in rows]) == [
        "  RESOURCE                        DOING      LEFT        ENDS (UTC)  STATE                  ID",
        "● prod-registry/llm/llama-70b-ft  pull       1 h 12 min  15:08       active                 grt_71cd",
        "▲ train-eu-1/ns/evals:v1          pull,push  9 min       14:05       ends soon              grt_71cd",
        "  jit extend grt_71cd --for 1h --reason TEXT",
        "○ prod-registry/llm/llama-70b-ft  pull       –           –           approved, not started  grt_71cd",
        "  Start it by 17:06 UTC, in 3 h 10 min: jit start grt_71cd",
        "▲ prod-registry/llm/llama-70b-ft  pull       –           15:08       paused                 grt_71cd",
        "✂ prod-registry/llm/llama-70b-ft  pull       –           –           ended (grant-revoked)  grt_71cd",
    ]


def test_request_that_waits() -> None:
    step = {"group": "security", "needed": 1, "given": 0, "people": [{"name": "Dora Lindqvist"}]}
    request = {
        "id": "req_1", "state": "pending", "requester": {"name": "Ada Okafor"}, "target": "prod-registry",
        "resources": [PULL], "lasts_s": 7200, "extends": None, "purpose": "Evaluate\x1b[2J it", "ticket": "ML-7",
        "is_break_glass": False,
        "not_before": None, "is_held": False, "steps": [step | {"group": "model-owners", "given": 1}, step],
        "verdicts": [{"approver": {"name": "Ben Laurent"}, "is_approval": True, "note": "Go on"}],
        "answer_by": "2026-11-25T13:56:00Z", "reason": None, "grant": None, "rules": ["research-critical"],
        "payload_hash": "3035547c5a61851e" + "0" * 48,
        "risk": {"score": 62, "reasons": [{"points": 30, "sentence": "Whole model."},
                                        {"points": -5, "sentence": "Known."}]},
    }  # fmt: skip
    screen = Screen("utf-8")
    write_facts(Voice(screen), facts_of(request))
    assert heading(request) == "Ada Okafor asks to pull prod-registry/llm/llama-70b-ft for 2 h"
    assert screen.text.splitlines() == [
        "  Reason  “Evaluate�[2J it”",
        "  Ticket  ML-7",
        "  Risk    Elevated 62: Whole model",
        "  State   1 of 2 approved. Still to answer: 1 of security (Dora Lindqvist)",
        "          Ben Laurent approved: “Go on”",
        "  Answer  due by 25 Nov 13:56 UTC, in 1 d",
        "  Rules   research-critical",
        "  Signed  payload 3035547c5a61851e",
    ]


def test_catalogue_puts_together_what_is_decided_alike() -> None:
    def operation(name: str, *groups: str, is_open: bool = True, lasts_s: int = 14400) -> dict[str, Any]:
        deciders = [{"needed": 1, "group": group} for group in groups]
        return {"operation": name, "is_open": is_open, "lasts_at_most_s": lasts_s, "decided_by": deciders}

    row = {
        "target": "prod", "repository": "llm", "latest_tag": "v1", "tier": "sensitive", "size_bytes": 75497472,
        "operations": [operation("pull", "owners"), operation("push", "owners"),
                       operation("delete", "security", lasts_s=3600), operation("admin", is_open=False)],
    }  # fmt: skip
    closed = row | {"repository": "top", "operations": [operation("pull", is_open=False)], "size_bytes": None}
    heads = ("RESOURCE", "TIER", "SIZE", "YOU MAY ASK TO", "DECIDED BY", "AT MOST")
    assert shown(heads, [line for one in (row, closed) for line in _lines(one)]) == [
        "  RESOURCE     TIER       SIZE      YOU MAY ASK TO  DECIDED BY        AT MOST",
        "● prod/llm:v1  sensitive  72.0 MiB  pull,push       1 of owners       4 h",
        "●                                   delete          1 of security     1 h",
        "○ prod/top:v1  sensitive  –         nothing         jit why says why  –",
    ]
