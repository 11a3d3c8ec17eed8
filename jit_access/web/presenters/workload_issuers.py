"""Issuers of workload tokens in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.urls import reverse

from jit_access.domain.errors import GatewayError
from jit_access.web import figures
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field, Hidden, Option
from jit_access.web.viewmodels.workloads import Choice, ChoicePage, IssuerCard, IssuersPage
from jit_access.workloads.issuers import default_audience
from jit_access.workloads.kinds import KIND_NAMES, RULES, IssuerKind, label_of
from jit_access.workloads.models import TrustedIssuer

_KIND_NOTES = {
    IssuerKind.GITHUB: "Jobs of GitHub Actions, known by the ids of repository and owner.",
    IssuerKind.GITLAB: "Jobs of GitLab CI, known by the ids of project and namespace.",
    IssuerKind.KUBERNETES_KEYS: "Pods, known by their service account. A deleted pod counts until its token runs out.",
    IssuerKind.KUBERNETES_REVIEW: "Pods, known by their service account. The cluster is asked about each token.",
    IssuerKind.OIDC: "Any other issuer with a list of its keys, such as SPIRE.",
}
_PLACEHOLDERS = {
    IssuerKind.GITHUB: "https://token.actions.githubusercontent.com",
    IssuerKind.GITLAB: "https://gitlab.example.com",
    IssuerKind.OIDC: "https://spire.example.com",
}
_CLUSTER = "https://kubernetes.default.svc.cluster.local"
YES, NO = "yes", "no"


def build_list(rows: Sequence[TrustedIssuer], now: datetime, *, may_manage: bool) -> IssuersPage:
    """All of them, standing ones first."""
    standing = [row for row in rows if row.retired_at is None]
    return IssuersPage(
        lead="Their word says which job or pod holds a token. Alone it opens nothing: an agent’s owner says which of "
        "their workloads is trusted, and a second person confirms.",
        add=Action("Add an issuer", reverse("web:issuer-new"), "plus", "primary") if may_manage else None,
        cards=tuple(_card(row, now, may_manage=may_manage) for row in standing),
        retired=tuple(_card(row, now, may_manage=False) for row in rows if row not in standing),
    )


def choose_kind() -> ChoicePage:
    """Before the form of a new one."""
    there = reverse("web:issuer-new")
    return ChoicePage(
        title="Add an issuer",
        lead="What kind of workloads does it speak for?",
        choices=tuple(Choice(KIND_NAMES[kind], _KIND_NOTES[kind], f"{there}?kind={kind}") for kind in IssuerKind),
        back=Action("Issuers", reverse("web:issuers"), "back"),
        empty_title="",
        empty_text="",
    )


def ask_new(kind: IssuerKind, typed: Mapping[str, str], error: GatewayError | None = None) -> Confirm:
    """The form of a new one."""
    said = {str(error.fields.get("field")): error.sentence} if error is not None else {}

    def field(name: str, label: str, **more: object) -> Field:
        value = "" if name == "credential" else typed.get(name, "")
        return Field(name, label, value, error=said.get(name, ""), **more)  # type: ignore[arg-type]  # as Field takes

    is_reviewed = kind is IssuerKind.KUBERNETES_REVIEW
    cluster = (
        field("api_server", "API server", placeholder="https://203.0.113.10:6443", max_chars=300),
        field(
            "credential", "Token that may create TokenReviews", kind="password", autocomplete="off", max_chars=8192,
            hint="Of a service account with system:auth-delegator. Kept sealed, never shown again.",
        ),
    )  # fmt: skip
    private = typed.get("allows_private", NO)
    return Confirm(
        id="issuer",
        title=f"Add an issuer: {KIND_NAMES[kind]}",
        effect=f"{_KIND_NOTES[kind]} What is said here stays: to change it, retire the issuer and add it anew.",
        verb="Add",
        keep="Back",
        post_href=reverse("web:issuer-new"),
        back_href=reverse("web:issuer-new"),
        is_danger=False,
        hidden=(Hidden("kind", kind),),
        fields=(
            field("name", "Name", placeholder="Our forge", max_chars=80),
            field(
                "issuer", "Issuer", hint="As it stands in iss, character by character.", max_chars=300,
                placeholder=_PLACEHOLDERS.get(kind, _CLUSTER),
            ),
            field(
                "audience", "Audience", is_required=False, optional_note="empty for our address", max_chars=300,
                hint=f"The one aud that counts, usually {default_audience()}.",
            ),
            *(cluster if is_reviewed else ()),
            field(
                "jwks_uri", "Address of its keys", is_required=False, max_chars=500,
                optional_note="empty: the cluster is asked alone" if is_reviewed else "empty: as its metadata say",
            ),
            field(
                "ca", "Certificate of its authority", kind="textarea", is_required=False,
                optional_note="empty for the public ones", hint="PEM.", max_chars=65536,
            ),
            field(
                "allows_private", "May it be inside the company?", kind="select",
                options=(
                    Option(NO, "No, it is on the internet", private != YES),
                    Option(YES, "Yes, also at a private address", private == YES),
                ),
            ),
        ),
    )  # fmt: skip


def ask_retire(row: TrustedIssuer, trusts: int) -> Confirm:
    """Taking one back."""
    ended = figures.plural(trusts, "trusted workload")
    return Confirm(
        id="retire",
        title=f"Retire {row.name}?",
        effect=f"Its tokens count no more. {ended} of it ends, with every access token got that way. This stays so.",
        verb="Retire",
        keep="Keep it",
        post_href=reverse("web:issuer-retire", args=[row.public_id]),
        back_href=reverse("web:issuers"),
    )


def _card(row: TrustedIssuer, now: datetime, *, may_manage: bool) -> IssuerCard:
    kind = IssuerKind(row.kind)
    pinned = figures.joined([label_of(kind, rule.name) for rule in RULES[kind].needed])
    facts = [
        Fact("Kind", KIND_NAMES[kind]),
        Fact("Issuer", row.issuer, is_mono=True),
        Fact("Audience", row.audience, is_mono=True),
        Fact("Always pinned", pinned),
        Fact("A token counts", "once" if row.is_used_once else "until it runs out"),
    ]
    if row.retired_at is not None:
        facts.append(Fact("Retired", f"{figures.ago(row.retired_at, now)} by {row.retired_by_name}"))
    retire = Action("Retire", reverse("web:issuer-retire", args=[row.public_id]), style="small")
    return IssuerCard(
        name=row.name,
        badge=Badge("Retired", "x") if row.retired_at is not None else Badge("Looked at", "check", "live"),
        facts=tuple(facts),
        retire=retire if may_manage else None,
    )
