"""What a request says about who signed it, in a field or in the query. Nothing of it is believed yet."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jit_access.domain.reasons import Reason
from jit_access.domain.sigv4 import ALGORITHM, SERVICE, TERMINATOR, CredentialScope
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.s3.queries import Pairs

TOKEN_FIELD = b"x-amz-security-token"
UNSIGNED = "UNSIGNED-PAYLOAD"
# The seven keys of a presigned URL. They are signed, judged and left here.
QUERY_KEYS = frozenset({
    "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature",
    "X-Amz-Security-Token",
})  # fmt: skip
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} +Credential=([^,\s]+),? *SignedHeaders=([^,\s]+),? *Signature=([0-9a-f]{{64}})"
)
_CREDENTIAL = re.compile(rf"([\w.-]{{1,128}})/([0-9]{{8}})/([a-z0-9-]{{1,32}})/{SERVICE}/{TERMINATOR}", re.ASCII)
_NAMES = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+(?:;[a-z0-9!#$%&'*+.^_`|~-]+)*")
_AT = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_EXPIRES = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class Claim:
    """`expires_s` is None for a signature in the Authorization field."""

    access_key: str
    scope: CredentialScope
    at: str
    names: tuple[str, ...]
    signature: str
    expires_s: int | None

    @property
    def is_presigned(self) -> bool:
        """True for a URL that carries its own signature."""
        return self.expires_s is not None


def read_token(head: RequestHead) -> str | None:
    """The session token, which is the grant's token, from where either form has it."""
    value = head.get(TOKEN_FIELD)
    if value is not None:
        return value.decode("ascii")
    for item in head.target.partition(b"?")[2].split(b"&"):
        if item.startswith(b"X-Amz-Security-Token="):
            return item.partition(b"=")[2].decode("ascii")  # its characters need no escapes
    return None


def read_claim(head: RequestHead, query: Pairs) -> Claim | None:
    """None when nothing was signed at all. Raises Unclassified for a claim that cannot be read in one way."""
    _check_single(head)
    _check_version(head, query)
    in_query = any(key in QUERY_KEYS for key, _ in query)
    authorization = head.get(b"authorization")
    if in_query and (authorization is not None or head.get(TOKEN_FIELD) is not None):
        raise _unreadable("it is signed in two ways")
    if in_query:
        return _from_query(dict(query))
    if authorization is None:
        return None
    return _from_field(authorization.decode("ascii"), (head.get(b"x-amz-date") or b"").decode("ascii"))


def _from_field(text: str, at: str) -> Claim:
    found = _AUTHORIZATION.fullmatch(text)
    if not found:
        raise _unreadable("Authorization is not an AWS4-HMAC-SHA256 signature")
    return _claim(found[1], at, found[2], found[3], None)


def _from_query(fields: dict[str, str]) -> Claim:
    if fields.get("X-Amz-Algorithm") != ALGORITHM or not fields.keys() >= QUERY_KEYS:
        raise _unreadable("its query is not that of a presigned URL")
    expires, signature = fields["X-Amz-Expires"], fields["X-Amz-Signature"]
    if not _EXPIRES.fullmatch(expires) or not _SIGNATURE.fullmatch(signature):
        raise _unreadable("its query is not that of a presigned URL")
    return _claim(fields["X-Amz-Credential"], fields["X-Amz-Date"], fields["X-Amz-SignedHeaders"], signature,
                  int(expires))  # fmt: skip


def _claim(credential: str, at: str, names: str, signature: str, expires_s: int | None) -> Claim:
    found = _CREDENTIAL.fullmatch(credential)
    if not found or not _AT.fullmatch(at) or not _NAMES.fullmatch(names):
        raise _unreadable("its credential, date or list of signed fields cannot be read")
    listed = tuple(names.split(";"))
    if list(listed) != sorted(set(listed)) or at[:8] != found[2]:
        raise _unreadable("its date and its list of signed fields are not in order")
    return Claim(found[1], CredentialScope(found[2], found[3]), at, listed, signature, expires_s)


def _check_single(head: RequestHead) -> None:
    """Of an x-amz field that comes twice, the store might take the other one."""
    names = [name for name, _ in head.headers if name.startswith(b"x-amz-")]
    if len(set(names)) != len(names):
        raise _unreadable("an x-amz field comes twice")


def _check_version(head: RequestHead, query: Pairs) -> None:
    """Clients presign in version 2 by themselves where they do not know a region's rules, and then send no token."""
    if {"AWSAccessKeyId", "Signature"} <= {key for key, _ in query} or (head.get(b"authorization") or b"")[
        :4
    ] == b"AWS ":
        sentence = (
            "This is signed with signature version 2; the gateway takes version 4. In boto3 that is "
            'Config(signature_version="s3v4"), for aws: aws configure set s3.signature_version s3v4'
        )
        raise Unclassified(400, Reason.MALFORMED_REQUEST, sentence, code="InvalidRequest")


def _unreadable(what: str) -> Unclassified:
    return Unclassified(400, Reason.MALFORMED_REQUEST, f"The gateway refused this request: {what}.",
                        code="AuthorizationHeaderMalformed")  # fmt: skip
