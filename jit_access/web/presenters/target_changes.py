"""What a change to a target asks for, and what it will do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.urls import reverse

from jit_access.domain.errors import GatewayError
from jit_access.domain.operations import Tier
from jit_access.targets.models import Target, TargetKind
from jit_access.web.viewmodels.parts import TIER_BADGES, Confirm, Field, Hidden, Option

_EXAMPLES = {
    TargetKind.OCI: "llm/next-model",
    TargetKind.HF: "models/Org/next-model",
    TargetKind.S3: "weights/next-model",
    TargetKind.MLFLOW: "models/next-model",
}


def credential_confirm(target: Target, username: str, error: GatewayError | None = None) -> Confirm:
    """The password is never sent back."""
    return Confirm(
        id="credential",
        title=f"Replace the gateway’s credential at {target.slug}?",
        effect="The new one is tried there first. Open grants and running transfers go on.",
        verb="Try and replace",
        keep="Keep the old one",
        post_href=reverse("web:target-credential", args=[target.public_id]),
        back_href=reverse("web:target", args=[target.public_id]),
        is_danger=False,
        fields=(
            Field(
                "username", "User name of the gateway there", username, error=_said(error, "username"),
                is_required=False, optional_note="empty for none", max_chars=200,
            ),
            Field(
                "password", "Password or token", kind="password", error=_said(error, "password"), is_required=False,
                hint="Sealed at once, and never shown again.", autocomplete="new-password",
            ),
        ),
    )  # fmt: skip


_HINTS = {
    TargetKind.OCI: "As its clients write it, in lower case, without the target.",
    TargetKind.HF: "models/Org/name, datasets/Org/name or spaces/Org/name.",
    TargetKind.S3: "bucket/folder, in a bucket that is there.",
    TargetKind.MLFLOW: "models/name. An experiment is made there and then discovered.",
}
_AS_ABOVE = Option("", "As what holds it; Critical where nothing does")


def repository_confirm(
    target: Target, name: str = "", tier: str | None = None, error: GatewayError | None = None
) -> Confirm:
    """A name that the target does not list yet. In a store it starts as what holds it, or it would change that."""
    first = (_AS_ABOVE,) if target.kind == TargetKind.S3 else ()
    chosen = tier if tier is not None else "" if first else Tier.CRITICAL.value
    return Confirm(
        id="repository",
        title=f"Name a repository at {target.slug}",
        effect="For one that is still to be made. Nothing is made there now; people can ask for the access to make it.",
        verb="Name it",
        keep="Back",
        post_href=reverse("web:target-repository-new", args=[target.public_id]),
        back_href=reverse("web:target", args=[target.public_id]),
        is_danger=False,
        fields=(
            Field(
                "name", "Name", name, hint=_HINTS[TargetKind(target.kind)], error=_said(error, "name"),
                max_chars=200, placeholder=_EXAMPLES[TargetKind(target.kind)],
            ),
            Field(
                "tier", "How much does it matter?", chosen, "select", error=_said(error, "tier"),
                is_required=not first,
                options=(*first, *(Option(one.value, TIER_BADGES[one].word, one == chosen) for one in Tier)),
            ),
        ),
    )  # fmt: skip


def raised_confirm(target: Target, name: str, tier: Tier, raised: Mapping[str, int]) -> Confirm:
    """Naming it makes what holds it count as more serious: said before, with how many open grants that touches."""
    held = " and ".join(raised)
    grants = sum(raised.values())
    count = f"{grants} open {'grant is' if grants == 1 else 'grants are'} asked about again" if grants else ""
    return Confirm(
        id="repository",
        title=f"Name {name}, which is {TIER_BADGES[tier].word}?",
        effect=f"{held} {'count' if len(raised) > 1 else 'counts'} as {TIER_BADGES[tier].word} from now on, because "
        f"{name} lies in it. {count or 'No open grant names it'}.",
        verb="Name it",
        keep="Back",
        post_href=reverse("web:target-repository-new", args=[target.public_id]),
        back_href=reverse("web:target-repository-new", args=[target.public_id]),
        is_danger=False,
        hidden=(Hidden("name", name), Hidden("tier", tier.value), Hidden("is_sure", "1")),
    )


def places_confirm(
    target: Target, tokens: Sequence[str], stores: Sequence[str], error: GatewayError | None = None
) -> Confirm:
    """Both lists replace what was there."""
    return Confirm(
        id="places",
        title=f"Where may {target.slug} lead to?",
        effect="Redirects to any other place are refused. Both lists replace what was there.",
        verb="Save",
        keep="Keep it as it is",
        post_href=reverse("web:target-places", args=[target.public_id]),
        back_href=reverse("web:target", args=[target.public_id]),
        is_danger=False,
        fields=(
            Field(
                "token_origins", "Token service on another host", " ".join(tokens), is_required=False,
                hint="It gets the credential, as auth.docker.io does for Docker Hub.", optional_note="empty for none",
                error=_said(error, "token_origins"), max_chars=2500,
            ),
            Field(
                "redirect_origins", "Stores that redirects may lead to", " ".join(stores), is_required=False,
                hint="They never get the credential. Several with spaces between.", optional_note="empty for none",
                error=_said(error, "redirect_origins"), max_chars=2500,
            ),
        ),
    )  # fmt: skip


def remove_confirm(target: Target) -> Confirm:
    """Only what nothing ever lived on can go."""
    return Confirm(
        id="remove",
        title=f"Remove {target.slug}?",
        effect="The gateway forgets it and its credential. A target that requests or grants name stays.",
        verb="Remove the target",
        keep="Keep it",
        post_href=reverse("web:target-remove", args=[target.public_id]),
        back_href=reverse("web:target", args=[target.public_id]),
    )


def _said(error: GatewayError | None, field: str) -> str:
    return error.sentence if error is not None and error.fields.get("field") == field else ""
