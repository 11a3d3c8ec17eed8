"""Finds the envelope that an agent's request is inside, or the nearest one and what it exceeds. Asked by requests.

An envelope stands in for people, so it is looked for only where policy allows and asks people; what policy forbids, how
long it allows, and which files it refuses, it says itself, each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from jit_access.accounts.models import User
from jit_access.core.clock import format_instant
from jit_access.domain.lifecycle import EnvelopeState
from jit_access.domain.reasons import explain
from jit_access.envelopes.budgets import day_use, reserve
from jit_access.envelopes.limits import Misfit, Wish, misfits
from jit_access.envelopes.models import Envelope
from jit_access.envelopes.people import signed_by_word
from jit_access.envelopes.standing import refusal_of
from jit_access.grants.models import Grant
from jit_access.policies.answers import Approval
from jit_access.targets.models import Target


@dataclass(frozen=True, slots=True)
class Fit:
    """One envelope and what the request exceeds of it; inside when that is nothing."""

    envelope: Envelope
    exceeded: tuple[Misfit, ...]

    @property
    def is_inside(self) -> bool:
        return not self.exceeded

    @property
    def wire(self) -> dict[str, object]:
        """Which envelope it is and who signed it last, as requests keep it."""
        rows = self.envelope.signatures.filter(round=self.envelope.signed_round, is_approval=True)
        signed = list(rows.select_related("signer").order_by("pk"))
        return {
            "id": self.envelope.public_id,
            "name": self.envelope.name,
            "signed_by": [one.signer.display_name for one in signed],
            "signed_at": format_instant(signed[-1].created_at) if signed else "",
        }

    @property
    def outside(self) -> list[dict[str, str]]:
        """What is exceeded, field by field."""
        return [self.wire_of(one) for one in self.exceeded]

    def elsewhere(self) -> Fit:
        """The same, where what is extended was opened inside another envelope."""
        other = Misfit("extends", "What this extends was opened inside another envelope.")
        return Fit(self.envelope, (*self.exceeded, other))

    def wire_of(self, one: Misfit) -> dict[str, str]:
        return {"envelope": self.envelope.public_id, "name": self.envelope.name, **one.to_wire()}

    def reserve(self, grant: Grant, *, workload: str) -> None:
        """Take the grant's part of the day. In the transaction in which it was found to be inside."""
        reserve(
            self.envelope,
            grant_id=grant.pk,
            amount=grant.byte_budget or self.envelope.bytes_per_grant,
            workload=workload,
        )


def find_fit(
    *, agent: User, target: Target, wish: Wish, approvals: Iterable[Approval], now: datetime, locks: bool
) -> Fit | None:
    """The first envelope that holds it all; else the nearest; None when the agent has none at this target.

    `locks`: hold the rows until the transaction ends, so that what is found is still so when it is used.
    """
    rows = _open_envelopes(agent, target)
    if locks:
        rows = rows.select_for_update(of=("self",), no_key=True)
    wanted = tuple(approvals)
    fits = [Fit(row, _exceeded(row, wish, wanted, now)) for row in rows]
    return min(fits, key=lambda fit: len(fit.exceeded), default=None)


def whole_of(extends: Grant | None, lasts_s: int, now: datetime) -> int:
    """How long the access lasts with everything that it goes on from, counted from the first start."""
    first, older = None, extends
    while older is not None:
        first, older = older, older.extends
    if first is None or first.activated_at is None:
        return lasts_s
    return int((now + timedelta(seconds=lasts_s) - first.activated_at).total_seconds())


def _open_envelopes(agent: User, target: Target) -> QuerySet[Envelope]:
    states = [EnvelopeState.ACTIVE, EnvelopeState.SUSPENDED]
    rows = Envelope.objects.filter(agent=agent, target=target, state__in=states)
    return rows.select_related("agent", "target").order_by("pk")


def _exceeded(row: Envelope, wish: Wish, approvals: tuple[Approval, ...], now: datetime) -> tuple[Misfit, ...]:
    if (refusal := refusal_of(row, now)) is not None:
        return (Misfit("state", explain(refusal)), *misfits(row, wish, day_use(row, now), now))
    given = signed_by_word(row)
    lacking = [one for one in approvals if given[one.group] < one.needed]
    more = [
        Misfit("policy", f"The rules ask {one.needed} of {one.group} by now, and {given[one.group]} signed it.")
        for one in lacking
    ]
    return (*more, *misfits(row, wish, day_use(row, now), now))
