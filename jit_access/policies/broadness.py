"""Permits that open more than a rule should: to everybody, everything, without anybody's word, or for long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jit_access.domain.operations import Operation, Tier
from jit_access.policies.compiler import CompiledPolicy
from jit_access.policies.findings import Code, Severity
from jit_access.policies.looking import Looked
from jit_access.policies.questions import Knowing

LONG_S = 24 * 3600  # just-in-time access for more than a day is nearly standing access; house rule
OCI_NAMES_NO_FILES = "It does not bind at OCI registries: requests there name digests, not files."
_GUARDED = frozenset({Tier.SENSITIVE, Tier.CRITICAL})
Said = tuple[Code, Severity, str]


def broad_findings(policy: CompiledPolicy, rule: str, looked: Looked) -> Iterator[Said]:
    """What to look at again in one rule. A forbid is never too broad, only too narrow."""
    if not policy.rules[rule].is_permit:
        return
    if rule in policy.open_to_everybody():
        yield (
            Code.OPEN_TO_EVERYBODY,
            Severity.WARNING,
            (f"Rule {rule} opens something to everybody, without any condition."),
        )
    if policy.rules[rule].terms.lasts_at_most_s:  # a permit to know has no terms, and opens nothing
        yield from _of_scope(policy, rule, looked)
        yield from _of_terms(policy, rule, looked)


def _of_scope(policy: CompiledPolicy, rule: str, looked: Looked) -> Iterator[Said]:
    source, terms = policy.sources[rule], policy.rules[rule].terms
    operations = looked.operations - {Knowing.KNOW}
    if source["action"]["op"] == "All" and operations == set(Operation) - policy.closed:
        yield (
            Code.ANY_OPERATION,
            Severity.WARNING,
            (f"Rule {rule} permits every operation, also removing and administering. Name those that are meant."),
        )
    if source["resource"]["op"] in {"All", "is"} and not mentions(source["conditions"], "resource"):
        severity = Severity.NOTE if terms.approvals else Severity.WARNING
        yield Code.ANY_RESOURCE, severity, f"Rule {rule} is about every repository, whatever its tier or target."


def _of_terms(policy: CompiledPolicy, rule: str, looked: Looked) -> Iterator[Said]:
    source, terms = policy.sources[rule], policy.rules[rule].terms
    guarded = sorted(looked.tiers & _GUARDED)
    if guarded and not terms.approvals:
        yield (
            Code.NO_APPROVALS,
            Severity.WARNING,
            (f"Rule {rule} matches what is {' or '.join(guarded)}, and asks nobody: it has no @approvals."),
        )
    if (
        guarded
        and looked.is_for_people
        and not (terms.factor_max_age_s or mentions(source["conditions"], "factor_age_s"))
    ):
        yield (
            Code.NO_FACTOR,
            Severity.NOTE,
            (f"Rule {rule} matches what is {' or '.join(guarded)}, and takes any proof of a sign-in: no @factor."),
        )
    if terms.lasts_at_most_s > LONG_S:
        yield (
            Code.LASTS_LONG,
            Severity.WARNING,
            (f"Rule {rule} gives {terms.lasts_at_most_s // 3600} h. What lasts for days is nearly always open."),
        )
    if terms.refused_files:
        yield Code.FILES_NOT_SEEN, Severity.NOTE, f"Rule {rule} refuses kinds of files. {OCI_NAMES_NO_FILES}"


def mentions(node: Any, *names: str) -> bool:
    """True when an expression of Cedar's JSON form says one of these variables or attributes anywhere."""
    if isinstance(node, list):
        return any(mentions(one, *names) for one in node)
    if isinstance(node, Mapping):
        is_here = node.get("Var") in names or node.get("attr") in names
        return is_here or any(mentions(one, *names) for one in node.values())
    return False
