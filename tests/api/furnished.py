"""A world in which each kind of thing exists once, and what the parameters of each address are there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jit_access.access_reviews.models import ReviewItem
from jit_access.accounts.models import ApiToken
from jit_access.audit.models import AuditEntry
from jit_access.core import clock
from jit_access.mfa.models import Device
from jit_access.targets.models import Repository
from tests.api.caller import Caller, wish
from tests.policies.samples import EXAMPLE
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, World, active, make_world

ROLES = {"person": "ada", "approver": "ben", "security": "dora", "agent": "ci_bot"}


@dataclass(frozen=True, slots=True)
class Furnished:
    """`ids` by the beginning of the address, the longest one counts."""

    world: World
    callers: dict[str, Caller]
    ids: dict[str, str]

    def fill(self, path: str) -> str:
        """An address with what exists in the places of its parameters; made-up names where nothing does."""
        found = path
        for name in ("client_id",):
            found = found.replace(f"{{{name}}}", "oac_" + "a" * 20)
        if "{" not in found:
            return found
        begin, _, rest = found.partition("{")
        return f"{begin}{self.id_for(path)}{rest.partition('}')[2]}"

    def id_for(self, path: str) -> str:
        """What the first parameter of an address names."""
        known = sorted((prefix for prefix in self.ids if path.startswith(f"/api/v1/{prefix}/")), key=len)
        return self.ids[known[-1]] if known else "zzz_" + "a" * 20


def furnish(cast: Cast) -> Furnished:
    world = make_world(cast)
    callers = {role: Caller(getattr(cast, name)) for role, name in ROLES.items()}
    ada, dora = callers["person"], callers["security"]
    grant = active(world, BASE)
    changed = {name: f"{text}\n// Another one\n" for name, text in EXAMPLE.files.items()}
    proposal = {"schema_text": EXAMPLE.schema, "files": changed, "because": "Shorter, after the audit"}
    review = {"title": "Q4", "groups": ["research"], "deadline": (clock.now() + timedelta(days=7)).isoformat()}
    agent = f"/agents/{cast.ci_bot.public_id}"
    _made(ada.post(f"{agent}/webhook", {"url": "https://ci.example.com/news"}))
    lock = {"axis": "person", "name": "cleo", "reason": "Her laptop was stolen"}
    ids = {
        "requests": _made(ada.post("/requests", wish()))["id"],
        "grants": grant.public_id,
        "tokens": _made(ada.post(f"/grants/{grant.public_id}/tokens", {"label": "laptop"}))["id"],
        "locks": _made(dora.post("/locks", lock))["id"],
        "policies/proposals": _made(dora.post("/policies/proposals", proposal))["id"],
        "reviews": _made(dora.post("/reviews", review))["id"],
        "reviews/items": ReviewItem.objects.earliest("pk").public_id,
        "agents": cast.ci_bot.public_id,
        "api-tokens": ApiToken.objects.earliest("pk").public_id,
        "targets": world.target.slug,
        "repositories": Repository.objects.earliest("pk").public_id,
        "activity": AuditEntry.objects.earliest("seq").record_id,
        "me/devices": Device.objects.filter(user=cast.ada).get().public_id,
        "on-call": "ml",
        "tickets": "OPS-1",
    }
    return Furnished(world, callers, ids)


def _made(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found
