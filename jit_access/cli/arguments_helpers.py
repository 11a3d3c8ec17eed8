"""The commands that set up other tools, and those that such tools start."""

from __future__ import annotations

import argparse

from jit_access.cli.arguments import Command, Group

Parser = argparse.ArgumentParser
TOOLS = ("docker", "kube", "ssh", "hf", "mlflow", "aws")
EVERY_S = 30


def _setup(parser: Parser) -> None:
    parser.add_argument("tool", choices=TOOLS, help="whose configuration gets an entry")
    parser.add_argument("target", nargs="?", default="", metavar="TARGET", help="which target, where there are several")
    parser.add_argument("--undo", action="store_true", help="take back what jit set up there, and nothing else")
    parser.add_argument("--dry-run", action="store_true", help="show the difference, write nothing")


def _agent(parser: Parser) -> None:
    parser.add_argument("--once", action="store_true", help="write the files as they should be now, and end")
    parser.add_argument("--every", type=int, default=EVERY_S, metavar="SECONDS", help="how often the gateway is asked")


def _credential(parser: Parser) -> None:
    """The same for all: the configuration names the target, so that two clusters get two tokens."""
    parser.add_argument("--target", required=True, metavar="TARGET", help="the target whose grant is meant")
    parser.add_argument("--grant", default="", metavar="ID", help="one grant, where several are open at the target")


HELPERS: tuple[Group, ...] = (
    Group(
        "Other tools",
        (
            Command("setup", "let docker, hf, mlflow or aws ask jit for tokens", "commands.setup:setup", _setup,
                    ("jit setup docker", "jit setup aws our-store --dry-run", "jit setup docker --undo")),
            Command("agent", "keep tokens in files for hf and mlflow", "commands.agent:agent", _agent,
                    ("jit agent", "jit agent --once")),
            Command("kube-credential", "started by kubectl", "commands.credentials:kube_credential", _credential),
            Command("aws-credential", "started by aws and SDKs", "commands.credentials:aws_credential", _credential),
        ),
    ),
)  # fmt: skip
