"""Activity: the records one may see, filtered by address; one record; the export with its proof."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from jit_access.accounts.roles import AUDITORS, SECURITY
from jit_access.audit.models import AuditEntry, AuditHead
from jit_access.core import clock
from jit_access.domain.errors import NotFound
from jit_access.grants import access as grant_access
from jit_access.targets.selectors import all_targets
from jit_access.web import reads
from jit_access.web.frames import groups_of
from jit_access.web.pages import page, person, render_page
from jit_access.web.presenters.activity import DAYS, Filters, LogPage, build_page, build_record, build_story
from jit_access.web.viewmodels.activity import Story

PAGE_ROWS = 50
STORY_ROWS = 500
SAME_EXCHANGE_ROWS = 20
MAX_FILTER_CHARS = 200
FILTERS = ("q", "outcome", "target", "day", "grant", "request", "exchange", "repository", "before")
SEES_ALL = frozenset({SECURITY, AUDITORS})


@require_safe
@page()
def show_activity(request: HttpRequest) -> HttpResponse:
    """Newest first, one page of records at a time, each view with an address."""
    values = {name: request.GET[name][:MAX_FILTER_CHARS] for name in FILTERS if request.GET.get(name, "").strip()}
    filters, now = Filters(values), clock.now()
    sees_all = bool(groups_of(request) & SEES_ALL)
    rows = _filtered(_visible(request), filters)
    before = filters.get("before")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(seq__lt=int(before))
    found = list(rows.order_by("-seq")[: PAGE_ROWS + 1])
    log = LogPage(
        entries=found[:PAGE_ROWS],
        has_older=len(found) > PAGE_ROWS,
        is_newest=not before,
        head=AuditHead.objects.first(),
        targets=list(all_targets().values_list("slug", flat=True)),
        sees_everything=sees_all,
    )
    built = build_page(log, filters, now=now, story=_story(request, filters))
    return render_page(request, "web/activity.html", built, current="activity")


@require_safe
@page()
def show_record(request: HttpRequest, record_id: str) -> HttpResponse:
    """One record with all of its fields, and its place in the log."""
    entry = _visible(request).filter(record_id=record_id).first()
    if entry is None:
        raise NotFound
    same: list[AuditEntry] = []
    if entry.exchange:
        same = list(_visible(request).filter(exchange=entry.exchange).exclude(pk=entry.pk)[:SAME_EXCHANGE_ROWS])
    built = build_record(entry, same, AuditHead.objects.first(), clock.now())
    return render_page(request, "web/record.html", built, current="activity")


@require_safe
@page()
def export(request: HttpRequest) -> HttpResponse:
    """The chosen records with their proof."""
    raise NotFound


def _visible(request: HttpRequest) -> QuerySet[AuditEntry]:
    """Everything for security and auditors; for everybody else what they did and what was done with their access."""
    rows = AuditEntry.objects.all()
    if groups_of(request) & SEES_ALL:
        return rows
    return rows.filter(reads.own_records(person(request)))


def _filtered(rows: QuerySet[AuditEntry], filters: Filters) -> QuerySet[AuditEntry]:
    for name in ("grant", "request", "exchange", "target", "repository"):
        if filters.get(name):
            rows = rows.filter(**{name: filters.get(name)})
    outcome = filters.get("outcome")
    if outcome == "cut":
        rows = rows.filter(kind="proxy.transfer.cut")
    elif outcome:
        rows = rows.filter(decision=outcome)
    if filters.get("day") in dict(DAYS) and filters.get("day").isdecimal():
        rows = rows.filter(at__gt=clock.now() - timedelta(days=int(filters.get("day"))))
    for word in filters.get("q").split()[:5]:
        rows = rows.filter(_matches(word))
    return rows


def _matches(word: str) -> Q:
    if word.startswith(("rec_", "req_", "grt_")):
        return Q(record_id=word) | Q(request=word) | Q(grant=word)
    found = Q(actor_name__icontains=word) | Q(repository__icontains=word) | Q(target__icontains=word)
    return found | Q(kind__icontains=word) | Q(reason=word) | Q(reference__startswith=word)


def _story(request: HttpRequest, filters: Filters) -> Story | None:
    """The story of a grant that one may see. A grant that is hidden tells none, as an unknown one."""
    if not filters.get("grant"):
        return None
    try:
        grant = grant_access.get_grant(actor=person(request), public_id=filters.get("grant"))
    except NotFound:
        return None
    own = Q(grant=grant.public_id) | Q(request=grant.request.public_id)
    entries = AuditEntry.objects.filter(own).order_by("seq")[:STORY_ROWS]
    return build_story(grant, list(entries), now=clock.now())
