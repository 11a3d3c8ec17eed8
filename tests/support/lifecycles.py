"""A small world in which requests and grants can live: the example policy, one target, three repositories.

States are reached through the services, by people of the cast, never by poking fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings

from jit_access.access_requests import services as requests
from jit_access.access_requests.models import AccessRequest
from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.operations import Operation, Tier
from jit_access.domain.scopes import ResourceScope, Scope, make_scope
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.mfa.assurance import NO_ASSURANCE, Assurance, Level
from jit_access.policies.services import load_policy
from jit_access.targets.models import Repository, Target
from tests.support.cast import Cast

HOUR = 3600
TINY, FRONTIER, BASE = "llm/tiny-llama", "llm/frontier", "tools/base-image"
PULL = frozenset({Operation.PULL})


@dataclass(frozen=True, slots=True)
class World:
    cast: Cast
    target: Target


def make_world(cast: Cast) -> World:
    load_policy(actor=GATEWAY, directory=settings.POLICY_DIR)
    target = Target.objects.create(
        slug="demo-registry", display_name="Demo registry", base_url="http://127.0.0.1:5000", allow_private=True
    )
    for name, tier, size in (
        (TINY, Tier.SENSITIVE, 2 << 30),
        (FRONTIER, Tier.CRITICAL, 80 << 30),
        (BASE, Tier.STANDARD, 50 << 20),
    ):
        Repository.objects.create(target=target, name=name, tier=tier, size_bytes=size, latest_tag="v1")
    return World(cast, target)


def fresh(age_s: int = 0) -> Assurance:
    """A second factor shown so many seconds ago."""
    return Assurance(Level.SECOND_FACTOR, clock.now() - timedelta(seconds=age_s), age_s)


def proof_for(user: User) -> Assurance:
    return fresh() if user.is_person else NO_ASSURANCE


def scope_of(*names: str, operations: frozenset[Operation] = PULL, tags: tuple[str, ...] = ()) -> Scope:
    return make_scope(ResourceScope(name, operations, tags) for name in names)


def draft(world: World, *names: str, **changes: Any) -> requests.RequestDraft:
    facts: dict[str, Any] = {
        "target": world.target,
        "scope": scope_of(*(names or (TINY,))),
        "lasts_s": HOUR,
        "purpose": "Evaluate the new checkpoint",
    }
    return requests.make_draft(**(facts | changes))


def ask(world: World, *names: str, actor: User | None = None, **changes: Any) -> AccessRequest:
    who = actor or world.cast.ada
    return requests.submit_request(actor=who, draft=draft(world, *names, **changes), assurance=proof_for(who))


def answer(request: AccessRequest, by: User, *, is_approval: bool = True, **changes: Any) -> AccessRequest:
    facts: dict[str, Any] = {"note": "", "payload_hash": request.payload_hash, "assurance": fresh()}
    return requests.give_verdict(actor=by, request=request, is_approval=is_approval, **(facts | changes))


def scheduled(world: World, *names: str, actor: User | None = None, **changes: Any) -> Grant:
    """A grant that everybody agreed on and nobody started."""
    request = ask(world, *(names or (BASE,)), actor=actor, **changes)
    for approver in (world.cast.ben, world.cast.dora):
        if request.state == "pending" and request.steps.filter(group__in=_groups(approver)).exists():
            request = answer(request, approver)
    return Grant.objects.get(request=request)


def active(world: World, *names: str, actor: User | None = None, **changes: Any) -> Grant:
    grant = scheduled(world, *names, actor=actor, **changes)
    return start(grant)


def start(grant: Grant) -> Grant:
    return grants.activate_grant(actor=grant.subject, grant=grant, assurance=proof_for(grant.subject))


def reload(row: Any) -> Any:
    return type(row)._default_manager.get(pk=row.pk)


def _groups(user: User) -> list[str]:
    return list(user.groups.values_list("name", flat=True))
