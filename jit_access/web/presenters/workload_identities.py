"""Workload identities in words: what a job must be, what it may do, and what is left to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from jit_access.accounts.models import User
from jit_access.domain.lifecycle import TrustState
from jit_access.domain.reasons import Reason
from jit_access.web import figures
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Notice
from jit_access.web.viewmodels.workloads import (
    ConfirmTrustPage,
    IdentitiesPage,
    IdentityCard,
    IdentitySection,
    SampleCard,
    SampleLine,
)
from jit_access.workloads.kinds import KIND_NAMES, IssuerKind, in_words
from jit_access.workloads.models import WorkloadTrust
from jit_access.workloads.sample import MAX_CHARS, Comparison, Sample

SCOPE_WORDS = {"read": "See what the agent may see", "act": "Ask for access, start it, use it, end it"}
_FAULT_WORDS = {
    Reason.LOCKED: Badge("Locked", "lock", "stop"),
    Reason.ACCOUNT_LOCKED: Badge("Agent locked", "lock", "stop"),
}
_LEAD = "A job or pod that its issuer describes in exactly these words acts as this agent. It keeps no secret."
_NO_SECRET = "Nothing of what you paste is kept."  # noqa: S105  # words


@dataclass(frozen=True, slots=True)
class Shown:
    """One trust, why nothing can be got under it now, and what the reader may do."""

    trust: WorkloadTrust
    fault: Reason | None
    may_confirm: bool
    may_revoke: bool


def build_section(agent: User, shown: Sequence[Shown], now: datetime, *, may_add: bool) -> IdentitySection:
    """For the agent's own page: what stands or waits."""
    here = reverse("web:identities", args=[agent.public_id])
    cards = tuple(card(one, now) for one in shown if one.trust.state != TrustState.REVOKED)
    return IdentitySection(
        cards,
        here,
        f"{here}/new" if may_add else "",
        "No workload stands for it. A job that is trusted here needs no API token.",
    )


def build_page(
    agent: User, shown: Sequence[Shown], now: datetime, *, may_add: bool, sample: Sample | None = None,
    error: str = "",
) -> IdentitiesPage:  # fmt: skip
    """The page of all of them, with what a pasted sample is worth."""
    here = reverse("web:identities", args=[agent.public_id])
    standing = [one for one in shown if one.trust.state != TrustState.REVOKED]
    return IdentitiesPage(
        title=f"Workload identities of {agent.display_name}",
        lead=_LEAD,
        back=Action(agent.display_name, reverse("web:agent", args=[agent.public_id]), "back"),
        issuers=Action("Issuers", reverse("web:issuers")),
        add=Action("Trust a workload", f"{here}/new", "plus", "primary") if may_add else None,
        cards=tuple(card(one, now) for one in standing),
        over=tuple(card(one, now) for one in shown if one not in standing),
        empty_note="Nothing stands for it yet. Its owner says which job or pod does, and a second person confirms.",
        sample=Field(
            "sample", "Claims", "", "textarea", error=error, max_chars=MAX_CHARS,
            hint=f"The payload of a token as JSON, without its signature. {_NO_SECRET}",
        ),
        sample_href=reverse("web:identity-sample", args=[agent.public_id]),
        notices=() if sample is None else tuple(_notices(sample)),
        found=() if sample is None else tuple(_sample_card(one) for one in sample.comparisons),
    )  # fmt: skip


def card(shown: Shown, now: datetime) -> IdentityCard:
    """One trust."""
    trust = shown.trust
    here = reverse("web:identities", args=[trust.agent.public_id])
    actions = []
    if shown.may_confirm and _waits(trust, now):
        actions.append(Action("Look and confirm", f"{here}/{trust.public_id}/confirm", style="small"))
    if shown.may_revoke and trust.state != TrustState.REVOKED:
        label = "Revoke" if trust.state == TrustState.ACTIVE else "Withdraw"
        actions.append(Action(label, f"{here}/{trust.public_id}/revoke", style="small"))
    return IdentityCard(
        name=trust.name,
        badge=_badge(shown, now),
        words=in_words(IssuerKind(trust.issuer.kind), trust.claims),
        facts=facts_of(trust, now),
        actions=tuple(actions),
        note=_note(trust, now),
    )


def build_confirm(trust: WorkloadTrust, now: datetime) -> ConfirmTrustPage:
    """What a second person reads before they answer for it."""
    agent = trust.agent
    here = reverse("web:identities", args=[agent.public_id])
    kind = IssuerKind(trust.issuer.kind)
    return ConfirmTrustPage(
        title=f"Trust this workload as {agent.display_name}?",
        lead=f"{trust.proposed_by.display_name} asks for it. Every workload that is described so "
        f"acts as {agent.display_name}, with all that it may do.",
        words=in_words(kind, trust.claims),
        facts=facts_of(trust, now),
        warning=_warning(kind, trust),
        confirm=Confirm(
            id="confirm-trust",
            title="You stand behind it as the second person",
            effect="Compare the ids with the forge or the cluster itself, not with what the asker says.",
            verb="Confirm",
            keep="Not now",
            post_href=f"{here}/{trust.public_id}/confirm",
            back_href=here,
            is_danger=False,
        ),
    )


def build_revoke(trust: WorkloadTrust) -> Confirm:
    """Taking it back."""
    here = reverse("web:identities", args=[trust.agent.public_id])
    return Confirm(
        id="revoke-trust",
        title=f"Revoke {trust.name}?",
        effect=f"It no longer acts as {trust.agent.display_name}, and the access tokens it got are refused at once.",
        verb="Revoke",
        keep="Keep it",
        post_href=f"{here}/{trust.public_id}/revoke",
        back_href=here,
        fields=(Field("note", "Why", is_required=False, optional_note="for the log", max_chars=300),),
    )


def facts_of(trust: WorkloadTrust, now: datetime) -> tuple[Fact, ...]:
    """What it may do, by whose word, and until when."""
    used = "Never" if trust.used_at is None else figures.ago(trust.used_at, now)
    minutes = figures.spoken_duration(trust.longest_token_s)
    key = ", each of which belongs to a key" if trust.needs_key else ""
    confirmed = "" if trust.confirmed_by is None else f", confirmed by {trust.confirmed_by.display_name}"
    return (
        Fact("Vouched for by", trust.issuer.name, KIND_NAMES[IssuerKind(trust.issuer.kind)]),
        Fact("May", SCOPE_WORDS.get(trust.scope, trust.scope), f"with tokens of at most {minutes}{key}"),
        Fact("Counts until", figures.day_and_time(trust.expires_at)),
        Fact("Proposed by", f"{trust.proposed_by.display_name}{confirmed}"),
        Fact("Last used", used),
        Fact("Id", trust.public_id, is_mono=True),
    )


def _badge(shown: Shown, now: datetime) -> Badge:
    trust = shown.trust
    if trust.state == TrustState.REVOKED:
        return Badge("Ended", "x")
    if trust.state == TrustState.PROPOSED:
        return Badge("Waits", "clock", "wait") if _waits(trust, now) else Badge("Too late", "x")
    if shown.fault is None:
        return Badge("Trusted", "check", "live")
    return _FAULT_WORDS.get(shown.fault, Badge("Counts no more", "x", "stop"))


def _note(trust: WorkloadTrust, now: datetime) -> str:
    if trust.state == TrustState.REVOKED:
        when = "" if trust.ended_at is None else f" {figures.ago(trust.ended_at, now)}"
        said = f": {trust.end_note}" if trust.end_note else "."
        return f"{trust.ended_by_name} ended it{when}{said}"
    if trust.state == TrustState.PROPOSED and _waits(trust, now):
        return f"Somebody of operators or security confirms it before {figures.day_and_time(trust.confirm_by)}."
    if trust.state == TrustState.PROPOSED:
        return "Nobody confirmed it in a week. Propose it again."
    if trust.agent.owner_id != trust.proposed_by_id:
        return "Another person answers for the agent now, and has to trust it anew."
    return ""


def _waits(trust: WorkloadTrust, now: datetime) -> bool:
    return trust.state == TrustState.PROPOSED and now < trust.confirm_by


def _warning(kind: IssuerKind, trust: WorkloadTrust) -> Notice | None:
    if kind is IssuerKind.GITHUB and not {"environment", "job_workflow_ref", "ref"} & trust.claims.keys():
        more = "Nothing pins an environment, a workflow or a branch, so whoever can push a branch there acts as it."
        return Notice("Every workflow of that repository is meant.", more, "wait", "alert")
    if kind is IssuerKind.GITLAB and not {"environment", "ref_protected", "ref", "ci_config_ref_uri"} & set(
        trust.claims
    ):
        more = "Nothing pins an environment, a ref or its protection, so whoever can push a branch there acts as it."
        return Notice("Every pipeline of that project is meant.", more, "wait", "alert")
    return None


def _notices(sample: Sample) -> Iterable[Notice]:
    if sample.was_signed:
        more = "Only its claims were looked at. Paste the middle part alone next time, or wait until it has run out."
        yield Notice("That was a whole token, which opens doors until it runs out.", more, "wait", "alert")
    if sample.is_fitting:
        yield Notice("It would be known.", "Whether it is genuine shows only when it comes itself.", "live", "check")
    else:
        more = " ".join(sample.problems) or "No workload that is trusted here fits it in every claim."
        yield Notice("It would not be known.", more, "stop", "x")


def _sample_card(one: Comparison) -> SampleCard:
    fits, differs = Badge("Same", "check", "live"), Badge("Differs", "x", "stop")
    lines = tuple(
        SampleLine(line.label, line.name, line.pinned, line.found or "not there", fits if line.is_same else differs)
        for line in one.lines
    )
    return SampleCard(one.trust.name, Badge("Fits", "check", "live") if one.is_fitting else differs, lines)
