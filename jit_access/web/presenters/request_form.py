"""The request form: four questions, what was answered so far, and what policy says about it before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from jit_access.access_requests.auto_approving import Finding
from jit_access.access_requests.services.asking import Preview as PolicyPreview
from jit_access.access_requests.services.asking import PreviewStep
from jit_access.accounts.models import User
from jit_access.domain.narrowing import narrowing_of
from jit_access.domain.operations import Operation, Tier, operations_of
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, Scope
from jit_access.targets.models import Repository, TargetKind
from jit_access.targets.tiers import Weight
from jit_access.web import figures
from jit_access.web.presenters import limits, words
from jit_access.web.references import MAX_CHARS
from jit_access.web.viewmodels.parts import (
    TIER_BADGES,
    Action,
    Badge,
    Fact,
    Field,
    Notice,
    Option,
    ReasonItem,
    Resource,
)
from jit_access.web.viewmodels.request_form import Choice, ErrorItem, FormErrors, Preview, RequestForm

OPERATION_CHOICES: tuple[tuple[str, frozenset[Operation]], ...] = (
    ("pull", frozenset({Operation.PULL})),
    ("push", frozenset({Operation.PUSH})),
    ("pull,push", frozenset({Operation.PULL, Operation.PUSH})),
    ("delete", frozenset({Operation.DELETE})),
    ("promote", frozenset({Operation.PROMOTE})),
    ("admin", frozenset({Operation.ADMIN})),
)
# What people who pull and push need not know, said where it can be asked for.
_RARE = {
    "promote": "Promote: say which version an alias or a stage means.",
    "admin": "Administer: create, rename, delete or set up the repository itself.",
}
_LABELS = {value: words.operation_label(wanted) for value, wanted in OPERATION_CHOICES}
DURATIONS_S = (1800, 3600, 7200, 14400, 28800)
DEFAULT_OPERATIONS, DEFAULT_LASTS_S = "pull", 7200
PURPOSE_CHARS, TICKET_CHARS = 1000, 60
NAMES_SHOWN = 4
CHOICES = 20  # on one page


@dataclass(frozen=True, slots=True)
class Answers:
    """What was chosen and typed so far. `lasts_s` is 0 while nothing sensible was chosen."""

    query: str = ""
    start: int = 0  # the first of the matches that is shown
    resource: str = ""
    operations: str = DEFAULT_OPERATIONS
    lasts_s: int = DEFAULT_LASTS_S
    purpose: str = ""
    ticket: str = ""
    idempotency_key: str = ""
    extends: str = ""
    references: str = ""
    not_before: str = ""  # as a browser writes it, in UTC
    also: tuple[str, ...] = ()  # chosen before, as web.basket writes it
    rule: str = "all"  # how several are decided
    is_lasts_preset: bool = False  # nobody chose how long yet


@dataclass(frozen=True, slots=True)
class Held:
    """A repository that one has open already, all of it: until when (None: not started)."""

    until: datetime | None
    operations: frozenset[Operation]
    is_spent: bool = False  # a budget of it is used up: it opens nothing any more


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One page of the repositories that match the search, with the chosen one above it, and what one holds already.

    All numbers count what this person may know: `total` at all, `matching` the search, `shown` on this page.
    """

    repositories: Sequence[Repository]
    held: Mapping[tuple[str, str], Held]
    total: int
    matching: int
    start: int = 0
    shown: int = 0
    weights: Mapping[int, Weight] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What policy says to the whole question, and which operations it closes; computed before anything is sent."""

    preview: PolicyPreview
    closed_operations: Mapping[str, PolicyPreview]
    lasts_s: int  # of the new grant: for an extension what is left now counts with it
    factor_age_s: int | None
    answer_within_s: int
    start_within_s: int
    scope: Scope
    usual_wait_s: int | None
    kind: str = ""  # of the target


def choices_of(chosen: Repository | None) -> Mapping[str, frozenset[Operation]]:
    """What can be asked for there; before something is chosen, what every kind of target has."""
    known = operations_of(chosen.target.kind, chosen.name) if chosen else operations_of("")
    return {value: wanted for value, wanted in OPERATION_CHOICES if wanted <= known}


def build_form(
    answers: Answers,
    catalogue: Catalogue,
    outlook: Outlook | None,
    *,
    now: datetime,
    chosen: Repository | None = None,
) -> RequestForm:
    """The page with everything that is known so far."""
    kind = chosen.target.kind if chosen else ""
    longest = outlook.preview.lasts_at_most_s if outlook else 0
    left_s = outlook.lasts_s - answers.lasts_s if outlook else 0
    is_several = outlook is not None and len(outlook.scope.resources) > 1
    return RequestForm(
        query=answers.query,
        choices=tuple(_choice(row, answers, catalogue, now) for row in catalogue.repositories),
        count_text=_count_text(catalogue, answers),
        is_empty=not catalogue.total,
        start=catalogue.start,
        earlier=_page(answers, catalogue.start - CHOICES, "Show the ones before") if catalogue.start else None,
        further=_further(answers, catalogue),
        operations=tuple(
            _operation(value, answers, outlook)
            for value in choices_of(chosen)
            if not answers.extends or (value == answers.operations and not is_several)
        ),
        operations_note=("As before, on each repository." if is_several else "")
        if answers.extends
        else _operations_note(outlook, chosen),
        durations=tuple(_duration(lasts_s, answers, longest - left_s if longest else 0) for lasts_s in DURATIONS_S),
        durations_note=_extension_note(left_s, longest) if answers.extends else _durations_note(longest),
        references=references_field(answers, kind),
        references_title=_references_title(answers, chosen),
        kept=_kept(outlook.scope, kind) if outlook and answers.extends else (),
        lasts_preset=str(answers.lasts_s) if answers.is_lasts_preset else "",
        purpose=Field(
            "purpose",
            "Reason, as the approver will read it",
            answers.purpose,
            "textarea",
            "Say which run or incident, and why the smaller thing is not enough.",
            max_chars=PURPOSE_CHARS,
        ),
        ticket=Field(
            "ticket",
            "Ticket",
            answers.ticket,
            hint="When it is closed, this ends too, if your ticket system tells the gateway.",
            is_required=False,
            optional_note="optional",
            max_chars=TICKET_CHARS,
        ),
        not_before=None if answers.extends else _not_before_field(answers),
        preview=preview_of(outlook) if outlook else None,
        idempotency_key=answers.idempotency_key,
        extends=answers.extends,
        heading="Extend access" if answers.extends else "Request access",
        lead="The new grant takes over when you start it; what is running goes on." if answers.extends else "",
    )


def _not_before_field(answers: Answers) -> Field:
    return Field(
        "not_before",
        "Not before, in UTC",
        answers.not_before,
        "datetime-local",
        "You start it yourself then, or later. People may answer before.",
        is_required=False,
        optional_note="optional",
    )


def _kept(scope: Scope, kind: str) -> tuple[Fact, ...]:
    """What an extension goes on with: every repository of several, and what narrows them."""
    each = tuple(Fact(part.repository, words.operations_title(part.operations)) for part in scope.resources)
    return (*(each if len(each) > 1 else ()), *words.reference_facts(scope, kind))


def again_notice(first: ResourceScope, others: Sequence[ResourceScope]) -> Notice | None:
    """What this form leaves out of an earlier request (`others`): never in silence."""
    left_out = [f"{words.operation_label(part.operations).lower()} {part.repository}" for part in others]
    lines = [f"Left out: {figures.joined(left_out)}. It is not there for you now, or only to be asked for by the API."]
    is_odd = first.operations not in dict(OPERATION_CHOICES).values()
    odd = f"It asked to {words.operation_label(first.operations).lower()}; choose one of these below."
    more = " ".join([*(lines if others else ()), *([odd] if is_odd else ())])
    return Notice("Not all is filled in.", more, "wait", "alert") if more else None


def preset_lasts_s(longest: int) -> int:
    """While nobody chose: what is usual, or the longest that the rule allows where that is less."""
    allowed = [lasts_s for lasts_s in DURATIONS_S if not longest or lasts_s <= longest]
    return min(DEFAULT_LASTS_S, max(allowed, default=DURATIONS_S[0]))


# What narrows a request, and how it is written, by kind of target; "" before one is chosen.
_CLOSED_ELSE = "Whatever else is there stays closed, also what is pushed later."
_NARROWED_BY = {
    "": ("tags, versions or files", f"How they are written depends on what you choose above. {_CLOSED_ELSE}"),
    "oci": ("tags or digests", f"v1 or v1.* or a whole sha256 digest. {_CLOSED_ELSE}"),
    "hf": ("revisions or files", f"main, v1.* or a commit, and file:*.safetensors. {_CLOSED_ELSE}"),
    "mlflow": (
        "versions, aliases or files",
        f"3 or champion, and file:*.safetensors. An alias goes on meaning what it means when you use it first. "
        f"{_CLOSED_ELSE}",
    ),
}


def _references_title(answers: Answers, chosen: Repository | None) -> str:
    """What opens the field; nothing where there is nothing to narrow and nothing was typed."""
    kind = chosen.target.kind if chosen else ""
    if chosen and not answers.references and not narrowing_of(kind, chosen.name):
        return ""
    return f"Only certain {_NARROWED_BY.get(kind, _NARROWED_BY[''])[0]}"


def references_field(answers: Answers, kind: str) -> Field:
    """All that narrows a request in one field: what each line is is seen by its form."""
    names, hint = _NARROWED_BY.get(kind, _NARROWED_BY[""])
    return Field(
        "references",
        f"{names.capitalize()}, one per line",
        answers.references,
        "textarea",
        hint,
        max_chars=MAX_CHARS,
        is_required=False,
    )


def with_errors(form: RequestForm, errors: Mapping[str, str]) -> RequestForm:
    """The same form with what cannot be used yet, said above it and beside each field."""
    lines = tuple(ErrorItem(f"f-{name}", text) for name, text in errors.items())
    return replace(
        form,
        errors=FormErrors("This cannot be sent yet.", lines),
        purpose=replace(form.purpose, error=errors.get("purpose", "")),
        ticket=replace(form.ticket, error=errors.get("ticket", "")),
        references=replace(form.references, error=errors.get("references", "")),
        not_before=replace(form.not_before, error=errors.get("not_before", "")) if form.not_before else None,
    )


def with_refused_references(form: RequestForm, sentence: str, code: str) -> RequestForm:
    """Nothing can be said about a scope that cannot be read, so that is what is said."""
    item = ReasonItem(sentence, code, "stop", "x")
    return replace(
        form,
        references=replace(form.references, error=sentence),
        preview=Preview((item,), is_open=False, refusal="These limits cannot be used yet."),
    )


def with_notice(form: RequestForm, notice: Notice) -> RequestForm:
    """The same form with a notice above it."""
    return replace(form, notice=notice)


def _choice(row: Repository, answers: Answers, catalogue: Catalogue, now: datetime) -> Choice:
    held = catalogue.held.get((row.target.slug, row.name))
    wanted = dict(OPERATION_CHOICES)[answers.operations]
    is_taken = held is not None and not answers.extends and wanted <= held.operations
    is_spent = is_taken and held is not None and held.is_spent
    kind = TargetKind(row.target.kind).label
    size = figures.size(row.size_bytes) if row.size_bytes else ""
    weight = catalogue.weights.get(row.pk, Weight(Tier(row.tier)))
    holds = f"holds something {weight.tier}" if weight.because else ""
    note = ", ".join(part for part in (kind, row.description, size, holds) if part)
    if is_taken and held is not None:
        until = f"until {figures.end_time(held.until, now)}" if held.until else "not started"
        note = f"You have this already, {until}"
        if held.is_spent:
            note = "You have this, but its budget is spent. End it, then ask again:"
    return Choice(
        value=row.public_id,
        resource=Resource(row.target.slug, row.name),
        note=note,
        badge=Badge("Granted", "check", "live") if is_taken and not is_spent else TIER_BADGES[weight.tier],
        is_chosen=row.public_id == answers.resource,
        is_disabled=is_taken and not is_spent and row.public_id != answers.resource,
        link=Action("My access", reverse("web:my-access")) if is_spent else None,
    )


def _count_text(catalogue: Catalogue, answers: Answers) -> str:
    total = f"{catalogue.total:,} {'repository' if catalogue.total == 1 else 'repositories'}"
    if answers.extends:
        return "An extension covers the same as before, all of it."
    if not catalogue.matching:
        return f"{total} {'is' if catalogue.total == 1 else 'are'} known here. An operator adds new ones."
    if catalogue.shown == catalogue.matching:
        return f"{catalogue.shown} of {total}."
    matching = f"{catalogue.matching:,} that match" if answers.query else total
    nearest = ", nearest first" if answers.query else ""
    return f"{catalogue.start + 1:,} to {catalogue.start + catalogue.shown:,} of {matching}{nearest}."


def _further(answers: Answers, catalogue: Catalogue) -> Action | None:
    start = catalogue.start + catalogue.shown
    left = catalogue.matching - start
    return _page(answers, start, f"Show {min(left, CHOICES)} more") if left > 0 else None


def _page(answers: Answers, start: int, label: str) -> Action:
    """Another page of the same matches. What was chosen goes along."""
    asked = {"q": answers.query, "start": str(max(0, start)), "resource": answers.resource, "also": answers.also}
    query = urlencode({k: v for k, v in asked.items() if v}, doseq=True)
    return Action(label, f"{reverse('web:request-new')}?{query}")


def _operation(value: str, answers: Answers, outlook: Outlook | None) -> Option:
    closed = outlook is not None and value in outlook.closed_operations
    return Option(
        value, _LABELS[value], is_chosen=value == answers.operations, is_disabled=closed and value != answers.operations
    )


def _operations_note(outlook: Outlook | None, chosen: Repository | None) -> str:
    """What is closed is named with its rule, never hidden; what is rare is explained."""
    rare = " ".join(_RARE[value] for value in choices_of(chosen) if value in _RARE)
    return f"{_closed_note(outlook)} {rare}".strip()


def _closed_note(outlook: Outlook | None) -> str:
    if outlook is None or not outlook.closed_operations:
        return ""
    names = [_LABELS[value] for value in outlook.closed_operations]
    rules = sorted({preview.decision.rule for preview in outlook.closed_operations.values() if preview.decision.rule})
    why = f"Rule {figures.joined(rules)}." if rules else f"No rule opens {'it' if len(names) == 1 else 'them'}."
    return f"{figures.joined(names)} {'is' if len(names) == 1 else 'are'} not open to you here. {why}"


def _duration(lasts_s: int, answers: Answers, longest: int) -> Option:
    is_too_long = bool(longest) and lasts_s > longest
    return Option(
        str(lasts_s),
        figures.round_duration(lasts_s),
        is_chosen=lasts_s == answers.lasts_s,
        is_disabled=is_too_long and lasts_s != answers.lasts_s,
    )


def _durations_note(longest: int) -> str:
    most = f" {figures.round_duration(longest)} is the longest here." if longest else ""
    return f"The clock starts when you start, not when you ask.{most}"


def _extension_note(left_s: int, longest: int) -> str:
    most = f" Together {figures.round_duration(longest)} at most." if longest else ""
    return f"On top of the {figures.round_duration(left_s)} that are left.{most}"


def preview_of(outlook: Outlook) -> Preview:
    """What happens next with one request, or why it cannot be sent."""
    preview = outlook.preview
    if not preview.is_allowed:
        return _refused_preview(preview)
    files = limits.file_items(preview.refused_files, outlook.kind)
    near = () if preview.is_auto else _auto_near(outlook)
    steps = (*_factor_step(outlook), *_approval_steps(outlook), *near, *files, *_ending_steps(outlook))
    is_asked = preview.steps and not preview.is_auto
    asked = "Approvers see your reason and what you hold." if is_asked else "Nobody is asked."
    decided_by = f"Decided by {', '.join(preview.rules)}, policy version {preview.policy_version}. {asked}"
    return Preview(steps=steps, is_open=True, decided_by=decided_by)


def _refused_preview(preview: PolicyPreview) -> Preview:
    reason = preview.why_not
    sentences = {
        Reason.NO_RULE_ALLOWS: (
            "Not open to you.",
            "No rule allows this to you or your groups. Ask an owner of the model.",
        ),
        Reason.FORBIDDEN_BY_RULE: ("A rule forbids this.", "Choose something smaller, or ask Security about the rule."),
        Reason.LASTS_TOO_LONG: (
            "That is too long.",
            f"{figures.round_duration(preview.lasts_at_most_s)} is the longest that the rule allows.",
        ),
        Reason.NO_APPROVER: (
            "Nobody could approve this.",
            f"{_upper_first(preview.why_nobody.partition(': ')[2])} Tell Security.",
        ),
        Reason.POLICY_MISSING: ("Nothing is open.", "No policy is loaded. Tell Security."),
        Reason.POLICY_BROKEN: ("Nothing is open.", "The policy could not be evaluated. Tell Security."),
        Reason.DUPLICATE_REQUEST: ("You asked for this already.", "It waits for an answer; see My access."),
        Reason.EXPOSED_ELSEWHERE: (
            "New grants at this target wait.",
            "An earlier access of yours to it could not be revoked yet.",
        ),
    }
    title, what = sentences.get(reason, ("This cannot be asked now.", "")) if reason else ("", "")
    rules = f"Rule {preview.decision.rule}" if preview.decision.rule else ""
    code = ", ".join(part for part in (rules, str(reason)) if part)
    return Preview((ReasonItem(what or "See the code.", code, "stop", "x"),), is_open=False, refusal=title)


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _factor_step(outlook: Outlook) -> tuple[ReasonItem, ...]:
    needed, age = outlook.preview.factor_max_age_s, outlook.factor_age_s
    proved = f"Proved {figures.round_duration(age)} ago" if age is not None else "Not proved yet"
    if not needed:
        return (ReasonItem("Your second factor is proved", proved, "ok", "shield"),)
    if outlook.preview.is_factor_fresh:
        return (ReasonItem("Your second factor is fresh", proved, "ok", "shield"),)
    within = figures.round_duration(needed)
    return (
        ReasonItem(
            "You prove your second factor when you start", f"{proved}; it must be from the last {within}", "up", "key"
        ),
    )


def _approval_steps(outlook: Outlook) -> tuple[ReasonItem, ...]:
    steps = outlook.preview.steps
    if outlook.preview.is_auto:
        return tuple(_auto_step(found) for found in outlook.preview.auto)
    if not steps:
        return (ReasonItem("Nobody has to approve", "Policy opens this by itself", "ok", "check"),)
    count = sum(step.needed for step in steps)
    people = "One person decides" if count == 1 else f"{figures.number_word(count)} people decide"
    order = sorted({step.stage for step in steps})
    within = f"They have {figures.round_duration(outlook.answer_within_s)} to answer"
    if outlook.usual_wait_s is not None:
        within = f"Half of these are answered in {figures.round_duration(outlook.usual_wait_s)}. {within}"
    if len(order) == 1:
        return (ReasonItem(f"{people}: {_groups(steps)}", f"{_people(steps)}. {within}", "", "inbox"),)
    stages = [[step for step in steps if step.stage == number] for number in order]
    asked = [
        ReasonItem(f"{'First' if stage is stages[0] else 'Then'}: {_groups(stage)}", f"{_people(stage)}.", "", "inbox")
        for stage in stages
    ]
    first = ReasonItem(f"{people}, in {figures.number_word(len(order)).lower()} stages", within, "", "clock")
    return (first, *asked)


def _auto_step(found: Finding) -> ReasonItem:
    """A rule that approves by itself, with what holds."""
    said = " ".join(one.sentence for one in found.conditions)
    return ReasonItem(f"Rule {found.rule} approves this by itself", said, "ok", "check")


def _auto_near(outlook: Outlook) -> tuple[ReasonItem, ...]:
    """What is missing, where a rule could have: people are asked because of it."""
    missing = [
        (found.rule, " ".join(one.sentence for one in found.conditions if not one.is_met))
        for found in outlook.preview.auto
        if not found.is_met
    ]
    return tuple(
        ReasonItem(f"Rule {rule} does not approve this by itself", said, "", "person") for rule, said in missing
    )


def _groups(steps: Sequence[PreviewStep]) -> str:
    return figures.joined([words.asked_phrase(step.needed, step.group) for step in steps])


def _people(steps: Sequence[PreviewStep]) -> str:
    return "; ".join(f"{words.asked_title(step.group)}: {_names(step.people)}" for step in steps)


def _names(people: Sequence[User]) -> str:
    names = [words.short_name(user) for user in people[:NAMES_SHOWN]]
    more = len(people) - len(names)
    return figures.joined([*names, *([f"{more} more"] if more else [])], "or")


def _ending_steps(outlook: Outlook) -> tuple[ReasonItem, ...]:
    start = figures.round_duration(outlook.start_within_s)
    budget = limits.budgets_phrase(outlook.preview.byte_budget, outlook.preview.request_budget)
    early = "Or earlier, when somebody revokes it; what is running is cut"
    if budget:
        early = f"Or earlier: after {budget}, or when somebody revokes it"
    return (
        ReasonItem("You start it when you are ready", f"Within {start} of the approval", "", "play"),
        ReasonItem(f"It ends by itself after {figures.round_duration(outlook.lasts_s)}", early, "", "clock"),
    )
