"""The peers come from Debian's own packages, so that anybody can have the same ones."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

# command -> package
_PARTS = {
    "nginx": "nginx-light",
    "haproxy": "haproxy",
    "caddy": "caddy",
    "wrk": "wrk",
    "docker-registry": "docker-registry",
    "taskset": "util-linux",
    "ss": "iproute2",
    "openssl": "openssl",
}
_POLICY = Path("/usr/sbin/policy-rc.d")


class MissingPart(Exception):
    """Something must be installed first; the text says what to type."""


def missing_packages() -> list[str]:
    """Debian packages whose command is not on PATH."""
    return [package for command, package in _PARTS.items() if find_command(command) is None]


def find_command(name: str) -> str | None:
    """Servers live in sbin, which a plain user's PATH leaves out."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def command(name: str) -> str:
    """The path of a part that `ensure_packages` brought. Raises MissingPart."""
    found = find_command(name)
    if found is None:
        raise MissingPart(f"{name} is not installed. Debian: apt-get install {_PARTS.get(name, name)}")
    return found


def ensure_packages() -> None:
    """Install what is missing, as root; else say what to type. Raises MissingPart."""
    missing = missing_packages()
    if not missing:
        return
    words = "apt-get install -y --no-install-recommends " + " ".join(missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise MissingPart(f"The peers are not all installed. As root, type: {words}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _nothing_starts():
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=env)
        subprocess.run(words.split(), check=True, env=env, stdout=subprocess.DEVNULL)
    if still := missing_packages():
        raise MissingPart(f"apt-get ran, but these are still missing: {' '.join(still)}")


@contextlib.contextmanager
def _nothing_starts() -> Iterator[None]:
    """Debian starts a server when it is installed: it would sit on port 80 and on a core that we measure."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")  # 101: forbidden by policy, see invoke-rc.d(8)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
