"""Changing a file that belongs to somebody else: whole or not at all, with what it was kept beside it.

What a person wrote there is theirs. So a change is computed as bytes first and can be shown; a link is followed and
stays a link; mode and owner stay; and when the file changed between reading and writing, nothing is written.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jit_access.cli.troubles import Trouble

PRIVATE = 0o600
BACKUP_ENDING = ".before-jit"
_LARGEST_BYTES = 4 * 2**20  # a configuration file; more is something else
# Secrets that such files hold. A difference is printed, and printed is copied into tickets.
_SECRETS = re.compile(
    r"""(?ix) (["']? [\w.-]* (?: auth | token | password | secret | secret_access_key | key-data | credential ) ["']?
        \s* [:=] \s*) (?! \s*\{ ) ( "[^"]*" | '[^']*' | \S+ )"""
)


class CannotEdit(Trouble):
    """The file is not what we can change without harm. The sentence says what it is and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, code="cannot-edit")


@dataclass(frozen=True, slots=True)
class Change:
    """One file: what it held when it was read, and what it shall hold. None: no such file."""

    path: Path
    before: bytes | None
    after: bytes | None
    keeps_before: bool = False  # beside it, for whoever wants it back without us

    @property
    def is_needed(self) -> bool:
        return self.before != self.after

    def difference(self) -> str:
        """As `diff -u` shows it, the changed lines alone and without secrets: what surrounds them is not ours."""
        old, new = (_lines(text) for text in (self.before, self.after))
        was, shall_be = (str(self.path) if text is not None else "/dev/null" for text in (self.before, self.after))
        return "".join(_masked(line) for line in difflib.unified_diff(old, new, was, shall_be, n=0))

    def apply(self) -> None:
        """Write it. Raises: CannotEdit when somebody else changed the file meanwhile, or it cannot be written."""
        if not self.is_needed:
            return
        with _told_plainly(self.path):
            real = Path(os.path.realpath(self.path))
            real.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if read(self.path) != self.before:
                raise CannotEdit(f"{self.path} was changed by somebody else just now. Run this again.")
            if self.keeps_before and self.before is not None:
                replace(real.with_name(real.name + BACKUP_ENDING), self.before, like=real)
            if self.after is None:
                real.unlink()
            else:
                replace(real, self.after, like=real)


def read(path: Path) -> bytes | None:
    """What stands there, or None. Raises: CannotEdit when it is no ordinary file, or far too large."""
    with _told_plainly(path):
        try:
            if path.stat().st_size > _LARGEST_BYTES:
                raise CannotEdit(f"{path} is larger than any configuration. It was left as it is.")
            return path.read_bytes()
        except FileNotFoundError:
            if path.is_symlink() and not Path(os.path.realpath(path)).parent.is_dir():
                raise CannotEdit(f"{path} is a link to a folder that is not there. It was left as it is.") from None
            return None


def replace(path: Path, content: bytes, *, like: Path | None = None) -> None:
    """All of it in one step, so that no reader sees half of it. Rights as `like`, else private."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            _set_rights(file.fileno(), like)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _set_rights(descriptor: int, like: Path | None) -> None:
    try:
        held = None if like is None else like.stat()
    except FileNotFoundError:
        held = None
    if held is None:
        os.fchmod(descriptor, PRIVATE)
        return
    made = os.fstat(descriptor)
    if (held.st_uid, held.st_gid) != (made.st_uid, made.st_gid):
        os.fchown(descriptor, held.st_uid, held.st_gid)
    os.fchmod(descriptor, held.st_mode & 0o7777)


@contextlib.contextmanager
def _told_plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise CannotEdit(f"{path}: {exc.strerror or exc}. It was left as it is.") from exc


def as_text(path: Path, content: bytes | None) -> str:
    """Raises: CannotEdit when it is not UTF-8, or begins with a mark that the tools themselves stumble over."""
    try:
        text = (content or b"").decode("utf-8")
    except UnicodeDecodeError:
        raise CannotEdit(f"{path} is not written in UTF-8. It was left as it is.") from None
    if text.startswith("\ufeff"):
        raise CannotEdit(f"{path} begins with a byte order mark. Take it out, then run this again.")
    return text


def line_ending(text: str) -> str:
    """The one that the file uses."""
    return "\r\n" if "\r\n" in text else "\n"


def _lines(content: bytes | None) -> list[str]:
    text = (content or b"").decode("utf-8", "replace")
    return [line + "\n" for line in text.splitlines()]


def _masked(line: str) -> str:
    return _SECRETS.sub(r"\1***", line)
