"""Which addresses a webhook may have, as text. Where the name leads is looked at for each connection (`sending`)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason

MAX_URL_CHARS: Final = 500
_LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def check_url(url: str) -> str:
    """Raises: CallerError unless it is a plain https address. Plain http: this machine only, never in production."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused() from None
    is_local = settings.ENVIRONMENT != "production" and settings.WEBHOOKS_MAY_BE_PRIVATE and host in _LOCAL_HOSTS
    if parts.scheme not in ({"https", "http"} if is_local else {"https"}) or not host or port == 0:
        raise _refused()
    if "@" in parts.netloc or parts.fragment or len(url) > MAX_URL_CHARS or not _is_plain(url):
        raise _refused()
    return url


def _is_plain(url: str) -> bool:
    return url.isascii() and all(0x20 < ord(char) < 0x7F for char in url) and "\\" not in url


def _refused() -> CallerError:
    return CallerError(Reason.INVALID_INPUT, "A webhook is a plain https address, without a user name.", field="url")
