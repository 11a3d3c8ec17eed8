"""The parts of docs/reference/jit-command.md that the command line itself knows. Run as a module, it writes them."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from jit_access.cli.arguments import Command, every_group
from jit_access.cli.troubles import MEANINGS

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/jit-command.md"
_PART = re.compile(r"(<!-- (commands|statuses): made from the code -->\n).*?(<!-- end -->)", re.DOTALL)


def written_anew(text: str) -> str:
    """The page with its made parts as they should be."""
    made = {"commands": _commands(), "statuses": _statuses()}
    return _PART.sub(lambda found: f"{found[1]}{made[found[2]]}{found[3]}", text)


def _commands() -> str:
    return "".join(
        f"\n## {group.title}\n\n{''.join(_section(command) for command in group.commands)}" for group in every_group()
    )


def _section(command: Command) -> str:
    parser = argparse.ArgumentParser(prog=f"jit {command.name}", add_help=False)
    command.add(parser)
    lines = [f"### jit {command.name}", "", f"{command.says[0].upper()}{command.says[1:]}.", ""]
    rows = [_row(action) for action in parser._actions]
    if rows:
        lines += ["| | |", "|---|---|", *rows, ""]
    if command.examples:
        lines += ["```console", *(f"$ {line}" for line in command.examples), "```", ""]
    return "\n".join(lines) + "\n"


def _row(action: argparse.Action) -> str:
    value = str(action.metavar or "|".join(map(str, action.choices or ())) or action.dest.upper())
    value = "" if action.option_strings and action.nargs == 0 else value
    name = " ".join(filter(None, [", ".join(action.option_strings), value]))
    needed = " **Needed.**" if action.option_strings and action.required else ""
    return _cell(name, f"{str(action.help).rstrip('.')}.{needed}")


def _cell(name: str, says: str) -> str:
    return "| `{}` | {} |".format(name.replace("|", "\\|"), says.replace("|", "\\|"))


def _statuses() -> str:
    rows = [f"| {int(status)} | {says} |" for status, says in MEANINGS.items()]
    return "\n".join(["| | |", "|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(written_anew(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
