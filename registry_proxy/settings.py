"""What one proxy process is told by its environment, read once and typed.

Every secret may also come from a file: NAME_FILE wins over NAME. A wrong value stops the start with one sentence
that names the variable, never its value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

_T = TypeVar("_T")
_HOST_NAME = re.compile(r"(?=.{1,200}\Z)[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_PROXY_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LOG_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR"})
VIEW_KEY_BYTES = 32
MIN_SECRET_CHARS = 16


class SettingsError(Exception):
    """The environment cannot be used. The sentence is for operators and never holds a value."""


class Secret:
    """Text that refuses to print itself. Only `reveal` gives it, at the one place that sends it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. Port 0 lets the kernel choose."""

    host: str
    port: int


def _limit(default: _T, env: str, says: str) -> _T:
    """A limit, its variable, and its line in docs/reference/limits.md."""
    return field(default=default, metadata={"env": env, "says": says})


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps and deadlines of one process. Bytes, seconds and counts; an address is an IPv4 address or an IPv6 /64."""

    connections: int = _limit(1024, "JIT_PROXY_CONNECTIONS", "Client connections at once.")
    connections_per_address: int = _limit(
        256, "JIT_PROXY_CONNECTIONS_PER_ADDRESS", "Client connections at once from one address."
    )
    requests_per_address: int = _limit(
        500, "JIT_PROXY_REQUESTS_PER_ADDRESS", "Connections and requests a second from one address."
    )
    request_burst_per_address: int = _limit(
        2000, "JIT_PROXY_REQUEST_BURST_PER_ADDRESS", "How many of them may come at once after a pause."
    )
    requests_per_grant: int = _limit(200, "JIT_PROXY_REQUESTS_PER_GRANT", "Requests a second under one grant.")
    request_burst_per_grant: int = _limit(
        1000, "JIT_PROXY_REQUEST_BURST_PER_GRANT", "How many of them may come at once after a pause."
    )
    streams_per_grant: int = _limit(128, "JIT_PROXY_STREAMS_PER_GRANT", "Exchanges that run at once under one grant.")
    header_bytes: int = _limit(32 * 1024, "JIT_PROXY_HEADER_BYTES", "Request line and fields of one request.")
    header_count: int = _limit(100, "JIT_PROXY_HEADER_COUNT", "Fields of one request.")
    target_bytes: int = _limit(8 * 1024, "JIT_PROXY_TARGET_BYTES", "Path and query of one request.")
    upload_bytes: int = _limit(512 * 1024**3, "JIT_PROXY_UPLOAD_BYTES", "Body of one request of an upload.")
    header_deadline_s: float = _limit(
        10,
        "JIT_PROXY_HEADER_DEADLINE_S",
        "From the connection, or the first byte of the next request, to the empty line.",
    )
    idle_body_deadline_s: float = _limit(
        30, "JIT_PROXY_IDLE_BODY_S", "The window in which a body has to move, in either direction."
    )
    least_bytes_per_s: int = _limit(
        1024, "JIT_PROXY_LEAST_BYTES_PER_S", "How fast it has to move, on average over that window."
    )
    idle_tunnel_s: float = _limit(
        900,
        "JIT_PROXY_IDLE_TUNNEL_S",
        "How long a connection that changed protocols may be silent; no route does today.",
    )
    drain_s: float = _limit(30, "JIT_PROXY_DRAIN_S", "What running transfers get after SIGTERM.")
    worker_silence_s: float = _limit(
        45, "JIT_PROXY_WORKER_SILENCE_S", "How long a worker may not answer its parent before it is replaced."
    )
    handover_s: float = _limit(3600, "JIT_PROXY_HANDOVER_S", "What they get when new workers took over after SIGHUP.")
    spool_bytes: int = _limit(256 * 1024**2, "JIT_SPOOL_BYTES", "Audit records on disk; past it new requests get 503.")
    cache_bytes: int = _limit(10 * 1024**3, "JIT_PROXY_CACHE_BYTES", "Kept blobs on disk, of all workers together.")
    cache_proof_s: float = _limit(
        3600, "JIT_PROXY_CACHE_PROOF_S", "How long a registry is believed that a repository holds a kept blob."
    )
    stranger_records: int = _limit(
        10,
        "JIT_PROXY_STRANGER_RECORDS",
        "Refusals of one reason a minute that are recorded one by one for an address without a grant.",
    )
    stranger_records_together: int = _limit(
        300, "JIT_PROXY_STRANGER_RECORDS_TOGETHER", "The same over all addresses; past both, each doubling is recorded."
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole environment of a proxy process."""

    listen: Address
    tls_listen: Address | None
    tls_cert: Path | None
    tls_key: Path | None
    admin_listen: Address | None
    proxy_id: str
    control_url: str
    public_url: str  # of the web pages: refusals say where to ask for access
    spool_dir: Path
    redis_url: Secret  # may hold a password
    proxy_secret: Secret
    view_key: bytes = field(repr=False)
    cache_dir: Path | None = None  # off unless named
    bucket_host: str = ""  # hosts below this name are buckets; none unless set
    control_ca: Path | None = None  # for a control plane whose certificate comes from a private authority
    log_level: str = "INFO"
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read and check everything. Raises SettingsError at the first thing that cannot be used."""
        read = _Reader(environ)
        tls_listen = read.optional("JIT_PROXY_TLS_LISTEN", _address)
        tls_cert = read.optional("JIT_PROXY_TLS_CERT", _file)
        tls_key = read.optional("JIT_PROXY_TLS_KEY", _file)
        if tls_listen and not (tls_cert and tls_key):
            raise SettingsError("JIT_PROXY_TLS_LISTEN needs JIT_PROXY_TLS_CERT and JIT_PROXY_TLS_KEY.")
        return cls(
            listen=read.given("JIT_PROXY_LISTEN", _address, "127.0.0.1:8080"),
            tls_listen=tls_listen,
            tls_cert=tls_cert,
            tls_key=tls_key,
            admin_listen=read.optional("JIT_PROXY_ADMIN_LISTEN", _address),
            proxy_id=read.given("JIT_PROXY_ID", _proxy_id, "proxy-1"),
            control_url=read.given("JIT_CONTROL_URL", _http_url),
            public_url=read.given("JIT_PUBLIC_URL", _http_url),
            spool_dir=Path(read.text("JIT_SPOOL_DIR")),
            redis_url=read.given("JIT_REDIS_URL", _redis_url),
            proxy_secret=read.given("JIT_PROXY_SECRET", _secret),
            view_key=read.given("JIT_VIEW_KEY", _key),
            cache_dir=read.optional("JIT_PROXY_CACHE_DIR", Path),
            bucket_host=read.optional("JIT_PROXY_BUCKET_HOST", _host_name) or "",
            control_ca=read.optional("JIT_CONTROL_CA", _file),
            log_level=read.given("JIT_LOG_LEVEL", _log_level, "INFO"),
            limits=_read_limits(read),
        )


class _Reader:
    """Finds a variable or its file, and puts the variable's name into front of what is wrong with it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def find(self, name: str) -> str | None:
        file = self._environ.get(f"{name}_FILE")
        if not file:
            return self._environ.get(name) or None
        try:
            return Path(file).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else "it is not text"
            raise SettingsError(f"{name}_FILE cannot be read: {why}.") from exc

    def text(self, name: str, default: str | None = None) -> str:
        value = self.find(name)
        if value is None:
            value = default
        if value is None:
            raise SettingsError(f"{name} (or {name}_FILE) is not set.")
        return value

    def given(self, name: str, parse: Callable[[str], _T], default: str | None = None) -> _T:
        try:
            return parse(self.text(name, default))
        except ValueError as exc:
            raise SettingsError(f"{name} {exc}.") from None

    def optional(self, name: str, parse: Callable[[str], _T]) -> _T | None:
        return self.given(name, parse) if self.find(name) is not None else None


def _read_limits(read: _Reader) -> Limits:
    return Limits(**{
        item.name: read.given(item.metadata["env"], _count, str(item.default)) for item in fields(Limits)
    })  # fmt: skip


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("must be host:port")
    return Address(host.strip("[]"), int(port))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("must be a whole number above zero")
    return int(text)


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise ValueError("does not name a file that exists")
    return path


def _http_url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in {"http", "https"} or not url.hostname or url.username is not None or url.query:
        raise ValueError("must be an http or https address without credentials")
    return text.rstrip("/")


def _redis_url(text: str) -> Secret:
    if not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://")
    return Secret(text)


def _secret(text: str) -> Secret:
    if len(text) < MIN_SECRET_CHARS or not text.isascii() or not text.isprintable():
        raise ValueError(f"must be at least {MIN_SECRET_CHARS} printable ASCII characters")
    return Secret(text)


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise ValueError("must be hex") from None
    if len(key) != VIEW_KEY_BYTES:
        raise ValueError(f"must be {VIEW_KEY_BYTES} bytes of hex")
    return key


def _host_name(text: str) -> str:
    if not _HOST_NAME.fullmatch(text) or text.rpartition(".")[2].isdecimal():
        raise ValueError("must be a host name in lower case, without a scheme and a port")
    return text


def _proxy_id(text: str) -> str:
    if not _PROXY_ID.fullmatch(text):
        raise ValueError("must be up to 40 lower-case letters, digits and hyphens")
    return text


def _log_level(text: str) -> str:
    if text not in _LOG_LEVELS:
        raise ValueError("must be one of " + ", ".join(sorted(_LOG_LEVELS)))
    return text
