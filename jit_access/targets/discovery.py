"""Finds out what a target holds, and keeps the catalogue in step with it.

A repository that nobody has looked at counts as critical until an operator says less. Absence is only believed when
the target's list was complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jit_access.audit.recorder import audited
from jit_access.connectors.base import Connector, Listing, RepositoryDescription
from jit_access.connectors.registry import connected
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.domain.errors import PeerError
from jit_access.domain.operations import Tier
from jit_access.targets import changes
from jit_access.targets.access import Actor, require_operator
from jit_access.targets.endpoints import endpoint_of
from jit_access.targets.health import note_health
from jit_access.targets.models import Repository, Target, TargetKind

MAX_TITLE_CHARS = 300
DESCRIBED_AT_ONCE = 200  # each costs two requests at the target; the rest is described the next time


@dataclass(frozen=True, slots=True)
class Discovery:
    """What changed in the catalogue."""

    added: int
    gone: int
    back: int
    described: int
    is_complete: bool
    unusable: int


def discover_repositories(*, actor: Actor, target: Target) -> Discovery:
    """Read the target's list and bring the catalogue in step. Raises NotFound, PeerError with nothing changed."""
    require_operator(actor)
    try:
        with connected(target.kind, endpoint_of(target)) as connector:
            listing = connector.list_repositories()
            descriptions = _describe(connector, _least_known_first(target, listing.names))
    except PeerError as exc:
        note_health(target, exc, actor=actor.ref)
        raise
    note_health(target, None, actor=actor.ref)
    return _store(actor, target, listing, descriptions)


def _least_known_first(target: Target, names: Iterable[str]) -> list[str]:
    known = set(target.repositories.exclude(size_bytes=None).values_list("name", flat=True))
    return sorted(names, key=lambda name: name in known)[:DESCRIBED_AT_ONCE]


def _describe(connector: Connector, names: Iterable[str]) -> dict[str, RepositoryDescription]:
    found: dict[str, RepositoryDescription] = {}
    for name in names:
        try:
            found[name] = connector.describe_repository(name)
        except PeerError as exc:
            if exc.retryable:  # it stopped answering; what we have is still worth keeping
                break
    return found


def _store(actor: Actor, target: Target, listing: Listing, descriptions: dict[str, RepositoryDescription]) -> Discovery:
    with audited(actor=actor.ref) as audit:
        Target.objects.select_for_update().get(pk=target.pk)  # two discoveries at once would add everything twice
        known = {row.name: row for row in Repository.objects.filter(target=target)}
        listed, now = set(listing.names), clock.now()
        fresh = [
            Repository(
                public_id=new_id(Repository.ID_PREFIX), target=target, name=name, tier=Tier.CRITICAL, discovered_at=now
            )
            for name in listing.names
            if name not in known
        ]
        Repository.objects.bulk_create(fresh, batch_size=500)
        back = Repository.objects.filter(
            pk__in=[row.pk for row in known.values() if row.gone_at is not None and row.name in listed]
        ).update(gone_at=None)
        # What an operator named before it was there is not gone: nothing has ever found it.
        Repository.objects.filter(
            pk__in=[row.pk for row in known.values() if row.discovered_at is None and row.name in listed]
        ).update(discovered_at=now)
        missing = [
            row.pk
            for row in known.values()
            if row.gone_at is None and row.discovered_at is not None and row.name not in listed
        ]
        gone = Repository.objects.filter(pk__in=missing).update(gone_at=now) if listing.is_complete else 0
        for row in [*known.values(), *fresh]:
            if (description := descriptions.get(row.name)) is not None:
                row.latest_tag, row.size_bytes = description.latest_tag, description.size_bytes
                row.description = row.description or description.title[:MAX_TITLE_CHARS]  # an operator's words stay
                row.save(update_fields=["latest_tag", "size_bytes", "description"])
        if fresh and target.kind == TargetKind.S3:
            changes.announce_tier(target.pk)  # what holds a new prefix counts as critical too
        result = Discovery(len(fresh), gone, back, len(descriptions), listing.is_complete, listing.unusable)
        audit.record(
            "target.discovered",
            target=target.slug,
            detail={"added": result.added, "gone": gone, "back": back, "is_complete": listing.is_complete},
        )
    return result
