"""How much of a byte budget is used, over all proxies (ADR 0013).

Each run of a proxy process tells a counter that only grows, so a report that comes twice, or late, changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta

from django.db import transaction
from django.db.models import Sum

from jit_access.core import clock
from jit_access.domain.session_view import SessionView, ViewState, decode_view
from jit_access.proxy_sessions.models import GrantUsage, SessionViewRow
from jit_access.proxy_sessions.services import put_views

# The proxies are told when a sixteenth of the budget was used since they were told last: each of them also hears the
# sum in the answer to its own report, so this is for those that have nothing to report yet.
TOLD_PARTS = 16
KEPT_AFTER_END = timedelta(days=1)


def record_usage(*, run: str, moved: Mapping[str, int]) -> dict[str, int]:
    """Take one process's counters. Returns what is used by all of them, for each grant that has a budget.

    A grant that is unknown or has no budget is left out. Proxies hear of it when enough was used, or all of it.
    """
    used: dict[str, int] = {}
    for grant_id in sorted(moved):  # one order for everybody, as put_views has it
        total = _record_one(run, grant_id, moved[grant_id])
        if total is not None:
            used[grant_id] = total
    return used


def read_used(grant_ids: Collection[str]) -> dict[str, int]:
    """Bytes used by grant; what nobody reported is left out."""
    rows = GrantUsage.objects.filter(grant_id__in=grant_ids).values("grant_id").annotate(used=Sum("moved"))
    return {row["grant_id"]: int(row["used"]) for row in rows.order_by()}


def prune_usage() -> int:
    """Forget the counters of grants that ended long ago. Returns how many rows."""
    ended = SessionViewRow.objects.filter(valid_until__lt=clock.now() - KEPT_AFTER_END)
    deleted, _ = GrantUsage.objects.filter(grant_id__in=ended.values("grant_id")).delete()
    return deleted


def _record_one(run: str, grant_id: str, moved: int) -> int | None:
    with transaction.atomic():
        row = SessionViewRow.objects.select_for_update().filter(grant_id=grant_id).first()
        view = decode_view(row.body) if row is not None else None
        if view is None or not view.byte_budget:
            return None
        _raise_counter(run, grant_id, moved)
        total = read_used([grant_id]).get(grant_id, 0)
        if _is_worth_telling(view, total):
            put_views([replace(view, bytes_used=total)])
        return total


def _raise_counter(run: str, grant_id: str, moved: int) -> None:
    """Under the lock on the view's row, so that two reports of one run do not meet here."""
    counter, is_new = GrantUsage.objects.get_or_create(grant_id=grant_id, run=run, defaults={"moved": moved})
    if not is_new:
        GrantUsage.objects.filter(pk=counter.pk, moved__lt=moved).update(moved=moved, updated_at=clock.now())


def _is_worth_telling(view: SessionView, total: int) -> bool:
    if view.state is ViewState.CLOSED or total <= view.bytes_used:
        return False
    is_spent = total >= view.byte_budget > view.bytes_used
    return is_spent or (total - view.bytes_used) * TOLD_PARTS >= view.byte_budget
