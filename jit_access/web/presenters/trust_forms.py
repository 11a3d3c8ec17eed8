"""The form in which an owner says what a workload must be: one field for each claim of the issuer's kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from django.urls import reverse

from jit_access.accounts.models import User
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.web import figures
from jit_access.web.presenters.workload_identities import SCOPE_WORDS
from jit_access.web.viewmodels.parts import Action, Confirm, Field, Hidden, Notice, Option
from jit_access.web.viewmodels.workloads import Choice, ChoicePage
from jit_access.workloads.kinds import KIND_NAMES, MAX_VALUE_CHARS, RULES, ClaimRule, IssuerKind
from jit_access.workloads.models import LONGEST_TOKEN_S, TrustedIssuer
from jit_access.workloads.services import MOST_DAYS, TrustOrder

_CLAIM: Final = "claim-"
_MINUTES: Final = (5, 10, LONGEST_TOKEN_S // 60)
_DAYS: Final = (7, 30, MOST_DAYS)
_MORE_CHARS: Final = 2000


def choose_issuer(agent: User, issuers: Sequence[TrustedIssuer]) -> ChoicePage:
    """Before the form: who vouches for the workload?"""
    there = reverse("web:identity-new", args=[agent.public_id])
    return ChoicePage(
        title=f"Trust a workload as {agent.display_name}",
        lead="Who says which job or pod it is?",
        choices=tuple(
            Choice(
                row.name,
                f"{KIND_NAMES[IssuerKind(row.kind)]}. Its tokens ask for the audience {row.audience}.",
                f"{there}?issuer={row.public_id}",
            )
            for row in issuers
        ),
        back=Action("Workload identities", reverse("web:identities", args=[agent.public_id]), "back"),
        empty_title="No issuer is known yet.",
        empty_text="An operator adds the forge or the cluster in which it runs. Until then, use an API token.",
    )


def ask(agent: User, issuer: TrustedIssuer, typed: Mapping[str, str], error: CallerError | None = None) -> Confirm:
    """The form, with what was typed before."""
    rules = RULES[IssuerKind(issuer.kind)]
    said = {str(error.fields.get("field")): error.sentence} if error is not None else {}

    def pinned(rule: ClaimRule, *, is_needed: bool) -> Field:
        return Field(
            f"{_CLAIM}{rule.name}", rule.label, typed.get(f"{_CLAIM}{rule.name}", ""), hint=rule.hint,
            error=said.get(rule.name, ""), max_chars=MAX_VALUE_CHARS, is_required=is_needed,
            optional_note="" if is_needed else "empty: any",
        )  # fmt: skip

    more = (
        Field(
            "more", "More claims", typed.get("more", ""), "textarea", is_required=False, optional_note="one a line",
            hint="name=value, compared whole.", error=said.get("claims", ""), max_chars=_MORE_CHARS,
        ),
    )  # fmt: skip
    return Confirm(
        id="trust",
        title=f"Trust a workload of {issuer.name} as {agent.display_name}",
        effect="It has to be all of this, character by character. It counts when somebody of operators or security "
        "has confirmed it, and nothing of it is changed afterwards.",
        verb="Propose it",
        keep="Back",
        post_href=reverse("web:identity-new", args=[agent.public_id]),
        back_href=reverse("web:identities", args=[agent.public_id]),
        is_danger=False,
        hidden=(Hidden("issuer", issuer.public_id),),
        fields=(
            Field(
                "name", "Name", typed.get("name", ""), error=said.get("name", ""), max_chars=80,
                placeholder="Nightly evaluation",
            ),
            *(pinned(rule, is_needed=True) for rule in rules.needed),
            *(pinned(rule, is_needed=False) for rule in rules.optional),
            *(more if rules.takes_any else ()),
            _choice("scope", "What may it do?", [(name, text) for name, text in reversed(SCOPE_WORDS.items())], typed),
            _choice(
                "minutes", "How long does a token last?",
                [(str(count), f"At most {count} min") for count in reversed(_MINUTES)], typed,
            ),
            _choice(
                "key", "Do its tokens belong to a key?",
                [("no", "No, whoever holds one can use it"), ("yes", "Yes, it proves its key each time (DPoP)")], typed,
            ),
            _choice(
                "days", "How long is it trusted?",
                [(str(count), figures.plural(count, "day")) for count in reversed(_DAYS)], typed,
            ),
        ),
    )  # fmt: skip


def read_order(issuer: TrustedIssuer, form: Mapping[str, str]) -> TrustOrder:
    """What was typed. Raises: CallerError."""
    claims = {name.removeprefix(_CLAIM): value for name, value in form.items() if name.startswith(_CLAIM)}
    for line in form.get("more", "")[:_MORE_CHARS].splitlines():
        name, equals, value = line.strip().partition("=")
        if not name:
            continue
        if not equals or name in claims:
            sentence = "Write name=value, one a line, each name once."
            raise CallerError(Reason.INVALID_INPUT, sentence, field="claims")
        claims[name] = value
    return TrustOrder(
        issuer=issuer,
        name=form.get("name", ""),
        claims=claims,
        scope=form.get("scope", ""),
        longest_token_s=_whole(form.get("minutes", ""), "minutes") * 60,
        lasts_days=_whole(form.get("days", ""), "days"),
        needs_key=form.get("key") == "yes",
    )


def notice_of(error: CallerError | None) -> Notice | None:
    """What is wrong with no field in particular, or with one that has no place beside it."""
    if error is None or error.fields.get("field") == "name":
        return None
    return Notice(error.sentence, "Nothing was changed.", "wait", "alert", code=str(error.reason))


def _choice(name: str, label: str, options: Sequence[tuple[str, str]], typed: Mapping[str, str]) -> Field:
    chosen = typed.get(name) or options[0][0]
    made = tuple(Option(value, text, value == chosen) for value, text in options)
    return Field(name, label, chosen, "select", options=made)


def _whole(text: str, field: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 4:
        raise CallerError(Reason.INVALID_INPUT, "Choose how long.", field=field)
    return int(text)
