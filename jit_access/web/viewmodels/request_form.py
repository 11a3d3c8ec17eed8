"""Request access: how do I get it, who decides, how long does that take?"""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Badge, Fact, Field, Notice, Option, ReasonItem, Resource, ScopePart


@dataclass(frozen=True, slots=True)
class Choice:
    """A repository that can be asked for, or one that cannot, with the reason."""

    value: str
    resource: Resource
    note: str
    badge: Badge
    is_chosen: bool = False
    is_disabled: bool = False
    link: Action | None = None


@dataclass(frozen=True, slots=True)
class FormErrors:
    """The summary above the form. Each line links to its field."""

    title: str
    lines: tuple[ErrorItem, ...]


@dataclass(frozen=True, slots=True)
class ErrorItem:
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What policy says before anything is sent. `is_open` False: it would be refused, `steps` say by which rule."""

    steps: tuple[ReasonItem, ...]
    is_open: bool
    decided_by: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class BasketRow:
    """One thing that is chosen already. `text` goes back with the form, `index` takes it out."""

    part: ScopePart
    index: str
    text: str


@dataclass(frozen=True, slots=True)
class RequestForm:
    """The whole page."""

    query: str
    choices: tuple[Choice, ...]
    count_text: str
    operations: tuple[Option, ...]
    operations_note: str
    durations: tuple[Option, ...]
    durations_note: str
    references: Field
    purpose: Field
    ticket: Field
    preview: Preview | None
    idempotency_key: str
    references_title: str = "Only certain tags or digests"  # "": there is nothing to narrow
    is_empty: bool = False  # nothing at all is known to this person
    start: int = 0
    earlier: Action | None = None
    further: Action | None = None
    errors: FormErrors | None = None
    extends: str = ""
    not_before: Field | None = None
    kept: tuple[Fact, ...] = ()
    lasts_preset: str = ""  # goes back, so that what nobody chose is not taken for chosen
    heading: str = "Request access"
    lead: str = ""
    notice: Notice | None = None
    basket: tuple[BasketRow, ...] = ()
    rules: tuple[Option, ...] = ()
    rule_note: str = ""
    can_add: bool = False
