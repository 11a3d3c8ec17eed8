"""Activity: the records one may see, filtered by address; one record; the export with its proof."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from jit_access.access_requests.access import viewer_of
from jit_access.access_requests.knowing import known_to
from jit_access.audit import access, proofs, selectors
from jit_access.audit.access import Viewer
from jit_access.audit.exchanges import build_rows
from jit_access.audit.filters import OUTCOMES, ActivityFilters
from jit_access.audit.models import AuditEntry
from jit_access.core import clock
from jit_access.domain.audit_record import decode_record
from jit_access.domain.errors import NotFound
from jit_access.grants import access as grant_access
from jit_access.locks.access import may_lock
from jit_access.web import reads
from jit_access.web.pages import page, person, render_page
from jit_access.web.presenters.activity import (
    DAYS,
    Filters,
    LogPage,
    RecordContext,
    build_page,
    build_record,
    build_story,
)
from jit_access.web.presenters.records import Named
from jit_access.web.viewmodels.activity import Story
from jit_access.web.views.grants import REVOCABLE

PAGE_ROWS = 25
STORY_ROWS = 500
SAME_EXCHANGE_ROWS = 20
# A page must answer soon; the command line exports all of it.
EXPORT_RECORDS = 10_000
MAX_FILTER_CHARS = 200
FILTERS = ("q", "outcome", "target", "day", "grant", "request", "exchange", "repository", "handshakes", "before")


@require_safe
@page()
def show_activity(request: HttpRequest) -> HttpResponse:
    """Newest first, one page at a time, each view with an address."""
    values = {name: request.GET[name][:MAX_FILTER_CHARS] for name in FILTERS if request.GET.get(name, "").strip()}
    filters, now, viewer = Filters(values), clock.now(), _viewer(request)
    before = filters.get("before")
    found = selectors.find_activity(viewer, _asked(filters))
    if before.isdecimal() and len(before) < 19:
        found = found.filter(seq__lt=int(before))
    heads = list(found[: PAGE_ROWS + 1])
    rows = build_rows(heads[:PAGE_ROWS])
    log = LogPage(
        rows=rows,
        has_older=len(heads) > PAGE_ROWS,
        is_newest=not before,
        state=selectors.read_log_state(),
        named=Named(reads.resources_of(heads), reads.account_names(row.last for row in rows)),
        targets=list(known_to(person(request)).targets().values_list("slug", flat=True)),
        sees_everything=viewer.can_see_all,
    )
    built = build_page(log, filters, now=now, story=_story(request, viewer, filters))
    return render_page(request, "web/activity.html", built, current="activity")


@require_safe
@page()
def show_record(request: HttpRequest, record_id: str) -> HttpResponse:
    """One record with all of its fields, and its place in the log."""
    viewer = _viewer(request)
    entry = access.get_record(viewer, record_id)
    same: list[AuditEntry] = []
    if entry.exchange:
        others = access.visible_entries(viewer).filter(exchange=entry.exchange, source=entry.source)
        same = list(others.exclude(pk=entry.pk).order_by("-seq")[:SAME_EXCHANGE_ROWS])
    records = [decode_record(one.body.encode("utf-8")) for one in (entry, *same)]
    named = Named(reads.resources_of([entry, *same]), reads.account_names(records))
    around = RecordContext(same, selectors.read_log_state(), named)
    built = build_record(entry, around, clock.now())
    return render_page(request, "web/record.html", built, current="activity")


@require_safe
@page()
def export(request: HttpRequest) -> HttpResponse:
    """The newest records with everything needed to check them without us. For those who may see all of them."""
    if not _viewer(request).can_see_all:
        raise NotFound
    size = selectors.read_log_state().size
    lines = proofs.export_lines(max(0, size - EXPORT_RECORDS))
    text = "".join(f"{line}\n" for line in lines)
    response = HttpResponse(text, content_type="application/x-ndjson; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audit-{size}.jsonl"'
    return response


def _viewer(request: HttpRequest) -> Viewer:
    return viewer_of(person(request))


def _asked(filters: Filters) -> ActivityFilters:
    """What the address asks, in the log's own terms."""
    outcome, days = filters.get("outcome"), filters.get("day")
    is_known_day = days in dict(DAYS) and days.isdecimal()
    return ActivityFilters(
        outcome=outcome if outcome in OUTCOMES else "",
        target=filters.get("target"),
        repository=filters.get("repository"),
        grant=filters.get("grant"),
        request=filters.get("request"),
        exchange=filters.get("exchange"),
        since=clock.now() - timedelta(days=int(days)) if is_known_day else None,
        text=filters.get("q"),
        has_handshakes=not filters.folds_handshakes,
    )


def _story(request: HttpRequest, viewer: Viewer, filters: Filters) -> Story | None:
    """The story of a grant that one may see. A grant that is hidden tells none, as an unknown one."""
    if not filters.get("grant"):
        return None
    try:
        grant = grant_access.get_grant(actor=person(request), public_id=filters.get("grant"))
    except NotFound:
        return None
    entries = selectors.find_story(viewer, grant=grant.public_id, request=grant.request.public_id)
    may_revoke = grant.state in REVOCABLE and grant_access.may_revoke(person(request), grant)
    may_lock_it = grant.state in REVOCABLE and may_lock(person(request))
    return build_story(grant, list(entries[:STORY_ROWS]), now=clock.now(), may_revoke=may_revoke, may_lock=may_lock_it)
