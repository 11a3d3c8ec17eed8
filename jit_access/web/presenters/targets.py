"""Targets and their repositories in words. A credential is named, never shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.urls import reverse

from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason, explain
from jit_access.targets.models import Repository, Target, TargetHealth, TargetKind
from jit_access.targets.tiers import Weight, weights_of
from jit_access.web import figures
from jit_access.web.presenters import words
from jit_access.web.viewmodels.parts import TIER_BADGES, Action, Badge, Fact, Field, Notice, Option, Resource
from jit_access.web.viewmodels.request_form import ErrorItem, FormErrors
from jit_access.web.viewmodels.targets import RepositoryRow, TargetForm, TargetPage, TargetRow, TargetsPage

_HEALTH: dict[str, Badge] = {
    TargetHealth.UNCHECKED: Badge("Not checked", "clock", "wait"),
    TargetHealth.REACHABLE: Badge("Reachable", "check", "live"),
    TargetHealth.AWAY: Badge("Does not answer", "alert", "stop"),
    TargetHealth.REFUSED: Badge("Refuses our credential", "alert", "stop"),
}


def build_list(
    targets: Sequence[Target], repositories: Mapping[int, int], grants: Mapping[int, int], now: datetime
) -> TargetsPage:
    """All targets, by name."""
    well = sum(target.health == TargetHealth.REACHABLE for target in targets)
    count = len(targets)
    lead = (
        f"{figures.number_word(well)} of {figures.number_word(count).lower()} answers." if count else "No target yet."
    )
    if count == well:
        lead = "All targets answer." if count > 1 else "It answers." if count else lead
    rows = tuple(
        TargetRow(
            href=reverse("web:target", args=[target.public_id]),
            name=target.display_name,
            slug=target.slug,
            badge=_HEALTH[target.health],
            checked=figures.ago(target.checked_at, now) if target.checked_at else "never",
            repositories=figures.grouped(repositories.get(target.pk, 0)),
            grants=figures.grouped(grants.get(target.pk, 0)),
        )
        for target in targets
    )
    return TargetsPage(lead, rows)


def build_page(
    target: Target, repositories: Sequence[Repository], open_grants: Mapping[str, int], *, now: datetime
) -> TargetPage:
    """One target with its repositories. `open_grants` is by repository name."""
    badge = _HEALTH[target.health]
    weights = weights_of(repositories)
    return TargetPage(
        name=target.display_name,
        slug=target.slug,
        badge=badge,
        lead=_lead(target, now),
        notice=_notice(target),
        facts=(
            Fact("Address", target.base_url, is_mono=True),
            Fact("Kind", target.get_kind_display()),
            Fact(
                "Credential",
                target.username or ("A token" if target.sealed_password else "None"),
                "sealed, known only to the gateway" if _has_credential(target) else "",
            ),
            Fact("Private address", "May be private" if target.allow_private else "Must be public"),
            *_places(target),
            *_owners(target),
        ),
        repositories=tuple(_repository_row(row, open_grants.get(row.name, 0), weights[row.pk]) for row in repositories),
        can_manage=True,
        check_href=reverse("web:target-check", args=[target.public_id]),
        discover_href=reverse("web:target-discover", args=[target.public_id]),
        changes=tuple(
            Action(label, reverse(f"web:target-{name}", args=[target.public_id])) for label, name in _CHANGES
        ),
    )


_CHANGES = (
    ("Name a repository", "repository-new"),
    ("Replace credential", "credential"),
    ("Other places", "places"),
    ("Owners", "owners"),
    ("Who hears of requests", "routes"),
    ("Remove", "remove"),
)


def _has_credential(target: Target) -> bool:
    return bool(target.username or target.sealed_password)


def _places(target: Target) -> tuple[Fact, ...]:
    """Only what was named: for most registries that is nothing."""
    named = (
        ("Token service elsewhere", target.token_origins, "gets the credential"),
        ("Stores elsewhere", target.redirect_origins, "never get the credential"),
    )
    return tuple(Fact(label, ", ".join(origins), note, is_mono=True) for label, origins, note in named if origins)


def _owners(target: Target) -> tuple[Fact, ...]:
    """Whom rules ask as the owners of the target."""
    names = list(target.owners.order_by("display_name").values_list("display_name", flat=True))
    group = [words.group_title(target.owner_group)] if target.owner_group else []
    return (
        (Fact("Owners", ", ".join([*group, *names]), "asked by rules that say target-owner"),) if group or names else ()
    )


def _lead(target: Target, now: datetime) -> str:
    if target.checked_at is None:
        return "It was never checked."
    checked = f"Checked {figures.ago(target.checked_at, now)}."
    if target.health == TargetHealth.REACHABLE:
        return (
            f"{checked} It took the gateway’s credential."
            if _has_credential(target)
            else f"{checked} It asks for no credential."
        )
    return checked


def _notice(target: Target) -> Notice | None:
    if target.health not in {TargetHealth.AWAY, TargetHealth.REFUSED}:
        return None
    code = target.health_reason
    sentence = explain(Reason(code)) if code in set(Reason) else ""
    title = (
        f"{target.slug} does not answer."
        if target.health == TargetHealth.AWAY
        else f"{target.slug} refuses our credential."
    )
    return Notice(title, f"{sentence} Grants and their clocks go on.", "wait", "alert", code=code)


def _repository_row(repository: Repository, grants: int, weight: Weight) -> RepositoryRow:
    holds = f"counts as {TIER_BADGES[weight.tier].word}, because it holds {weight.because}" if weight.because else ""
    told = "no longer listed by the target" if repository.gone_at else repository.description
    return RepositoryRow(
        resource=Resource(repository.target.slug, repository.name),
        note="; ".join(part for part in (told, holds) if part),
        tiers=tuple(Option(tier.value, tier.value.capitalize(), tier == repository.tier) for tier in Tier),
        post_href=reverse("web:repository-tier", args=[repository.public_id]),
        size=figures.size(repository.size_bytes) if repository.size_bytes is not None else "–",
        grants=figures.grouped(grants),
        is_gone=repository.gone_at is not None,
        tier=TIER_BADGES[weight.tier],
    )


_KINDS = tuple(Option(value, label, value == TargetKind.OCI) for value, label in TargetKind.choices)
_SLUG_HINT = (
    "Part of every address: gateway/short-name/repository for a registry, "
    "gateway/hf/short-name for a hub, with s3 or mlflow in place of hf for those."
)
_FIELDS = (
    Field("kind", "Kind", TargetKind.OCI.value, kind="select", options=_KINDS),
    Field("display_name", "Name people read", placeholder="Production weights", max_chars=120),
    Field("slug", "Short name", hint=_SLUG_HINT, max_chars=63),
    Field("base_url", "Address", kind="url", placeholder="https://registry.example", max_chars=300),
    Field(
        "username",
        "User name of the gateway there",
        hint="A hub takes a token alone; for a store this is the access key id.",
        is_required=False,
        optional_note="empty for none",
        max_chars=200,
    ),
    Field(
        "password",
        "Password or token",
        kind="password",
        hint="Sealed at once, and never shown again.",
        is_required=False,
        autocomplete="new-password",
    ),
    Field(
        "token_origins",
        "Token service on another host",
        hint="It gets the credential, as auth.docker.io does for Docker Hub.",
        is_required=False,
        optional_note="empty for none",
        max_chars=2500,
    ),
    Field(
        "redirect_origins",
        "Stores that redirects may lead to",
        hint="They never get the credential. Several with spaces between.",
        is_required=False,
        optional_note="empty for none",
        max_chars=2500,
    ),
    Field("allow_private", "Its address may be private,", kind="checkbox", hint="for a registry inside this network"),
)

FIELD_NAMES = tuple(field.name for field in _FIELDS)


def build_form(values: Mapping[str, str], errors: Mapping[str, str], notice: Notice | None = None) -> TargetForm:
    """The form, with what was typed and what is wrong with it. A password is never sent back."""
    fields = tuple(_filled(field, values, errors) for field in _FIELDS)
    lines = tuple(ErrorItem(f"f-{name}", text) for name, text in errors.items())
    summary = FormErrors("Some of this cannot be used yet.", lines) if lines else None
    return TargetForm(fields, summary, notice, Action("Back", reverse("web:targets")))


def _filled(field: Field, values: Mapping[str, str], errors: Mapping[str, str]) -> Field:
    value = "" if field.kind == "password" else values.get(field.name, "")
    chosen = tuple(replace(option, is_chosen=option.value == (value or field.value)) for option in field.options)
    return replace(field, value=value, options=chosen, error=errors.get(field.name, ""))
