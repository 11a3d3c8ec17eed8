"""The demo's target: a registry filled with models, added and described by the operator of the cast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.core.secret import Secret
from jit_access.demo.model.artifacts import EXHIBITS
from jit_access.demo.model.push import Registry, push_exhibit
from jit_access.domain.actors import GATEWAY
from jit_access.domain.operations import Tier
from jit_access.targets import changes
from jit_access.targets.addressing import NewTarget
from jit_access.targets.discovery import discover_repositories
from jit_access.targets.models import Target
from jit_access.targets.services import add_target, describe_repository, set_tier, update_credential

SLUG = "demo-registry"
OPERATOR = "ben"


@dataclass(frozen=True, slots=True)
class Exhibition:
    """The registry that stands behind the target."""

    registry: Registry

    def seed(self) -> dict[str, Any]:
        """Fill the registry, add the target, describe what it holds. Returns its part of `demo.json`."""
        new = [push_exhibit(exhibit, self.registry) for exhibit in EXHIBITS]
        operator = User.objects.get(username=OPERATOR)
        target = Target.objects.filter(slug=SLUG).first()
        is_new = target is None
        target = target or self._add(operator)
        self._follow(operator, target)
        if is_new or any(new):
            discover_repositories(actor=operator, target=target)
            self._describe(operator, target)
        return self._entry()

    def _add(self, operator: User) -> Target:
        wanted = NewTarget(
            slug=SLUG,
            display_name="Demo registry",
            base_url=self.registry.url,
            username=self.registry.username,
            password=Secret(self.registry.password),
            allow_private=True,
            is_demo=True,
        )
        return add_target(actor=operator, new=wanted)

    def _follow(self, operator: User, target: Target) -> None:
        """Another `--port` moves the registry; a removed secret gives it another password."""
        if target.base_url != self.registry.url:
            with audited(actor=GATEWAY) as audit:
                Target.objects.filter(pk=target.pk).update(base_url=self.registry.url)
                audit.record("target.moved", target=target.slug, detail={"base_url": self.registry.url})
                changes.announce()
            target.refresh_from_db()
            login = Secret(self.registry.password)
            update_credential(actor=operator, target=target, username=self.registry.username, password=login)

    def _describe(self, operator: User, target: Target) -> None:
        for exhibit in EXHIBITS:
            repository = target.repositories.get(name=exhibit.repository)
            set_tier(actor=operator, repository=repository, tier=Tier(exhibit.tier))
            describe_repository(actor=operator, repository=repository, description=exhibit.description)

    def _entry(self) -> dict[str, Any]:
        repositories = [
            {"name": exhibit.repository, "tier": exhibit.tier, "tags": [exhibit.tag]} for exhibit in EXHIBITS
        ]
        return {
            "targets": [{"slug": SLUG, "repositories": repositories}],
            "upstream": self.registry.url,
            "upstream_login": {"username": self.registry.username, "password": self.registry.password},
        }
