"""The command line: every command with its options, in the groups that `jit --help` shows."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NamedTuple

from jit_access.cli.version import VERSION


class Command(NamedTuple):
    """`place` is `module:function` below `jit_access.cli`; the function gets the options and the session."""

    name: str
    says: str
    place: str
    add: Callable[[argparse.ArgumentParser], None] = lambda _: None
    examples: tuple[str, ...] = ()


class Group(NamedTuple):
    title: str
    commands: tuple[Command, ...]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Exits with 2 and one line for what cannot be understood."""
    parser = build_parser()
    if not arguments:
        parser.print_help()
        raise SystemExit(0)
    return parser.parse_args(arguments)


def build_parser() -> argparse.ArgumentParser:
    groups = every_group()
    parser = argparse.ArgumentParser(
        prog="jit",
        usage="jit COMMAND [options]",
        description="Ask for access to models and clusters, use it, give it back.",
        epilog=_overview(groups),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)
    parser.add_argument("-V", "--version", action="version", version=f"jit {VERSION}", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS)
    for group in groups:
        for command in group.commands:
            _add(commands, command)
    return parser


def every_group() -> tuple[Group, ...]:
    from jit_access.cli.arguments_core import CORE  # noqa: PLC0415  # it needs the classes above
    from jit_access.cli.arguments_helpers import HELPERS  # noqa: PLC0415  # as that one

    return (*CORE, *HELPERS)


def _add(commands: argparse._SubParsersAction[argparse.ArgumentParser], command: Command) -> None:
    shown = "\n".join(("examples:", *(f"  {line}" for line in command.examples))) if command.examples else None
    parser = commands.add_parser(
        command.name,
        help=command.says,
        description=command.says,
        epilog=shown,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add(parser)
    common = parser.add_argument_group("everywhere")
    common.add_argument("--json", action="store_true", help="one JSON document on stdout, errors too")
    common.add_argument("--quiet", "-q", action="store_true", help="say only what needs you")
    common.add_argument(
        "--addr", metavar="ADDRESS", default="", help="the gateway; default: JIT_ADDR, or the last login"
    )
    parser.set_defaults(place=command.place)


def _overview(groups: Sequence[Group]) -> str:
    longest = max(len(command.name) for group in groups for command in group.commands)
    lines = []
    for group in groups:
        lines.append(f"{group.title}:")
        lines += [f"  {command.name.ljust(longest)}  {command.says}" for command in group.commands]
        lines.append("")
    lines.append("jit COMMAND --help says more about each. The first pull, in one line:")
    lines.append(
        '  jit run --for 2h --reason "Evaluate it" prod/llm/llama:v1 -- skopeo copy docker://{image} dir:llama'
    )
    return "\n".join(lines)
