"""What people sign: made by the server from rows and from what policy says now, never from words of a client.

The columns of an envelope are what is enforced, so whoever uses one asks whether they still say what was signed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from jit_access.accounts.models import User
from jit_access.core.clock import format_instant
from jit_access.domain.operations import Tier
from jit_access.envelopes.models import Envelope
from jit_access.policies.answers import Approval, PolicyAnswer, numbered
from jit_access.policies.questions import Phase, questions_for_scope
from jit_access.policies.selectors import get_version
from jit_access.policies.services import decide_all
from jit_access.targets.models import Repository
from jit_access.targets.tiers import tiers_of
from jit_access.workloads.selectors import trusts_of

PAYLOAD_VERSION = 1
_WIRE_KEYS = ("repository", "operations", "tags", "digests", "files")
# What may change between asking and signing without changing what is signed.
_PINNED = ("policy", "rules")


def ask_policy(envelope: Envelope) -> PolicyAnswer:
    """What policy says if this agent asked for all of it, for the longest time. Agents prove no factor."""
    return decide_all(
        questions_for_scope(
            user=envelope.agent,
            target=envelope.target,
            scope=envelope.asked,
            lasts_s=envelope.lasts_at_most_s,
            phase=Phase.REQUEST,
        )
    )


def make_payload(envelope: Envelope, answer: PolicyAnswer, owner: User) -> dict[str, Any]:
    """Everything that one round asks people to sign."""
    version = get_version(answer.version)
    return _limits(envelope) | {
        "v": PAYLOAD_VERSION,
        "kind": "envelope",
        "round": envelope.round,
        "is_review": envelope.signed_round > 0,
        "agent": {"id": envelope.agent.public_id, "name": envelope.agent.display_name},
        "owner": {"id": owner.public_id, "name": owner.display_name},
        "target": {
            "id": envelope.target.public_id,
            "slug": envelope.target.slug,
            "name": envelope.target.display_name,
        },
        "resources": _resources(envelope),
        "identities": [
            {"id": trust.public_id, "name": trust.name, "issuer": trust.issuer.name}
            for trust in trusts_of(envelope.agent).filter(public_id__in=envelope.workloads)
        ],
        "policy": {"version": answer.version, "digest": "" if version is None else version.digest},
        "rules": list(answer.rules),
        "approvals": [
            {"group": item.group, "needed": item.needed, "stage": item.stage} for item in numbered(answer.approvals)
        ],
        "terms": {
            "approver_factor_max_age_s": answer.approver_factor_max_age_s,
            "approver_level": int(answer.approver_level),
            "refused_files": list(answer.refused_files),
        },
    }


def approvals_of(payload: Mapping[str, Any]) -> tuple[Approval, ...]:
    """Who has to sign, stage by stage."""
    return tuple(sorted(Approval(one["group"], one["needed"], one["stage"]) for one in payload["approvals"]))


def is_same_question(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """True when both ask the same people about the same thing; another version of policy alone is no difference."""
    return {key: value for key, value in one.items() if key not in _PINNED} == {
        key: value for key, value in other.items() if key not in _PINNED
    }


def hash_payload(payload: Mapping[str, Any]) -> str:
    """Hex SHA-256 of the canonical JSON: keys sorted, no spaces, UTF-8."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def is_intact(envelope: Envelope) -> bool:
    """True when the payload that is asked about is what was hashed, and the columns say the same."""
    return hash_payload(envelope.payload) == envelope.payload_hash and _says(envelope, envelope.payload)


def is_signed_as_it_is(envelope: Envelope) -> bool:
    """True when what the last complete round signed is what the columns enforce."""
    signed = envelope.signed_payload
    if not signed or not _says(envelope, signed):
        return False
    rows = envelope.signatures.filter(round=envelope.signed_round, is_approval=True)
    hashes = set(rows.values_list("payload_hash", flat=True))
    return hashes == {hash_payload(signed)}


def _says(envelope: Envelope, payload: Mapping[str, Any]) -> bool:
    wire = [{key: part[key] for key in _WIRE_KEYS if key in part} for part in payload["resources"]]
    limits = _limits(envelope)
    return (
        wire == envelope.scope
        and payload["agent"]["id"] == envelope.agent.public_id
        and payload["target"]["id"] == envelope.target.public_id
        and {key: payload.get(key) for key in limits} == limits
    )


def _limits(envelope: Envelope) -> dict[str, Any]:
    hours = envelope.hours
    return {
        "id": envelope.public_id,
        "name": envelope.name,
        "because": envelope.because,
        "workloads": list(envelope.workloads),
        "lasts_at_most_s": envelope.lasts_at_most_s,
        "bytes_per_day": envelope.bytes_per_day,
        "bytes_per_grant": envelope.bytes_per_grant,
        "grants_per_day": envelope.grants_per_day,
        "hours": {
            "days": sorted(hours.days),
            "from_min": hours.starts_min,
            "until_min": hours.ends_min,
            "time_zone": hours.zone,
        },
        "expires_at": format_instant(envelope.expires_at),
        "review_every_s": envelope.review_every_s,
    }


def _resources(envelope: Envelope) -> list[dict[str, object]]:
    parts = envelope.asked.to_wire()
    names = [str(part["repository"]) for part in parts]
    rows = {row.name: row for row in Repository.objects.filter(target=envelope.target, name__in=names)}
    tiers = tiers_of(envelope.target, names)
    found: list[dict[str, object]] = []
    for part in parts:
        name = str(part["repository"])
        row = rows.get(name)
        # A name that nobody catalogued counts as critical.
        tier = str(tiers.get(name, Tier.CRITICAL)) if row is not None else str(Tier.CRITICAL)
        found.append({**part, "id": "" if row is None else row.public_id, "tier": tier})
    return found
