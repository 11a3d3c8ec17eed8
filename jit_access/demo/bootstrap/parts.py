"""The real clients and servers that the tests drive: Debian's packages, installed where that can be done unasked.

They are never faked and never skipped: a machine that cannot have them is told so in one line, and the tests that
need them then fail by name.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from jit_access.demo.bootstrap.terminal import Mark, Terminal

# command -> Debian package; .ci/run has the same list for machines on which nothing of ours can run yet
PARTS = {
    "docker-registry": "docker-registry",
    "skopeo": "skopeo",
    "chromium": "chromium",
    "openssl": "openssl",
    "git": "git",
    "kubectl": "kubernetes-client",
    "curl": "curl",
    "zsh": "zsh",
    "fish": "fish",
}


def missing_parts() -> list[str]:
    """Packages whose command is not on this machine."""
    return [package for command, package in PARTS.items() if shutil.which(command) is None]


def ensure_parts(terminal: Terminal) -> bool:
    """Install what is missing, as root on a machine with apt-get. Says what to do where that cannot be done."""
    missing = missing_parts()
    if not missing:
        return True
    by_hand = f"apt-get install {' '.join(missing)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        terminal.say(Mark.ATTENTION, f"Tests with real clients will fail without: {', '.join(missing)}. Try: {by_hand}")
        return False
    terminal.say(Mark.WAITING, f"Installing {', '.join(missing)}")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
        done = subprocess.run(["apt-get", *step], env=env, capture_output=True, check=False)
        if done.returncode:
            terminal.say(Mark.ATTENTION, f"apt-get {step[0]} failed. Tests with real clients will fail. Try: {by_hand}")
            return False
    return True
