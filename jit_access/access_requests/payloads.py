"""What approvers see and sign: made by the server from rows, never from words that a client sent.

TEAM let the requester send the labels that approvers then saw (PR #606). Here every name comes from the database, and
the hash of exactly this text goes back with the answer: what was approved is what was read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jit_access.access_requests.drafts import RequestDraft
from jit_access.access_requests.models import AccessRequest, Bundle
from jit_access.accounts.models import User
from jit_access.core.clock import format_instant
from jit_access.domain.operations import Tier
from jit_access.domain.risk import FIRST_USE_DAYS, Risk, RiskFacts, score_risk
from jit_access.grants.access import group_names
from jit_access.grants.models import Grant
from jit_access.policies.answers import PolicyAnswer, Terms, numbered
from jit_access.policies.models import PolicyVersion
from jit_access.policies.questions import Assurance, Proof
from jit_access.targets.models import Repository
from jit_access.targets.tiers import tiers_of

PAYLOAD_VERSION = 1
_WIRE_KEYS = ("repository", "operations", "tags", "digests", "files")


@dataclass(frozen=True, slots=True)
class Window:
    """The ends of a request, kept apart from what it lasts: answer by, start by, and not before."""

    answer_by: datetime
    start_by: datetime
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Considered:
    """What the server found out about a draft."""

    answer: PolicyAnswer
    version: PolicyVersion
    risk: Risk
    proof: Proof


def catalogue(draft: RequestDraft) -> dict[str, Repository]:
    """The catalogued repositories of a draft by name. A name that is missing here counts as critical."""
    names = [resource.repository for resource in draft.scope.resources]
    return {row.name: row for row in Repository.objects.filter(target=draft.target, name__in=names)}


def assess(actor: User, draft: RequestDraft, now: datetime) -> Risk:
    """How risky the draft looks; shown to everybody who decides."""
    rows = catalogue(draft)
    tiers = tiers_of(draft.target, rows)
    since = now - timedelta(days=FIRST_USE_DAYS)
    used = Grant.objects.filter(subject=actor, target=draft.target, activated_at__gt=since)
    facts = RiskFacts(
        tiers=frozenset(tiers.get(part.repository, Tier.CRITICAL) for part in draft.scope.resources),
        operations=draft.scope.operations,
        size_bytes=sum(row.size_bytes or 0 for row in rows.values()),
        is_whole_repository=any(part.is_whole for part in draft.scope.resources),
        is_first_use=not used.exists(),
        lasts_s=draft.lasts_s,
        is_agent=not actor.is_person,
        hour=now.hour,
        is_weekend=now.weekday() >= 5,
    )
    return score_risk(facts)


def make_payload(*, actor: User, draft: RequestDraft, considered: Considered, window: Window) -> dict[str, object]:
    """Everything that is asked, in the words of the server."""
    answer, proof = considered.answer, considered.proof
    # Only where there is one: payloads that were signed before there were any keep their bytes.
    later: dict[str, object] = {}
    if window.not_before is not None:
        later["not_before"] = format_instant(window.not_before)
    if draft.bundle is not None:
        later["bundle"] = bundle_facts(draft.bundle)
    return later | {
        "v": PAYLOAD_VERSION,
        "requester": {
            "id": actor.public_id,
            "name": actor.display_name,
            "kind": str(actor.kind),
            "owner": "" if actor.owner is None else actor.owner.public_id,
            "groups": sorted(group_names(actor)),
            "assurance": int(proof.assurance),
            "factor_age_s": -1 if proof.factor_age_s is None else proof.factor_age_s,
        },
        "target": {"id": draft.target.public_id, "slug": draft.target.slug, "name": draft.target.display_name},
        "resources": _resources(draft),
        "lasts_s": draft.lasts_s,
        "answer_by": format_instant(window.answer_by),
        "start_by": format_instant(window.start_by),
        "purpose": draft.purpose,
        "ticket": draft.ticket,
        "extends": "" if draft.extends is None else draft.extends.public_id,
        "policy": {"version": considered.version.number, "digest": considered.version.digest},
        "rules": list(answer.rules),
        "approvals": [
            {"group": item.group, "needed": item.needed, "stage": item.stage} for item in numbered(answer.approvals)
        ],
        "terms": {
            "lasts_at_most_s": answer.lasts_at_most_s,
            "factor_max_age_s": answer.factor_max_age_s,
            "approver_factor_max_age_s": answer.approver_factor_max_age_s,
            "approver_level": int(answer.approver_level),
            "staleness": str(answer.staleness),
            "byte_budget": answer.byte_budget,
            "request_budget": answer.request_budget,
            "refused_files": list(answer.refused_files),
            "approve_in_chat": answer.terms.approve_in_chat,
        },
        "risk": {"score": considered.risk.score, "reasons": considered.risk.wire},
    }


def bundle_facts(bundle: Bundle) -> dict[str, object]:
    """Whether an approval opens something at once, or waits for others: approvers sign it."""
    return {"id": bundle.public_id, "size": bundle.size, "is_all_or_nothing": bundle.is_all_or_nothing}


def narrow_payload(
    request: AccessRequest, *, draft: RequestDraft, considered: Considered, terms: Terms
) -> dict[str, object]:
    """What is signed for less than was asked: who, why and by when stay; who has to agree stays, too.

    Terms are the strictest of what was shown and of what policy says to the smaller scope. `narrowed_from` is the hash
    of what it was taken from, so that two approvers who take something away at once cannot both be right.
    """
    asked: dict[str, Any] = request.payload
    return asked | {
        "resources": _resources(draft),
        "lasts_s": draft.lasts_s,
        "policy": {"version": considered.version.number, "digest": considered.version.digest},
        "rules": list(considered.answer.rules),
        "terms": asked["terms"]
        | {
            "lasts_at_most_s": terms.lasts_at_most_s,
            "factor_max_age_s": terms.factor_max_age_s,
            "staleness": str(terms.staleness),
            "byte_budget": terms.byte_budget,
            "request_budget": terms.request_budget,
            "refused_files": list(terms.refused_files),
        },
        "risk": {"score": considered.risk.score, "reasons": considered.risk.wire},
        "narrowed_from": request.payload_hash,
    }


def hash_payload(payload: Mapping[str, object]) -> str:
    """Hex SHA-256 of the canonical JSON: keys sorted, no spaces, UTF-8."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def is_intact(request: AccessRequest) -> bool:
    """True when the stored payload is what was hashed, and every column that repeats a part of it says the same.

    The columns are what a grant is made from, and what pages, mails and the log tell about the request afterwards.
    """
    payload = request.payload
    if hash_payload(payload) != request.payload_hash:
        return False
    wire = [{key: part[key] for key in _WIRE_KEYS if key in part} for part in payload["resources"]]
    return (
        wire == request.scope
        and _steps_say(request) == _payload_says(payload)
        and payload["lasts_s"] == request.lasts_s
        and payload["requester"]["id"] == request.requester.public_id
        and payload["target"]["id"] == request.target.public_id
        and payload["start_by"] == format_instant(request.start_by)
        and payload.get("not_before", "") == ("" if request.not_before is None else format_instant(request.not_before))
        and payload.get("bundle") == (None if request.bundle is None else bundle_facts(request.bundle))
        and payload["answer_by"] == format_instant(request.answer_by)
        and payload["extends"] == ("" if request.extends is None else request.extends.public_id)
        and payload.get("break_glass", False) is request.is_break_glass
        and payload.get("envelope", {}).get("id", "") == request.envelope
        and (payload["purpose"], payload["ticket"]) == (request.purpose, request.ticket)
        and payload["rules"] == request.rules
        and payload["risk"] == {"score": request.risk, "reasons": request.risk_reasons}
        and payload["policy"]["version"] == request.policy_version.number
        and payload["policy"]["digest"] == request.policy_version.digest
    )


def _steps_say(request: AccessRequest) -> dict[str, tuple[int, ...]]:
    steps = request.steps.all()
    return {
        step.group: (step.stage, step.needed, step.approver_factor_max_age_s, step.approver_level) for step in steps
    }


def _payload_says(payload: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    terms = payload["terms"]
    how = (terms["approver_factor_max_age_s"], terms.get("approver_level", int(Assurance.SECOND_FACTOR)))
    # What was asked before there were stages has one.
    return {item["group"]: (item.get("stage", 1), item["needed"], *how) for item in payload["approvals"]}


def _resources(draft: RequestDraft) -> list[dict[str, object]]:
    rows = catalogue(draft)
    tiers = tiers_of(draft.target, rows)
    found: list[dict[str, object]] = []
    for wire in draft.scope.to_wire():
        row = rows.get(str(wire["repository"]))
        facts = {
            "id": "" if row is None else row.public_id,
            "tier": str(Tier.CRITICAL) if row is None else str(tiers[row.name]),
            "size_bytes": -1 if row is None or row.size_bytes is None else row.size_bytes,
            "latest_tag": "" if row is None else row.latest_tag,
        }
        found.append(wire | facts)
    return found
