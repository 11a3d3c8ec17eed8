"""Changes of policy in words: what is proposed, what it would change, who signs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse

from jit_access.domain.lifecycle import ProposalState
from jit_access.domain.reasons import Reason, explain
from jit_access.policies.findings import Severity
from jit_access.policies.loader import SCHEMA_FILE
from jit_access.policies.models import PolicyVersion
from jit_access.policy_changes.models import PolicyProposal
from jit_access.policy_changes.selectors import FileDiff
from jit_access.web import figures
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Hidden, Notice, PasskeyPart, ReasonItem
from jit_access.web.viewmodels.policy import Line, ProposalRow, RulesFile
from jit_access.web.viewmodels.proposals import EffectRow, ProposalPage, ProposeForm

BADGES: dict[str, Badge] = {
    ProposalState.PROPOSED: Badge("Waits for a signature", "clock", "wait"),
    ProposalState.ACTIVATED: Badge("Signed, counts or counted", "check", "live"),
    ProposalState.WITHDRAWN: Badge("Withdrawn", "back"),
    ProposalState.EXPIRED: Badge("Nobody signed in time", "clock"),
}
_TONES = {Severity.ERROR: ("stop", "alert"), Severity.WARNING: ("up", "alert"), Severity.NOTE: ("", "doc")}
_SIGNS = {"added": "+", "removed": "−", "place": "…", "": ""}
_CASES, _SCHEMA, _RULES = "cases:", "schema:", "rules:"


def rows(proposals: Iterable[PolicyProposal], now: datetime) -> tuple[ProposalRow, ...]:
    """For the policy page."""
    return tuple(
        ProposalRow(
            reverse("web:proposal", args=[one.public_id]),
            one.because,
            BADGES[one.state],
            f"version {one.version_row.number}, {one.proposer_name}, {figures.ago(one.created_at, now)}",
        )
        for one in proposals
    )


def build_page(
    row: PolicyProposal,
    *,
    diff: Sequence[FileDiff],
    signed: Sequence[str],
    why_not: Reason | None,
    may_withdraw: bool,
    now: datetime,
) -> ProposalPage:
    """Everything a second person has to see before they sign."""
    waiting = f"until {figures.end_time(row.expires_at, now)}" if row.state == ProposalState.PROPOSED else ""
    facts = (
        Fact("Proposed by", row.proposer_name, figures.ago(row.created_at, now)),
        Fact(
            "Signed by",
            figures.joined(list(signed)) or "nobody yet",
            f"{row.signatures_needed} needed {waiting}".strip(),
        ),
        Fact("Replaces", f"version {row.base_number}" if row.base_number else "nothing"),
        Fact("Digest", row.digest, is_mono=True),
        *((Fact("Commit", row.version_row.commit, is_mono=True),) if row.version_row.commit else ()),
    )
    return ProposalPage(
        title=row.because,
        badge=BADGES[row.state],
        lead=f"Policy version {row.version_row.number}. What is below was found out when it was proposed.",
        facts=facts,
        effect_summary=str(row.effects.get("summary", "")),
        effects=tuple(_effect(one) for one in row.effects.get("differences", [])),
        tests_summary=_tests_summary(row.tests),
        tests=tuple(_failed(one) for one in row.tests.get("failed", [])),
        findings_summary=_findings_summary(row.findings),
        findings=tuple(_finding(one) for one in row.findings),
        diff=tuple(_diff(one) for one in diff),
        notice=_why_not(why_not) if row.state == ProposalState.PROPOSED else None,
        may_sign=why_not is None,
        sign_href=reverse("web:proposal-sign", args=[row.public_id]),
        hidden=(Hidden("digest", row.digest),),
        withdraw=Action("Withdraw it", reverse("web:proposal-withdraw", args=[row.public_id]))
        if may_withdraw and row.state == ProposalState.PROPOSED
        else None,
    )


def code_field(problem: str, passkey: PasskeyPart | None) -> Field:
    """For the second factor."""
    return Field("code", "Code", kind="code", error=problem, passkey=passkey, hint="From your authenticator app.")


def withdraw_confirm(row: PolicyProposal) -> Confirm:
    """Taking it back."""
    return Confirm(
        id="withdraw",
        title="Withdraw this change of policy?",
        effect="The policy that counts stays as it is. To change it, propose again.",
        verb="Withdraw it",
        keep="Keep it",
        post_href=reverse("web:proposal-withdraw", args=[row.public_id]),
        back_href=reverse("web:proposal", args=[row.public_id]),
    )


def propose_form(
    version: PolicyVersion | None, cases: Mapping[str, str], sent: Mapping[str, str], *, problems: Sequence[str] = ()
) -> ProposeForm:
    """The files that count, or what was typed."""
    texts = {f"{_RULES}{name}": text for name, text in (version.files if version else {}).items()}
    texts[f"{_RULES}more.cedar"] = ""
    texts[f"{_SCHEMA}{SCHEMA_FILE}"] = version.schema_text if version else ""
    texts |= {f"{_CASES}{name}": text for name, text in (cases or {"cases.yaml": ""}).items()}
    texts |= {name: text for name, text in sent.items() if name in texts}
    return ProposeForm(
        because=Field("because", "What is it for?", sent.get("because", ""), max_chars=500),
        files=tuple(
            Field(name, name.partition(":")[2], text, kind="textarea", is_required=False)
            for name, text in texts.items()
        ),
        notice=Notice("This cannot be proposed yet.", "Nothing was kept.", "wait", "alert") if problems else None,
        problems=tuple(problems),
    )


def read_form(sent: Mapping[str, str]) -> tuple[str, dict[str, str], dict[str, str]]:
    """The schema, the rules and the cases that were typed; an emptied file is left out."""

    def of(prefix: str) -> dict[str, str]:
        return {
            name.removeprefix(prefix): text.replace("\r\n", "\n")
            for name, text in sent.items()
            if name.startswith(prefix) and text.strip()
        }

    return of(_SCHEMA).get(SCHEMA_FILE, ""), of(_RULES), of(_CASES)


def _effect(one: Mapping[str, Any]) -> EffectRow:
    if one["is_ending"]:
        badge = Badge("Would end", "cut", "stop")
    else:
        badge = Badge("Open grant", "play") if one["is_open"] else Badge("Request", "inbox")
    page = f"{reverse('web:activity')}?{'grant' if one['is_open'] else 'request'}={one['id']}"
    return EffectRow(one["person"], one["text"], badge, one["now"], one["then"], page)


def _tests_summary(tests: Mapping[str, Any]) -> str:
    count, failed = int(tests.get("count", 0)), int(tests.get("failed_count", 0))
    if not count:
        return "No case came with it."
    said = figures.plural(count, "case")
    return f"{said}, all as expected." if not failed else f"{failed} of {said} failed."


def _failed(one: Mapping[str, Any]) -> ReasonItem:
    return ReasonItem(f"{one['name']}: expected {'; '.join(one['faults'])}", "", "stop", "x")


def _findings_summary(findings: Sequence[Mapping[str, Any]]) -> str:
    if not findings:
        return "The check found nothing."
    counts = [(sum(one["severity"] == level for one in findings), str(level)) for level in Severity]
    return f"The check found {figures.joined([figures.plural(count, name) for count, name in counts if count])}."


def _finding(one: Mapping[str, Any]) -> ReasonItem:
    tone, icon = _TONES[Severity(one["severity"])]
    place = f"{one['file']}:{one['line']} " if one["line"] else ""
    return ReasonItem(str(one["sentence"]), f"{place}{one['severity']} {one['code']}", tone, icon)


def _diff(one: FileDiff) -> RulesFile:
    return RulesFile(
        one.name,
        tuple(Line(f"{_SIGNS[line.tone]}{line.number or ''}", line.text, line.tone) for line in one.lines),
    )


def _why_not(reason: Reason | None) -> Notice | None:
    if reason is None or reason == Reason.NOT_FOUND:
        return None
    sentence = "You signed it." if reason == Reason.ALREADY_ANSWERED else explain(reason)
    return Notice(sentence, "", "wait", "clock", code=str(reason))
