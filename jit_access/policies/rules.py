"""Reads the annotations of Cedar policies into `Rule` values. What it does not understand breaks the policy.

A misspelt `@approvls` that were ignored would open a door, so annotations are a closed list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jit_access.domain.file_rules import parse_file_rules
from jit_access.domain.operations import Staleness
from jit_access.policies.answers import APPROVER_FACTOR_MAX_AGE_S, NO_TERMS, Approval, Terms
from jit_access.policies.asked import MANAGER, canonical
from jit_access.policies.auto_approval import parse_auto_approval
from jit_access.policies.questions import Assurance, Knowing

MAX_DURATION_S = 30 * 24 * 3600  # just-in-time access that lasts a month is standing access
MAX_APPROVERS = 10
LONGEST_BREAK_GLASS_S = 3600
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}
_UNIT_BYTES = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_BYTES = re.compile(r"([1-9][0-9]{0,5}) ?(KiB|MiB|GiB|TiB)")
_COUNT = re.compile(r"[1-9][0-9]{0,8}")
MAX_STAGES = 5
_APPROVAL = re.compile(r"([1-9][0-9]?) of ((?:group:)?[A-Za-z0-9][A-Za-z0-9._-]{0,140})")
_RULE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One Cedar policy by its own name. `because` is its sentence for people; only a permit has terms."""

    id: str
    is_permit: bool
    terms: Terms
    because: str
    file: str


def parse_duration(text: str) -> int:
    """`4h` gives 14400 seconds. Raises ValueError on anything but a whole number and one of s, m, h, d."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not a time such as "15m" or "4h"')
    seconds = int(match[1]) * _UNIT_S[match[2]]
    if seconds > MAX_DURATION_S:
        raise ValueError(f'"{text}" is longer than 30 days')
    return seconds


def parse_bytes(text: str) -> int:
    """`200 GiB` in bytes. Raises ValueError on anything but a whole number and a binary unit."""
    match = _BYTES.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not a size such as "200 GiB"')
    return int(match[1]) * _UNIT_BYTES[match[2]]


def parse_count(text: str) -> int:
    """`2000` as a number of requests. Raises ValueError on anything but a whole number above zero."""
    if not _COUNT.fullmatch(text):
        raise ValueError(f'"{text}" is not a number of requests such as "2000"')
    return int(text)


def parse_factor_kind(text: str) -> Assurance:
    """Raises ValueError on anything but the one kind that is stronger than the usual."""
    if text != "passkey":
        raise ValueError(f'"{text}" is not "passkey"; without this annotation any second factor will do')
    return Assurance.PHISHING_RESISTANT


def parse_flag(text: str) -> bool:
    """An annotation that says yes by being there. Raises ValueError on `("no")`, which would have said yes."""
    if text:
        raise ValueError(f'takes no value, not "{text}": leave the line out to say no')
    return True


def parse_staleness(text: str) -> Staleness:
    """Raises ValueError with the words that there are."""
    try:
        return Staleness(text)
    except ValueError as exc:
        raise ValueError(f'"{text}" is neither "strict" nor "best_effort"') from exc


def parse_approvals(text: str) -> tuple[Approval, ...]:
    """`1 of manager; 1 of model-owners, 2 of security` as approvals, stage by stage. Raises ValueError."""
    stages = text.split(";")
    approvals = []
    for stage, part in ((number, part) for number, one in enumerate(stages, start=1) for part in one.split(",")):
        match = _APPROVAL.fullmatch(part.strip())
        if match is None or int(match[1]) > MAX_APPROVERS:
            raise ValueError(f'"{text}" is not a list such as "1 of model-owners, 1 of security", stages apart by ";"')
        approvals.append(Approval(canonical(match[2]), int(match[1]), stage))
    if len(stages) > MAX_STAGES:
        raise ValueError(f'"{text}" has more than {MAX_STAGES} stages')
    if len({approval.group for approval in approvals}) != len(approvals):
        raise ValueError(f'"{text}" names a group twice; each group is asked in one stage')
    if any(approval.group == MANAGER and approval.needed > 1 for approval in approvals):
        raise ValueError(f'"{text}" asks several managers; everybody has one')
    return tuple(sorted(approvals))


def parse_break_glass(text: str) -> int:
    """Raises ValueError on anything but a time of at most an hour: whoever needs longer has time to be asked."""
    seconds = parse_duration(text)
    if seconds > LONGEST_BREAK_GLASS_S:
        raise ValueError(f'"{text}" is longer than 1h')
    return seconds


_READERS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "lasts_at_most": ("lasts_at_most_s", parse_duration),
    "approvals": ("approvals", parse_approvals),
    "auto_approve": ("auto", parse_auto_approval),
    "factor": ("factor_max_age_s", parse_duration),
    "approver_factor": ("approver_factor_max_age_s", parse_duration),
    "approver_factor_kind": ("approver_level", parse_factor_kind),
    "staleness": ("staleness", parse_staleness),
    "byte_budget": ("byte_budget", parse_bytes),
    "request_budget": ("request_budget", parse_count),
    "refuse_files": ("refused_files", parse_file_rules),
    "break_glass": ("break_glass_s", parse_break_glass),
    "approve_in_chat": ("approve_in_chat", parse_flag),
}


def parse_rule(policy: Mapping[str, Any], *, file: str) -> Rule:
    """Read one policy of Cedar's JSON form. Raises ValueError with a sentence that names the rule."""
    annotations: dict[str, str] = {name: text or "" for name, text in policy.get("annotations", {}).items()}
    rule_id, because = annotations.pop("id", ""), annotations.pop("because", "")
    if not _RULE_ID.fullmatch(rule_id):
        raise ValueError(f'{file}: every rule needs an @id of lower-case letters, digits and "-", not "{rule_id}"')
    is_permit = policy["effect"] == "permit"
    try:
        if is_permit and not _is_about_knowing(policy):
            terms = _parse_terms(annotations)
            terms = replace(terms, auto=tuple(replace(one, rule=rule_id) for one in terms.auto))
        else:
            terms = _no_terms("a permit to know" if is_permit else "a forbid", annotations)
    except ValueError as exc:
        raise ValueError(f"{file}: rule {rule_id}: {exc}") from exc
    return Rule(rule_id, is_permit, terms, because, file)


def _parse_terms(annotations: Mapping[str, str]) -> Terms:
    values: dict[str, Any] = {}
    for name, text in annotations.items():
        if name not in _READERS:
            raise ValueError(f"@{name} is not an annotation this gateway knows")
        field, read = _READERS[name]
        try:
            values[field] = read(text)
        except ValueError as exc:
            raise ValueError(f"@{name}: {exc}") from exc
    if "lasts_at_most_s" not in values:
        raise ValueError("a permit must say @lasts_at_most, since nothing here lasts for ever")
    terms = Terms(**values)
    if terms.auto and not terms.approvals:
        raise ValueError("@auto_approve without @approvals approves what nobody is asked about")
    if terms.approver_factor_max_age_s > APPROVER_FACTOR_MAX_AGE_S:
        raise ValueError("@approver_factor can ask for less than 15m, never for more")
    return terms


def _is_about_knowing(policy: Mapping[str, Any]) -> bool:
    """True for `action == Action::"know"`. Any wider scope opens operations too, and those have terms."""
    return bool(policy.get("action") == {"op": "==", "entity": {"type": "Action", "id": Knowing.KNOW.value}})


def _no_terms(what: str, annotations: Mapping[str, str]) -> Terms:
    if annotations:
        raise ValueError(f"{what} takes no @{min(annotations)}: it allows nothing that could have terms")
    return NO_TERMS
