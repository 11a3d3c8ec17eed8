"""The part of the catalogue that one account may know. The only way from a name to a target or repository for it.

Hidden and unknown look the same because they are asked for by the same queries, and refused by the same line. Known is
what policy says (`policies.knowing`), what one asked for or is asked about, and to some roles everything (ADR 0020).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

from django.db.models import Q, QuerySet

from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.voices import Voice, asked_requests, voices_of
from jit_access.accounts.models import User
from jit_access.audit.services import record_refusal
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import NotFound
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import OPERATORS, SEES_EVERYTHING
from jit_access.domain.scopes import MAX_NAME_CHARS
from jit_access.policies.knowing import Knowledge, knowledge_of
from jit_access.policies.questions import Resource
from jit_access.policies.slices import ANYWHERE
from jit_access.targets.models import Repository, Target, TargetKind
from jit_access.targets.tiers import heaviest, tiers_of

KNOWS_EVERYTHING = SEES_EVERYTHING | {OPERATORS}
REMEMBERED = 1000  # requests; a pipeline asks for the same few things every night
_NOBODY = Target(pk=0)


@dataclass(frozen=True)
class Known:
    """What one account may know, looked up once; make a new one for each thing that is asked of the gateway."""

    actor: User
    knowledge: Knowledge
    asked: Mapping[str, frozenset[str]]  # names by target, out of requests

    @property
    def is_everything(self) -> bool:
        """Roles are for people: a pipeline that is in a group by mistake learns nothing from it."""
        return self.actor.is_active and self.actor.is_person and bool(self.knowledge.subject.groups & KNOWS_EVERYTHING)

    @property
    def may_read_rules(self) -> bool:
        """Rules that name single things are for those who know all of them."""
        return self.is_everything or not self.knowledge.singled_out.has_names

    def repositories(self) -> QuerySet[Repository]:
        """Those that are gone too; lists leave them out."""
        return Repository.objects.filter(self._repositories).select_related("target")

    def targets(self) -> QuerySet[Target]:
        """Where something is known, or where policy lets one name something new."""
        if self.is_everything:
            return Target.objects.order_by("slug")
        open_to_names = [pk for pk, _, tiers in self._tiers if len(tiers) == len(Tier)]
        holding = Repository.objects.filter(self._repositories).values("target")
        return Target.objects.filter(Q(pk__in=open_to_names) | Q(pk__in=holding)).order_by("slug")

    def get_target(self, name: str) -> Target:
        """By slug or public id. Raises: NotFound, recorded."""
        found = self.targets().filter(_named(name)).first()
        if found is None:
            self._refuse(name)
        return found

    def get_target_for(self, name: str, repositories: Iterable[str]) -> Target:
        """The target on which these may be asked for, catalogued or not. Raises: NotFound, recorded."""
        names = tuple(repositories)
        target = Target.objects.filter(_named(name)).first()
        if not self.may_name(target, name, names) or target is None:
            self._refuse(name, names)
        return target

    def may_name(self, target: Target | None, slug: str, names: Collection[str]) -> bool:
        """True when this account may speak of all of these. The same work is done whatever is there."""
        tiers = tiers_of(target or _NOBODY, names)
        at = target.slug if target else slug
        verdicts = self.knowledge.of_names(at, {name: tiers.get(name) for name in names})
        asked = self.asked.get(at, frozenset())
        return self.is_everything or all(verdicts[name] or name in asked for name in names)

    def note_unknown(self, public_id: str) -> None:
        """Write down that somebody chose what is not there for them."""
        detail = {"chosen": clean_text(public_id)[:40]}
        record_refusal(actor=self.actor.ref, kind="catalogue.refused", reason=Reason.NOT_FOUND, detail=detail)

    def _refuse(self, target: str, names: Collection[str] = ()) -> NoReturn:
        """Only what was typed is written down: whoever typed it reads it among their own records."""
        record_refusal(
            actor=self.actor.ref,
            kind="catalogue.refused",
            reason=Reason.NOT_FOUND,
            target=clean_text(target)[:63],
            repository=clean_text(min(names, default=""))[:MAX_NAME_CHARS],
        )
        raise NotFound

    @cached_property
    def _repositories(self) -> Q:
        if self.is_everything:
            return Q()
        known = Q(pk__in=self._known_singles)
        by_tiers: dict[frozenset[Tier], list[int]] = defaultdict(list)
        for pk, _, tiers in self._tiers:
            by_tiers[tiers].append(pk)
        for tiers, targets in by_tiers.items():
            known |= Q(target__in=targets, tier__in=tiers) & ~self._is_single
        for slug, names in self.asked.items():
            known |= Q(target__slug=slug, name__in=names)
        return known

    @cached_property
    def _tiers(self) -> list[tuple[int, str, frozenset[Tier]]]:
        rows = Target.objects.values_list("pk", "slug")
        return [(pk, slug, self.knowledge.of_target(slug)) for pk, slug in rows]

    @cached_property
    def _is_single(self) -> Q:
        """Which rows no tier stands for: rules tell them apart, or what lies below them in a store counts too."""
        out = self.knowledge.singled_out
        if ANYWHERE in out.places:
            return Q(pk__gt=0)
        named = [place for place in out.places if place[0] == "Target"]
        tiers = [place for place in out.places if place[0] == "Tier"]
        return (
            Q(target__kind=TargetKind.S3)
            | Q(name__in={name.partition("/")[2] for name in out.ids})
            | Q(target__slug__in=[slug for _, slug in named])
            | Q(tier__in=[tier for _, tier in tiers])
        )

    @cached_property
    def _known_singles(self) -> list[int]:
        columns = ("pk", "target__slug", "target__kind", "name", "tier")
        rows = list(Repository.objects.filter(self._is_single).values_list(*columns))
        stores: dict[str, dict[str, Tier]] = defaultdict(dict)
        for _, slug, kind, name, tier in rows:
            if kind == TargetKind.S3:
                stores[slug][name] = Tier(tier)
        weights = {slug: heaviest(tiers) for slug, tiers in stores.items()}
        return [
            pk
            for pk, slug, kind, name, tier in rows
            if self.knowledge.of_listed(
                Resource(slug, name, weights[slug][name] if kind == TargetKind.S3 else Tier(tier))
            )
        ]


def known_to(actor: User) -> Known:
    """What this account may know now. Three queries; lists need up to two more."""
    knowledge = knowledge_of(actor)
    return Known(actor, knowledge, _asked(voices_of(actor, knowledge.subject.groups)))


def _asked(voices: Sequence[Voice]) -> dict[str, frozenset[str]]:
    """The names in one's own requests, in those of one's agents, and in the open ones that one may answer.

    Who asked was told the name by having it accepted; what came of the request does not take that back.
    """
    actor = voices[0].person
    if not actor.is_active:
        return {}
    own = AccessRequest.objects.filter(Q(requester=actor) | Q(requester__owner=actor))
    waiting = asked_requests(voices if actor.is_person else ()).filter(state=RequestState.PENDING)
    columns = ("pk", "target__slug", "scope")
    newest = [*own.order_by("-pk").values_list(*columns)[:REMEMBERED], *waiting.values_list(*columns)]
    found: dict[str, set[str]] = defaultdict(set)
    for _, slug, scope in newest:
        found[slug].update(str(part["repository"]) for part in scope)
    return {slug: frozenset(names) for slug, names in found.items()}


def _named(name: str) -> Q:
    # Public ids hold an underscore and slugs never do, so one cannot pass for the other.
    return Q(public_id=name) if "_" in name else Q(slug=name)
