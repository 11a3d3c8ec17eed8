"""Why or why not, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from jit_access.domain.reasons import explain
from jit_access.policies.why import NearRule, Why


def why_lines(found: Why, people: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """`people` are those who could approve, by group."""
    answer = found.answer
    verdict = "Allowed" if answer.is_allowed else "Refused"
    lines = [f"{verdict}: {answer.reason}. {explain(answer.reason)}"]
    for rule in found.rules:
        lines += _rule_lines(rule)
    lines += [f"  {way.sentence}" for way in found.would_be]
    for approval in found.approvals_wanted:
        names = ", ".join(people.get(approval.group, ())) or "nobody is in it"
        lines.append(f"  {approval.needed} of {approval.group} must approve: {names}.")
    return tuple(lines)


def _rule_lines(rule: NearRule) -> list[str]:
    kind = "permits" if rule.is_permit else "forbids"
    state = "matches" if not rule.missing else f"would match but for {len(rule.missing)}"
    lines = [f"  Rule {rule.rule} {kind}, and {state}. {rule.because}".rstrip()]
    return lines + [f"    {'✓' if one.is_met else '✗'} {one.text}" for one in rule.conditions]
