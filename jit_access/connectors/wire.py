"""HTTP to a target, bounded in every direction: where it may connect, how long it may take, how much it may say.

The deadline covers the whole conversation, because a per-read timeout lets a peer that sends one byte every few
seconds hold a worker for hours. Redirects are never followed: the credential goes to the configured origin only.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import httpcore

from jit_access.connectors.addresses import is_usable, resolve
from jit_access.connectors.base import Endpoint, Permanent, Retryable
from jit_access.domain.reasons import Reason

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 5.0
MAX_BODY_BYTES = 4 * 1024 * 1024  # distribution-spec 1.1: a registry should take manifests of at least 4 MiB


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer. Header names are lower case; a header sent twice is joined by commas (RFC 9110 5.2)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class AddressRefused(Exception):
    """The name leads only to places where no target may be."""


class Deadline:
    """The instant, on the monotonic clock, after which a conversation is over."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def shorten(self, timeout: float | None) -> float:
        """The given timeout, or what is left if that is less. Raises httpcore.ReadTimeout when nothing is left."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the conversation took too long")
        return left if timeout is None else min(left, timeout)


class Wire:
    """One conversation with one target. Not safe to share between threads."""

    def __init__(self, endpoint: Endpoint, *, lasts_at_most_s: float) -> None:
        self.endpoint = endpoint
        deadline = Deadline(lasts_at_most_s)
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=1,
            network_backend=GuardedBackend(endpoint.allow_private, deadline),
        )

    def close(self) -> None:
        self._pool.close()

    def get(self, path: str, *, headers: Mapping[str, str], origin: str = "") -> Reply:
        """GET a path of the target, or of another origin that the caller trusts with what it sends.

        Raises: PeerError, with a sentence that names the target.
        """
        try:
            return self._get(f"{origin or self.endpoint.base_url}{path}", headers)
        except AddressRefused as exc:
            self._fail(exc, Reason.UPSTREAM_AWAY, "is at an address where no target may be", is_permanent=True)
        except (httpcore.NetworkError, httpcore.TimeoutException, OSError) as exc:
            if _is_untrusted_certificate(exc):
                self._fail(exc, Reason.UPSTREAM_AWAY, "shows a certificate that is not trusted here", is_permanent=True)
            self._fail(exc, Reason.UPSTREAM_AWAY, "does not answer")
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, UnicodeError) as exc:
            self._fail(exc, Reason.UPSTREAM_BROKEN, "answers with something that is not HTTP")

    def refuse(self, reason: Reason, words: str) -> NoReturn:
        """Raise Permanent with a sentence about this target."""
        raise Permanent(reason, self._sentence(words), target=self.endpoint.slug)

    def postpone(self, words: str) -> NoReturn:
        """Raise Retryable with a sentence about this target."""
        raise Retryable(Reason.UPSTREAM_AWAY, self._sentence(words), target=self.endpoint.slug)

    def _get(self, url: str, headers: Mapping[str, str]) -> Reply:
        sent = [("Accept-Encoding", "identity"), ("User-Agent", "jit-access-gateway"), *headers.items()]
        timeouts = {"connect": CONNECT_TIMEOUT_S, "read": READ_TIMEOUT_S, "write": READ_TIMEOUT_S, "pool": 1.0}
        with self._pool.stream("GET", url, headers=sent, extensions={"timeout": timeouts}) as response:
            received = _join_headers(response.headers)
            if 300 <= response.status < 400:
                self.refuse(Reason.UPSTREAM_REDIRECT_REFUSED, "points to another place; give the address it really has")
            if received.get("content-encoding", "identity") != "identity":
                self.refuse(Reason.UPSTREAM_BROKEN, "compresses what was asked for plain")
            return Reply(response.status, received, self._read(response.iter_stream()))

    def _read(self, chunks: Iterable[bytes]) -> bytes:
        body = bytearray()
        for chunk in chunks:
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                self.refuse(Reason.UPSTREAM_BROKEN, "sends more than was asked for")
        return bytes(body)

    def _fail(self, exc: Exception, reason: Reason, words: str, *, is_permanent: bool = False) -> NoReturn:
        kind = Permanent if is_permanent else Retryable
        raise kind(reason, self._sentence(words), target=self.endpoint.slug) from exc

    def _sentence(self, words: str) -> str:
        where = f" at {self.endpoint.base_url}" if words == "does not answer" else ""
        return f"{self.endpoint.slug} {words}{where}."


class GuardedBackend(httpcore.NetworkBackend):
    """Resolves, checks, and connects to exactly what was checked."""

    def __init__(self, allow_private: bool, deadline: Deadline) -> None:
        self._allow_private = allow_private
        self._deadline = deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = resolve(host, port)
        # One bad address among good ones is a name that somebody else plays with.
        if not all(is_usable(address, allow_private=self._allow_private) for address in addresses):
            raise AddressRefused
        failure: Exception = OSError("no address")
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(
                    str(address), port, self._deadline.shorten(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
                continue
            return _TimedStream(stream, self._deadline)
        raise failure


class _TimedStream(httpcore.NetworkStream):
    """A stream on which no read or write outlives the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.shorten(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.shorten(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.shorten(timeout))
        return _TimedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _join_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        joined[key] = f"{joined[key]}, {text}" if key in joined else text
    return joined


def _is_untrusted_certificate(exc: BaseException) -> bool:
    seen: BaseException | None = exc
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
