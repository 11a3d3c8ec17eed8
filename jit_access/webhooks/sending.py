"""One POST to a webhook: to the addresses that were checked, within 10 s, no redirects, next to nothing read back."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpcore
from django.conf import settings

from jit_access.connectors.wire import AddressRefused, Deadline, GuardedBackend

LASTS_S: Final = 10.0
CONNECT_S: Final = 3.0
READ_S: Final = 5.0
MAX_ANSWER_BYTES: Final = 64 * 1024
MAX_RETRY_AFTER_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt. `word` is a status or why there was none; never what the peer wrote."""

    word: str
    is_done: bool = False
    is_gone: bool = False  # 410: it does not want any more
    wait_s: int = 0


def post(url: str, body: str, headers: Mapping[str, str]) -> Outcome:
    """Send it once. Never raises for what a peer or the network does."""
    backend = GuardedBackend(settings.WEBHOOKS_MAY_BE_PRIVATE, Deadline(LASTS_S))
    context = ssl.create_default_context()
    sent = [
        ("Content-Type", "application/json"),
        ("Accept-Encoding", "identity"),
        ("User-Agent", "jit-access-gateway"),
        *headers.items(),
    ]
    timeouts = {"connect": CONNECT_S, "read": READ_S, "write": READ_S, "pool": 1.0}
    try:
        with (
            httpcore.ConnectionPool(ssl_context=context, max_connections=1, network_backend=backend) as pool,
            pool.stream("POST", url, headers=sent, content=body.encode(), extensions={"timeout": timeouts}) as answer,
        ):
            return _outcome(answer)
    except AddressRefused:
        return Outcome("address-refused")
    except (httpcore.NetworkError, httpcore.TimeoutException, OSError):
        return Outcome("no-answer")
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, UnicodeError):
        return Outcome("not-http")


def _outcome(answer: httpcore.Response) -> Outcome:
    count = 0
    for chunk in answer.iter_stream():
        count += len(chunk)
        if count > MAX_ANSWER_BYTES:
            break  # the connection is closed with the pool; its status counts
    told = dict(answer.headers).get(b"Retry-After", b"") or dict(answer.headers).get(b"retry-after", b"")
    wait_s = min(int(told), MAX_RETRY_AFTER_S) if told.isdigit() and answer.status in {429, 503} else 0
    return Outcome(str(answer.status), 200 <= answer.status < 300, answer.status == 410, wait_s)
