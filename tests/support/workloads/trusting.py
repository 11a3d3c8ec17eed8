"""Issuers and trusts as people make them: an operator adds, an owner proposes, a second person confirms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jit_access.core import clock
from jit_access.core.secret import Secret
from jit_access.mfa.assurance import Assurance, Level
from jit_access.workloads import services
from jit_access.workloads.kinds import IssuerKind
from jit_access.workloads.models import TrustedIssuer, WorkloadTrust
from tests.support.cast import Cast
from tests.support.workloads.cluster import Cluster
from tests.support.workloads.issuer import UID, Issuer

GITHUB_PINS = {"repository_id": "74", "repository_owner_id": "65"}
GITLAB_PINS = {"project_id": "22", "namespace_id": "72"}
KUBERNETES_PINS = {"namespace": "train", "service_account": "eval", "service_account_uid": UID}
SPIFFE_PINS = {"sub": "spiffe://example.org/ns/train/sa/eval"}


def fresh(age_s: int = 0) -> Assurance:
    """A second factor that was shown so long ago."""
    return Assurance(Level.SECOND_FACTOR, clock.now(), age_s)


def add_issuer(cast: Cast, served: Issuer, kind: IssuerKind = IssuerKind.GITHUB, **changes: Any) -> TrustedIssuer:
    """By Ben, an operator."""
    said = {"kind": kind, "name": "Our forge", "issuer": served.url, "allows_private": True, **changes}
    return services.add_issuer(actor=cast.ben, order=services.IssuerOrder(**said), assurance=fresh())


def add_cluster(cast: Cast, cluster: Cluster, **changes: Any) -> TrustedIssuer:
    """By Ben, an operator."""
    said: dict[str, Any] = {
        "kind": IssuerKind.KUBERNETES_REVIEW,
        "name": "Training cluster",
        "issuer": cluster.issuer.url,
        "allows_private": True,
        "ca_pem": cluster.ca_pem,
        "api_server": cluster.server,
        "credential": Secret(cluster.reviewer),
    }
    return services.add_issuer(actor=cast.ben, order=services.IssuerOrder(**{**said, **changes}), assurance=fresh())


def propose(cast: Cast, issuer: TrustedIssuer, claims: Mapping[str, str], **changes: Any) -> WorkloadTrust:
    """By Ada, who answers for ci-bot."""
    order = services.TrustOrder(issuer, **{"name": "Nightly eval", "claims": claims, **changes})
    return services.propose_trust(actor=cast.ada, agent=cast.ci_bot, order=order, assurance=fresh())


def trust(cast: Cast, issuer: TrustedIssuer, claims: Mapping[str, str], **changes: Any) -> WorkloadTrust:
    """Confirmed by Dora, of security."""
    proposed = propose(cast, issuer, claims, **changes)
    return services.confirm_trust(actor=cast.dora, trust=proposed, assurance=fresh())
