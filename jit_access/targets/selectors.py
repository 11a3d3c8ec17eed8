"""Reads: targets, and the catalogue of what a person may ask for."""

from __future__ import annotations

from django.db.models import QuerySet

from jit_access.targets.models import Repository, Target

MAX_QUERY_CHARS = 100
MAX_WORDS = 5


def all_targets() -> QuerySet[Target]:
    """Every target, by name. Callers that show addresses ask `access` first."""
    return Target.objects.order_by("slug")


def repositories_of(target: Target, *, with_gone: bool = False) -> QuerySet[Repository]:
    """What a target holds, by name."""
    rows = Repository.objects.filter(target=target).order_by("name")
    return rows if with_gone else rows.filter(gone_at=None)


def catalogue(query: str = "") -> QuerySet[Repository]:
    """Repositories that can be asked for; each word must occur in `target/name` or in the description."""
    rows = Repository.objects.filter(gone_at=None).select_related("target").order_by("target__slug", "name")
    for word in query[:MAX_QUERY_CHARS].lower().split()[:MAX_WORDS]:
        rows = rows.filter(pk__in=_matching(word))
    return rows


def _matching(word: str) -> QuerySet[Repository, int]:
    slug, slash, name = word.partition("/")
    found = Repository.objects.filter(name__icontains=word) | Repository.objects.filter(description__icontains=word)
    found |= Repository.objects.filter(target__slug__icontains=word)
    if slash:  # typed as it is written in commands: target/repository
        found |= Repository.objects.filter(target__slug=slug, name__icontains=name)
    return found.values_list("pk", flat=True)
