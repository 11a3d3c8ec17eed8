"""Where one stack keeps its files and listens. Everything else is derived from these two."""

from __future__ import annotations

import hashlib
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from jit_access.demo.bootstrap.errors import CannotGoOn

ROOT = Path(__file__).resolve().parents[3]
VAR = ROOT / "var"
DEFAULT_BASE = 8000
_LONGEST_SOCKET_PATH = 100  # the kernel's sun_path holds 108 bytes on Linux and 104 on macOS
_HIGHEST_BASE = 60_000


@dataclass(frozen=True, slots=True)
class Ports:
    """All on loopback. `admin` has one port per parent of proxies: health and metrics, never through the listeners."""

    web: int
    gateway: int
    gateway_tls: int
    registry: int
    admin: tuple[int, ...]

    @classmethod
    def from_base(cls, base: int) -> Ports:
        """8000 gives 8000, 8080, 8443 and 5001; another base moves all of them by the same distance."""
        if not 4000 <= base <= _HIGHEST_BASE:
            raise CannotGoOn(f"--port must be between 4000 and {_HIGHEST_BASE}.")
        return cls(base, base + 80, base + 443, base - 2999, (base + 81,))

    def named(self) -> dict[str, int]:
        """What listens where, in words for people."""
        shared = {"web": self.web, "gateway": self.gateway, "gateway (TLS)": self.gateway_tls}
        admin = {f"proxy-{number} (admin)": port for number, port in enumerate(self.admin, start=1)}
        return {**shared, "registry": self.registry, **admin}

    def first_taken(self) -> tuple[str, int] | None:
        """Somebody else's listener on one of ours, or None."""
        return next(((name, port) for name, port in self.named().items() if not _is_free(port)), None)


@dataclass(frozen=True, slots=True)
class Layout:
    """One stack: its data under `var`, its ports, its database."""

    var: Path
    ports: Ports
    database: str = "sqlite"  # or "postgres", or an address
    has_demo: bool = True
    proxy_workers: int = 2

    @property
    def secrets(self) -> Path:
        return self.var / "secrets"

    @property
    def log(self) -> Path:
        return self.var / "log"

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def tls(self) -> Path:
        return self.var / "tls"

    @property
    def registry(self) -> Path:
        return self.var / "registry"

    @property
    def people_file(self) -> Path:
        return self.var / "demo.json"

    @property
    def redis_socket(self) -> Path:
        """In `var`, or in a private temporary folder when the path would not fit into a socket address."""
        path = self.run / "valkey.sock"
        if len(str(path)) <= _LONGEST_SOCKET_PATH:
            return path
        digest = hashlib.sha256(str(self.var).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"jit-{digest}" / "valkey.sock"

    @property
    def postgres_address(self) -> Path:
        """Written by the embedded PostgreSQL when it serves."""
        return self.run / "postgres.url"

    @property
    def words(self) -> str:
        """For people."""
        return f"The stack at {self.web_url} ({self.database if self.has_demo else f'{self.database}, no demo'})"

    @property
    def web_url(self) -> str:
        """By name: browsers keep passkeys for names only, never for addresses."""
        return f"http://localhost:{self.ports.web}"

    @property
    def control_url(self) -> str:
        """The same for our own processes, which need no name."""
        return f"http://127.0.0.1:{self.ports.web}"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.gateway}"

    @property
    def gateway_tls_url(self) -> str:
        return f"https://localhost:{self.ports.gateway_tls}"

    @property
    def registry_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.registry}"

    def make_folders(self) -> None:
        """Private ones: logs name people, `run` holds the socket that opens Redis."""
        for folder in (self.var, self.secrets, self.log, self.run, self.tls, self.redis_socket.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)


def refuse_taken_ports(ports: Ports) -> None:
    """Raises: CannotGoOn, naming the port, what wanted it and a base that would do."""
    taken = ports.first_taken()
    if taken is None:
        return
    bases = range(9000, _HIGHEST_BASE, 1000)
    free = next((base for base in bases if Ports.from_base(base).first_taken() is None), 9000)
    name, port = taken
    raise CannotGoOn(f"Port {port} ({name}) is taken. Free it, or move all ports: python3 dev.py up --port {free}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
