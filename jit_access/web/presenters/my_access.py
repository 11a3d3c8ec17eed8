"""My access: from grants and requests to cards, lists and one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from jit_access.access_requests.inside import envelope_of
from jit_access.access_requests.models import AccessRequest, Verdict
from jit_access.accounts.models import User
from jit_access.domain.lifecycle import GrantState, RequestState
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import parse_scope
from jit_access.grants.models import Grant
from jit_access.proxy_sessions.usage import Used
from jit_access.web import figures, ways
from jit_access.web.presenters import limits, words
from jit_access.web.presenters.grants import (
    SOON_S,
    ask_again_href,
    end_confirm,
    extension_words,
    grant_badge,
    left_s,
    scope_of,
    state_sentence,
)
from jit_access.web.viewmodels.ends import NOTHING, end_words
from jit_access.web.viewmodels.my_access import AgainItem, EndedRow, GrantCard, MyAccessPage, WaitingItem
from jit_access.web.viewmodels.parts import (
    Action,
    Badge,
    Fact,
    Notice,
    Rail,
    make_countdown,
    make_time_rail,
)

AGAIN_LIMIT = 3


@dataclass(frozen=True, slots=True)
class Known:
    """What the page knows beside the rows themselves, each read once for all of them."""

    now: datetime
    viewer: User
    client: str
    moved: Mapping[str, int]  # grant public id -> bytes, both ways
    latest_tags: Mapping[tuple[str, str], str]  # (target, repository) -> tag
    approvers: Mapping[int, tuple[str, ...]]  # request pk -> first names of those who approved
    tokens: Mapping[int, int]  # grant pk -> how many of its tokens work
    used: Mapping[str, Used]  # grant public id -> what counts under its budgets, of running exchanges too


@dataclass(frozen=True, slots=True)
class Rows:
    """What one has: grants that live, requests that wait, and both kinds that are over."""

    live: tuple[Grant, ...]
    waiting: tuple[AccessRequest, ...]
    ended_grants: tuple[Grant, ...]
    ended_requests: tuple[AccessRequest, ...]


def build_page(rows: Rows, known: Known, waiting_words: Mapping[int, tuple[Badge, str]]) -> MyAccessPage:
    """The whole page. `waiting_words` says of each open request how far it is and who still has to answer."""
    open_grants = sorted(
        (grant for grant in rows.live if _is_open(grant, known.now)), key=lambda grant: _order(grant, known)
    )
    scheduled = [grant for grant in rows.live if grant.state == GrantState.SCHEDULED]
    ended = _ended_rows(rows, known)
    return MyAccessPage(
        lead=_lead(open_grants, known.now),
        notice=_notice(rows, known),
        grants=tuple(build_card(grant, known) for grant in open_grants),
        waiting=(
            *(_waiting_item(request, known, *waiting_words[request.pk]) for request in rows.waiting),
            *(_scheduled_item(grant, known) for grant in scheduled),
        ),
        again=_again_items(rows, known),
        ended=ended,
        usual_wait="",
    )


_STILL_HELD = frozenset({GrantState.ACTIVATING, GrantState.SUSPENDED, GrantState.REVOKE_FAILED})


def _is_open(grant: Grant, now: datetime) -> bool:
    """On the cards: what runs, what starts, and what is exposed. What is being taken away is over for its holder."""
    if grant.state == GrantState.ACTIVE:
        return left_s(grant, now) > 0
    return grant.state in _STILL_HELD


def _order(grant: Grant, known: Known) -> tuple[bool, int, float]:
    """One's own before those of one's agents; ends soonest first while that is under 15 minutes, else newest start."""
    is_others = grant.subject_id != known.viewer.pk
    if grant.valid_until is not None and figures.seconds_between(grant.valid_until, known.now) < SOON_S:
        return (is_others, 0, grant.valid_until.timestamp())
    started = grant.activated_at or grant.created_at
    return (is_others, 1, -started.timestamp())


def _lead(grants: list[Grant], now: datetime) -> str:
    ends = sorted(grant.valid_until for grant in grants if grant.valid_until and grant.valid_until > now)
    count = len([grant for grant in grants if grant.state != GrantState.REVOKE_FAILED])
    subject = f"{figures.number_word(count)} grant{'' if count == 1 else 's'} {'is' if count == 1 else 'are'} open."
    if not count:
        return "Nothing is open."
    if not ends:
        return subject
    left = figures.round_duration(figures.seconds_between(ends[0], now))
    return f"{subject} {'It' if count == 1 else 'The next one'} ends in {left}."


def _notice(rows: Rows, known: Known) -> Notice | None:
    """One notice at most: what is exposed, else what failed to start, else what was taken away in the last hour."""
    now = known.now
    for grant in rows.live:
        if grant.state == GrantState.REVOKE_FAILED and grant.exposed_since is not None:
            return exposed_notice(grant, now)
    for grant in _own_and_newest_first((*rows.live, *rows.ended_grants), known):
        name = words.scope_name(scope_of(grant))
        if grant.state == GrantState.ACTIVATION_FAILED:
            return Notice(
                f"{_whose(grant, known.viewer)} access to {name} could not start.",
                f"{end_words(grant.end_reason).note} Nothing is left of it. Ask again.",
                "stop",
                "alert",
                code=grant.end_reason,
            )
        if grant.ended_at and figures.seconds_between(now, grant.ended_at) < figures.HOUR_S:
            words_of_end = end_words(grant.end_reason)
            if words_of_end.badge.tone == "stop":
                return _cut_notice(grant, name, known)
    return None


def exposed_notice(grant: Grant, now: datetime) -> Notice:
    """Exposed is said with its age, the tries and what it means."""
    since = grant.exposed_since or now
    age = figures.round_duration(figures.seconds_between(now, since))
    return Notice(
        f"Exposed since {figures.end_time(since, now)}, {age}: revoke failed at {grant.target.slug}.",
        f"Tried {figures.plural(grant.revoke_attempts, 'time')}. The gateway refuses the credential; a direct path "
        f"could still use it. New grants for {words.short_name(grant.subject)} on this target are blocked.",
        "stop",
        "alert",
        is_assertive=True,
    )


def _own_and_newest_first(grants: Iterable[Grant], known: Known) -> list[Grant]:
    """One notice is shown: rather of one's own access than of an agent's, rather the newest end."""
    ended = (grant for grant in grants if grant.ended_at is not None)
    order = sorted(ended, key=lambda grant: grant.ended_at or known.now, reverse=True)
    return sorted(order, key=lambda grant: grant.subject_id != known.viewer.pk)


def _whose(grant: Grant, viewer: User) -> str:
    """`Your`, or whose service account it was."""
    holder = grant.subject
    return "Your" if holder.pk == viewer.pk else figures.possessive(holder.display_name, is_person=holder.is_person)


def _cut_notice(grant: Grant, name: str, known: Known) -> Notice:
    now = known.now
    at = figures.end_time(grant.ended_at or now, now)
    can_ask = end_words(grant.end_reason).can_ask and grant.subject_id == known.viewer.pk
    note = f"“{grant.end_note}” " if grant.end_note else ""
    who = f" by {words.short_name(grant.ended_by)}" if grant.ended_by else ""
    return Notice(
        f"{_whose(grant, known.viewer)} access to {name} was ended{who} at {at}.",
        f"{note}What was running was cut. Delete the partial copy; it is not whole.",
        "stop",
        "cut",
        action=Action("Ask again", ask_again_href(grant.request)) if can_ask else None,
        code=grant.end_reason,
    )


def build_card(grant: Grant, known: Known) -> GrantCard:
    """One open grant with the commands to use it."""
    scope = scope_of(grant)
    is_running = grant.state == GrantState.ACTIVE and left_s(grant, known.now) > 0
    # The owner of a service account may end what it holds; starting and tokens are the holder's alone.
    is_usable = is_running and grant.subject_id == known.viewer.pk
    names = words.resources(grant.target.slug, scope)
    end = end_confirm(grant, known.viewer) if grant.state in {GrantState.ACTIVE, GrantState.SUSPENDED} else None
    moved = known.moved.get(grant.public_id, 0)
    return GrantCard(
        id=grant.public_id,
        resources=names,
        parts=words.scope_parts(grant.target.slug, scope, grant.target.kind, _tiers(grant.request)),
        badge=grant_badge(grant, known.now),
        operations=words.operations_title(scope.operations) if len(names) == 1 else "",
        note=_used_note(grant, moved, known.used.get(grant.public_id, Used())),
        countdown=make_countdown(grant.valid_until, known.now) if is_running and grant.valid_until else None,
        rail=_rail(grant, known.now) if is_running else None,
        tabs=ways.tabs_of(grant, known.client, f"#{grant.public_id}"),
        steps=ways.steps_of(grant, known.client, known.latest_tags) if is_usable else (),
        token_href=reverse("web:grant-token", args=[grant.public_id]) if is_usable else "",
        tokens_href=reverse("web:grant-tokens", args=[grant.public_id]) if is_running else "",
        tokens_count=known.tokens.get(grant.pk, 0),
        foot=_foot(grant, known),
        rule=grant.rule if not _is_agreed(grant, known) else "",
        extend=Action("Extend", f"{reverse('web:request-new')}?extends={grant.public_id}") if is_usable else None,
        end=end,
        end_href=reverse("web:grant-end", args=[grant.public_id]) if end else "",
        more=state_sentence(grant),
        references=(*words.reference_facts(scope, grant.target.kind), *_file_facts(grant)),
    )


def _tiers(request: AccessRequest) -> dict[str, str]:
    """By repository, as they were signed."""
    return {item["repository"]: item["tier"] for item in request.payload["resources"]}


def _file_facts(grant: Grant) -> tuple[Fact, ...]:
    """Budgets stand above, with what is used of them. What refuses nothing here is no help to whoever uses it."""
    kind = grant.target.kind
    return () if kind in limits.NAMELESS else limits.limit_facts(0, 0, grant.refused_files, kind)


def _rail(grant: Grant, now: datetime) -> Rail | None:
    if grant.activated_at is None or grant.valid_until is None:
        return None
    return make_time_rail(grant.activated_at, grant.valid_until, now)


def _used_note(grant: Grant, moved: int, counted: Used) -> str:
    """`1.2 GiB of 200 GiB, 14 of 2 000 requests used`. What was moved before there was a budget does not count."""
    used = []
    if grant.byte_budget:
        used.append(f"{figures.size(counted.moved)} of {figures.size(grant.byte_budget)}")
    if grant.request_budget:
        used.append(f"{figures.grouped(counted.requests)} of {limits.requests_phrase(grant.request_budget)}")
    if used:
        more = f", {figures.size(moved)} moved in all" if grant.byte_budget and moved > counted.moved else ""
        return f"{', '.join(used)} used{more}"
    return f"{figures.size(moved)} moved" if moved else ""


def _foot(grant: Grant, known: Known) -> tuple[str, ...]:
    names = known.approvers.get(grant.request_id, ())
    decided = grant.request.decided_at
    approved = f"Approved by {figures.joined(list(names))}" if names else ""
    if approved and decided is not None:
        approved += f", {figures.end_time(decided, known.now)}"
    holder = f"Held by {grant.subject.display_name}" if grant.subject_id != known.viewer.pk else ""
    glass = "Opened by break-glass, reviewed by Security" if grant.is_break_glass else ""
    envelope = envelope_of(grant.request)
    inside = f"Inside envelope {envelope['name']}" if envelope else ""
    return tuple(part for part in (approved, inside, glass, grant.request.ticket, holder) if part)


def _is_agreed(grant: Grant, known: Known) -> bool:
    """Somebody agreed, now or beforehand, or nobody had to for a while: then no rule did by itself."""
    return bool(known.approvers.get(grant.request_id)) or grant.is_break_glass or bool(grant.envelope)


def _waiting_item(request: AccessRequest, known: Known, badge: Badge, sentence: str) -> WaitingItem:
    scope = parse_scope(request.scope)
    return WaitingItem(
        resource=words.resources(request.target.slug, scope)[0],
        parts=words.scope_parts(request.target.slug, scope, request.target.kind, _tiers(request)),
        href=reverse("web:request", args=[request.public_id]),
        badge=badge,
        note=f"asked {figures.ago(request.created_at, known.now)}",
        sentence=sentence,
        deadline=f"Answer by {figures.end_time(request.answer_by, known.now)}",
    )


def is_too_early(grant: Grant, now: datetime) -> bool:
    """True while a start that was asked for later is still to come."""
    return grant.not_before is not None and now < grant.not_before


def _start_sentence(grant: Grant, now: datetime) -> str:
    lasts = figures.round_duration(grant.lasts_s)
    if is_too_early(grant, now):
        return f"Your {lasts} can start from {figures.end_time(grant.not_before or now, now)}; we write to you then."
    if grant.extends is None:
        return f"Your {lasts} start when you do."
    return f"Start it yourself: your {lasts} count from then. {extension_words(grant.extends, now)}"


def _scheduled_item(grant: Grant, known: Known) -> WaitingItem:
    scope = scope_of(grant)
    extends = grant.extends_id is not None
    is_own = grant.subject_id == known.viewer.pk
    return WaitingItem(
        resource=words.resources(grant.target.slug, scope)[0],
        parts=words.scope_parts(grant.target.slug, scope, grant.target.kind, _tiers(grant.request)),
        href=reverse("web:request", args=[grant.request.public_id]),
        badge=Badge("Approved, not started", "play"),
        note="extension" if extends else "",
        sentence=_start_sentence(grant, known.now) if is_own else f"For {grant.subject.display_name}, which starts it.",
        deadline=f"{'or' if is_own else 'Start'} before {figures.end_time(grant.start_by, known.now)}",
        action=Action("Start now", reverse("web:grant-start", args=[grant.public_id]))
        if is_own and not is_too_early(grant, known.now)
        else None,
    )


def _again_items(rows: Rows, known: Known) -> tuple[AgainItem, ...]:
    """What of one's own ended peacefully and is not open or waiting, newest first, each resource once."""
    taken = {_key(grant.target.slug, grant.scope) for grant in rows.live}
    taken |= {_key(request.target.slug, request.scope) for request in rows.waiting}
    items: list[AgainItem] = []
    for grant in rows.ended_grants:
        key = _key(grant.target.slug, grant.scope)
        is_own = grant.subject_id == known.viewer.pk
        if key in taken or not is_own or not _was_used(grant) or len(items) == AGAIN_LIMIT:
            continue
        taken.add(key)
        scope = scope_of(grant)
        doing = f"{words.operations_title(scope.operations)}, " if len(scope.resources) == 1 else ""
        note = f"{doing}{figures.round_duration(grant.lasts_s)}, last on {figures.day(grant.activated_at or known.now)}"
        href = ask_again_href(grant.request)
        parts = words.scope_parts(grant.target.slug, scope, grant.target.kind)
        items.append(AgainItem(words.resources(grant.target.slug, scope)[0], note, href, parts))
    return tuple(items)


def _was_used(grant: Grant) -> bool:
    return grant.activated_at is not None and end_words(grant.end_reason).badge.tone != "stop"


def _key(slug: str, scope: object) -> str:
    return f"{slug} {scope}"


def _ended_rows(rows: Rows, known: Known) -> tuple[EndedRow, ...]:
    over: list[tuple[datetime, EndedRow]] = [
        (grant.ended_at, _ended_grant(grant, known))
        for grant in (*rows.ended_grants, *rows.live)
        if grant.ended_at is not None and not _is_open(grant, known.now)
    ]
    over += [
        (request.decided_at, _ended_request(request, known))
        for request in rows.ended_requests
        if request.decided_at is not None
    ]
    return tuple(row for _, row in sorted(over, key=lambda item: item[0], reverse=True))


def _ended_grant(grant: Grant, known: Known) -> EndedRow:
    ended_at = grant.ended_at or known.now
    known_words = end_words(grant.end_reason)
    note, badge = known_words.note, known_words.badge
    if grant.ended_by_id and grant.ended_by_id != known.viewer.pk and grant.ended_by:
        quoted = f": “{grant.end_note}”" if grant.end_note else ""
        note = f"by {words.short_name(grant.ended_by)}{quoted}"
        badge = Badge("Ended", badge.icon) if grant.end_reason == Reason.GRANT_RELINQUISHED else badge
    moved = known.moved.get(grant.public_id, 0)
    is_own = grant.subject_id == known.viewer.pk
    return EndedRow(
        resource=words.resources(grant.target.slug, scope_of(grant))[0],
        parts=words.scope_parts(grant.target.slug, scope_of(grant), grant.target.kind),
        badge=badge,
        note=note if is_own else _of_agent(f"held by {grant.subject.display_name}", note),
        advice=known_words.advice if is_own else NOTHING,
        advice_href=ask_again_href(grant.request) if known_words.can_ask and is_own else "",
        moved=figures.size(moved) if moved else "–",
        when=figures.day_and_time(ended_at),
        when_iso=figures.iso(ended_at),
    )


def _of_agent(whose: str, note: str) -> str:
    """What happened to something of one's service account. Nobody reading it is `you` in these words."""
    return ", ".join(
        part for part in (whose, note.replace("by you", "by itself").replace("you left", "it left")) if part
    )


_REQUEST_REASONS = {
    RequestState.DENIED: "denied-by-person",
    RequestState.WITHDRAWN: "withdrawn",
    RequestState.EXPIRED: "answer-too-late",
}


def _ended_request(request: AccessRequest, known: Known) -> EndedRow:
    at = request.decided_at or known.now
    known_words = end_words(request.end_reason or _REQUEST_REASONS.get(RequestState(request.state), ""))
    is_own = request.requester_id == known.viewer.pk
    note = _denial_note(request.verdicts.all()) or known_words.note
    return EndedRow(
        resource=words.resources(request.target.slug, parse_scope(request.scope))[0],
        parts=words.scope_parts(request.target.slug, parse_scope(request.scope), request.target.kind),
        badge=known_words.badge,
        note=note if is_own else _of_agent(f"asked by {request.requester.display_name}", note),
        advice=known_words.advice if is_own else NOTHING,
        advice_href=ask_again_href(request) if known_words.can_ask and is_own else "",
        moved="–",
        when=figures.day_and_time(at),
        when_iso=figures.iso(at),
    )


def _denial_note(verdicts: Iterable[Verdict]) -> str:
    for verdict in verdicts:
        if not verdict.is_approval:
            quoted = f": “{verdict.note}”" if verdict.note else ""
            return f"by {words.short_name(verdict.approver)}{quoted}"
    return ""
