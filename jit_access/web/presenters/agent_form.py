"""The form of a service account: its names, what it is for, the groups it is in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import QueryDict
from django.urls import reverse

from jit_access.accounts.models import User
from jit_access.accounts.services.agents import PURPOSE_CHARS
from jit_access.domain.errors import CallerError
from jit_access.web.presenters import words
from jit_access.web.presenters.agents import href_of
from jit_access.web.viewmodels.agents import AgentForm
from jit_access.web.viewmodels.parts import Field, Option
from jit_access.web.viewmodels.request_form import ErrorItem, FormErrors


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed, to be kept when something has to be mended."""

    name: str = ""
    display_name: str = ""
    purpose: str = ""
    groups: frozenset[str] = frozenset()


def read(post: QueryDict) -> Typed:
    """A form that came back."""
    return Typed(
        post.get("name", "").strip(),
        post.get("display_name", "").strip(),
        post.get("purpose", ""),
        frozenset(post.getlist("groups")),
    )


def of_agent(agent: User, groups: frozenset[str]) -> Typed:
    """As it is now."""
    return Typed(agent.username, agent.display_name, agent.purpose, groups)


def new_form(groups: Iterable[str], typed: Typed, error: CallerError | None = None) -> AgentForm:
    """A new agent."""
    name = Field(
        "name",
        "User name",
        typed.name,
        hint="Small letters, digits and -. It stands in commands and in the log, and stays.",
        error=_said(error, "name"),
        max_chars=40,
        placeholder="eval-nightly",
    )
    return _form(
        ("Make an agent", "It acts under its own name, and you answer for it: you see what it does, and can stop it."),
        (name, *_fields(typed, error)),
        typed,
        groups,
        error,
        (reverse("web:agent-new"), reverse("web:agents"), "Make the agent"),
    )


def change_form(agent: User, groups: Iterable[str], typed: Typed, error: CallerError | None = None) -> AgentForm:
    """Another description."""
    return _form(
        (f"Change {agent.display_name}", "A group that it loses counts at once: what rests on it ends."),
        _fields(typed, error),
        typed,
        groups,
        error,
        (href_of(agent, "change"), href_of(agent), "Save"),
    )


def _fields(typed: Typed, error: CallerError | None) -> tuple[Field, ...]:
    return (
        Field(
            "display_name", "Shown name", typed.display_name, max_chars=120, is_required=False,
            optional_note="the user name when empty", error=_said(error, "display_name"),
        ),
        Field(
            "purpose", "What is it for?", typed.purpose, "textarea", max_chars=PURPOSE_CHARS[1],
            hint="Whoever approves its requests reads this.", error=_said(error, "purpose"),
        ),
    )  # fmt: skip


def _form(
    head: tuple[str, str],
    fields: tuple[Field, ...],
    typed: Typed,
    groups: Iterable[str],
    error: CallerError | None,
    ways: tuple[str, str, str],
) -> AgentForm:
    (title, lead), (post_href, back_href, verb) = head, ways
    lines = (ErrorItem(f"f-{_field_of(error)}", error.sentence),) if error is not None else ()
    return AgentForm(
        title=title,
        lead=lead,
        fields=fields,
        groups=tuple(Option(name, words.group_title(name), name in typed.groups) for name in sorted(groups)),
        groups_note="Rules say by group what it may ask for. It can be in groups of yours only.",
        errors=FormErrors("Something has to be mended.", lines) if lines else None,
        post_href=post_href,
        back_href=back_href,
        verb=verb,
    )


def _said(error: CallerError | None, field: str) -> str:
    return error.sentence if error is not None and _field_of(error) == field else ""


def _field_of(error: CallerError) -> str:
    field = str(error.fields.get("field", "name"))
    return "name" if field == "username" else field
