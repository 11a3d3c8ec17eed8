"""What the workers are started with: the environment, and over it a file that is read again at every restart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from registry_proxy.settings import Settings, SettingsError

ENV_FILE = "JIT_PROXY_ENV_FILE"
WORKERS = "JIT_PROXY_WORKERS"
MAX_WORKERS = 64
MAX_ID_CHARS = 40
_LINE = re.compile(r"(JIT_[A-Z0-9_]+)=(.*)")


@dataclass(frozen=True, slots=True)
class Plan:
    """Checked: a worker can read all of it."""

    workers: int
    settings: Settings
    environment: Mapping[str, str]

    def worker_environment(self, slot: int) -> dict[str, str]:
        """Each worker has a name of its own in logs and records."""
        return {**self.environment, "JIT_PROXY_ID": f"{self.settings.proxy_id}-{slot + 1}"}


def make_plan(environ: Mapping[str, str], workers: int | None = None) -> Plan:
    """`workers` from the command line wins. Raises SettingsError."""
    environment = {**environ, **_read_file(environ.get(ENV_FILE))}
    settings = Settings.from_environ(environment)
    count = workers if workers is not None else read_workers(environment) or 1
    if not 1 <= count <= MAX_WORKERS:
        raise SettingsError(f"{WORKERS} must be between 1 and {MAX_WORKERS}.")
    if len(settings.proxy_id) + len(f"-{count}") > MAX_ID_CHARS:
        raise SettingsError("JIT_PROXY_ID leaves no room for the number of a worker.")
    return Plan(count, settings, environment)


def read_workers(environ: Mapping[str, str]) -> int:
    """How many are asked for by the environment; 0 where it says nothing. Raises SettingsError."""
    text = environ.get(WORKERS, "") or "0"
    if not text.isdecimal():
        raise SettingsError(f"{WORKERS} must be a whole number.")
    return int(text)


def _read_file(name: str | None) -> dict[str, str]:
    """Lines NAME=value, taken as they stand; empty ones and those with # are for people."""
    if not name:
        return {}
    try:
        lines = Path(name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is not text"
        raise SettingsError(f"{ENV_FILE} cannot be read: {why}.") from exc
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise SettingsError(f"{ENV_FILE}, line {number}, is not JIT_NAME=value.")
        found[match[1]] = match[2]
    return found
