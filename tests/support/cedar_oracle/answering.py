"""The whole answer to a question: the decision, the rules that made it, and the terms, from the text of the rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.support.cedar_oracle.evaluating import Facts, Faulty, Value, is_true
from tests.support.cedar_oracle.parsing import Policy, policies_of

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_ORDER = ("policy-broken", "account-locked", "forbidden-by-rule", "no-rule-allows")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question in plain words and numbers. `factor_age_s` is below zero where there is none."""

    person: str
    groups: frozenset[str]
    is_agent: bool
    operation: str
    target: str
    repository: str
    tier: str
    lasts_s: int
    phase: str
    assurance: int
    factor_age_s: int
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out, in plain words and numbers, as `told` brings the product's answer into the same form."""

    is_allowed: bool
    reason: str
    rules: tuple[str, ...] = ()
    terms: Mapping[str, object] = field(default_factory=dict)


def rules_of(files: Mapping[str, str]) -> tuple[Policy, ...]:
    """The rules of all files."""
    return tuple(policy for _, text in sorted(files.items()) for policy in policies_of(text))


def answer(rules: Sequence[Policy], asked: Asked) -> Outcome:
    """One question, duration aside."""
    if not asked.is_active:
        return Outcome(False, "account-locked")
    facts = _facts(asked)
    try:
        fitting = [rule for rule in rules if all(is_true(said, facts) for said in (*rule.scope, *rule.conditions))]
    except Faulty:
        return Outcome(False, "policy-broken")
    forbidding = [rule for rule in fitting if not rule.is_permit]
    if forbidding:
        return Outcome(False, "forbidden-by-rule", _names(forbidding))
    if not fitting:
        return Outcome(False, "no-rule-allows")
    return _allowed(_names(fitting), [_terms(rule) for rule in fitting])


def answer_all(rules: Sequence[Policy], every: Sequence[Asked]) -> Outcome:
    """Several questions asked together, with the duration: all must be open, the strictest of all counts."""
    found = [answer(rules, asked) for asked in every]
    for reason in _ORDER:
        closed = [one for one in found if one.reason == reason]
        if closed:
            return Outcome(False, reason, tuple(sorted({name for one in closed for name in one.rules})))
    outcome = _allowed(tuple(sorted({name for one in found for name in one.rules})), [dict(one.terms) for one in found])
    longest = max(asked.lasts_s for asked in every)
    if not 0 < longest <= int(str(outcome.terms["lasts"])):
        return Outcome(False, "lasts-too-long", outcome.rules, outcome.terms)
    return outcome


def _names(rules: Iterable[Policy]) -> tuple[str, ...]:
    return tuple(sorted(rule.annotations["id"] for rule in rules))


def _allowed(names: tuple[str, ...], every: Sequence[Mapping[str, object]]) -> Outcome:
    approvals: dict[str, tuple[int, int]] = {}
    for terms in every:
        for word, needed, stage in terms["approvals"]:  # type: ignore[attr-defined]
            most, latest = approvals.get(word, (0, 0))
            approvals[word] = (max(needed, most), max(stage, latest))
    terms = {
        "lasts": min(one["lasts"] for one in every),  # type: ignore[type-var]
        "approvals": tuple(sorted((word, *both) for word, both in approvals.items())),
        "in_chat": all(one["in_chat"] for one in every),
        "auto": (),
        "break_glass": min(one["break_glass"] for one in every),  # type: ignore[type-var]
        "factor": _least(one["factor"] for one in every),
        "approver_factor": min(one["approver_factor"] for one in every),  # type: ignore[type-var]
        "passkey": any(one["passkey"] for one in every),
        "strict": any(one["strict"] for one in every),
        "bytes": _least(one["bytes"] for one in every),
        "count": _least(one["count"] for one in every),
        "files": tuple(sorted({word for one in every for word in one["files"]})),  # type: ignore[attr-defined]
    }
    return Outcome(True, "granted" if approvals else "no-approval-needed", names, terms)


def _terms(rule: Policy) -> dict[str, object]:
    said = rule.annotations
    is_telling = "lasts_at_most" not in said  # a permit to know
    return {
        "lasts": 0 if is_telling else _amount(said["lasts_at_most"]),
        "approvals": tuple(
            (_word(word), int(count), stage)
            for stage, part in enumerate(said.get("approvals", "").split(";"), start=1)
            for count, word in re.findall(r"(\d+) of ([^ ,]+)", part)
        ),
        "in_chat": "approve_in_chat" in said,
        "auto": (),  # what approves by itself is not generated; tests/policies/test_auto_approval.py has it
        "break_glass": _amount(said.get("break_glass", "0s")),
        "factor": _amount(said.get("factor", "0s")),
        "approver_factor": _amount(said.get("approver_factor", "15m")),
        "passkey": said.get("approver_factor_kind") == "passkey",
        "strict": said.get("staleness") != "best_effort",
        "bytes": _amount(said.get("byte_budget", "0 KiB")),
        "count": int(said.get("request_budget", "0")),
        "files": tuple(word.strip() for word in said.get("refuse_files", "").split(",") if word.strip()),
    }


def _word(text: str) -> str:
    """`group:` only tells a group from the two words that mean people by what they are to a request."""
    return text if text in {"group:manager", "group:target-owner"} else text.removeprefix("group:")


def _amount(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+) ?(\w+)", text).groups()  # type: ignore[union-attr]
    return int(number) * _UNITS[unit]


def _least(values: Iterable[object]) -> int:
    return min((int(str(value)) for value in values if value), default=0)


def _facts(asked: Asked) -> Facts:
    who: Value = ("entity", "User", asked.person)
    where: Value = ("entity", "Repository", f"{asked.target}/{asked.repository}")
    context: list[tuple[str, Value]] = [
        ("lasts_s", ("long", asked.lasts_s)),
        ("assurance", ("long", asked.assurance)),
        ("is_agent", ("bool", asked.is_agent)),
        ("phase", ("string", asked.phase)),
    ]
    if asked.factor_age_s >= 0:
        context.append(("factor_age_s", ("long", asked.factor_age_s)))
    return Facts(
        variables={
            "principal": who,
            "action": ("entity", "Action", asked.operation),
            "resource": where,
            "context": ("record", tuple(sorted(context))),
        },
        attributes={
            where: {
                "name": ("string", asked.repository),
                "target": ("string", asked.target),
                "tier": ("string", asked.tier),
            }
        },
        ancestors={
            who: frozenset(("entity", "Group", name) for name in asked.groups),
            where: frozenset({("entity", "Target", asked.target), ("entity", "Tier", asked.tier)}),
        },
    )
