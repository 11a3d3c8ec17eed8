"""Targets and grants of a run, made through the services that people's clicks reach. Needs `django.setup()` first."""

# ruff: noqa: PLC0415  # models can be imported only once Django is set up
from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.site import REPOSITORY

_LASTS_S = 8 * 3600
_LOGIN = ("gateway", b"upstream-password")


@dataclass(slots=True)
class Held:
    """One grant of Ada's with its token."""

    grant: Any
    token: str


def seed(ports: Mapping[str, int], folder: Path) -> None:
    """The cast, and one target per upstream. The gateway injects a credential that the upstreams do not ask for."""
    from jit_access.core.sealing import seal
    from jit_access.demo.seeding import seed_cast
    from jit_access.domain.operations import Tier
    from jit_access.targets import changes
    from jit_access.targets.models import Repository, Target

    seed_cast(folder / "demo.json")
    for slug, port in ports.items():
        target = Target.objects.create(
            slug=slug,
            display_name=slug,
            base_url=f"http://127.0.0.1:{port}",
            allow_private=True,
            username=_LOGIN[0],
        )
        target.sealed_password = seal(_LOGIN[1], context=f"target:{target.public_id}:password")
        target.save()
        Repository.objects.create(target=target, name=REPOSITORY, tier=Tier.STANDARD, latest_tag="v1")
    changes.announce()


def get_grant(slug: str) -> Held:
    """Ada asks for pull and push, policy agrees, she starts it and takes a token."""
    from jit_access.access_requests import services as requests
    from jit_access.accounts.models import User
    from jit_access.core import clock
    from jit_access.domain.operations import Operation
    from jit_access.domain.scopes import ResourceScope, make_scope
    from jit_access.grants import services as grants
    from jit_access.grants.models import Grant
    from jit_access.mfa.assurance import Assurance, Level
    from jit_access.targets.models import Target

    ada, target = User.objects.get(username="ada"), Target.objects.get(slug=slug)
    fresh = Assurance(Level.SECOND_FACTOR, clock.now(), 0)
    scope = make_scope([ResourceScope(REPOSITORY, frozenset({Operation.PULL, Operation.PUSH}))])
    draft = requests.make_draft(target=target, scope=scope, lasts_s=_LASTS_S, purpose="Measure the gateway")
    asked = requests.submit_request(actor=ada, draft=draft, assurance=fresh)
    grant = grants.activate_grant(actor=ada, grant=Grant.objects.get(request=asked), assurance=fresh)
    return Held(grant, grants.issue_token(grant=grant, actor=ada).token.reveal())


def revoke(held: Held) -> float:
    """Dora ends it. Returns the moment of the commit, before any proxy was told."""
    from django.db import transaction

    from jit_access.accounts.models import User
    from jit_access.grants.services import revoke_grant

    committed_at = []
    with transaction.atomic():
        transaction.on_commit(lambda: committed_at.append(time.monotonic()))  # ours runs before the service's own
        revoke_grant(actor=User.objects.get(username="dora"), grant=held.grant)
    return committed_at[0]
