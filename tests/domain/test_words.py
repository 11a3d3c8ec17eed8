"""Reasons, errors and decisions: closed codes, sentences for people, a status per family."""

from __future__ import annotations

import re

import pytest

from jit_access.domain.actors import GATEWAY, NOBODY, ActorKind
from jit_access.domain.decisions import allow, deny
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound, PeerError, PolicyRefusal
from jit_access.domain.operations import Operation, Staleness, Tier, operations_of
from jit_access.domain.reasons import Reason, explain


@pytest.mark.parametrize("reason", Reason)
def test_every_code_is_kebab_case_and_has_its_sentence(reason: Reason) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason)
    assert reason.name.lower().replace("_", "-") == reason
    sentence = explain(reason)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert len(re.findall(r"[.](?= |$)", sentence)) <= 3


@pytest.mark.parametrize("reason", Reason)
def test_sentences_neither_shout_nor_blame(reason: Reason) -> None:
    words = set(re.findall(r"[a-z]+", explain(reason).lower()))
    assert not words & {"successfully", "please", "oops", "invalid", "sorry", "error"}
    assert "!" not in explain(reason)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (GatewayError(Reason.INTERNAL_ERROR), 500),
        (CallerError(Reason.INVALID_INPUT), 400),
        (NotFound(), 404),
        (Conflict(Reason.STATE_CHANGED), 409),
        (PeerError(Reason.UPSTREAM_AWAY, retryable=True), 502),
        (PolicyRefusal(Reason.NO_RULE_ALLOWS), 403),
    ],
)
def test_each_family_has_its_status_and_default_sentence(error: GatewayError, status: int) -> None:
    assert error.status == status
    assert error.sentence == explain(error.reason)
    assert str(error) == f"{error.sentence} ({error.reason})"


def test_errors_carry_facts_and_a_better_sentence() -> None:
    error = PolicyRefusal(
        Reason.LASTS_TOO_LONG, "At most 4 h.", also=(Reason.NO_APPROVER,), rule="research", at_most_s=1
    )
    assert (error.sentence, error.also, error.rule, error.fields) == (
        "At most 4 h.",
        (Reason.NO_APPROVER,),
        "research",
        {"at_most_s": 1},
    )


def test_a_hidden_and_an_unknown_thing_look_the_same() -> None:
    assert str(NotFound()) == str(NotFound(""))
    assert NotFound().reason is Reason.NOT_FOUND


def test_decisions_name_their_rule() -> None:
    assert allow(rule="research").is_allowed
    assert (deny(Reason.OWN_REQUEST, "r").is_allowed, deny(Reason.OWN_REQUEST, "r").rule) == (False, "r")


def test_each_kind_of_target_has_its_operations() -> None:
    usual = {Operation.PULL, Operation.PUSH, Operation.DELETE}
    for kind in ("oci", "s3", "", "unheard-of"):
        assert operations_of(kind) == usual
    assert operations_of("hf") == usual | {Operation.ADMIN}
    assert operations_of("mlflow") == usual | {Operation.PROMOTE, Operation.ADMIN}
    assert operations_of("mlflow", "models/x") == operations_of("mlflow")
    assert operations_of("mlflow", "experiments/0") == {Operation.PULL, Operation.PUSH}
    assert [item.verb for item in Operation] == ["pull", "push", "delete", "promote", "administer"]


def test_closed_sets_are_what_the_wire_and_the_database_hold() -> None:
    assert [str(item) for item in Operation] == ["pull", "push", "delete", "promote", "admin"]
    assert [str(item) for item in Tier] == ["standard", "sensitive", "critical"]
    assert [str(item) for item in Staleness] == ["strict", "best_effort"]
    assert (GATEWAY.kind, NOBODY.kind, NOBODY.id) == (ActorKind.SYSTEM, ActorKind.UNKNOWN, "")
