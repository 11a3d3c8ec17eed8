"""What may be wrong with a policy that can be loaded: rules that do nothing, and rules that do too much.

A claim is proven or it is not made. Over small spaces of questions every one is asked; where there are too many, each
rule is looked at by itself and beside single others; where that proves nothing, the finding says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from jit_access.domain.operations import Tier
from jit_access.policies.asked import group_of
from jit_access.policies.broadness import broad_findings
from jit_access.policies.compiler import CompiledPolicy, PolicyText, compile_policy
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.findings import Code, Finding, Severity, in_order, lines_of
from jit_access.policies.looking import Looked, look
from jit_access.policies.questions import Question
from jit_access.policies.spaces import Constants, Space, constants_of, space_of

MOST_QUESTIONS = 12_000  # at about 100 µs each
_MOST_BESIDE = 20  # rules that one rule is proven against, one by one


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What exists, where somebody looked: groups, targets by slug, accounts by public id."""

    groups: frozenset[str]
    targets: frozenset[str]
    users: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where rules stand, for findings about them."""

    policy: CompiledPolicy
    lines: Mapping[str, int] = field(default_factory=dict)

    def finding(self, rule: str, code: Code, severity: Severity, sentence: str) -> Finding:
        return Finding(code, severity, sentence, rule, self.policy.rules[rule].file, self.lines.get(rule, 0))


def check_text(text: PolicyText, *, known: KnownNames | None = None) -> tuple[Finding, ...]:
    """Everything there is to say about these files, the worst first. Names are looked at where `known` is given."""
    try:
        policy = compile_policy(text)
    except PolicyBroken as exc:
        return tuple(_broken(text, problem) for problem in exc.problems)
    place = _Place(policy, lines_of(text.files))
    found = list(_of_schema(policy))
    for rule, (looked, is_sure) in _look_at_all(policy).items():
        found.extend(_of_rule(place, rule, looked, is_sure=is_sure))
        found.extend(place.finding(rule, *said) for said in broad_findings(policy, rule, looked))
    if known is not None:
        found.extend(_of_names(place, known))
    return in_order(found)


def _broken(text: PolicyText, problem: str) -> Finding:
    file, _, rest = problem.partition(": ")
    rule = rest.removeprefix("rule ").partition(":")[0] if rest.startswith("rule ") else ""
    line = lines_of(text.files).get(rule, 0)
    is_placed = file in text.files or file.endswith(".cedarschema")
    return Finding(Code.BROKEN, Severity.ERROR, problem, rule if line else "", file if is_placed else "", line)


def _of_schema(policy: CompiledPolicy) -> Iterator[Finding]:
    for operation in sorted(policy.closed):
        yield Finding(
            Code.NOT_NAMED,
            Severity.NOTE,
            f"The schema does not name {operation}, so nobody can be allowed it.",
            file="schema.cedarschema",
        )


def _look_at_all(policy: CompiledPolicy) -> dict[str, tuple[Looked, bool]]:
    """For each rule what it did, and whether nothing else can happen."""
    everything = _space(policy, constants_of(policy.sources.values()))
    if everything.is_complete and everything.size <= MOST_QUESTIONS:
        found = look(policy, list(policy.sources), everything.questions())
        return {rule: (found[rule], True) for rule in sorted(policy.rules)}
    return {rule: _look_at(policy, rule) for rule in sorted(policy.rules)}


def _look_at(policy: CompiledPolicy, rule: str) -> tuple[Looked, bool]:
    """One rule among too many: by itself, then beside each rule that is there where it matches."""
    own = _space(policy, constants_of([policy.sources[rule]]))
    questions = list(_some(own))
    looked = look(policy, [rule], questions)[rule]
    is_sure = own.is_complete and own.size <= MOST_QUESTIONS
    if not looked.is_reached:
        return looked, is_sure
    among = look(policy, list(policy.sources), _some(own, MOST_QUESTIONS // 40))[rule]
    looked.changes_something, looked.beside = among.changes_something, set()
    if looked.changes_something:
        return looked, is_sure
    for other in sorted(among.beside - {rule})[:_MOST_BESIDE]:
        pair = _space(policy, constants_of([policy.sources[rule], policy.sources[other]]))
        if pair.is_complete and pair.size <= MOST_QUESTIONS:
            beside = look(policy, [rule, other], pair.questions())[rule]
            if not beside.changes_something and other in beside.beside:
                looked.beside = {rule, other}
                return looked, is_sure
    return looked, False


def _space(policy: CompiledPolicy, constants: Constants) -> Space:
    return space_of(constants, knows=policy.has_know, closed=policy.closed)


def _some(space: Space, most: int = MOST_QUESTIONS) -> Iterator[Question]:
    return islice(space.questions(), most)


def _of_rule(place: _Place, rule: str, looked: Looked, *, is_sure: bool) -> Iterator[Finding]:
    if looked.may_fail:
        yield place.finding(
            rule, Code.MAY_FAIL, Severity.ERROR,
            f"Rule {rule} cannot be evaluated for some questions, for example because a number grows too large. "
            "Everything it is asked about is refused then.",
        )  # fmt: skip
    elif not looked.is_reached:
        yield _not_reached(place, rule, is_sure=is_sure)
    elif not looked.changes_something:
        yield _not_changing(place, rule, looked, is_sure=is_sure)
    said = constants_of([place.policy.sources[rule]])
    if not said.is_understood and not looked.may_fail:
        sentence = f"Rule {rule} has a condition that is not understood here, so only part of it could be checked."
        yield place.finding(rule, Code.UNDECIDED, Severity.NOTE, sentence)
    for tier in sorted(said.tiers - set(Tier)):
        yield place.finding(
            rule, Code.UNKNOWN_TIER, Severity.ERROR,
            f"Rule {rule} names the tier {tier}. There are {', '.join(Tier)}.",
        )  # fmt: skip


def _not_reached(place: _Place, rule: str, *, is_sure: bool) -> Finding:
    if is_sure:
        sentence = f"Rule {rule} can never match: no question meets all of its conditions."
        return place.finding(rule, Code.UNREACHABLE, Severity.ERROR, sentence)
    sentence = f"No question was found that rule {rule} matches, but not every one could be tried."
    return place.finding(rule, Code.UNDECIDED, Severity.NOTE, sentence)


def _not_changing(place: _Place, rule: str, looked: Looked, *, is_sure: bool) -> Finding:
    rules = place.policy.rules
    others = sorted(looked.beside - {rule})
    if not is_sure:
        sentence = f"No answer was found that rule {rule} changes, but not every one could be tried."
        return place.finding(rule, Code.UNDECIDED, Severity.NOTE, sentence)
    if not rules[rule].is_permit:
        by = f" ({', '.join(others)} does already)" if others else ""
        sentence = f"Rule {rule} refuses only what is refused without it{by}. It guards against later permits."
        return place.finding(rule, Code.SHADOWED, Severity.NOTE, sentence)
    forbids = [other for other in others if not rules[other].is_permit]
    if forbids:
        why = f"wherever it matches, {', '.join(forbids)} forbids"
    elif others:
        why = f"wherever it matches, {', '.join(others)} matches too, with terms that are at least as strict"
    else:
        why = "wherever it matches, a forbid or stricter rules match too"
    return place.finding(rule, Code.SHADOWED, Severity.WARNING, f"Rule {rule} never changes an answer: {why}.")


def _of_names(place: _Place, known: KnownNames) -> Iterator[Finding]:
    for rule, source in sorted(place.policy.sources.items()):
        said = constants_of([source])
        for kind, names, there in (
            ("group", said.groups, known.groups),
            ("target", said.targets, known.targets),
            ("account", said.users, known.users),
        ):
            for name in sorted(names - there):
                yield place.finding(
                    rule,
                    Code.UNKNOWN_NAME,
                    Severity.WARNING,
                    f"Rule {rule} names the {kind} {name}, which is not there.",
                )
        for approval in place.policy.rules[rule].terms.approvals:
            group = group_of(approval.group)
            if group is not None and group not in known.groups:
                sentence = f"Rule {rule} asks {group} to approve, and there is no such group."
                yield place.finding(rule, Code.UNKNOWN_NAME, Severity.WARNING, sentence)
