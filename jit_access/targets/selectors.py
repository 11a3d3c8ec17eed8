"""Reads for operators: every target, and everything in it. What others may know is for `access_requests.knowing`."""

from __future__ import annotations

from django.db.models import QuerySet

from jit_access.targets.models import Repository, Target


def all_targets() -> QuerySet[Target]:
    """Every target, by name. Callers ask `access` first."""
    return Target.objects.order_by("slug")


def repositories_of(target: Target, *, with_gone: bool = False) -> QuerySet[Repository]:
    """What a target holds, by name."""
    rows = Repository.objects.filter(target=target).select_related("target").order_by("name")
    return rows if with_gone else rows.filter(gone_at=None)
