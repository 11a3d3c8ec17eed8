"""What this machine has and lacks, one line each, with what to do."""

from __future__ import annotations

import os
import shutil

from jit_access.demo.bootstrap.terminal import Mark, Terminal
from jit_access.demo.stack.children import IS_LINUX
from jit_access.demo.stack.layout import Layout, Ports
from jit_access.demo.stack.lockfile import StackLock
from jit_access.demo.stack.services import silent as silent_services
from jit_access.demo.stack.services import valkey_binary
from jit_access.demo.stack.upstream import kind_of_upstream

_CLIENTS = {
    "skopeo": "pull and push in the flow tests",
    "docker-registry": "the real upstream; without it the embedded one serves",
    "chromium": "browser tests",
    "openssl": "TLS tests",
}


def examine(layout: Layout, terminal: Terminal) -> int:
    """Say everything; the status is 1 when `up` could not work."""
    is_held = StackLock(layout.run).is_held()
    silent = silent_services(layout) if is_held else []
    terminal.say(Mark.OPEN if is_held else Mark.WAITING, f"{layout.words} is running" if is_held else "Nothing runs")
    terminal.say(Mark.DONE, f"Valkey: {valkey_binary()}")
    terminal.say(Mark.DONE, f"Upstream: {kind_of_upstream()}")
    terminal.say(Mark.DONE if IS_LINUX else Mark.ATTENTION, _orphan_words())
    for name, use in _CLIENTS.items():
        found = shutil.which(name)
        terminal.say(Mark.DONE if found else Mark.ATTENTION, f"{name}: {found or f'not installed ({use})'}")
    problems = [f"{name} does not answer. Its log: var/log/{name}.log" for name in silent]
    problems += [] if is_held else _problems(layout)
    for problem in problems:
        terminal.say(Mark.REFUSED, problem)
    return 1 if problems else 0


def _orphan_words() -> str:
    if IS_LINUX:
        return "The kernel ends every process with its supervisor"
    return "After a kill -9 of dev.py, run `python3 dev.py down`: this system leaves its processes running"


def _problems(layout: Layout) -> list[str]:
    found = []
    taken = Ports.from_base(layout.ports.web).first_taken()
    if taken is not None:
        found.append(f"Port {taken[1]} ({taken[0]}) is taken: start with --port")
    folder = layout.var if layout.var.exists() else layout.var.parent
    if not os.access(folder, os.W_OK):
        found.append(f"{folder} cannot be written")
    return found
