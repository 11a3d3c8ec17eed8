"""The shape of every token we hand out: `jita_<kind>_<id>_<secret><checksum>`.

The prefix makes leaks searchable, the checksum sorts typing errors from attacks without a look-up, the id is
what logs and people may name. Only `hash_token` of the whole is ever stored. Shape after GitHub's token
formats (2021-04); 43 base62 characters of secret carry 256 bits, so a plain SHA-256 needs no salt.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from enum import StrEnum

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_CHARS = 16
SECRET_CHARS = 43
CHECKSUM_CHARS = 6
# Publishable: secret scanners may use this expression as it stands.
TOKEN_REGEX = r"jita_(grant|api|access|client)_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}"  # noqa: S105  # a shape, not a secret
_TOKEN = re.compile(TOKEN_REGEX)
TOKEN_CHARS_MAX = 80


class TokenKind(StrEnum):
    GRANT = "grant"  # opens the proxy, bound to one grant
    API = "api"  # opens the control plane's API, bound to one account
    ACCESS = "access"  # opens the same API for some hours; made by the authorization server for a client
    CLIENT = "client"  # the secret of a client of the authorization server; opens nothing by itself


@dataclass(frozen=True, slots=True)
class TokenParts:
    """What a well-formed token says about itself. It proves nothing until its hash is found."""

    kind: TokenKind
    token_id: str


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode("ascii")), []
    for _ in range(CHECKSUM_CHARS):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def format_token(kind: TokenKind, token_id: str, secret: str) -> str:
    """Assemble a token from an id of 16 and a secret of 43 base62 characters.

    Raises: ValueError when a part has the wrong length or alphabet.
    """
    body = f"jita_{kind}_{token_id}_{secret}"
    token = body + _checksum(body)
    if not _TOKEN.fullmatch(token):
        raise ValueError("token id or secret has the wrong shape")
    return token


def parse_token(text: str) -> TokenParts | None:
    """Read kind and id from a token, or None when the shape or the checksum is wrong."""
    if len(text) > TOKEN_CHARS_MAX or not _TOKEN.fullmatch(text):
        return None
    if _checksum(text[:-CHECKSUM_CHARS]) != text[-CHECKSUM_CHARS:]:
        return None
    _, kind, token_id, _ = text.split("_")
    return TokenParts(TokenKind(kind), token_id)


def find_tokens(text: str, *, at_most: int) -> tuple[str, ...]:
    """Every token in a text whose checksum is right, each once, in order: what a scanner found, however it was cut."""
    found: dict[str, None] = {}
    for match in _TOKEN.finditer(text):
        if len(found) >= at_most:
            break
        if parse_token(match[0]) is not None:
            found[match[0]] = None
    return tuple(found)


def hash_token(text: str) -> str:
    """The hex SHA-256 under which a token is stored and looked up."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
