"""Requests as policy saw them, from the payloads that were signed: for asking another policy the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from jit_access.access_requests.models import AccessRequest
from jit_access.domain.operations import Operation, Tier
from jit_access.policies.questions import Assurance, Phase, Proof, Question, Resource, Subject
from jit_access.policies.recorded import Recorded


def recorded_requests(since: datetime) -> Iterator[Recorded]:
    """Every request that was made since then, decided or not, oldest first."""
    rows = AccessRequest.objects.filter(created_at__gte=since).select_related("target", "requester").order_by("pk")
    for row in rows.iterator():
        yield Recorded(
            id=row.public_id,
            person=row.requester.display_name,
            text=", ".join(_words(row.target.slug, part) for part in row.payload["resources"]),
            at=row.created_at,
            is_open=False,
            questions=tuple(_questions(row.payload)),
            lasts_s=row.lasts_s,
        )


def _words(slug: str, part: Mapping[str, Any]) -> str:
    return f"{' and '.join(part['operations'])} {slug}/{part['repository']}"


def _questions(payload: Mapping[str, Any]) -> Iterator[Question]:
    asked = payload["requester"]
    subject = Subject(asked["id"], frozenset(asked["groups"]), is_agent=asked["kind"] != "person")
    age = None if asked["factor_age_s"] < 0 else int(asked["factor_age_s"])
    proof = Proof(Assurance(asked["assurance"]), age)
    for part in payload["resources"]:
        resource = Resource(payload["target"]["slug"], part["repository"], Tier(part["tier"]))
        for operation in part["operations"]:
            yield Question(subject, Operation(operation), resource, payload["lasts_s"], Phase.REQUEST, proof)
