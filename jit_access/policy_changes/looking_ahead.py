"""What a policy would change, found out before anybody signs it: findings, cases, requests and open grants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jit_access.core import clock
from jit_access.policies.cases import cases_from
from jit_access.policies.checking import check_text
from jit_access.policies.comparing import Difference, compare, difference_lines, summary_line
from jit_access.policies.compiler import CompiledPolicy, PolicyText, compile_policy
from jit_access.policies.known_names import known_names
from jit_access.policies.recorded import recorded_since
from jit_access.policies.services import compiled_policy

DAYS = 30
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Foresight:
    """In the form in which it is kept and shown."""

    findings: list[dict[str, Any]]
    tests: dict[str, Any]
    effects: dict[str, Any]


def look_ahead(text: PolicyText, cases: Mapping[str, str]) -> Foresight:
    """Raises: PolicyBroken when the text or a case cannot be read."""
    after = compile_policy(text)
    findings = [one.as_json() for one in check_text(text, known=known_names())]
    return Foresight(findings, _tests(after, cases), _effects(after))


def _tests(after: CompiledPolicy, cases: Mapping[str, str]) -> dict[str, Any]:
    found = cases_from(cases)
    failed = [{"name": case.name, "faults": list(faults)} for case in found if (faults := case.faults(after))]
    return {"count": len(found), "failed": failed[:MOST_SHOWN], "failed_count": len(failed)}


def _effects(after: CompiledPolicy) -> dict[str, Any]:
    before = compiled_policy()
    if before is None:
        return {
            "summary": "No policy counts yet, so nothing is open that could change.",
            "differences": [],
            "ending": 0,
        }
    cases = list(recorded_since(clock.now() - timedelta(days=DAYS)))
    differences = list(compare(before, after, cases))
    worst = sorted(differences, key=lambda one: (not one.is_ending, not one.is_closing))
    return {
        "summary": summary_line(cases, differences, version=before.version, days=DAYS),
        "differences": [_one(difference) for difference in worst[:MOST_SHOWN]],
        "count": len(differences),
        "ending": sum(one.is_ending for one in differences),
    }


def _one(difference: Difference) -> dict[str, Any]:
    _, now, then, *_ = difference_lines(difference)
    case = difference.case
    return {
        "id": case.id,
        "person": case.person,
        "text": case.text,
        "is_open": case.is_open,
        "is_ending": difference.is_ending,
        "now": now.strip().removeprefix("now:").strip(),
        "then": then.strip().removeprefix("then:").strip(),
    }
