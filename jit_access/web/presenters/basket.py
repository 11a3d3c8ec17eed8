"""Several things on the form of a request: what is chosen, how it is decided, and what policy says to each part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jit_access.domain.scopes import Scope
from jit_access.web.basket import EACH, TOGETHER, Basket, Chosen
from jit_access.web.presenters import words
from jit_access.web.presenters.request_form import Outlook, preview_of
from jit_access.web.viewmodels.parts import Option, ReasonItem, Resource, ScopePart
from jit_access.web.viewmodels.request_form import BasketRow, Preview, RequestForm

_RULES = ((TOGETHER, "All or nothing"), (EACH, "Each by itself"))
_NOTES = {
    TOGETHER: "Nothing is granted before everybody agreed to all of it. If one is denied, all of it ends.",
    EACH: "Each is decided by itself, and can be started as soon as it is approved.",
}


def with_basket(form: RequestForm, basket: Basket, rule: str, *, has_choice: bool) -> RequestForm:
    """The form with what is chosen already. With two things and more it asks how they are decided."""
    is_several = len(basket.chosen) + has_choice > 1
    return replace(
        form,
        basket=tuple(_row(index, one) for index, one in enumerate(basket.chosen)),
        rules=tuple(Option(value, label, is_chosen=value == rule) for value, label in _RULES) if is_several else (),
        rule_note=_NOTES[rule] if is_several else "",
        can_add=not form.extends and has_choice,
    )


def with_groups(form: RequestForm, outlooks: Sequence[tuple[str, Outlook]]) -> RequestForm:
    """What policy says to each request that this becomes. All of them must be open."""
    parts = [(slug, outlook.scope, preview_of(outlook)) for slug, outlook in outlooks]
    closed = [item for item in parts if not item[2].is_open]
    if closed:
        steps = [item for slug, scope, preview in closed for item in _named(slug, scope, preview.steps)]
        return replace(form, preview=Preview(tuple(steps), is_open=False, refusal="Not all of this can be asked."))
    # What is the same for all of them is said once, below.
    common = [item for item in parts[0][2].steps if all(item in preview.steps for _, _, preview in parts)]
    steps = [
        item
        for slug, scope, preview in parts
        for item in _named(slug, scope, [step for step in preview.steps if step not in common])
    ]
    steps += common
    decided = " ".join(dict.fromkeys(preview.decided_by for _, _, preview in parts))
    return replace(form, preview=Preview(tuple(steps), is_open=True, decided_by=decided))


def _named(slug: str, scope: Scope, steps: Sequence[ReasonItem]) -> list[ReasonItem]:
    head = ReasonItem(f"{slug}/{words.scope_name(scope)}", words.operations_title(scope.operations), "", "box")
    return [head, *steps]


def _row(index: int, one: Chosen) -> BasketRow:
    scope = Scope((one.part,))
    kind = one.repository.target.kind
    part = ScopePart(
        Resource(one.repository.target.slug, one.part.repository),
        words.operations_title(one.part.operations),
        None,
        "" if one.part.is_whole else f"only {words.scope_note(scope, kind)}",
    )
    return BasketRow(part, str(index), one.text)
