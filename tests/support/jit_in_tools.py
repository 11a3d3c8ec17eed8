"""A machine of ci-bot, set up once, on which tools find the tokens of its grants by themselves."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.support.ci_jobs import AGENT
from tests.support.machine import Machine, Ran, make_machine
from tests.support.stack import Stack


def machine_of_agent(stack: Stack, folder: Path) -> Machine:
    """With `hf`, `aws` and Python of these tests on PATH, and ci-bot's API token in a file."""
    folder.mkdir()
    token = next(agent["api_token"] for agent in stack.demo["agents"] if agent["name"] == AGENT)
    return make_machine(folder, stack.web, token=token, also_on_path=(Path(sys.executable).parent,))


def opened(machine: Machine, resource: str) -> None:
    """Asked for and started; policy needs nobody for it."""
    for words in (("request", resource, "--for", "15m", "--reason", "Try the helpers", "--wait"), ("start", resource)):
        done = machine.jit(*words)
        assert done.returncode == 0, done.stderr


def sh(machine: Machine, script: str) -> Ran:
    return machine.run("bash", "-euo", "pipefail", "-c", script)


def ended(machine: Machine) -> None:
    """All of it, and nothing is left open."""
    assert machine.jit("end", "--all").returncode == 0
    assert json.loads(machine.jit("grants", "--json").stdout) == {"results": []}
