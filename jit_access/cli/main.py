"""`jit`: reads the command line, carries the command out, and ends with a status that means something."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.version import VERSION
from jit_access.cli.words import Mark, Terminal

if TYPE_CHECKING:
    from jit_access.cli.session import Session


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point. Never raises."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in (["--version"], ["-V"]):
        sys.stdout.write(f"jit {VERSION}\n")
        return Exit.DONE
    from jit_access.cli.arguments import parse  # noqa: PLC0415  # not needed to say the version

    options = parse(given)
    terminal = Terminal(is_json=getattr(options, "json", False), is_quiet=getattr(options, "quiet", False))
    try:
        return _carry_out(options, terminal)
    except Trouble as trouble:
        tell(terminal, trouble)
        return trouble.status
    except KeyboardInterrupt:
        terminal.settle()
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has enough, as `head` does. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE


def tell(terminal: Terminal, trouble: Trouble) -> None:
    """Say what ended the command, and what to do next. With --json, as a document too."""
    mark = Mark.WAITING if trouble.status == Exit.PENDING else Mark.REFUSED
    terminal.say(mark, trouble.sentence, code=trouble.code)
    if advice := trouble.advice or _advice(trouble):
        terminal.note(advice)
    if terminal.is_json:
        error = {"code": trouble.code, "sentence": trouble.sentence, "exit_code": int(trouble.status)}
        terminal.answer({"error": error | {"fields": trouble.fields}})


def _advice(trouble: Trouble) -> str:
    """What the facts of a refusal say about what to do."""
    longest = trouble.fields.get("lasts_at_most_s")
    if trouble.code != "lasts-too-long" or not isinstance(longest, int) or not longest:
        return ""
    from jit_access.cli.times import duration_words  # noqa: PLC0415  # only here

    return f"At most {duration_words(longest)} in all"


def _carry_out(options: object, terminal: Terminal) -> int:
    from jit_access.cli.session import Session  # noqa: PLC0415  # loads the client

    module, _, name = str(getattr(options, "place")).partition(":")  # noqa: B009  # set by the parser
    command = getattr(importlib.import_module(f"jit_access.cli.{module}"), name)
    session: Session = Session(terminal, address=getattr(options, "addr", "") or "")
    return int(command(options, session))
