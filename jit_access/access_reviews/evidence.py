"""What an auditor takes away: each decision with who, when and why, and the log's own proof of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from jit_access.access_reviews.models import ReviewCampaign, ReviewItem
from jit_access.audit.proofs import prove_record
from jit_access.core.clock import format_instant

MOST_PROVEN = 200  # each proof reads all leaf hashes once; the log's own export proves any number
COLUMNS = (
    "item", "account", "name", "group", "may_ask", "approves", "role", "decision", "decided_by", "decided_at", "note",
    "record",
)  # fmt: skip
# What a spreadsheet takes for a formula when a cell begins with it; OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def as_csv(items: Iterable[ReviewItem]) -> str:
    """One line for each item. A cell that a spreadsheet would run begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for item in items:
        facts = describe_item(item)
        writer.writerow([_safe(_cell(facts[name])) for name in COLUMNS])
    return out.getvalue()


def as_json(campaign: ReviewCampaign, items: Iterable[ReviewItem]) -> str:
    """The campaign, its items, and a proof that each record stands in the signed log."""
    every = list(items)
    records = [record for record in (campaign.record_id, *(item.record_id for item in every)) if record]
    return json.dumps(
        {
            "v": 1,
            "review": {
                "id": campaign.public_id,
                "title": campaign.title,
                "groups": campaign.groups,
                "reviewers": campaign.reviewers,
                "undecided": campaign.undecided,
                "state": campaign.state,
                "started_by": campaign.started_by.display_name,
                "started_at": format_instant(campaign.created_at),
                "deadline": format_instant(campaign.deadline),
                "closed_at": format_instant(campaign.closed_at) if campaign.closed_at else "",
                "policy_version": campaign.policy_number,
            },
            "items": [describe_item(item) for item in every],
            "proofs": [asdict(prove_record(record)) for record in records[:MOST_PROVEN]],
            "unproven_records": records[MOST_PROVEN:],
        },
        ensure_ascii=False,
        indent=2,
    )


def describe_item(item: ReviewItem) -> dict[str, Any]:
    """One item in plain words."""
    return {
        "item": item.public_id,
        "account": item.subject.public_id,
        "name": item.subject.display_name,
        "group": item.group,
        "may_ask": list(item.may_ask),
        "approves": list(item.approves),
        "role": item.role,
        "decision": str(item.decision),
        "decided_by": item.decided_by.display_name if item.decided_by else "",
        "decided_at": format_instant(item.decided_at) if item.decided_at else "",
        "note": item.note,
        "record": item.record_id,
    }


def _cell(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _safe(text: str) -> str:
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
