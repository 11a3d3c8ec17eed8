"""The session view: the frozen facts about one grant that a proxy enforces, without asking anybody.

One view per grant. It holds the hashes of every live token of the grant, the scope, the end, and an epoch that only
grows: a view with a smaller or equal epoch than the one held is ignored. Views travel as signed JSON text, so that
whoever can write to Redis cannot open a door (they could only withhold news, which the staleness clock covers).

Limits that came later than the first version stand in `limits`, beside what they limit. A reader that does not know one
of them must not serve what it limits: it finds the view paused, as `draining`, because such a reader is a process that
an upgrade is about to replace. Readers that know all of them find the true state in `limits` (ADR 0021).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from jit_access.domain.errors import GatewayError
from jit_access.domain.file_rules import is_file_rule, is_refused
from jit_access.domain.operations import Staleness
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import Scope, parse_scope

WIRE_VERSION = 1
MAX_WIRE_BYTES = 256 * 1024
_LARGEST = 2.0**63  # JSON knows whole numbers that no float holds
_LIMITS = ("request_budget", "requests_used", "refused_files", "locked_leases", "reopens_at")
_LIMIT_KEYS = frozenset({"state", "reason", *_LIMITS})


class ViewState(StrEnum):
    """What the proxy may do under this view. Only OPEN ever allows; the others say why not."""

    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LeaseFacts:
    """One token of the grant: its public id (`lse_…`), the SHA-256 of the token, and its own end (epoch seconds)."""

    lease_id: str
    token_hash: str
    valid_until: float


@dataclass(frozen=True, slots=True)
class LockedLease:
    """One token that is locked, while the grant and its other tokens go on. `until` 0: until somebody lifts it."""

    lease_id: str
    until: float

    def stops(self, lease: LeaseFacts, now: float) -> bool:
        """True while that token may not act."""
        return self.lease_id == lease.lease_id and (self.until == 0 or now < self.until)


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """What the proxy must know about one granted repository beyond the scope."""

    name: str
    tier: str
    verify_digests: bool
    staleness: Staleness


@dataclass(frozen=True, slots=True)
class SessionView:
    """Everything that is needed to answer for one grant. Times are UTC epoch seconds by the database's clock."""

    grant_id: str
    epoch: int
    state: ViewState
    reason: Reason  # why it is not open; `granted` while it is
    actor_id: str
    actor_name: str
    actor_kind: str
    target: str  # slug: first path segment of every repository name
    scope: Scope
    repositories: tuple[RepositoryFacts, ...]
    leases: tuple[LeaseFacts, ...]
    valid_from: float
    valid_until: float  # exclusive
    rule: str  # policy rule that decided, for the audit record
    risk: int = 0
    byte_budget: int = 0  # 0: none
    bytes_used: int = 0
    request_budget: int = 0  # 0: none
    requests_used: int = 0
    refused_files: tuple[str, ...] = ()  # words of domain.file_rules
    locked_leases: tuple[LockedLease, ...] = ()
    envelope: str = ""  # public id of what people agreed to beforehand, to be named where its part is spent
    reopens_at: float = 0.0  # when the last lock on it runs out by itself; 0: somebody has to lift one

    def repository(self, name: str) -> RepositoryFacts | None:
        """The facts of one granted repository."""
        return next((facts for facts in self.repositories if facts.name == name), None)

    @property
    def has_limits(self) -> bool:
        """True when it says something that readers of the first version do not know."""
        is_locked = bool(self.locked_leases or self.reopens_at) or self.reason is Reason.LOCKED
        return bool(self.request_budget or self.refused_files) or is_locked

    def refuses_file(self, path: str) -> bool:
        """True when this kind of file is refused, whatever the scope covers."""
        return is_refused(self.refused_files, path)

    def refusal_at(self, now: float, lease: LeaseFacts) -> Reason | None:
        """None while this view lets that lease act at `now`; else why not. Intervals are half-open, no leeway."""
        if self.state is not ViewState.OPEN and not self._has_reopened(now):
            return self.reason if self.reason is not Reason.GRANTED else Reason.GRANT_NOT_ACTIVE
        if now < self.valid_from:
            return Reason.GRANT_NOT_STARTED
        if now >= self.valid_until:
            return Reason.GRANT_EXPIRED
        if now >= lease.valid_until:
            return Reason.TOKEN_EXPIRED
        if self.locked_leases and any(locked.stops(lease, now) for locked in self.locked_leases):
            return Reason.LOCKED
        return None

    def _has_reopened(self, now: float) -> bool:
        """A lock that ran out stops nothing, whether or not anybody has written that down."""
        is_locked = self.state is ViewState.PAUSED and self.reason is Reason.LOCKED
        return is_locked and 0 < self.reopens_at <= now


class ViewRejected(GatewayError):
    """A view could not be trusted or read. The holder must reload everything before serving."""


def encode_view(view: SessionView) -> str:
    """Canonical JSON text of a view. One without limits is written as it always was."""
    body = asdict(view) | {"v": WIRE_VERSION, "scope": view.scope.to_wire()}
    limits = {name: body.pop(name) for name in _LIMITS}
    if not view.envelope:  # a word and no limit: readers that do not know it miss nothing
        del body["envelope"]
    if view.has_limits:
        body["limits"] = limits | {"state": view.state, "reason": view.reason}
        if view.state is ViewState.OPEN:
            body |= {"state": ViewState.PAUSED, "reason": Reason.DRAINING}
        elif view.reason is Reason.LOCKED:
            body |= {"reason": Reason.GRANT_SUSPENDED}  # a word that all readers know
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def decode_view(text: str) -> SessionView:
    """Parse a view. Raises ViewRejected on anything unexpected, whatever it is."""
    if len(text) > MAX_WIRE_BYTES:
        raise ViewRejected(Reason.CONTROL_PLANE_LOST, "A session view was larger than allowed.")
    try:
        raw = json.loads(text)
        if not isinstance(raw, Mapping) or raw.get("v") != WIRE_VERSION:
            raise ValueError("version")
        limits = _known_limits(raw)
        return SessionView(
            grant_id=_text(raw, "grant_id"),
            epoch=_whole(raw, "epoch"),
            state=ViewState(limits.get("state", raw["state"])),
            reason=Reason(limits.get("reason", raw["reason"])),
            actor_id=_text(raw, "actor_id"),
            actor_name=_text(raw, "actor_name"),
            actor_kind=_text(raw, "actor_kind"),
            target=_text(raw, "target"),
            scope=parse_scope(raw["scope"]),
            repositories=tuple(
                RepositoryFacts(
                    _text(item, "name"),
                    _text(item, "tier"),
                    item["verify_digests"] is True,
                    Staleness(item["staleness"]),
                )
                for item in raw["repositories"]
            ),
            leases=tuple(
                LeaseFacts(_text(item, "lease_id"), _text(item, "token_hash"), _seconds(item, "valid_until"))
                for item in raw["leases"]
            ),
            valid_from=_seconds(raw, "valid_from"),
            valid_until=_seconds(raw, "valid_until"),
            rule=_text(raw, "rule"),
            risk=_whole(raw, "risk"),
            byte_budget=_whole(raw, "byte_budget"),
            bytes_used=_whole(raw, "bytes_used"),
            request_budget=_whole(limits, "request_budget") if limits else 0,
            requests_used=_whole(limits, "requests_used") if limits else 0,
            refused_files=tuple(limits["refused_files"]) if limits else (),
            locked_leases=tuple(
                LockedLease(_text(item, "lease_id"), _seconds(item, "until"))
                for item in limits.get("locked_leases", ())
            ),
            envelope=_text(raw, "envelope") if "envelope" in raw else "",
            reopens_at=_seconds(limits, "reopens_at") if "reopens_at" in limits else 0.0,
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, GatewayError) as exc:
        raise ViewRejected(Reason.CONTROL_PLANE_LOST, "A session view could not be read.") from exc


def sign_text(text: str, key: bytes) -> str:
    """Hex HMAC-SHA256 over one message between the planes."""
    return hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()


def check_signature(text: str, signature: str, key: bytes) -> None:
    """Raises ViewRejected unless the signature fits; compares in constant time."""
    if not hmac.compare_digest(sign_text(text, key).encode(), signature.encode("utf-8", "replace")):
        raise ViewRejected(Reason.CONTROL_PLANE_LOST, "A message from the control plane was not signed by it.")


def _known_limits(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """What limits this view; nothing when one of them is unknown here. Then what all readers are told holds."""
    if "limits" not in raw:
        return {}
    limits = raw["limits"]
    words = limits["refused_files"]
    if raw["state"] == ViewState.OPEN or not isinstance(words, list):
        raise ValueError("limits")
    return limits if limits.keys() <= _LIMIT_KEYS and all(map(is_file_rule, words)) else {}


def _text(raw: Mapping[str, object], key: str) -> str:
    value = raw[key]
    if not isinstance(value, str):
        raise ValueError(key)
    return value


def _whole(raw: Mapping[str, object], key: str) -> int:
    value = raw[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(key)
    return value


def _seconds(raw: Mapping[str, object], key: str) -> float:
    """Finite: an end that is not a number would compare as never reached."""
    value = raw[key]
    if not isinstance(value, int | float) or isinstance(value, bool) or not -_LARGEST < value < _LARGEST:
        raise ValueError(key)
    return float(value)
