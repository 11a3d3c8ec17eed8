"""What a request promises about its body, and where that promise is good enough.

Source: Amazon S3 API reference, "Signature calculations", the values of x-amz-content-sha256. As at AWS, a body that
is not signed needs TLS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from jit_access.domain.reasons import Reason
from jit_access.domain.sigv4 import EMPTY_SHA256
from registry_proxy.protocols.http1 import CHUNKED, RequestHead
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.s3.checksums import PREFIX, TRAILERS, Promised, promised_by

SIGNED = PREFIX + "sha256"  # the kind of sum that x-amz-content-sha256 is
_HASH = re.compile(r"[0-9a-f]{64}")
_LENGTH = re.compile(r"[0-9]{1,13}")


class PayloadKind(StrEnum):
    """Values of x-amz-content-sha256; HASHED stands for any hash."""

    HASHED = "hashed"
    UNSIGNED = "UNSIGNED-PAYLOAD"
    SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


STREAMS = frozenset({PayloadKind.SIGNED_CHUNKS, PayloadKind.SIGNED_CHUNKS_TRAILER, PayloadKind.UNSIGNED_TRAILER})
WITH_TRAILER = frozenset({PayloadKind.SIGNED_CHUNKS_TRAILER, PayloadKind.UNSIGNED_TRAILER})
_NEEDS_TLS = frozenset({PayloadKind.UNSIGNED, PayloadKind.UNSIGNED_TRAILER})


@dataclass(frozen=True, slots=True)
class Payload:
    """`value` is as it was signed. `size` is of the payload itself; `trailer` names the checksum that follows it, and
    `promised` holds those that stood in front.
    """

    kind: PayloadKind
    value: str
    size: int
    trailer: str = ""
    promised: Promised = ()


def read_payload(head: RequestHead, *, is_presigned: bool, is_tls: bool, is_object: bool = True) -> Payload:
    """Raises Unclassified when it is unknown, not good enough, or does not fit the framing.

    `is_object`: checksums in the head speak of this body, and not of an object that it completes.
    """
    field = head.get(b"x-amz-content-sha256")
    value = field.decode("ascii") if field is not None else PayloadKind.UNSIGNED.value if is_presigned else ""
    if not _HASH.fullmatch(value) and value not in set(PayloadKind) - {PayloadKind.HASHED}:
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "x-amz-content-sha256 is missing, or not known here.",
                           code="InvalidRequest")  # fmt: skip
    kind = PayloadKind.HASHED if _HASH.fullmatch(value) else PayloadKind(value)
    if kind in _NEEDS_TLS and head.length != 0 and not is_tls:
        raise Unclassified(403, Reason.PAYLOAD_UNSIGNED)
    promised = promised_by(head) if is_object else ()
    if kind in STREAMS:
        return Payload(kind, value, _decoded_length(head), _trailer(head, kind), promised)
    if head.length == CHUNKED:
        raise Unclassified(411, Reason.MALFORMED_REQUEST, "The length of the body is needed.",
                           code="MissingContentLength")  # fmt: skip
    if kind is PayloadKind.HASHED and head.length == 0 and value != EMPTY_SHA256:
        raise Unclassified(400, Reason.DIGEST_MISMATCH, code="XAmzContentSHA256Mismatch")
    if kind is PayloadKind.HASHED:
        promised = ((SIGNED, bytes.fromhex(value)), *promised)
    return Payload(kind, value, head.length, promised=promised)


def _decoded_length(head: RequestHead) -> int:
    text = (head.get(b"x-amz-decoded-content-length") or b"").decode("ascii")
    if not _LENGTH.fullmatch(text) or head.length == 0:
        raise Unclassified(411, Reason.MALFORMED_REQUEST, "x-amz-decoded-content-length is needed.",
                           code="MissingContentLength")  # fmt: skip
    return int(text)


def _trailer(head: RequestHead, kind: PayloadKind) -> str:
    name = (head.get(b"x-amz-trailer") or b"").decode("ascii").lower()
    if bool(name) != (kind in WITH_TRAILER) or (name and name not in TRAILERS):
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "x-amz-trailer does not name one checksum that is known.",
                           code="InvalidRequest")  # fmt: skip
    return name
