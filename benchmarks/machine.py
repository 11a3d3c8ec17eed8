"""Facts about the machine and the versions that stood on it; nothing that names the machine itself."""

from __future__ import annotations

import os
import platform
import re
import ssl
import subprocess
from importlib import metadata
from pathlib import Path

from benchmarks.packages import command
from jit_access.demo.stack.services import valkey_binary

_VERSIONS = {
    "nginx": ("nginx", "-v"),
    "HAProxy": ("haproxy", "-v"),
    "Caddy": ("caddy", "version"),
    "docker-registry": ("docker-registry", "--version"),
    "wrk": ("wrk", "-v"),
}
_NUMBER = re.compile(r"\d+\.\d+[\w.+~-]*")


def machine_facts() -> dict[str, str]:
    """What a reader needs to judge the numbers."""
    facts = {
        "CPU": _cpu_model(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "TCP congestion control": _read("/proc/sys/net/ipv4/tcp_congestion_control") or "unknown",
        "kernel TLS": "yes" if "tls" in _read("/proc/sys/net/ipv4/tcp_available_ulp").split() else "no",
        "Python": f"{platform.python_version()}, {ssl.OPENSSL_VERSION}",
        "uvloop, httptools": f"{metadata.version('uvloop')}, {metadata.version('httptools')}",
        "Valkey": _version((valkey_binary(), "--version")),
    }
    return facts | {name: _version((command(words[0]), *words[1:])) for name, words in _VERSIONS.items()}


def load_average() -> float:
    """Of the last minute."""
    return os.getloadavg()[0]


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _version(words: tuple[str, ...]) -> str:
    answer = subprocess.run(words, check=False, capture_output=True, text=True)
    found = _NUMBER.search(answer.stdout + answer.stderr)
    return found.group(0) if found else "unknown"
