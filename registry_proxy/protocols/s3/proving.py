"""Is a request signed with the secret of the lease that its token belongs to?

The token alone opens nothing here: it stands in every presigned URL. Caller's duties: the token was found by its hash,
`keys` are derived from that very lease, and `now` is the gate's clock.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime

from jit_access.domain import sigv4
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.s3.claims import Claim
from registry_proxy.protocols.s3.payloads import Payload
from registry_proxy.protocols.s3.queries import Pairs

# House rule, tighter than AWS's 15 minutes: the gateway and those who use it have clocks.
SKEW_S = 300
MAX_PRESIGNED_S = 7 * 86_400  # as AWS


@dataclass(frozen=True, slots=True)
class LeaseKeys:
    """What the holder of one lease signs with."""

    access_key: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """What the chunks of a signed stream go on from."""

    key: bytes = field(repr=False)
    scope: sigv4.CredentialScope
    at: str
    signature: str
    payload: Payload


def prove(
    head: RequestHead, query: Pairs, claim: Claim, payload: Payload, *, keys: LeaseKeys, now: float
) -> Proof:  # fmt: skip
    """Raises Unclassified (signature-invalid, signature-expired)."""
    _check_time(claim, now)
    # Compared before anything is computed with it; it is public, the constant time costs nothing.
    if not hmac.compare_digest(claim.access_key.encode(), keys.access_key.encode()):
        raise _invalid()
    _check_names(claim, head)
    path = head.target.partition(b"?")[0].decode("ascii")
    signed = tuple((key, text) for key, text in query if key != "X-Amz-Signature")
    canonical = sigv4.canonical_request(head.method, path, signed, head.headers, claim.names, payload.value)
    key = sigv4.signing_key(keys.secret, claim.scope)
    expected = sigv4.sign(key, sigv4.string_to_sign(claim.at, claim.scope, canonical))
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise _invalid()
    return Proof(key, claim.scope, claim.at, claim.signature, payload)


def _check_time(claim: Claim, now: float) -> None:
    try:
        at = datetime.strptime(claim.at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as exc:
        raise _invalid() from exc
    if claim.expires_s is None:
        if abs(now - at) > SKEW_S:
            raise Unclassified(403, Reason.SIGNATURE_EXPIRED, _skew(at - now), code="RequestTimeTooSkewed")
    elif claim.expires_s > MAX_PRESIGNED_S or not at - SKEW_S <= now < at + claim.expires_s:
        raise Unclassified(403, Reason.SIGNATURE_EXPIRED, code="AccessDenied")


def _skew(ahead_s: float) -> str:
    side = "ahead of" if ahead_s > 0 else "behind"
    words = f"The clock of this machine is {abs(ahead_s) / 60:.0f} minutes {side} the gateway's."
    return f"{words} At most {SKEW_S // 60} are taken. Set it, then repeat."


def _check_names(claim: Claim, head: RequestHead) -> None:
    """What is not signed may have been put there by anybody on the way; of S3's own fields none is taken so."""
    names = {name.decode("ascii") for name, _ in head.headers}
    own = {name for name in names if name.startswith("x-amz-")}
    if "host" not in claim.names or not own <= set(claim.names) <= names:
        raise _invalid()


def _invalid() -> Unclassified:
    return Unclassified(403, Reason.SIGNATURE_INVALID, code="SignatureDoesNotMatch")
