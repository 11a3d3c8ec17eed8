"""What a membership lets somebody do by policy: which rules ask for the group, and which have it approve."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.contrib.auth.models import Group

from jit_access.domain.roles import AUDITORS, OPERATORS, SECURITY
from jit_access.policies.asked import group_of
from jit_access.policies.compiler import CompiledPolicy
from jit_access.policies.spaces import constants_of

_ROLES = frozenset({SECURITY, AUDITORS, OPERATORS})


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Of one group, in rule ids."""

    may_ask: tuple[str, ...]
    approves: tuple[str, ...]
    role: str


def entitlement_of(policy: CompiledPolicy | None, group: str) -> Entitlement:
    """Nothing, beside a role, without a policy."""
    rules = policy.rules if policy is not None else {}
    sources = policy.sources if policy is not None else {}
    asking = [
        rule
        for rule, source in sorted(sources.items())
        if rules[rule].is_permit and (group in constants_of([source]).groups or _names(source, group))
    ]
    approving = [
        rule for rule in sorted(rules) if any(group_of(one.group) == group for one in rules[rule].terms.approvals)
    ]
    return Entitlement(tuple(asking), tuple(approving), group if group in _ROLES else "")


def groups_with_meaning(policy: CompiledPolicy | None) -> tuple[str, ...]:
    """Groups that policy names, or that are roles, and that exist."""
    named = {
        name
        for name in Group.objects.values_list("name", flat=True)
        if (found := entitlement_of(policy, name)).may_ask or found.approves or found.role
    }
    return tuple(sorted(named))


def _names(source: dict[str, object], group: str) -> bool:
    """Also where a condition is written in a way that is not understood."""
    return json.dumps({"type": "Group", "id": group}) in json.dumps(source)
