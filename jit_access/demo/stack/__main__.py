"""`python -m jit_access.demo.stack up|down|doctor|manage`, called by `dev.py` inside `.venv`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence

from jit_access.demo.bootstrap.errors import CannotGoOn
from jit_access.demo.bootstrap.terminal import Mark, Terminal, terminal_for
from jit_access.demo.stack import services, story
from jit_access.demo.stack.certificates import ensure_certificates
from jit_access.demo.stack.children import end_leftovers
from jit_access.demo.stack.doctor import examine
from jit_access.demo.stack.keys import ensure_keys, environment
from jit_access.demo.stack.layout import DEFAULT_BASE, ROOT, VAR, Layout, Ports, refuse_taken_ports
from jit_access.demo.stack.lockfile import StackLock
from jit_access.demo.stack.memory import remember, remembered, up_file
from jit_access.demo.stack.services import Service
from jit_access.demo.stack.supervisor import Stopped, Supervisor
from jit_access.demo.stack.upstream import USERNAME

_UP_WITHIN_S = 240.0


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    terminal = terminal_for()
    try:
        return _carry_out(options, terminal)
    except CannotGoOn as exc:
        terminal.say(Mark.REFUSED, str(exc))
        return 1


def _carry_out(options: argparse.Namespace, terminal: Terminal) -> int:
    match options.command:
        case "up":
            layout = Layout(VAR, Ports.from_base(options.port), options.db, has_demo=not options.no_demo)
            return up_detached(layout, terminal) if options.detach else up(layout, terminal, is_told=not options.quiet)
        case "down":
            return down(remembered(), terminal)
        case "manage":
            _become_manage(remembered(), options.arguments)
    return examine(remembered(), terminal)


def up(layout: Layout, terminal: Terminal, *, is_told: bool = True) -> int:
    """Bring everything up, tell what to do next, stay until asked to stop.

    Passwords are told to a terminal. Whoever started us with a log in its place tells them itself.
    """
    layout.make_folders()
    lock = StackLock(layout.run)
    if not lock.take():
        return tell_again(layout, terminal)
    end_leftovers(layout.run / "children.json")
    up_file(layout).unlink(missing_ok=True)
    layout.postgres_address.unlink(missing_ok=True)
    refuse_taken_ports(layout.ports)
    ensure_keys(layout)
    ensure_certificates(layout.tls)
    supervisor = Supervisor(layout, environment(layout), terminal)
    supervisor.obey_signals()
    try:
        start_everything(supervisor, layout, terminal)
        remember(layout)
        if is_told:
            story.tell(layout, terminal)
        supervisor.watch()
    except Stopped:
        terminal.write()
    finally:
        up_file(layout).unlink(missing_ok=True)
        supervisor.stop_all()
    return 0


def tell_again(wanted: Layout, terminal: Terminal) -> int:
    """A second `up`: nothing is started, and it says so when what runs is not what was asked for. 1 if it is unwell."""
    running = remembered()
    if not up_file(running).exists():
        terminal.say(Mark.WAITING, "The stack is starting or stopping in another terminal. Try again in a moment")
        return 1
    if wanted != running:
        terminal.say(Mark.ATTENTION, f"{running.words} runs here already. For another one: down first")
    silent = services.silent(running)
    if silent:
        terminal.say(Mark.REFUSED, f"It runs, but not all of it answers: {', '.join(silent)}. The logs are in var/log")
        return 1
    story.tell(running, terminal, is_detached=True)
    return 0


def start_everything(supervisor: Supervisor, layout: Layout, terminal: Terminal) -> None:
    """In the order in which things stand on one another."""
    supervisor.bring_up(services.foundations(layout))
    supervisor.set_environment(environment(layout))
    words = "Migrating and seeding" if layout.has_demo else "Migrating"
    terminal.say(Mark.WAITING, f"{words} (the first time makes a model of 72 MiB)" if layout.has_demo else words)
    supervisor.run_to_end(_prepare(layout))
    supervisor.bring_up(services.control_plane(layout))
    supervisor.bring_up([*services.proxies(layout), *services.background(layout)])


def _prepare(layout: Layout) -> Service:
    login = ("--registry-username", USERNAME, "--registry-password-file", str(layout.secrets / "registry_password"))
    flags = ("--registry-url", layout.registry_url, *login) if layout.has_demo else ()
    return Service("prepare", (sys.executable, str(ROOT / "manage.py"), "prepare", *flags), lambda: True)


def up_detached(layout: Layout, terminal: Terminal) -> int:
    """The same in a process of its own session; come back when it is ready, or with what went wrong."""
    layout.make_folders()
    if StackLock(layout.run).is_held():
        return up(layout, terminal)
    log = layout.log / "up.log"
    flags = [
        "--quiet",
        f"--port={layout.ports.web}",
        f"--db={layout.database}",
        *([] if layout.has_demo else ["--no-demo"]),
    ]
    up_file(layout).unlink(missing_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jit_access.demo.stack", "up", *flags],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + _UP_WITHIN_S
    while not up_file(layout).exists():
        if process.poll() is not None or time.monotonic() > deadline:
            terminal.write(log.read_text(encoding="utf-8", errors="replace").rstrip())
            return 1
        time.sleep(0.1)
    story.tell(layout, terminal, is_detached=True)
    return 0


def down(layout: Layout, terminal: Terminal) -> int:
    """Stop what runs here. Nothing running is fine too."""
    lock = StackLock(layout.run)
    was_up = lock.is_held()
    if was_up and not lock.stop_holder():
        raise CannotGoOn("The supervisor does not end. Its log: var/log/up.log")
    ended = end_leftovers(layout.run / "children.json")
    terminal.say(Mark.DONE, "Everything is stopped" if was_up or ended else "Nothing was running")
    return 0


def _become_manage(layout: Layout, arguments: list[str]) -> None:
    """manage.py with the secrets and addresses of this stack."""
    layout.make_folders()
    ensure_keys(layout)
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    os.execve(sys.executable, command, environment(layout))  # noqa: S606  # no shell on purpose


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up")
    starting.add_argument("--detach", action="store_true")
    starting.add_argument("--no-demo", action="store_true")
    starting.add_argument("--quiet", action="store_true")
    starting.add_argument("--db", default="sqlite")
    starting.add_argument("--port", type=int, default=DEFAULT_BASE)
    commands.add_parser("down")
    commands.add_parser("doctor")
    manage = commands.add_parser("manage")
    manage.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
