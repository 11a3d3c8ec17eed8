"""Request access: the form, what policy says before anything is sent, and sending."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.request import QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jit_access.access_requests import access, selectors, services
from jit_access.access_requests.catalogue import search
from jit_access.access_requests.knowing import Known, known_to
from jit_access.access_requests.models import AccessRequest
from jit_access.accounts.models import User
from jit_access.core import clock
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound, PolicyRefusal
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, Scope, make_scope, parse_scope
from jit_access.grants import access as grant_access
from jit_access.grants.models import Grant
from jit_access.mfa.assurance import Assurance
from jit_access.targets.models import Repository, Target, TargetKind
from jit_access.targets.tiers import weights_of
from jit_access.web import figures, reads
from jit_access.web.basket import EACH, MOST, TOGETHER, Basket, groups_of, read_basket
from jit_access.web.basket import text_of as basket_text
from jit_access.web.frames import assurance_of
from jit_access.web.pages import page, person, render_page
from jit_access.web.presenters.basket import with_basket, with_groups
from jit_access.web.presenters.request_form import (
    CHOICES,
    DEFAULT_LASTS_S,
    DEFAULT_OPERATIONS,
    OPERATION_CHOICES,
    Answers,
    Catalogue,
    Outlook,
    again_notice,
    build_form,
    choices_of,
    preset_lasts_s,
    with_errors,
    with_notice,
    with_refused_references,
)
from jit_access.web.references import MAX_CHARS, References, parse_references, read_references, references_text
from jit_access.web.viewmodels.parts import Action, Notice

MAX_START = 1_000_000
_DEEPEST = 64
_OPERATIONS = dict(OPERATION_CHOICES)
_CLOSED = frozenset({Reason.NO_RULE_ALLOWS, Reason.FORBIDDEN_BY_RULE})


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it is filled. `repository` is the chosen one, when it is there for this person."""

    known: Known
    answers: Answers
    repository: Repository | None
    notice: Notice | None = None
    basket: Basket = field(default_factory=Basket)


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def show_form(request: HttpRequest) -> HttpResponse:
    """GET searches and fills the form; POST with `send` asks; any other POST shows who decides, and changes nothing."""
    filled = _filled(request, request.POST if request.method == "POST" else request.GET)
    if request.method == "POST" and "send" in request.POST:
        return _send(request, filled)
    if request.method == "POST" and "add" in request.POST:
        return _add(request, filled)
    if request.method == "POST" and "drop" in request.POST:
        filled = _without(filled, request.POST["drop"])
    return _render(request, filled, notice=filled.notice)


@require_safe
@page()
def follow_link(request: HttpRequest) -> HttpResponse:
    """The address that the gateway's refusals name, as `?resource=target/repository`: the form, filled with it."""
    slug, _, name = request.GET.get("resource", "").partition("/")
    known = known_to(person(request)).repositories().filter(target__slug=slug, gone_at=None)
    row = known.filter(name=name).first() or _holding(known, name)
    is_store = row is None and known.filter(target__kind=TargetKind.S3).exists()
    chosen = {"resource": row.public_id} if row else {"q": (name.partition("/")[0] if is_store else name)[:200]}
    query = QueryDict(mutable=True)
    query.update(chosen | {"operations": request.GET.get("operation", "pull")})
    return redirect(f"{reverse('web:request-new')}?{query.urlencode()}")


def _holding(known: QuerySet[Repository], name: str) -> Repository | None:
    """The deepest thing of a store that holds what a refusal was about: a key has no name of its own."""
    parts = name.split("/")[:_DEEPEST]
    above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    found = known.filter(target__kind=TargetKind.S3, name__in=above)
    return max(found, key=lambda row: len(row.name), default=None)


@require_POST
@page()
def show_preview(request: HttpRequest) -> HttpResponse:
    """The same page, asked by the script after each change; it takes out the part it needs."""
    return _render(request, _filled(request, request.POST))


def _filled(request: HttpRequest, sent: QueryDict) -> Filled:
    known = known_to(person(request))
    answers, notice = _answers_of(request, sent, known), None
    basket = read_basket(answers.also, known.repositories(), _OPERATIONS)
    if request.method != "POST" and sent.get("again"):
        first, *others = selectors.ask_again_from(_earlier(request, sent.get("again", ""))).scope.resources
        kept = {one.part.repository for one in basket.chosen}
        notice = again_notice(first, [part for part in others if part.repository not in kept])
    rows = known.repositories().filter(public_id=answers.resource, gone_at=None)
    return Filled(known, answers, rows.first() if answers.resource else None, notice, basket)


def _add(request: HttpRequest, filled: Filled) -> HttpResponse:
    """What is chosen goes to what is asked together, and the next thing can be chosen."""
    answers, row = filled.answers, filled.repository
    errors = {}
    if row is None or filled.basket.names(row):
        errors["resource"] = "Choose what you need." if row is None else "That is among what you ask for already."
    elif problem := _unreadable(answers, row):
        errors["references"] = problem.sentence
    elif len(filled.basket.chosen) >= MOST - 1:
        errors["resource"] = f"Ask for at most {MOST} things together."
    if errors or row is None:
        return _render(request, filled, errors=errors, status=422)
    text = basket_text(row.public_id, answers.operations, answers.references)
    also = (*(one.text for one in filled.basket.chosen), text)
    emptied = replace(answers, also=also, resource="", references="", operations=DEFAULT_OPERATIONS)
    basket = read_basket(also, filled.known.repositories(), _OPERATIONS)
    return _render(request, replace(filled, answers=emptied, repository=None, basket=basket))


def _without(filled: Filled, index: str) -> Filled:
    kept = tuple(one for place, one in enumerate(filled.basket.chosen) if str(place) != index)
    answers = replace(filled.answers, also=tuple(one.text for one in kept))
    return replace(filled, answers=answers, basket=Basket(kept))


def _answers_of(request: HttpRequest, sent: QueryDict, known: Known) -> Answers:
    """What was chosen and typed; `again` and `extends` fill the form from an earlier request or a running grant."""
    if request.method != "POST":
        if sent.get("again"):
            return _answers_again(request, sent.get("again", ""), known)
        if sent.get("extends"):
            return _answers_extending(request, sent.get("extends", ""), known)
    lasts = sent.get("lasts_s", "")
    operations = sent.get("operations", "pull")
    return Answers(
        query=sent.get("q", "")[:200],
        start=_number(sent.get("start", ""), MAX_START),
        resource=sent.get("resource", ""),
        operations=operations if operations in _OPERATIONS else "pull",
        lasts_s=_number(lasts, 9_999_999, DEFAULT_LASTS_S),
        is_lasts_preset=not lasts or lasts == sent.get("lasts_preset"),
        purpose=sent.get("purpose", ""),
        ticket=sent.get("ticket", ""),
        idempotency_key=sent.get("idempotency_key", "") or secrets.token_urlsafe(16),
        extends=sent.get("extends", ""),
        references=sent.get("references", "").replace("\r", "")[: MAX_CHARS + 1],
        not_before=sent.get("not_before", "")[:40],
        also=tuple(sent.getlist("also"))[: MOST + 1],
        rule=EACH if sent.get("rule") == EACH else TOGETHER,
    )


def read_moment(text: str) -> datetime | None:
    """What a browser writes for a day and a time, in UTC; None for anything else."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def _number(text: str, most: int, otherwise: int = 0) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
    return int(text) if is_number and int(text) <= most else otherwise


def _answers_again(request: HttpRequest, public_id: str, known: Known) -> Answers:
    draft = selectors.ask_again_from(_earlier(request, public_id))
    part, *others = draft.scope.resources
    row = known.repositories().filter(target=draft.target, name=part.repository, gone_at=None).first()
    return Answers(
        resource=row.public_id if row else "",
        operations=_operations_value(part.operations),
        lasts_s=draft.lasts_s,
        purpose=draft.purpose,
        ticket=draft.ticket,
        idempotency_key=secrets.token_urlsafe(16),
        references=references_text(part),
        also=_also_again(known, draft.target, others),
    )


def _also_again(known: Known, target: Target, parts: Sequence[ResourceScope]) -> tuple[str, ...]:
    """The other repositories of an earlier request, as far as they are there and this form can ask for them."""
    names = {part.repository: part for part in parts if part.operations in _OPERATIONS.values()}
    rows = known.repositories().filter(target=target, name__in=names, gone_at=None).order_by("name")
    return tuple(
        basket_text(row.public_id, _operations_value(names[row.name].operations), references_text(names[row.name]))
        for row in rows
    )


def _earlier(request: HttpRequest, public_id: str) -> AccessRequest:
    return access.get_request(actor=person(request), public_id=public_id)


def _answers_extending(request: HttpRequest, public_id: str, known: Known) -> Answers:
    grant = _extended(person(request), public_id)
    part = parse_scope(grant.scope).resources[0]
    row = known.repositories().filter(target=grant.target, name=part.repository).first()
    return Answers(
        resource=row.public_id if row else "",
        operations=_operations_value(part.operations),
        lasts_s=figures.HOUR_S,
        purpose=grant.request.purpose,
        ticket=grant.request.ticket,
        idempotency_key=secrets.token_urlsafe(16),
        extends=grant.public_id,
    )


def _operations_value(operations: frozenset[Operation]) -> str:
    return next((value for value, wanted in OPERATION_CHOICES if wanted == operations), "pull")


def _extended(actor: User, public_id: str) -> Grant:
    grant = grant_access.get_grant(actor=actor, public_id=public_id)
    if grant.subject_id != actor.pk:
        raise NotFound
    return grant


def _scope_of(answers: Answers, repository: Repository, *, operations: str = "") -> Scope:
    """What is asked. Raises: CallerError when the tags or digests cannot be read."""
    only = _references(answers, repository)
    wanted = _OPERATIONS[operations or answers.operations]
    return make_scope([ResourceScope(repository.name, wanted, only.tags, only.digests, only.files)])


def _references(answers: Answers, repository: Repository | None) -> References:
    """In the words of that kind of target. Raises: CallerError."""
    if repository is None:
        return parse_references(answers.references)
    return read_references(answers.references, repository.target.kind, repository.name)


def _send(request: HttpRequest, filled: Filled) -> HttpResponse:
    answers, repository = filled.answers, filled.repository
    if answers.resource and repository is None:
        filled.known.note_unknown(answers.resource)
    errors = _missing(filled)
    if errors:
        return _render(request, filled, errors=errors, status=422)
    try:
        row = _submit(person(request), filled, assurance_of(request))
    except (CallerError, Conflict, PolicyRefusal) as error:
        return _refused(request, filled, error)
    return redirect(f"{reverse('web:request', args=[row.public_id])}?new")


def _missing(filled: Filled) -> dict[str, str]:
    answers, repository = filled.answers, filled.repository
    errors = {}
    if repository is None and (answers.resource or not filled.basket.chosen):
        errors["resource"] = "Choose what you need."
    elif repository is not None and filled.basket.names(repository):
        errors["resource"] = "That is among what you ask for already."
    if not filled.basket.is_whole:
        errors["resource"] = "Something you chose is not there any more. See what is left."
    if not answers.purpose.strip():
        errors["purpose"] = "Say what it is for. The approver decides by this."
    if problem := _unreadable(answers, repository):
        errors["references"] = problem.sentence
    if answers.not_before and read_moment(answers.not_before) is None:
        errors["not_before"] = "Write it like 2026-11-24T09:00."
    if any(char.isspace() for char in answers.ticket.strip()):
        fixed = answers.ticket.strip().replace(" ", "")
        errors["ticket"] = f"“{answers.ticket.strip()}” has a space in it. Write it like {fixed}."
    return errors


def _unreadable(answers: Answers, repository: Repository | None) -> CallerError | None:
    """What is wrong with the references, if anything is."""
    try:
        if answers.references:
            _references(answers, repository)
    except CallerError as error:
        return error
    return None


def _parts(filled: Filled) -> list[tuple[Repository, ResourceScope]]:
    """Everything that is asked for, what is chosen now last. Raises: CallerError for references that cannot be read."""
    parts = [(one.repository, one.part) for one in filled.basket.chosen]
    if filled.repository is not None and not filled.basket.names(filled.repository):
        parts.append((filled.repository, _scope_of(filled.answers, filled.repository).resources[0]))
    return parts


def _submit(actor: User, filled: Filled, assurance: Assurance) -> AccessRequest:
    """One request, or the first of several that are sent together."""
    answers = filled.answers
    if answers.extends:
        return services.submit_extension(
            actor=actor,
            grant=_extended(actor, answers.extends),
            by_s=answers.lasts_s,
            purpose=answers.purpose,
            assurance=assurance,
            idempotency_key=answers.idempotency_key,
        )
    drafts = [
        services.starting_later(
            services.make_draft(
                target=group.target,
                scope=group.scope,
                lasts_s=answers.lasts_s,
                purpose=answers.purpose,
                ticket=answers.ticket,
                idempotency_key=answers.idempotency_key,
            ),
            read_moment(answers.not_before),
        )
        for group in groups_of(_parts(filled), answers.rule)
    ]
    if len(drafts) == 1:
        return services.submit_request(actor=actor, draft=drafts[0], assurance=assurance)
    bundle = services.submit_bundle(
        actor=actor,
        drafts=drafts,
        is_all_or_nothing=answers.rule == TOGETHER,
        assurance=assurance,
        idempotency_key=answers.idempotency_key,
    )
    return services.parts_of(bundle)[0]


def _refused(request: HttpRequest, filled: Filled, error: GatewayError) -> HttpResponse:
    """What was typed stays; the refusal stands above the form."""
    if error.reason in {Reason.NOT_FOUND, Reason.SECOND_FACTOR_MISSING}:
        raise error
    waiting = str(error.fields.get("request", ""))
    action = Action("Open it", reverse("web:request", args=[waiting])) if waiting else None
    rule = f"Rule {error.rule}." if isinstance(error, PolicyRefusal) and error.rule else ""
    notice = Notice(error.sentence, rule, "stop", "x", action, code=str(error.reason))
    return _render(request, filled, notice=notice, status=error.status)


def _render(
    request: HttpRequest,
    filled: Filled,
    *,
    errors: dict[str, str] | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> HttpResponse:
    now, actor = clock.now(), person(request)
    if filled.answers.operations not in choices_of(filled.repository):
        # Chosen for another repository. Whoever sends it is told so.
        filled = replace(filled, answers=replace(filled.answers, operations=DEFAULT_OPERATIONS))
    unreadable = _unreadable(filled.answers, filled.repository)
    outlook = None if unreadable else _outlook(request, filled)
    if outlook and filled.answers.is_lasts_preset and not filled.answers.extends:
        preset = preset_lasts_s(outlook.preview.lasts_at_most_s)
        if preset != filled.answers.lasts_s:
            filled = replace(filled, answers=replace(filled.answers, lasts_s=preset))
            outlook = _outlook(request, filled)
    form = build_form(filled.answers, _catalogue(actor, filled), outlook, now=now, chosen=filled.repository)
    form = with_basket(form, filled.basket, filled.answers.rule, has_choice=filled.repository is not None)
    if filled.basket.chosen and not unreadable:
        form = with_groups(form, _group_outlooks(request, filled))
    if unreadable:
        form = with_refused_references(form, unreadable.sentence, str(unreadable.reason))
    if errors:
        form = with_errors(form, errors)
    if notice:
        form = with_notice(form, notice)
    glass = _glass_href(filled, outlook)
    return render_page(request, "web/request_form.html", form, current="request-new", status=status, glass_href=glass)


def _glass_href(filled: Filled, outlook: Outlook | None) -> str:
    """Where waiting for these approvals would do harm, and a rule lets one open it at once."""
    if outlook is None or filled.repository is None or not outlook.preview.break_glass_s or filled.answers.extends:
        return ""
    query = urlencode({"resource": filled.repository.public_id, "operations": filled.answers.operations})
    return f"{reverse('web:break-glass-new')}?{query}"


def _catalogue(actor: User, filled: Filled) -> Catalogue:
    """One page of what matches, and the chosen one above it."""
    answers, chosen = filled.answers, filled.repository
    if answers.extends:
        only = [chosen] if chosen else []
        return Catalogue(only, {}, 1, 1, shown=1, weights=weights_of(only))
    found = search(filled.known.repositories(), answers.query)
    matching = found.count()
    start = answers.start if answers.start < matching else 0
    page = list(found[start : start + CHOICES])
    above = [chosen] if chosen and chosen not in page else []
    total = search(filled.known.repositories()).count() if answers.query else matching
    held = reads.held_repositories(actor, clock.now())
    rows = [*above, *page]
    return Catalogue(rows, held, total, matching, start, len(page), weights_of(rows))


def _group_outlooks(request: HttpRequest, filled: Filled) -> list[tuple[str, Outlook]]:
    """What policy says to each request that this becomes."""
    actor, assurance = person(request), assurance_of(request)
    found = []
    for group in groups_of(_parts(filled), filled.answers.rule):
        preview = services.preview_request(
            actor=actor,
            target=group.target,
            scope=group.scope,
            lasts_s=filled.answers.lasts_s,
            assurance=assurance,
        )
        outlook = Outlook(
            preview=preview,
            scope=group.scope,
            closed_operations={},
            lasts_s=filled.answers.lasts_s,
            factor_age_s=assurance.age_s,
            answer_within_s=settings.ANSWER_WITHIN_S,
            start_within_s=settings.START_WITHIN_S,
            usual_wait_s=selectors.usual_wait_s([step.group for step in preview.steps]),
            kind=group.target.kind,
        )
        found.append((group.target.slug, outlook))
    return found


def _outlook(request: HttpRequest, filled: Filled) -> Outlook | None:
    """Nothing is asked of policy before a repository is chosen."""
    answers, repository = filled.answers, filled.repository
    if repository is None:
        return None
    actor, assurance = person(request), assurance_of(request)
    lasts_s = answers.lasts_s
    scopes = {value: _scope_of(answers, repository, operations=value) for value in choices_of(repository)}
    if answers.extends:
        grant = _extended(actor, answers.extends)
        lasts_s += int(figures.seconds_between(grant.valid_until, clock.now())) if grant.valid_until else 0
        scopes = {answers.operations: parse_scope(grant.scope)}
    previews = {
        value: services.preview_request(
            actor=actor,
            target=repository.target,
            scope=scope,
            lasts_s=lasts_s,
            assurance=assurance,
            is_extension=bool(answers.extends),
        )
        for value, scope in scopes.items()
    }
    return Outlook(
        preview=previews[answers.operations],
        scope=scopes[answers.operations],
        closed_operations={value: one for value, one in previews.items() if one.why_not in _CLOSED},
        lasts_s=lasts_s,
        factor_age_s=assurance.age_s,
        answer_within_s=settings.ANSWER_WITHIN_S,
        start_within_s=settings.START_WITHIN_S,
        usual_wait_s=selectors.usual_wait_s([step.group for step in previews[answers.operations].steps]),
        kind=repository.target.kind,
    )
