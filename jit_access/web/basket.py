"""What was chosen so far to be asked for together. It travels with the form; nothing of it is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from jit_access.domain.errors import CallerError
from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, Scope, make_scope
from jit_access.targets.models import Repository, Target
from jit_access.web.references import MAX_CHARS, read_references

MOST = 10  # as many as one bundle holds
TOGETHER, EACH = "all", "each"


@dataclass(frozen=True, slots=True)
class Chosen:
    """One repository with what is wanted of it. `text` is how it travels."""

    repository: Repository
    part: ResourceScope
    text: str


@dataclass(frozen=True, slots=True)
class Basket:
    """In the order of choosing. `is_whole` is False when something of it is not there for this person any more."""

    chosen: tuple[Chosen, ...] = ()
    is_whole: bool = True

    def names(self, repository: Repository) -> bool:
        """True when this one is in it already."""
        return any(one.repository.pk == repository.pk for one in self.chosen)


@dataclass(frozen=True, slots=True)
class Group:
    """What becomes one request: a scope at one target."""

    target: Target
    scope: Scope


def text_of(public_id: str, operations: str, references: str) -> str:
    """One choice as it travels."""
    return json.dumps([public_id, operations, references], separators=(",", ":"))


def read_basket(
    texts: Sequence[str], known: QuerySet[Repository], operations: Mapping[str, frozenset[Operation]]
) -> Basket:
    """Only of what this person may know, and only as far as it can be read."""
    found = [_read(text, operations) for text in texts[:MOST]]
    rows = {row.public_id: row for row in known.filter(public_id__in=[one[0] for one in found if one], gone_at=None)}
    chosen: list[Chosen] = []
    for one, text in zip(found, texts, strict=False):
        row = rows.get(one[0]) if one else None
        part = _part(row, one) if one and row else None
        if row is not None and part is not None and all(row.pk != other.repository.pk for other in chosen):
            chosen.append(Chosen(row, part, text))
    return Basket(tuple(chosen), is_whole=len(chosen) == len(texts))


def groups_of(parts: Sequence[tuple[Repository, ResourceScope]], rule: str) -> tuple[Group, ...]:
    """One request for each target where all is decided as one, else one for each repository."""
    if rule == EACH:
        return tuple(Group(row.target, make_scope([part])) for row, part in parts)
    by_target: dict[int, tuple[Target, list[ResourceScope]]] = {}
    for row, part in parts:
        by_target.setdefault(row.target_id, (row.target, []))[1].append(part)
    return tuple(Group(target, make_scope(together)) for target, together in by_target.values())


_Read = tuple[str, frozenset[Operation], str]


def _read(text: str, operations: Mapping[str, frozenset[Operation]]) -> _Read | None:
    try:
        found = json.loads(text) if len(text) <= 2 * MAX_CHARS else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) != 3 or not all(isinstance(item, str) for item in found):
        return None
    if found[1] not in operations:
        return None
    return found[0], operations[found[1]], found[2]


def _part(row: Repository, one: _Read) -> ResourceScope | None:
    try:
        only = read_references(one[2], row.target.kind, row.name)
    except CallerError:
        return None
    return ResourceScope(row.name, one[1], only.tags, only.digests, only.files)
