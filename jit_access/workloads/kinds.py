"""What each kind of issuer says about a workload, and which of it has to be pinned. Pure.

Names can be taken again by somebody else: a repository is deleted and registered anew, a namespace made again by
another team. So what is pinned first are the ids that the issuer never gives twice. A value is compared whole; there
are no patterns.
Source: GitHub, "OpenID Connect reference"; GitLab, "ID tokens"; Kubernetes, "Service account tokens"; SPIFFE JWT-SVID.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.jose.errors import TokenFault

MAX_VALUE_CHARS: Final = 255
MAX_PINS: Final = 12
_NUMBER = r"[0-9]{1,20}"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_LABEL = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_ANY = r"[^\s*](?:[^\r\n\t*]{0,253}[^\s*])?"
_CLAIM_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,99}")
# What says how long and for whom a token is, and not who holds it.
_NEVER_PINNED: Final = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})
_ACCOUNT: Final = "system:serviceaccount:"


class IssuerKind(StrEnum):
    GITHUB = "github-actions"
    GITLAB = "gitlab"
    KUBERNETES_KEYS = "kubernetes-jwks"
    KUBERNETES_REVIEW = "kubernetes-tokenreview"
    OIDC = "oidc"


KIND_NAMES: Final = {
    IssuerKind.GITHUB: "GitHub Actions",
    IssuerKind.GITLAB: "GitLab CI",
    IssuerKind.KUBERNETES_KEYS: "Kubernetes, by its keys",
    IssuerKind.KUBERNETES_REVIEW: "Kubernetes, asked each time",
    IssuerKind.OIDC: "OpenID Connect or SPIFFE",
}


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """One thing that an issuer says. `words` continue "a job that …"; `form` is what its value must look like."""

    name: str
    label: str
    words: str
    form: str = _ANY
    hint: str = ""


@dataclass(frozen=True, slots=True)
class KindRules:
    """`needed` are always pinned. `told` are written into the log besides. `takes_any`: other claims may be pinned."""

    needed: tuple[ClaimRule, ...]
    optional: tuple[ClaimRule, ...] = ()
    told: tuple[str, ...] = ()
    takes_any: bool = False


_KUBERNETES = KindRules(
    needed=(
        ClaimRule("namespace", "Namespace", "runs in namespace {}", _LABEL),
        ClaimRule("service_account", "Service account", "runs as service account {}", _LABEL),
        ClaimRule(
            "service_account_uid", "Account uid", "whose uid is {}", _UUID,
            "kubectl get serviceaccount NAME -o jsonpath={.metadata.uid}",
        ),
    ),
    told=("pod", "pod_uid", "node"),
)  # fmt: skip
RULES: Final[Mapping[IssuerKind, KindRules]] = {
    IssuerKind.GITHUB: KindRules(
        needed=(
            ClaimRule(
                "repository_id", "Repository id", "runs in the repository with id {}", _NUMBER,
                "gh api repos/OWNER/NAME --jq .id",
            ),
            ClaimRule(
                "repository_owner_id", "Owner id", "whose owner has id {}", _NUMBER,
                "gh api repos/OWNER/NAME --jq .owner.id",
            ),
        ),
        optional=(
            ClaimRule("environment", "Environment", "runs in environment {}"),
            ClaimRule(
                "job_workflow_ref", "Workflow", "runs workflow {}",
                hint="owner/name/.github/workflows/file.yml@refs/heads/main",
            ),
            ClaimRule("ref", "Branch or tag", "runs for {}", hint="refs/heads/main"),
            ClaimRule("event_name", "Event", "was started by {}"),
        ),
        told=("repository", "ref", "run_id", "run_attempt", "actor", "sha"),
    ),
    IssuerKind.GITLAB: KindRules(
        needed=(
            ClaimRule("project_id", "Project id", "runs in the project with id {}", _NUMBER, "Settings, General"),
            ClaimRule("namespace_id", "Namespace id", "whose namespace has id {}", _NUMBER, "The group's page"),
        ),
        optional=(
            ClaimRule("environment", "Environment", "runs in environment {}"),
            ClaimRule("ref", "Branch or tag", "runs for {}"),
            ClaimRule("ref_type", "Kind of ref", "runs for a {}", "branch|tag"),
            ClaimRule("ref_protected", "Protected", "runs for a ref whose protection is {}", "true|false"),
            ClaimRule("ci_config_ref_uri", "Pipeline file", "is defined by {}"),
        ),
        told=("project_path", "ref", "pipeline_id", "job_id", "user_login", "sha"),
    ),
    IssuerKind.KUBERNETES_KEYS: _KUBERNETES,
    IssuerKind.KUBERNETES_REVIEW: _KUBERNETES,
    IssuerKind.OIDC: KindRules(
        needed=(ClaimRule("sub", "Subject", "is {}", hint="spiffe://example.org/ns/train/sa/eval"),), takes_any=True
    ),
}  # fmt: skip


def check_pins(kind: IssuerKind, pins: Mapping[str, str]) -> dict[str, str]:
    """The claims that a trust pins. Raises: CallerError, with the field that is wrong."""
    rules = RULES[kind]
    known = {rule.name: rule for rule in (*rules.needed, *rules.optional)}
    given = {name: value.strip() for name, value in pins.items() if value.strip()}
    if len(given) > MAX_PINS:
        raise CallerError(Reason.INVALID_INPUT, f"At most {MAX_PINS} claims are pinned.", field="claims")
    for name in given:
        if name not in known and not (rules.takes_any and _CLAIM_NAME.fullmatch(name) and name not in _NEVER_PINNED):
            shown = name[:100].encode("ascii", "replace").decode()
            raise CallerError(Reason.INVALID_INPUT, f"{shown} cannot be pinned for this issuer.", field="claims")
    for rule in rules.needed:
        if rule.name not in given:
            raise CallerError(Reason.INVALID_INPUT, f"{rule.label} has to be pinned.", field=rule.name)
    for name, value in given.items():
        _check_value(known.get(name) or ClaimRule(name, name, ""), value)
    return in_order(kind, given)


def in_words(kind: IssuerKind, pins: Mapping[str, str]) -> tuple[str, ...]:
    """What a job must be, one line for each pinned claim."""
    words = {rule.name: rule.words for rule in (*RULES[kind].needed, *RULES[kind].optional)}
    return tuple(
        words.get(name, f"says {name} {{}}").replace("{}", value) for name, value in in_order(kind, pins).items()
    )


def label_of(kind: IssuerKind, name: str) -> str:
    """What a claim is called on pages."""
    return next((rule.label for rule in (*RULES[kind].needed, *RULES[kind].optional) if rule.name == name), name)


def in_order(kind: IssuerKind, pins: Mapping[str, str]) -> dict[str, str]:
    """The claims as they are shown: ours first, others by name. A database need not keep an order."""
    known = [rule.name for rule in (*RULES[kind].needed, *RULES[kind].optional)]
    return {name: pins[name] for name in (*known, *sorted(set(pins) - set(known))) if name in pins}


def flatten(kind: IssuerKind, claims: Mapping[str, Any]) -> dict[str, str]:
    """What an issuer says about a workload, as names and texts. What is no text counts for nothing.

    Raises: TokenFault (subject) when a Kubernetes token says two things.
    """
    if kind in {IssuerKind.KUBERNETES_KEYS, IssuerKind.KUBERNETES_REVIEW}:
        return _flatten_kubernetes(claims)
    return {name: value for name, value in claims.items() if _is_plain(value)}


def account_named(username: object) -> tuple[str, str]:
    """Namespace and name of a service account. Raises: TokenFault (subject) for anybody else."""
    if isinstance(username, str) and username.startswith(_ACCOUNT):
        namespace, _, name = username.removeprefix(_ACCOUNT).partition(":")
        if re.fullmatch(_LABEL, namespace) and re.fullmatch(_LABEL, name):
            return namespace, name
    raise TokenFault("subject")


def _flatten_kubernetes(claims: Mapping[str, Any]) -> dict[str, str]:
    namespace, name = account_named(claims.get("sub"))
    told = _object(claims.get("kubernetes.io"))
    account, pod, node = _object(told.get("serviceaccount")), _object(told.get("pod")), _object(told.get("node"))
    if (told.get("namespace"), account.get("name")) != (namespace, name):
        raise TokenFault("subject")
    found = {
        "sub": claims["sub"],
        "namespace": namespace,
        "service_account": name,
        "service_account_uid": account.get("uid"),
        "pod": pod.get("name"),
        "pod_uid": pod.get("uid"),
        "node": node.get("name"),
    }
    return {key: value for key, value in found.items() if _is_plain(value)}


def _check_value(rule: ClaimRule, value: str) -> None:
    if "*" in value or "?" in value:
        sentence = f"{rule.label} is compared whole: * and ? stand for nothing else."
        raise CallerError(Reason.INVALID_INPUT, sentence, field=rule.name)
    is_plain = len(value) <= MAX_VALUE_CHARS and value.isascii() and value.isprintable()
    if not is_plain or not re.fullmatch(rule.form, value):
        raise CallerError(Reason.INVALID_INPUT, f"{rule.label} does not look like that.", field=rule.name)


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_VALUE_CHARS


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
