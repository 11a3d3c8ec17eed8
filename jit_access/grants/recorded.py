"""Open grants as policy sees them now: whom another policy would reach at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from jit_access.domain.lifecycle import GrantState
from jit_access.domain.scopes import parse_scope
from jit_access.grants.agreed_beforehand import agreed_for
from jit_access.grants.models import Grant
from jit_access.grants.policy import approvals_given, questions_about, ways_of
from jit_access.policies.questions import Phase
from jit_access.policies.recorded import Recorded


def open_grants(_since: datetime) -> Iterator[Recorded]:
    """Every grant that is in use or waits to be started, whenever it was made."""
    states = [GrantState.SCHEDULED, GrantState.ACTIVATING, GrantState.ACTIVE, GrantState.SUSPENDED]
    # Break-glass asked nobody, so what approvals it would lack says nothing; it is over within the hour.
    rows = (
        Grant.objects.filter(state__in=states, is_break_glass=False)
        .select_related("target", "subject", "request")
        .order_by("pk")
    )
    for row in rows.iterator():
        parts = parse_scope(row.scope).resources
        yield Recorded(
            id=row.public_id,
            person=row.subject.display_name,
            text=", ".join(f"{' and '.join(sorted(p.operations))} {row.target.slug}/{p.repository}" for p in parts),
            at=row.created_at,
            is_open=True,
            questions=questions_about(row, Phase.LIVE),
            lasts_s=row.lasts_s,
            given=dict(agreed_for(row).given) if row.envelope else approvals_given(row),
            waived=ways_of(row.request),
        )
