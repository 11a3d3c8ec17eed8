from __future__ import annotations

import pytest

from jit_access.domain.operations import Staleness
from jit_access.policies.answers import Approval
from jit_access.policies.questions import Assurance
from jit_access.policies.rules import (
    parse_approvals,
    parse_bytes,
    parse_count,
    parse_duration,
    parse_factor_kind,
    parse_rule,
)


def policy(effect: str = "permit", **annotations: str | None) -> dict[str, object]:
    return {"effect": effect, "annotations": annotations}


@pytest.mark.parametrize(("text", "seconds"), [("45s", 45), ("15m", 900), ("4h", 14400), ("30d", 2592000)])
def test_durations_are_whole_numbers_with_a_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0h", "4", "4 h", "-4h", "4.5h", "4H", "31d", "4h\n", "٤h", "99999999s"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time|longer than"):
        parse_duration(text)


def test_sizes_are_binary() -> None:
    assert parse_bytes("200 GiB") == 200 * 2**30
    with pytest.raises(ValueError, match="is not a size"):
        parse_bytes("200 GB")


def test_budget_of_requests_is_a_whole_number() -> None:
    assert parse_count("2000") == 2000
    for text in ("", "0", "-1", "2 000", "2k", "1.5", "1000000000", "٤"):
        with pytest.raises(ValueError, match="is not a number of requests"):
            parse_count(text)


def test_the_one_kind_of_factor_is_a_passkey() -> None:
    assert parse_factor_kind("passkey") is Assurance.PHISHING_RESISTANT
    for text in ("", "totp", "Passkey", "passkey "):
        with pytest.raises(ValueError, match='is not "passkey"'):
            parse_factor_kind(text)


def test_stages_are_apart_by_semicolons() -> None:
    assert parse_approvals("1 of manager; 1 of target-owner, 2 of group:security; 1 of group:manager") == (
        Approval("manager", 1), Approval("security", 2, 2), Approval("target-owner", 1, 2),
        Approval("group:manager", 1, 3),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 of a;", "is not a list"),
        ("; 1 of a", "is not a list"),
        ("1 of a; 1 of group:a", "names a group twice"),
        ("2 of manager", "several managers"),
        ("1 of a; 1 of b; 1 of c; 1 of d; 1 of e; 1 of f", "more than 5 stages"),
    ],
)
def test_odd_stages_are_refused(text: str, said: str) -> None:
    assert parse_approvals("1 of a; 1 of b")
    with pytest.raises(ValueError, match=said):
        parse_approvals(text)


def test_approvals_are_sorted_by_group() -> None:
    assert parse_approvals("1 of security, 2 of model-owners") == (Approval("model-owners", 2), Approval("security", 1))


@pytest.mark.parametrize(
    "text", ["", "security", "0 of security", "11 of security", "1 of security, 2 of security", "1 of ,"]
)
def test_odd_approvals_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a list|names a group twice"):
        parse_approvals(text)


def test_a_permit_carries_its_terms() -> None:
    rule = parse_rule(
        policy(
            id="weights",
            because="Why.",
            lasts_at_most="2h",
            approvals="1 of security",
            factor="5m",
            byte_budget="1 GiB",
            request_budget="2000",
            refuse_files="pickle, *.gguf",
        ),
        file="a.cedar",
    )
    assert rule.id == "weights"
    assert rule.because == "Why."
    assert rule.terms.lasts_at_most_s == 7200
    assert rule.terms.approvals == (Approval("security", 1),)
    assert rule.terms.factor_max_age_s == 300
    assert rule.terms.byte_budget == 2**30
    assert rule.terms.request_budget == 2000
    assert rule.terms.refused_files == ("*.gguf", "pickle")


def test_what_a_permit_does_not_say_is_strict() -> None:
    terms = parse_rule(policy(id="weights", lasts_at_most="2h"), file="a.cedar").terms
    assert terms.staleness is Staleness.STRICT
    assert terms.approver_factor_max_age_s == 900


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        ({"lasts_at_most": "2h"}, "needs an @id"),
        ({"id": "Weights", "lasts_at_most": "2h"}, "needs an @id"),
        ({"id": "weights"}, "must say @lasts_at_most"),
        ({"id": "weights", "lasts_at_most": "2h", "approvls": "1 of security"}, "@approvls is not an annotation"),
        ({"id": "weights", "lasts_at_most": "2h", "approvals": None}, "is not a list"),
        ({"id": "weights", "lasts_at_most": "2h", "approver_factor": "16m"}, "never for more"),
        ({"id": "weights", "lasts_at_most": "2h", "staleness": "lax"}, '@staleness: "lax" is neither "strict"'),
        ({"id": "weights", "lasts_at_most": "2h", "request_budget": "lots"}, '@request_budget: "lots" is not a number'),
        (
            {"id": "weights", "lasts_at_most": "2h", "refuse_files": "pikle"},
            '@refuse_files: "pikle" is neither a class',
        ),
        ({"id": "weights", "lasts_at_most": "2h", "refuse_files": None}, "@refuse_files"),
    ],
)
def test_what_is_not_understood_breaks_the_rule(annotations: dict[str, str | None], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_rule(policy(**annotations), file="a.cedar")


def test_a_forbid_takes_no_terms() -> None:
    assert not parse_rule(policy("forbid", id="never", because="Why."), file="a.cedar").is_permit
    with pytest.raises(ValueError, match="a forbid takes no @approvals"):
        parse_rule(policy("forbid", id="never", approvals="1 of security"), file="a.cedar")
