"""The witness file: signed heads as JSON lines, only ever appended, on storage that the database cannot reach.

Put it where the database's administrators cannot write (another host, a WORM bucket mount). Each append is locked
against other processes, written at once and synced, so a crash leaves at most one torn last line.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

LINE_VERSION = 2
_OLD_LINE_VERSION = 1  # did not say which log it is about
_TAIL_BYTES = 4096  # many times one line


@dataclass(frozen=True, slots=True)
class WitnessLine:
    """One signed head. `at` as in records. `log` is the leaf of the log's first record: no two logs share it."""

    size: int
    root: str
    at: str
    key_id: str
    signature: str
    log: str = ""

    def to_json(self) -> str:
        return json.dumps({"v": LINE_VERSION} | asdict(self), separators=(",", ":"))


def another_log(seen: str, present: str) -> str:
    """What to say when a witness and a log do not belong together. No full stop: it stands within sentences."""
    return (
        f"the witness file is about another log (its first record is {seen[:12]}…, here it is {present[:12]}…): either "
        "JIT_AUDIT_WITNESS_FILE names the witness of another database, or this whole log was replaced"
    )


class WitnessUnreadable(ValueError):
    """A line of the witness file is not one of ours."""


class Book:
    """The open, locked file."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def last_line(self) -> WitnessLine | None:
        """The last whole line; None for an empty file."""
        end = os.fstat(self._handle).st_size
        tail = os.pread(self._handle, _TAIL_BYTES, max(0, end - _TAIL_BYTES))
        for line in reversed(tail.split(b"\n")):
            try:
                return parse_line(line.decode("ascii", "replace"))
            except WitnessUnreadable:
                continue
        return None

    def append(self, lines: Iterable[WitnessLine]) -> None:
        text = "".join(line.to_json() + "\n" for line in lines)
        if not text:
            return
        end = os.fstat(self._handle).st_size
        if end and os.pread(self._handle, 1, end - 1) != b"\n":
            text = "\n" + text  # a crash tore the last line; it stays visible as unreadable
        view = memoryview(text.encode("ascii"))
        while view:
            view = view[os.write(self._handle, view) :]
        os.fsync(self._handle)


@contextmanager
def opened(path: str) -> Iterator[Book]:
    """Open for appending, alone. Raises: OSError."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield Book(handle)
    finally:
        os.close(handle)


def parse_line(text: str) -> WitnessLine:
    """Raises: WitnessUnreadable."""
    try:
        raw = json.loads(text)
        version = raw.pop("v")
        if version not in {_OLD_LINE_VERSION, LINE_VERSION} or not isinstance(raw["size"], int):
            raise WitnessUnreadable("version")
        if ("log" in raw) != (version == LINE_VERSION):
            raise WitnessUnreadable("log")
        line = WitnessLine(**raw)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise WitnessUnreadable("not a line of the witness") from exc
    if not all(isinstance(value, str) for value in (line.root, line.at, line.key_id, line.signature, line.log)):
        raise WitnessUnreadable("types")
    return line


def read_lines(path: str) -> tuple[list[WitnessLine], list[int]]:
    """All lines, and the numbers of those that cannot be read. Raises: OSError."""
    good: list[WitnessLine] = []
    bad: list[int] = []
    with Path(path).open(encoding="ascii", errors="replace") as file:
        for number, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                good.append(parse_line(text))
            except WitnessUnreadable:
                bad.append(number)
    return good, bad
