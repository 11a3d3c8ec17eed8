"""Naming a provider, and what its words mean here. Done at the gateway's own machine: it decides who can be whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from authlib.oidc.discovery import OpenIDProviderMetadata  # type: ignore[import-untyped]  # ships no types
from django.conf import settings

from jit_access.audit.recorder import audited
from jit_access.core.ids import new_id
from jit_access.core.sealing import seal
from jit_access.core.secret import Secret
from jit_access.domain.actors import ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict, NotFound
from jit_access.domain.reasons import Reason
from jit_access.jose.fetching import Peer, check_address, fetch_json
from jit_access.jose.key_sets import KEY_TYPES
from jit_access.mfa.assurance import Level
from jit_access.single_sign_on.models import GroupMapping, LogoutEnds, Provider
from jit_access.single_sign_on.oauth import secret_context

_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_AUTH_METHODS: Final = ("client_secret_basic", "client_secret_post")
_MAY_CHANGE: Final = frozenset(
    {"name", "scopes", "username_claim", "groups_claim", "may_provision", "logout_ends", "is_active"}
)


@dataclass(frozen=True, slots=True)
class ProviderOrder:
    """What an operator says about a provider; the rest is read from its metadata."""

    slug: str
    name: str
    issuer: str
    client_id: str
    secret: Secret | None = None


def get_provider(slug: str, *, is_active: bool | None = True) -> Provider:
    """Raises: NotFound for one that is unknown or switched off."""
    found = Provider.objects.filter(slug=slug).first()
    if found is None or (is_active is not None and found.is_active != is_active):
        raise NotFound
    return found


def active_providers() -> tuple[Provider, ...]:
    """Those that one can sign in with."""
    return tuple(Provider.objects.filter(is_active=True).order_by("name"))


def add_provider(*, actor: ActorRef, order: ProviderOrder) -> Provider:
    """Read a provider's metadata and keep what it says. Raises: CallerError, Conflict; PeerError (provider-away)."""
    if not order.slug or order.slug != order.slug.lower() or not order.slug.replace("-", "").isalnum():
        raise CallerError(Reason.NAME_INVALID, "A provider's short name has small letters, digits and - only.")
    provider = Provider(
        public_id=new_id("idp"),
        slug=order.slug[:40],
        name=clean_text(order.name.strip())[:80] or order.slug,
        issuer=check_address(order.issuer, "The issuer"),
        client_id=order.client_id[:200],
    )
    if Provider.objects.filter(slug=provider.slug).exists() or Provider.objects.filter(issuer=provider.issuer).exists():
        raise Conflict(Reason.DUPLICATE_REQUEST, "A provider of that name or issuer is here already.")
    if order.secret is not None:
        provider.sealed_secret = seal(order.secret.reveal().encode(), context=secret_context(provider))
    _take_metadata(provider)
    with audited(actor=actor) as audit:
        provider.save()
        audit.record("provider.added", detail={"provider": provider.slug, "issuer": provider.issuer})
    return provider


def refresh_provider(*, actor: ActorRef, provider: Provider) -> None:
    """Read the metadata again: a provider moved its endpoints, or took up another algorithm."""
    _take_metadata(provider)
    with audited(actor=actor) as audit:
        provider.save()
        audit.record("provider.refreshed", detail={"provider": provider.slug})


def change_provider(*, actor: ActorRef, provider: Provider, **changes: Any) -> None:
    """Change what an operator decides. Raises: CallerError for anything else."""
    if not changes.keys() <= _MAY_CHANGE:
        raise CallerError(Reason.INVALID_INPUT, "That is not an operator's to change.")
    if changes.get("logout_ends", LogoutEnds.SESSION) not in LogoutEnds.values:
        raise CallerError(Reason.INVALID_INPUT, "A sign-out ends the session, or everything of the person.")
    with audited(actor=actor) as audit:
        for field, value in changes.items():
            setattr(provider, field, value)
        provider.save(update_fields=list(changes))
        audit.record("provider.changed", detail={"provider": provider.slug, **{k: str(v) for k, v in changes.items()}})


def map_group(*, actor: ActorRef, provider: Provider, external: str, group: str, is_removed: bool = False) -> None:
    """A group of the provider means one of ours, or no longer does. Raises: CallerError for a protected group."""
    if group in settings.PROTECTED_GROUPS:
        raise CallerError(
            Reason.INVALID_INPUT,
            f"{group} is protected (JIT_PROTECTED_GROUPS): its members are named here, not elsewhere.",
        )
    if not external or len(external) > 255 or not group or len(group) > 150:
        raise CallerError(Reason.INVALID_INPUT, "A mapping has a group of the provider and one of ours.")
    with audited(actor=actor) as audit:
        rows = GroupMapping.objects.filter(provider=provider, external=external, group=group)
        if is_removed:
            rows.delete()
        elif not rows.exists():
            GroupMapping.objects.create(provider=provider, external=external, group=group)
        kind = "provider.group-unmapped" if is_removed else "provider.group-mapped"
        audit.record(kind, detail={"provider": provider.slug, "external": external, "group": group})


def map_strength(*, actor: ActorRef, provider: Provider, word: str, level: Level | None) -> None:
    """`acr:<value>` or `amr:<value>` counts as this level, or, with None, as nothing any more."""
    kind, _, value = word.partition(":")
    if kind not in {"acr", "amr"} or not 1 <= len(value) <= 200 or " " in value:
        raise CallerError(Reason.INVALID_INPUT, "Write acr:<value> or amr:<value>.")
    with audited(actor=actor) as audit:
        provider.strength = {k: v for k, v in provider.strength.items() if k != word}
        if level is not None:
            provider.strength[word] = int(level)
        provider.save(update_fields=["strength"])
        audit.record(
            "provider.strength-mapped",
            detail={"provider": provider.slug, "word": word, "level": int(level) if level is not None else -1},
        )


def _take_metadata(provider: Provider) -> None:
    found = fetch_json(provider.issuer.rstrip("/") + _WELL_KNOWN, peer=Peer(provider.name))
    if found.get("issuer") != provider.issuer:
        raise CallerError(Reason.INVALID_INPUT, "The metadata there names another issuer.")
    metadata = OpenIDProviderMetadata(found)
    provider.authorization_endpoint = check_address(found.get("authorization_endpoint"), "The authorization endpoint")
    provider.token_endpoint = check_address(found.get("token_endpoint"), "The token endpoint")
    provider.jwks_uri = check_address(found.get("jwks_uri"), "The address of the keys")
    end = found.get("end_session_endpoint")
    provider.end_session_endpoint = check_address(end, "The sign-out endpoint") if end else ""
    provider.names_itself = found.get("authorization_response_iss_parameter_supported") is True
    if "S256" not in (found.get("code_challenge_methods_supported") or ["S256"]):
        raise CallerError(Reason.INVALID_INPUT, "It cannot do PKCE with S256.")
    offered = found.get("id_token_signing_alg_values_supported")
    usable = [alg for alg in KEY_TYPES if isinstance(offered, list) and alg in offered]
    if not usable:
        raise CallerError(Reason.INVALID_INPUT, "It signs with no algorithm that is taken here (RS, PS or ES).")
    provider.algorithms = usable
    methods = metadata.get("token_endpoint_auth_methods_supported") or list(_AUTH_METHODS)
    provider.token_auth_method = next((method for method in _AUTH_METHODS if method in methods), _AUTH_METHODS[0])
