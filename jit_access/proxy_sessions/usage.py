"""How much of the budgets of bytes and requests is used, over all proxies (ADR 0013).

Each run of a proxy process tells a counter that only grows, so a report that comes twice, or late, changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Greatest

from jit_access.core import clock
from jit_access.domain.session_view import SessionView, ViewState, decode_view
from jit_access.proxy_sessions.models import GrantUsage, SessionViewRow
from jit_access.proxy_sessions.services import put_views

# The proxies are told when a sixteenth of the budget was used since they were told last: each of them also hears the
# sum in the answer to its own report, so this is for those that have nothing to report yet.
TOLD_PARTS = 16
KEPT_AFTER_END = timedelta(days=1)


class Used(NamedTuple):
    """Bytes in both directions, and requests that were let through."""

    moved: int = 0
    requests: int = 0


def record_usage(*, run: str, counted: Mapping[str, Used]) -> dict[str, Used]:
    """Take one process's counters. Returns what is used by all of them, for each grant that has a budget.

    A grant that is unknown or has no budget is left out. Proxies hear of it when enough was used, or all of it.
    """
    used: dict[str, Used] = {}
    for grant_id in sorted(counted):  # one order for everybody, as put_views has it
        total = _record_one(run, grant_id, counted[grant_id])
        if total is not None:
            used[grant_id] = total
    return used


def read_used(grant_ids: Collection[str]) -> dict[str, Used]:
    """What is used by grant; what nobody reported is left out."""
    rows = GrantUsage.objects.filter(grant_id__in=grant_ids).values("grant_id").order_by()
    sums = rows.annotate(all_moved=Sum("moved"), all_requests=Sum("requests"))
    return {row["grant_id"]: Used(int(row["all_moved"]), int(row["all_requests"])) for row in sums}


def prune_usage() -> int:
    """Forget the counters of grants that ended long ago. Returns how many rows."""
    ended = SessionViewRow.objects.filter(valid_until__lt=clock.now() - KEPT_AFTER_END)
    deleted, _ = GrantUsage.objects.filter(grant_id__in=ended.values("grant_id")).delete()
    return deleted


def _record_one(run: str, grant_id: str, counted: Used) -> Used | None:
    with transaction.atomic():
        row = SessionViewRow.objects.select_for_update().filter(grant_id=grant_id).first()
        view = decode_view(row.body) if row is not None else None
        if view is None or not (view.byte_budget or view.request_budget):
            return None
        _raise_counter(run, grant_id, counted)
        total = read_used([grant_id]).get(grant_id, Used())
        if _is_worth_telling(view, total):
            put_views([replace(view, bytes_used=total.moved, requests_used=total.requests)])
        return total


def _raise_counter(run: str, grant_id: str, counted: Used) -> None:
    """Under the lock on the view's row, so that two reports of one run do not meet here."""
    known = GrantUsage.objects.get_or_create(grant_id=grant_id, run=run, defaults=counted._asdict())
    if not known[1]:
        behind = Q(moved__lt=counted.moved) | Q(requests__lt=counted.requests)
        GrantUsage.objects.filter(behind, pk=known[0].pk).update(
            moved=Greatest(F("moved"), counted.moved),
            requests=Greatest(F("requests"), counted.requests),
            updated_at=clock.now(),
        )


def _is_worth_telling(view: SessionView, total: Used) -> bool:
    if view.state is ViewState.CLOSED:
        return False
    return _has_moved_on(view.byte_budget, view.bytes_used, total.moved) or _has_moved_on(
        view.request_budget, view.requests_used, total.requests
    )


def _has_moved_on(budget: int, told: int, total: int) -> bool:
    """A sixteenth more than was told last, or the end."""
    if not budget or total <= told:
        return False
    return total >= budget > told or (total - told) * TOLD_PARTS >= budget
