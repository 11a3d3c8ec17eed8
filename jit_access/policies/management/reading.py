"""Where the commands read policy files: a directory, or a revision of a git checkout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from jit_access.policies.git_tree import FromGit, checked_out


def add_source_arguments(parser: CommandParser) -> None:
    """The words that say where the files are."""
    parser.add_argument("directory", nargs="?", type=Path, default=settings.POLICY_DIR)
    parser.add_argument("--git", type=Path, metavar="CHECKOUT", help="read a git checkout instead of a directory")
    parser.add_argument("--revision", default="HEAD", help="branch, tag or commit; HEAD when not said")
    parser.add_argument("--folder", default="", help="where the files are in the checkout; its top when not said")


@contextmanager
def files_of(options: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """A directory with the files, and the commit they are from ("" for a plain directory). Raises: PolicyBroken."""
    if options["git"] is None:
        yield options["directory"], ""
        return
    with checked_out(FromGit(options["git"], options["revision"], options["folder"])) as found:
        yield found.directory, found.commit
