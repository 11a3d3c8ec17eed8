"""What a refusal says to whoever asked."""

from __future__ import annotations

from dataclasses import replace

from jit_access.domain.reasons import Reason, explain
from registry_proxy.protocols.ask_again import sentence_for
from registry_proxy.protocols.asked import ExchangeFacts

FACTS = ExchangeFacts("exg_1", b"http://gateway", "https://jit.example", "192.0.2.1")
ENVELOPE = "env_aaaaaaaaaaaaaaaaaaaa"


def test_a_spent_part_of_an_envelope_names_it() -> None:
    plain = sentence_for(Reason.BUDGET_SPENT, FACTS, ())
    named = sentence_for(Reason.BUDGET_SPENT, replace(FACTS, envelope=ENVELOPE), ())
    assert plain == f"{explain(Reason.BUDGET_SPENT)} Request access at https://jit.example/request"
    assert f"It was the part of envelope {ENVELOPE}." in named


def test_other_refusals_do_not() -> None:
    assert ENVELOPE not in sentence_for(Reason.OUT_OF_SCOPE, replace(FACTS, envelope=ENVELOPE), ())


def test_what_ended_with_its_envelope_leads_to_people() -> None:
    assert "Request access at" in sentence_for(Reason.ENVELOPE_REVOKED, FACTS, ())
