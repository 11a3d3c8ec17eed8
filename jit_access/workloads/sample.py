"""Would this workload be known here? Claims that somebody pastes, held beside what is pinned. Nothing of it is kept.

Nothing is verified either, so this is help with spelling and never a way in: the answer goes to whoever may see the
trusts anyway.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jit_access.accounts.models import User
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError
from jit_access.domain.lifecycle import TrustState
from jit_access.domain.reasons import Reason
from jit_access.jose.errors import TokenFault
from jit_access.jose.reading import read_json
from jit_access.workloads import selectors
from jit_access.workloads.kinds import IssuerKind, flatten, in_order, label_of
from jit_access.workloads.models import TrustedIssuer, WorkloadTrust

MAX_CHARS: Final = 16 * 1024
_SHOWN_CHARS: Final = 120


@dataclass(frozen=True, slots=True)
class Line:
    """One pinned claim and what the sample says instead. An empty `found` is a claim that is not there."""

    name: str
    label: str
    pinned: str
    found: str
    is_same: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """One trust of the agent beside the sample."""

    trust: WorkloadTrust
    lines: tuple[Line, ...]

    @property
    def is_fitting(self) -> bool:
        return all(line.is_same for line in self.lines)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the sample is worth. `was_signed`: a whole token was pasted, which is a secret until it runs out."""

    issuer: TrustedIssuer | None
    was_signed: bool
    problems: tuple[str, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def is_fitting(self) -> bool:
        return not self.problems and any(one.is_fitting for one in self.comparisons)


def look_at(*, agent: User, text: str) -> Sample:
    """Hold pasted claims beside what is trusted as this agent. Raises: CallerError for what cannot be read."""
    claims, was_signed = _claims_of(text.strip())
    issuer = selectors.standing_issuers().filter(issuer=str(claims.get("iss", ""))[:300]).first()
    if issuer is None:
        said = clean_text(str(claims.get("iss", "nobody")))[:_SHOWN_CHARS]
        return Sample(None, was_signed, (f"iss is {said}, which is no issuer here.",), ())
    problems = []
    if claims.get("aud") not in (issuer.audience, [issuer.audience]):
        problems.append(f"aud must be {issuer.audience} and nothing else.")
    if issuer.is_used_once and not isinstance(claims.get("jti"), str):
        problems.append("jti is missing: tokens of this issuer count once.")
    try:
        facts = flatten(IssuerKind(issuer.kind), claims)
    except TokenFault:
        problems.append("It does not say in one voice which service account it is for.")
        facts = {}
    trusts = selectors.trusts_of(agent).filter(issuer=issuer).exclude(state=TrustState.REVOKED)
    return Sample(issuer, was_signed, tuple(problems), tuple(_compare(trust, facts) for trust in trusts))


def _compare(trust: WorkloadTrust, facts: Mapping[str, str]) -> Comparison:
    kind = IssuerKind(trust.issuer.kind)
    lines = tuple(
        Line(
            name,
            label_of(kind, name),
            value,
            clean_text(facts.get(name, ""))[:_SHOWN_CHARS],
            facts.get(name) == value,
        )
        for name, value in in_order(kind, trust.claims).items()
    )
    return Comparison(trust, lines)


def _claims_of(text: str) -> tuple[Mapping[str, Any], bool]:
    if not text or len(text) > MAX_CHARS:
        raise CallerError(Reason.INVALID_INPUT, "Paste the claims, at most 16 KiB of them.", field="sample")
    parts = text.split(".")
    was_signed = len(parts) == 3 and not text.startswith("{")
    try:
        if not was_signed:
            return read_json(text), False
        part = parts[1]
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        return read_json(raw.decode("utf-8")), True
    except (binascii.Error, ValueError, RecursionError) as exc:
        sentence = "That is not a JSON object with claims, each name once."
        raise CallerError(Reason.INVALID_INPUT, sentence, field="sample") from exc
