"""Everything that changes targets. People who do it are operators; anybody else is told that nothing is there.

The network is asked first and the database written after, never one inside the other: a slow registry must not hold
locks. A credential is tried before it is kept, and sealed for its own row before it is stored.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError
from django.db.models import F, ProtectedError, Q, RestrictedError

from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.connectors.base import Endpoint
from jit_access.connectors.registry import is_usable_name
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.core.sealing import SealBroken, Secret
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict, GatewayError, PeerError
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.targets import changes
from jit_access.targets.access import Actor, require_operator
from jit_access.targets.addressing import Beside, NewTarget, parse_new_target, parse_password, parse_username
from jit_access.targets.endpoints import endpoint_of, seal_password
from jit_access.targets.health import note_health, try_endpoint
from jit_access.targets.models import Repository, Target, TargetHealth, TargetKind


def add_target(*, actor: Actor, new: NewTarget) -> Target:
    """Add a target that answers and takes the credential.

    Raises: NotFound for whoever is no operator; CallerError for a bad field; Conflict for a name in use; PeerError
    with a sentence that says what the target did.
    """
    require_operator(actor)
    wanted = parse_new_target(new)
    if Target.objects.filter(slug=wanted.slug).exists():
        raise _name_in_use(wanted.slug)
    endpoint = Endpoint(
        wanted.slug, wanted.base_url, wanted.username, wanted.password, wanted.allow_private, wanted.token_origins
    )
    _try_or_refuse(actor, wanted.kind, endpoint, refusal="target.add-refused")
    target = Target(
        public_id=new_id(Target.ID_PREFIX),
        slug=wanted.slug,
        kind=wanted.kind,
        display_name=wanted.display_name,
        base_url=wanted.base_url,
        username=wanted.username,
        allow_private=wanted.allow_private,
        token_origins=list(wanted.token_origins),
        redirect_origins=list(wanted.redirect_origins),
        is_demo=wanted.is_demo,
        health=TargetHealth.REACHABLE,
        checked_at=clock.now(),
    )
    target.sealed_password = seal_password(target, wanted.password)
    try:
        with audited(actor=actor.ref) as audit:
            target.save(force_insert=True)
            audit.record(
                "target.added",
                target=target.slug,
                detail={
                    "base_url": target.base_url,
                    "username": target.username,
                    "allow_private": target.allow_private,
                    "token_origins": " ".join(target.token_origins),
                    "redirect_origins": " ".join(target.redirect_origins),
                    "has_password": bool(target.sealed_password),
                },
            )
            changes.announce()
    except IntegrityError as exc:
        raise _name_in_use(wanted.slug) from exc
    return target


def update_credential(*, actor: Actor, target: Target, username: str, password: Secret) -> Target:
    """Replace the credential by one that the target takes. The old one counts until the new one is stored.

    Raises: NotFound, CallerError, and PeerError with the old credential untouched.
    """
    require_operator(actor)
    name, secret = parse_username(username), parse_password(password)
    origins = tuple(target.token_origins)
    endpoint = Endpoint(target.slug, target.base_url, name, secret, target.allow_private, origins)
    _try_or_refuse(actor, target.kind, endpoint, refusal="target.credential-refused")
    with audited(actor=actor.ref) as audit:
        held = Target.objects.select_for_update().get(pk=target.pk)
        held.username, held.sealed_password = name, seal_password(held, secret)
        held.health, held.health_reason, held.checked_at = TargetHealth.REACHABLE, "", clock.now()
        held.save(update_fields=["username", "sealed_password", "health", "health_reason", "checked_at"])
        audit.record("target.credential-replaced", target=held.slug, detail={"username": name})
        changes.announce()
    return held


def name_origins(
    *, actor: Actor, target: Target, token_origins: Iterable[str], redirect_origins: Iterable[str]
) -> Target:  # fmt: skip
    """Say which token services beside a target may get its credential, and to which stores its redirects may lead.

    Both lists replace what was there. A repeat is a no-op. Raises NotFound, CallerError.
    """
    require_operator(actor)
    with audited(actor=actor.ref) as audit:
        held = Target.objects.select_for_update().get(pk=target.pk)
        beside = Beside(held.base_url, held.allow_private)
        tokens = list(beside.parse("token_origins", token_origins))
        stores = list(beside.parse("redirect_origins", redirect_origins))
        if (held.token_origins, held.redirect_origins) == (tokens, stores):
            return held
        held.token_origins, held.redirect_origins = tokens, stores
        held.save(update_fields=["token_origins", "redirect_origins"])
        detail = {"token_origins": " ".join(tokens), "redirect_origins": " ".join(stores)}
        audit.record("target.origins-named", target=held.slug, detail=detail)
        changes.announce()
    return held


def check_target(*, actor: Actor, target: Target) -> Target:
    """Try the target now, because somebody asked. Raises NotFound, PeerError; both outcomes are remembered."""
    require_operator(actor)
    try:
        try_endpoint(target.kind, endpoint_of(target))
    except PeerError as exc:
        note_health(target, exc, actor=actor.ref)
        raise
    note_health(target, None, actor=actor.ref)
    return target


def check_every_target() -> int:
    """Try all targets, one after the other, on the gateway's own account. Returns how many do not answer well."""
    failures = 0
    for target in Target.objects.order_by(F("checked_at").asc(nulls_first=True), "pk"):
        failure: GatewayError | None = None
        try:
            try_endpoint(target.kind, endpoint_of(target))
        except (PeerError, SealBroken) as exc:  # one damaged row must not hide the state of the others
            failure = exc
            failures += 1
        note_health(target, failure, actor=GATEWAY)
    return failures


def name_repository(*, actor: Actor, target: Target, name: str, tier: Tier) -> Repository:
    """Name a repository that the target does not list yet, so that making it can be asked for. A repeat is a no-op.

    Raises: NotFound for whoever is no operator; CallerError for a name that such a target cannot have; Conflict when it
    is known with another tier.
    """
    require_operator(actor)
    require_nameable(target, name)
    with audited(actor=actor.ref) as audit:
        Target.objects.select_for_update().get(pk=target.pk)  # a discovery may be adding the same
        held = Repository.objects.filter(target=target, name=name).first()
        if held is not None:
            if held.tier != tier or held.gone_at is not None:
                raise Conflict(Reason.INVALID_INPUT, f"{name} is known here already.", field="name")
            return held
        held = Repository.objects.create(
            public_id=new_id(Repository.ID_PREFIX), target=target, name=name, tier=tier, discovered_at=None
        )
        audit.record("repository.named", target=target.slug, repository=name, detail={"tier": tier.value})
        changes.announce_tier(target.pk)  # in a store, all that holds it counts as this serious from now on
        changes.announce()
    return held


_NAMED_LIKE = {
    TargetKind.OCI: "write it as its clients do, like llm/next-model, in lower case",
    TargetKind.HF: "write it as models/Org/name, datasets/Org/name or spaces/Org/name",
    TargetKind.S3: "write it as bucket/folder",
    TargetKind.MLFLOW: "write it as models/name",
}


def require_nameable(target: Target, name: str) -> None:
    """Raises CallerError for a name that such a target cannot have, or that nobody could make through the gateway."""
    kind = TargetKind(target.kind)
    if not is_usable_name(kind, name):
        sentence = f"No repository here can be called that: {_NAMED_LIKE[kind]}."
        raise CallerError(Reason.INVALID_INPUT, sentence, field="name")
    if kind is TargetKind.MLFLOW and name.startswith("experiments/"):
        sentence = "Nobody makes an experiment through the gateway: make it there, then discover it."
        raise CallerError(Reason.INVALID_INPUT, sentence, field="name")
    bucket = name.partition("/")[0]
    in_it = Q(name=bucket) | Q(name__startswith=f"{bucket}/")
    if kind is TargetKind.S3 and not Repository.objects.filter(in_it, target=target).exists():
        sentence = "Nobody makes a bucket through the gateway: make it there and discover it, then name bucket/folder."
        raise CallerError(Reason.INVALID_INPUT, sentence, field="name")


def set_tier(*, actor: Actor, repository: Repository, tier: Tier) -> Repository:
    """Say how much a repository matters. Grants that live on it are asked about again. A repeat is a no-op."""
    require_operator(actor)
    with audited(actor=actor.ref) as audit:
        held = Repository.objects.select_for_update().select_related("target").get(pk=repository.pk)
        if held.tier == tier:
            return held
        audit.record(
            "repository.tier-changed",
            target=held.target.slug,
            repository=held.name,
            detail={"tier": tier.value, "was": held.tier},
        )
        held.tier = tier
        held.save(update_fields=["tier"])
        changes.announce_tier(held.target_id)
        changes.announce()
    return held


def describe_repository(*, actor: Actor, repository: Repository, description: str) -> Repository:
    """Say in a sentence what a repository holds."""
    require_operator(actor)
    with audited(actor=actor.ref) as audit:
        held = Repository.objects.select_for_update().select_related("target").get(pk=repository.pk)
        held.description = description.strip()[:300]
        held.save(update_fields=["description"])
        audit.record("repository.described", target=held.target.slug, repository=held.name)
    return held


def remove_target(*, actor: Actor, target: Target) -> None:
    """Remove a target on which nothing ever lived. Raises Conflict when grants or requests name it: history stays."""
    require_operator(actor)
    try:
        with audited(actor=actor.ref) as audit:
            held = Target.objects.select_for_update().get(pk=target.pk)
            Repository.objects.filter(target=held).delete()
            audit.record("target.removed", target=held.slug, detail={"base_url": held.base_url})
            held.delete()
            changes.announce()
    except (ProtectedError, RestrictedError, IntegrityError) as exc:
        sentence = f"{target.slug} is named by requests or grants, so it cannot be removed."
        _record(actor, "target.remove-refused", Reason.STATE_CHANGED, target.slug)
        raise Conflict(Reason.STATE_CHANGED, sentence, target=target.slug) from exc


def _try_or_refuse(actor: Actor, kind: str, endpoint: Endpoint, *, refusal: str) -> None:
    try:
        try_endpoint(kind, endpoint)
    except PeerError as exc:
        _record(actor, refusal, exc.reason, endpoint.slug)
        raise


def _record(actor: Actor, kind: str, reason: Reason, slug: str) -> None:
    record_refusal(actor=actor.ref, kind=kind, reason=reason, target=slug)


def _name_in_use(slug: str) -> GatewayError:
    return Conflict(Reason.INVALID_INPUT, f"There is a target called {slug} already.", field="slug")
