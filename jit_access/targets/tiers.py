"""How much matters what a name means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from jit_access.domain.operations import Tier
from jit_access.targets.models import Repository, Target, TargetKind

_BY_WEIGHT = tuple(Tier)


def tiers_of(target: Target, names: Iterable[str]) -> dict[str, Tier]:
    """The tiers of what is catalogued. One query.

    A bucket or prefix of a store holds what lies below it too: it counts as the most serious thing in there, or a grant
    on the whole would be an easier way to a part. What is gone still counts; it may be back any moment.
    """
    wanted = tuple(names)
    condition = Q(name__in=wanted)
    if target.kind == TargetKind.S3:
        for name in wanted:
            condition |= Q(name__startswith=f"{name}/")
    known = [
        (name, Tier(tier))
        for name, tier in Repository.objects.filter(condition, target=target).values_list("name", "tier")
    ]
    own = dict(known)
    if target.kind != TargetKind.S3:
        return own
    return {
        name: max(
            (tier for other, tier in known if other == name or other.startswith(f"{name}/")), key=_BY_WEIGHT.index
        )
        for name in wanted
        if name in own
    }


def heaviest(tiers: Mapping[str, Tier]) -> dict[str, Tier]:
    """What `tiers_of` says, for everything that a store holds at once. No query."""
    found = dict(tiers)
    for name, tier in tiers.items():
        above = name.rpartition("/")[0]
        while above:
            if above in found:
                found[above] = max(found[above], tier, key=_BY_WEIGHT.index)
            above = above.rpartition("/")[0]
    return found


@dataclass(frozen=True, slots=True)
class Weight:
    """The tier that counts, and the name of what lies below when that makes it more serious than its own tier."""

    tier: Tier
    because: str = ""


def weights_of(rows: Sequence[Repository]) -> dict[int, Weight]:
    """What counts for each of these rows, by primary key. One query when a store is among them, else none."""
    stores = {row.target_id for row in rows if row.target.kind == TargetKind.S3}
    known = (
        Repository.objects.filter(target__in=stores).order_by("name").values_list("target", "name", "tier")
        if stores
        else ()
    )
    below: dict[int, list[tuple[str, Tier]]] = {}
    for target, name, tier in known:
        below.setdefault(target, []).append((name, Tier(tier)))
    return {row.pk: _weight(row, below.get(row.target_id, ())) for row in rows}


def raised_by(target: Target, name: str, tier: Tier) -> dict[str, Tier]:
    """What would count as more serious than now if the store held `name` with this tier, and what it counts as now."""
    if target.kind != TargetKind.S3:
        return {}
    parts = name.split("/")
    above = tiers_of(target, ["/".join(parts[:end]) for end in range(1, len(parts))])
    return {held: was for held, was in above.items() if _BY_WEIGHT.index(was) < _BY_WEIGHT.index(tier)}


def tier_above(target: Target, name: str) -> Tier:
    """The own tier of the nearest catalogued thing that holds `name`; critical where nothing does."""
    parts = name.split("/")
    above = ["/".join(parts[:end]) for end in range(1, len(parts))]
    own = dict(Repository.objects.filter(target=target, name__in=above).values_list("name", "tier"))
    return Tier(own[max(own, key=len)]) if own else Tier.CRITICAL


def _weight(row: Repository, known: Iterable[tuple[str, Tier]]) -> Weight:
    found = Weight(Tier(row.tier))
    for name, tier in known:
        if name.startswith(f"{row.name}/") and _BY_WEIGHT.index(tier) > _BY_WEIGHT.index(found.tier):
            found = Weight(tier, name)
    return found
