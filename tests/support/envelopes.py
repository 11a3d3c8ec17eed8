"""Envelopes in the small world: ci-bot may pull tiny-llama, proposed by Ada, signed by Ben."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.lifecycle import TrustState
from jit_access.envelopes import services
from jit_access.envelopes.drafts import EnvelopeDraft
from jit_access.envelopes.models import Envelope
from jit_access.envelopes.services import Word
from jit_access.workloads.models import TrustedIssuer, WorkloadTrust
from tests.support.lifecycles import HOUR, TINY, World, fresh, reload, scope_of
from tests.support.rules import load_changed

MIB = 1 << 20
DAY_S = 24 * HOUR
AGENTS_TAIL = 'permit (principal, action == Action::"pull", resource in Tier::"sensitive")\nwhen { context.is_agent };'
AGENTS_SENSITIVE = f'@approvals("1 of model-owners")\n{AGENTS_TAIL}'


def envelope_draft(world: World, **changes: Any) -> EnvelopeDraft:
    facts: dict[str, Any] = {
        "agent": world.cast.ci_bot,
        "target": world.target,
        "scope": scope_of(TINY),
        "name": "nightly",
        "because": "The nightly evaluation reads the model",
        "lasts_at_most_s": HOUR,
        "bytes_per_day": 100 * MIB,
        "bytes_per_grant": 10 * MIB,
        "grants_per_day": 20,
        "expires_at": clock.now() + timedelta(days=30),
        "review_every_s": 14 * DAY_S,
    }
    return EnvelopeDraft(**(facts | changes))


def proposed(world: World, **changes: Any) -> Envelope:
    """By Ada, who answers for ci-bot."""
    return services.propose_envelope(actor=world.cast.ada, draft=envelope_draft(world, **changes), assurance=fresh())


def sign(envelope: Envelope, by: User, *, is_approval: bool = True, **changes: Any) -> Envelope:
    current = reload(envelope)
    facts: dict[str, Any] = {"assurance": fresh()}
    word = Word(is_approval, changes.pop("payload_hash", current.payload_hash), changes.pop("note", ""))
    return services.sign_envelope(actor=by, envelope=current, word=word, **(facts | changes))


def in_force(world: World, **changes: Any) -> Envelope:
    """Signed by Ben of model-owners."""
    return sign(proposed(world, **changes), world.cast.ben)


def make_trust(world: World, name: str) -> WorkloadTrust:
    """In a workload of ci-bot, confirmed by Dora; how that comes about is tried in tests/workloads."""
    now = clock.now()
    issuer, _ = TrustedIssuer.objects.get_or_create(
        issuer="https://ci.example",
        defaults={
            "name": "CI", "kind": "oidc", "audience": "gateway", "jwks_uri": "https://ci.example/keys",
            "algorithms": ["RS256"], "added_by": world.cast.dora,
        },
    )  # fmt: skip
    return WorkloadTrust.objects.create(
        agent=world.cast.ci_bot, issuer=issuer, name=name, claims={"sub": name}, scope="requests", longest_token_s=900,
        expires_at=now + timedelta(days=30), state=TrustState.ACTIVE, proposed_by=world.cast.ada, confirm_by=now,
        confirmed_by=world.cast.dora, confirmed_at=now,
    )  # fmt: skip


def load_agent_rules(directory: Path, approvals: str, *, more: str = "") -> None:
    """What agents need for sensitive models: these approvals, and further annotations."""
    load_changed(directory, {AGENTS_SENSITIVE: f'@approvals("{approvals}")\n{more}\n{AGENTS_TAIL}'})
