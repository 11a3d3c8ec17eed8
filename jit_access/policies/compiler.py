"""Turns the text of policy files into handles that answer. Nothing here touches the database.

Parsing costs milliseconds and deciding microseconds, so a version is compiled once per process and kept.
A policy that Cedar could not evaluate is *skipped* by Cedar itself, which would open the door that a broken forbid
was to hold shut. Therefore any evaluation error at all is a refusal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cedarpy

from jit_access.domain.operations import Operation, Tier
from jit_access.domain.reasons import Reason
from jit_access.policies.answers import PolicyAnswer, allowed, at_tier, refused, strictest
from jit_access.policies.cedar_forms import Source, request_form
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.questions import Assurance, Knowing, Proof, Question, Resource, Subject
from jit_access.policies.rules import Rule, parse_rule
from jit_access.policies.singled_out import Kind, SingledOut
from jit_access.policies.slices import Slices
from jit_access.policies.world import World

MAX_RULES = 1000
MAX_FILE_CHARS = 200_000
# Policies that were written before these were known do not name them. They stay in force, and nobody may do these.
LATER_OPERATIONS = frozenset({Operation.PROMOTE, Operation.ADMIN})


@dataclass(frozen=True, slots=True)
class PolicyText:
    """All files of one policy: the Cedar schema, and the rules by file name."""

    schema: str
    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 over names and texts, so that the same files are the same version wherever they lie."""
        body = json.dumps({"schema": self.schema, "files": dict(self.files)}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(body.encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """One version, ready to be asked. Safe to share between threads: the handles never change."""

    rules: Mapping[str, Rule]
    sources: Mapping[str, Source]  # by rule id; for explanations
    schema: cedarpy.Schema
    slices: Slices
    world: World
    singled_out: SingledOut
    has_know: bool = True  # schemas from before there was such an action have no room for the question
    version: int = 0
    closed: frozenset[Operation] = frozenset()  # what the schema does not name
    known: dict[tuple[Subject, str, Tier, Kind], bool] = field(default_factory=dict)  # see `knowing`

    def ask(self, question: Question) -> PolicyAnswer:
        """Answer one question, duration aside. Never raises for a bad question or policy: that is a refusal too."""
        if not question.subject.is_active:
            return refused(Reason.ACCOUNT_LOCKED, version=self.version)
        if question.operation in self.closed:
            return refused(Reason.NO_RULE_ALLOWS, version=self.version)
        try:
            rules = self.slices.policy_set(question)
            entities = self.world.entities(question.subject, question.resource)
            result = cedarpy.is_authorized(request_form(question), rules, entities, self.schema)
        except ValueError:
            return refused(Reason.POLICY_BROKEN, version=self.version)
        answer = self._judge(result)
        return replace(answer, terms=at_tier(answer.terms, question.resource.tier))

    def open_to_everybody(self) -> tuple[str, ...]:
        """Permits that name no group, no account and no condition. Sound, but worth a second look."""
        return tuple(
            rule_id
            for rule_id, source in sorted(self.sources.items())
            if source["effect"] == "permit" and source["principal"]["op"] in ("All", "is") and not source["conditions"]
        )

    def refusing_files(self) -> tuple[str, ...]:
        """Permits that refuse kinds of files. OCI clients name no files, so at an OCI registry these refuse nothing."""
        return tuple(rule_id for rule_id, rule in sorted(self.rules.items()) if rule.terms.refused_files)

    def _judge(self, result: cedarpy.AuthzResult) -> PolicyAnswer:
        deciding = [self.rules[name] for name in result.diagnostics.reasons if name in self.rules]
        names = [rule.id for rule in deciding]
        if result.diagnostics.errors or len(names) != len(result.diagnostics.reasons):
            return refused(Reason.POLICY_BROKEN, version=self.version)
        if result.decision is cedarpy.Decision.Allow and deciding and all(rule.is_permit for rule in deciding):
            return allowed(names, strictest(rule.terms for rule in deciding), version=self.version)
        if result.decision is cedarpy.Decision.Deny and not any(rule.is_permit for rule in deciding):
            return refused(Reason.FORBIDDEN_BY_RULE if names else Reason.NO_RULE_ALLOWS, names, version=self.version)
        return refused(Reason.POLICY_BROKEN, version=self.version)


def compile_policy(text: PolicyText, *, version: int = 0) -> CompiledPolicy:
    """Parse, validate against the schema, and try out. Raises PolicyBroken with every problem found."""
    schema = _parse_schema(text.schema)
    problems: list[str] = []
    rules: dict[str, Rule] = {}
    sources: dict[str, Source] = {}
    for name, content in sorted(text.files.items()):
        found, faults = _read_file(name, content, schema)
        problems.extend(faults)
        for rule, source in found:
            if rule.id in rules:
                problems.append(f"{name}: rule {rule.id} is already in {rules[rule.id].file}")
            rules[rule.id], sources[rule.id] = rule, source
    if not rules and not problems:
        problems.append("there is not a single rule in it")
    if len(rules) > MAX_RULES:
        problems.append(f"there are more than {MAX_RULES} rules in it")
    if problems:
        raise PolicyBroken(tuple(problems))
    closed = frozenset(operation for operation in LATER_OPERATIONS if not _is_named(operation, schema))
    compiled = CompiledPolicy(
        rules,
        sources,
        schema,
        Slices(sources, schema),
        World(schema),
        SingledOut(sources),
        has_know=_is_named(Knowing.KNOW, schema),
        version=version,
        closed=closed,
    )
    _try_out(compiled)
    return compiled


def _parse_schema(text: str) -> cedarpy.Schema:
    try:
        return cedarpy.Schema.from_str(text)
    except ValueError as exc:
        raise PolicyBroken((f"schema.cedarschema: {exc}",)) from exc


def _read_file(name: str, content: str, schema: cedarpy.Schema) -> tuple[list[tuple[Rule, Source]], list[str]]:
    if len(content) > MAX_FILE_CHARS:
        return [], [f"{name}: longer than {MAX_FILE_CHARS} characters"]
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(content))
    except ValueError as exc:
        return [], [f"{name}: {exc}"]
    if parsed["templates"] or parsed["templateLinks"]:
        return [], [f"{name}: templates are not used here; write a rule"]
    found: list[tuple[Rule, Source]] = []
    problems: list[str] = []
    for source in parsed["staticPolicies"].values():
        try:
            found.append((parse_rule(source, file=name), source))
        except ValueError as exc:
            problems.append(str(exc))
    result = cedarpy.validate_policies(content, schema)
    named = result.id_annotations_by_policy_id
    problems.extend(f"{name}: rule {named.get(fault.policy_id, '?')}: {fault.error}" for fault in result.errors)
    return found, problems


def _is_named(action: Operation | Knowing, schema: cedarpy.Schema) -> bool:
    """Whether a schema has this action at all. One that has it in a way that does not fit is found by trying out."""
    probe = f'permit (principal, action == Action::"{action}", resource);'
    return not cedarpy.validate_policies(probe, schema).errors


def _try_out(compiled: CompiledPolicy) -> None:
    """A schema may be sound and still not be the one that our questions fit; find out now, not at the first request."""
    resource = Resource("probe", "probe", Tier.CRITICAL)
    for operation in Operation:
        for proof in (Proof(), Proof(Assurance.SECOND_FACTOR, 1)):
            question = Question(Subject("usr_probe", frozenset({"probe"}), False), operation, resource, 1, proof=proof)
            if compiled.ask(question).reason is Reason.POLICY_BROKEN:
                raise PolicyBroken((f"schema.cedarschema: it has no room for a question about {operation}",))
