"""The form of a new API token: its name, its time and, for an agent's, what narrows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.http import QueryDict

from jit_access.accounts.services import Rotation, TokenLimits
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.web.viewmodels.parts import Field, Option
from jit_access.web.viewmodels.security import TokenForm

TOKEN_DAYS: Final = (7, 30, 90)
FAMILY_DAYS: Final = (180, 365)  # for those that rotate
NEVER: Final = "0"
_HOUR_S: Final = 3600
_EVERY: Final = ((NEVER, "Never"), ("86400", "Every day"), ("604800", "Every 7 days"), ("2592000", "Every 30 days"))
_OVERLAP: Final = ((str(_HOUR_S), "1 h"), ("86400", "1 day"), ("604800", "7 days"))


@dataclass(frozen=True, slots=True)
class Form:
    """Whose token it will be, in words, and where the form leads. `is_agents`: limits are offered."""

    title: str
    lead: str
    post_href: str
    back_href: str
    placeholder: str
    is_agents: bool = False

    @property
    def days(self) -> tuple[int, ...]:
        return (*TOKEN_DAYS, *FAMILY_DAYS) if self.is_agents else TOKEN_DAYS


def read_lasts(form: Form, post: QueryDict) -> timedelta:
    """Raises: CallerError for what is not offered."""
    days = post.get("days", "")
    if days not in {str(one) for one in form.days}:
        raise CallerError(Reason.INVALID_INPUT, "Choose how long it lasts.", field="lasts")
    return timedelta(days=int(days))


def read_limits(form: Form, post: QueryDict) -> TokenLimits:
    """Raises: CallerError."""
    if not form.is_agents:
        return TokenLimits()
    uses = post.get("max_uses", "").strip()
    if uses and not (uses.isascii() and uses.isdecimal() and len(uses) < 10):
        raise CallerError(Reason.INVALID_INPUT, "Type a whole number, or nothing.", field="max_uses")
    every, overlap = post.get("rotates_every", NEVER), post.get("overlap", "86400")
    if every not in dict(_EVERY) or overlap not in dict(_OVERLAP):
        raise CallerError(Reason.INVALID_INPUT, "Choose one of these.", field="rotates_every")
    rotation = None if every == NEVER else Rotation(_seconds(every), _seconds(overlap))
    networks = tuple(post.get("networks", "").replace(",", " ").split())
    return TokenLimits(networks, int(uses) if uses else None, rotation)


def build_form(form: Form, post: QueryDict, error: CallerError | None = None) -> TokenForm:
    """The form, with what was typed and what has to be mended."""
    said = {str(error.fields.get("field", "name")): error.sentence} if error is not None else {}
    chosen = post.get("days", "30")
    return TokenForm(
        name=Field(
            "name",
            "What is it for?",
            post.get("name", ""),
            hint="You find it again by this name.",
            error=said.get("name", ""),
            max_chars=80,
            placeholder=form.placeholder,
        ),
        days=tuple(Option(str(one), f"{one} days", str(one) == chosen) for one in form.days),
        title=form.title,
        lead=form.lead,
        post_href=form.post_href,
        back_href=form.back_href,
        days_error=said.get("lasts", ""),
        days_hint="More than 90 days only for tokens that rotate." if form.is_agents else "",
        limits=_limits(post, said) if form.is_agents else (),
    )


def _limits(post: QueryDict, said: dict[str, str]) -> tuple[Field, ...]:
    every, overlap = post.get("rotates_every", NEVER), post.get("overlap", "86400")
    return (
        Field(
            "networks", "From which networks?", post.get("networks", ""), "textarea", is_required=False,
            optional_note="anywhere when empty", error=said.get("networks", ""), max_chars=1000,
            hint="Such as 10.0.0.0/8 or 2001:db8::/32. From elsewhere it is refused, and you hear of it.",
            placeholder="10.0.0.0/8",
        ),
        Field(
            "max_uses", "How many uses?", post.get("max_uses", ""), is_required=False,
            optional_note="any number when empty", error=said.get("max_uses", ""), max_chars=7,
            hint="Each call of the API is one use.", placeholder="50",
        ),
        Field(
            "rotates_every", "Replace it by another one?", every, "select", error=said.get("rotates_every", ""),
            options=tuple(Option(value, words, value == every) for value, words in _EVERY),
            hint="The job collects the next token with the one that it has. If two have it, both are locked out.",
        ),
        Field(
            "overlap", "How long may the job take to collect it?", overlap, "select", error=said.get("overlap", ""),
            options=tuple(Option(value, words, value == overlap) for value, words in _OVERLAP),
            hint="The old token works on so long, or until the new one is used. Only for tokens that rotate.",
        ),
    )  # fmt: skip


def _seconds(text: str) -> timedelta:
    return timedelta(seconds=int(text))
