"""Policy in words: the rules that count, and why one question gets its answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from jit_access.access_requests.why import Explained
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import explain
from jit_access.policies.models import PolicyVersion
from jit_access.policies.why import NearRule
from jit_access.web import figures
from jit_access.web.viewmodels.parts import Badge, Fact, Field, Notice, Option, ReasonItem
from jit_access.web.viewmodels.policy import Line, NearRulePart, PolicyPage, RulesFile, WhyPage

LENGTHS = (("15 min", 900), ("1 h", 3600), ("2 h", 7200), ("4 h", 14400), ("8 h", 28800), ("1 d", 86400))


def build_page(version: PolicyVersion | None, *, may_read: bool, now: datetime) -> PolicyPage:
    """The active version, word for word for those who may read it."""
    if version is None:
        return PolicyPage("No policy is loaded, so nothing is open.")
    facts = (
        Fact("Version", str(version.number), f"loaded {figures.ago(version.loaded_at, now)}"),
        Fact("Loaded by", version.loaded_by),
        Fact("Digest", version.digest, is_mono=True),
        *((Fact("Commit", version.commit, is_mono=True),) if version.commit else ()),
    )
    if not may_read:
        note = "These rules name single targets or repositories, so their text is for those who may know all of them."
        return PolicyPage("Rules decide who may ask for what, and who must agree.", facts, hidden_note=note)
    files = tuple(
        RulesFile(name, numbered(name, text))
        for name, text in (*sorted(version.files.items()), ("schema.cedarschema", version.schema_text))
    )
    return PolicyPage("Rules decide who may ask for what, and who must agree.", facts, files)


def numbered(name: str, text: str) -> tuple[Line, ...]:
    """The lines of a file, each with an address."""
    stem = name.replace(".", "-")
    return tuple(Line(str(at), line, anchor=f"{stem}-{at}") for at, line in enumerate(text.splitlines(), start=1))


def why_form(
    values: Mapping[str, str], *, for_anybody: bool, notice: Notice | None = None, status: int = 200
) -> WhyPage:
    """The question, with what was typed."""
    operation, lasts = values.get("operation", "pull"), values.get("lasts_s", "3600")
    person = Field(
        "person", "Who", values.get("person", ""), is_required=False, optional_note="you, when empty", max_chars=150
    )
    fields = (
        *((person,) if for_anybody else ()),
        Field("resource", "What", values.get("resource", ""), placeholder="target/repository", max_chars=270),
        Field(
            "operation", "To do what", kind="select",
            options=tuple(Option(one.value, one.verb.capitalize(), one.value == operation) for one in Operation),
        ),
        Field(
            "lasts_s", "For how long", kind="select",
            options=tuple(Option(str(lasts_s), label, str(lasts_s) == lasts) for label, lasts_s in LENGTHS),
        ),
    )  # fmt: skip
    return WhyPage(fields, notice, status=status)


def why_page(form: WhyPage, found: Explained, *, is_self: bool, asked: str) -> WhyPage:
    """The answer below the question."""
    answer = found.why.answer
    who = "You" if is_self else found.person.display_name
    verdict = "may ask" if answer.is_allowed else "may not"
    if answer.is_allowed:
        badge = Badge("Needs approval", "clock", "wait") if answer.approvals else Badge("Open", "check", "live")
    else:
        badge = Badge("Refused", "x", "stop")
    return WhyPage(
        fields=form.fields,
        sentence=f"{who} {verdict} {'to ' if answer.is_allowed else ''}{asked}.",
        badge=badge,
        code=f"{explain(answer.reason)} {answer.reason}",
        ways=tuple(way.sentence for way in found.why.would_be),
        rules=tuple(_rule(rule) for rule in found.why.rules),
        approvals=tuple(
            Fact(
                f"{one.needed} of {one.group}",
                figures.joined([person.display_name for person in found.people.get(one.group, ())], "or")
                or "Nobody could approve now.",
            )
            for one in found.why.approvals_wanted
        ),
    )


def _rule(rule: NearRule) -> NearRulePart:
    if not rule.is_permit:
        badge = Badge("Forbids", "x", "stop")
    elif rule.missing:
        badge = Badge(f"{figures.plural(len(rule.missing), 'condition')} missing", "minus")
    else:
        badge = Badge("Permits", "check", "live")
    conditions = tuple(
        ReasonItem(
            one.text, "" if one.is_met else "missing", "ok" if one.is_met else "up", "check" if one.is_met else "x"
        )
        for one in rule.conditions
    )
    return NearRulePart(rule.rule, badge, rule.because, conditions)
