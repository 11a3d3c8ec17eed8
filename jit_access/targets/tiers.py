"""How much matters what a name means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
