"""Naming whose tokens are looked at, and taking that back. Operators only, with a fresh second factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.core.sealing import seal
from jit_access.core.secret import Secret
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound
from jit_access.domain.reasons import Reason
from jit_access.jose.fetching import check_address, check_ca, fetch_json
from jit_access.jose.key_sets import KEY_TYPES
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Assurance, check_fresh
from jit_access.workloads.access import may_manage_issuers
from jit_access.workloads.ending import end_trust
from jit_access.workloads.kinds import IssuerKind
from jit_access.workloads.models import TrustedIssuer, WorkloadTrust

_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_USUAL: Final = ("RS256", "ES256")
_USED_ONCE: Final = frozenset({IssuerKind.GITHUB})  # each call of a job gets a token of its own there
MAX_CREDENTIAL_CHARS: Final = 8 * 1024


@dataclass(frozen=True, slots=True)
class IssuerOrder:
    """What an operator says about an issuer; what is left empty is read from its metadata, or is as usual."""

    kind: IssuerKind
    name: str
    issuer: str
    audience: str = ""
    jwks_uri: str = ""
    algorithms: tuple[str, ...] = ()
    is_used_once: bool | None = None
    allows_private: bool = False
    ca_pem: str = ""
    api_server: str = ""
    credential: Secret | None = None


def add_issuer(*, actor: User, order: IssuerOrder, assurance: Assurance) -> TrustedIssuer:
    """Look at tokens of this issuer from now on. That alone opens nothing.

    Raises: NotFound for those who may not; PolicyRefusal (second-factor-…); CallerError; Conflict; PeerError
    (issuer-away). All recorded.
    """
    try:
        _check_operator(actor, assurance)
        issuer = _make(actor, order)
        with audited(actor=actor.ref) as audit:
            if TrustedIssuer.objects.filter(issuer=issuer.issuer, retired_at=None).exists():
                raise Conflict(Reason.DUPLICATE_REQUEST, "This issuer is here already.")
            issuer.save()
            audit.record("issuer.added", detail=_facts_of(issuer))
            return issuer
    except GatewayError as refusal:
        record_refusal(
            actor=actor.ref,
            kind="issuer.add-refused",
            reason=refusal.reason,
            detail={"issuer": clean_text(order.issuer)[:300]},
        )
        raise


def retire_issuer(*, actor: User, issuer: TrustedIssuer, assurance: Assurance) -> TrustedIssuer:
    """Its tokens count no more, and every trust in one of its workloads is over, with what was got under it.

    A repeat does nothing. Raises: NotFound, PolicyRefusal (second-factor-…), recorded.
    """
    try:
        _check_operator(actor, assurance)
    except GatewayError as refusal:
        record_refusal(
            actor=actor.ref,
            kind="issuer.retire-refused",
            reason=refusal.reason,
            detail={"issuer_id": issuer.public_id},
        )
        raise
    with audited(actor=actor.ref) as audit:
        row = TrustedIssuer.objects.select_for_update().get(pk=issuer.pk)
        if row.retired_at is not None:
            return row
        row.retired_at, row.retired_by_name = clock.now(), actor.display_name[:120]
        row.save(update_fields=["retired_at", "retired_by_name"])
        ended = 0
        for pk in WorkloadTrust.objects.filter(issuer=row).order_by("pk").values_list("pk", flat=True):
            ended += end_trust(audit, pk, note=f"{row.name} was retired")
        audit.record("issuer.retired", detail=_facts_of(row) | {"trusts_ended": ended})
        return row


def default_audience() -> str:
    """What workloads ask their tokens for, unless an operator says otherwise: our own address."""
    return str(settings.PUBLIC_URL)


def _check_operator(actor: User, assurance: Assurance) -> None:
    if not may_manage_issuers(actor):
        raise NotFound
    check_fresh(assurance, max_age_s=STEP_UP_MAX_AGE_S)


def _make(actor: User, order: IssuerOrder) -> TrustedIssuer:
    name = clean_text(" ".join(order.name.split()))
    if not 1 <= len(name) <= 80:
        raise CallerError(Reason.INVALID_INPUT, "Give it a name of 1 to 80 characters.", field="name")
    row = TrustedIssuer(
        public_id=new_id(TrustedIssuer.ID_PREFIX),
        name=name,
        kind=order.kind,
        issuer=_address(order.issuer.strip(), "The issuer", "issuer", 300),
        audience=_audience(order.audience),
        is_used_once=order.kind in _USED_ONCE if order.is_used_once is None else order.is_used_once,
        allows_private=order.allows_private,
        ca_pem=check_ca(order.ca_pem),
        added_by=actor,
    )
    if order.kind is IssuerKind.KUBERNETES_REVIEW:
        _take_cluster(row, order)
    elif order.api_server or order.credential is not None:
        raise CallerError(Reason.INVALID_INPUT, "Only a cluster that is asked has an API server.", field="api_server")
    _take_keys(row, order)
    return row


def _take_cluster(row: TrustedIssuer, order: IssuerOrder) -> None:
    server = _address(order.api_server.strip(), "The API server", "api_server", 300).rstrip("/")
    if urlsplit(server).path or urlsplit(server).query:
        raise CallerError(Reason.INVALID_INPUT, "The API server is given without a path.", field="api_server")
    text = order.credential.reveal().strip() if order.credential is not None else ""
    if not 1 <= len(text) <= MAX_CREDENTIAL_CHARS or not text.isascii() or not text.isprintable() or " " in text:
        sentence = "Give the token of a service account that may create TokenReviews."
        raise CallerError(Reason.INVALID_INPUT, sentence, field="credential")
    row.api_server = server
    row.sealed_credential = seal(text.encode(), context=row.credential_context)


def _take_keys(row: TrustedIssuer, order: IssuerOrder) -> None:
    """Key set and algorithms: as told, or as its metadata say. A cluster that is asked needs neither."""
    found: dict[str, Any] = {}
    if order.jwks_uri.strip():
        row.jwks_uri = _address(order.jwks_uri.strip(), "The address of the keys", "jwks_uri", 500)
    elif not row.is_reviewed:
        found = fetch_json(row.issuer.rstrip("/") + _WELL_KNOWN, peer=row.peer)
        if found.get("issuer") != row.issuer:
            raise CallerError(Reason.INVALID_INPUT, "The metadata there names another issuer.", field="issuer")
        row.jwks_uri = _address(found.get("jwks_uri"), "The address of the keys", "jwks_uri", 500)
    if row.jwks_uri:
        listed = fetch_json(row.jwks_uri, peer=row.peer).get("keys")
        if not isinstance(listed, list) or not listed:
            raise CallerError(Reason.INVALID_INPUT, "No keys are listed there.", field="jwks_uri")
    offered = found.get("id_token_signing_alg_values_supported", list(_USUAL))
    wanted = order.algorithms or tuple(alg for alg in KEY_TYPES if isinstance(offered, list) and alg in offered)
    if not wanted or not set(wanted) <= KEY_TYPES.keys():
        sentence = f"Algorithms are some of {', '.join(KEY_TYPES)}."
        raise CallerError(Reason.INVALID_INPUT, sentence, field="algorithms")
    row.algorithms = [alg for alg in KEY_TYPES if alg in wanted]


def _address(url: object, what: str, field: str, most: int) -> str:
    try:
        text = check_address(url, what)
    except CallerError as exc:
        raise CallerError(exc.reason, exc.sentence, field=field) from exc
    if len(text) > most or not text.isascii():
        raise CallerError(Reason.INVALID_INPUT, f"{what} is longer than any of its kind.", field=field)
    return text


def _audience(text: str) -> str:
    audience = text.strip() or default_audience()
    if len(audience) > 300 or not audience.isascii() or not audience.isprintable() or " " in audience:
        raise CallerError(Reason.INVALID_INPUT, "The audience is one word of at most 300 characters.", field="audience")
    return audience


def _facts_of(row: TrustedIssuer) -> dict[str, str | int | bool]:
    return {
        "issuer_id": row.public_id,
        "issuer": row.issuer,
        "issuer_kind": row.kind,
        "audience": row.audience,
        "jwks_uri": row.jwks_uri,
        "algorithms": " ".join(row.algorithms),
        "used_once": row.is_used_once,
        "private": row.allows_private,
        "api_server": row.api_server,
    }
