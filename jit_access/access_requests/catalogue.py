"""Search over all targets at once: what was typed exactly comes first, then what begins with it, then the rest."""

from __future__ import annotations

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django.db.models.functions import Concat

from jit_access.targets.models import Repository

MAX_QUERY_CHARS = 100
MAX_WORDS = 5
_WHOLE = Concat(F("target__slug"), Value("/"), F("name"))


def search(rows: QuerySet[Repository], query: str = "") -> QuerySet[Repository]:
    """What is there now; each word must occur in `target/name` or in the description. Nearest first, then by name.

    `place` is one text that puts them in order and is different for each, so a page can go on after any of them.
    """
    text = " ".join(query[:MAX_QUERY_CHARS].replace("\x00", "").split())
    rows = rows.filter(gone_at=None).alias(whole=_WHOLE)
    for word in text.split()[:MAX_WORDS]:
        rows = rows.filter(_matches(word))
    place = Concat(_nearness(text), Value(" "), _WHOLE, output_field=CharField())
    return rows.annotate(place=place).order_by("place")


def by_name(rows: QuerySet[Repository]) -> QuerySet[Repository]:
    """All of these, those that are gone too, in the order and with the key of `search`."""
    return rows.annotate(place=Concat(Value("0 "), _WHOLE, output_field=CharField())).order_by("place")


def _matches(word: str) -> Q:
    """Typed as it is written in commands, target/repository, a word holds both."""
    return Q(whole__icontains=word) | Q(description__icontains=word)


def _nearness(text: str) -> Case | Value:
    if not text:
        return Value("0")
    return Case(
        When(Q(name__iexact=text) | Q(whole__iexact=text), then=Value("0")),
        When(Q(name__istartswith=text) | Q(whole__istartswith=text), then=Value("1")),
        When(Q(name__icontains=f"/{text}"), then=Value("2")),  # a name below a folder begins with it
        When(Q(whole__icontains=text), then=Value("3")),
        default=Value("4"),
        output_field=CharField(),
    )
