"""What of somebody's configuration is ours, and how it was before: so that undoing takes back that and nothing else.

Each entry remembers what stood in its place. People go on editing the file meanwhile, so undoing edits the file as it
is now; only when nobody touched it since, the bytes of before come back as they were.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any, Protocol

from jit_access.cli.setups.file_edits import BACKUP_ENDING, CannotEdit, Change, as_text, read, replace

FORMAT = 1


class Entry(Protocol):
    """One thing of ours in one file."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def name(self) -> str:
        """What people would call it."""

    @property
    def value(self) -> str:
        """What shall stand there."""

    def now(self, text: str) -> str | None:
        """What stands there. Raises: CannotEdit when the file cannot be understood."""

    def put(self, text: str) -> str:
        """The file with the entry."""

    def back(self, text: str, before: str | None) -> str:
        """The file with what stood there before."""

    def is_empty(self, text: str) -> bool:
        """Nothing is left in the file, so that it may go if we made it."""

    @property
    def may_replace(self) -> bool:
        """May something else stand there, to come back later?"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of one entry that was made."""

    key: str
    tool: str
    target: str  # empty where the entry is for all of them
    path: str
    name: str
    value: str
    before: str | None
    made_file: bool
    digest_before: str
    digest_after: str


class Memory:
    """`setup.json`, beside the login. Without it nothing is ours."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept = self._load()

    def _load(self) -> dict[str, Kept]:
        content = read(self.path)
        if content is None:
            return {}
        try:
            document: Any = json.loads(content)
            return {item["key"]: Kept(**item) for item in document["entries"]}
        except (ValueError, KeyError, TypeError) as exc:
            raise CannotEdit(f"{self.path} is damaged. Move it away; what was set up stays until you edit it.") from exc

    def save(self) -> None:
        """Atomically, so that a crash forgets nothing."""
        items = [{name: getattr(kept, name) for name in Kept.__slots__} for kept in self.kept.values()]
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(self.path, (json.dumps({"format": FORMAT, "entries": items}, indent=1) + "\n").encode())


def _nothing() -> None:
    """Nothing to note."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run would do: changes of files in order, what to say, and what to remember once they are made."""

    changes: tuple[Change, ...]
    said: tuple[str, ...]
    first: Callable[[], None] = _nothing  # noted before a file is touched: what is ours is never unknown
    last: Callable[[], None] = _nothing

    @property
    def is_needed(self) -> bool:
        return any(change.is_needed for change in self.changes)

    def difference(self) -> str:
        return "".join(change.difference() for change in self.changes)

    def carry_out(self) -> None:
        """Raises: CannotEdit. A file that was written stays written; running again goes on from there."""
        self.first()
        for change in self.changes:
            change.apply()
        self.last()


def plan_setup(memory: Memory, tool: str, target: str, entries: Iterable[Entry]) -> Plan:
    """Put each entry where it is missing. Raises: CannotEdit, before anything is written."""
    files, said, kept = _Files(), [], dict(memory.kept)
    for entry in entries:
        key = f"{tool} {entry.path} {entry.name}"
        text = files.text(entry.path)
        held, known = entry.now(text), kept.get(key)
        if held == entry.value:
            said.append(f"{entry.path}: {entry.name} is set up already.")
            continue
        is_ours = known is not None and held == known.value
        if held is not None and not is_ours and not entry.may_replace:
            raise CannotEdit(f"{entry.path} has {entry.name} already, and jit did not write it. Rename or remove it.")
        before = known.before if known is not None and (is_ours or held is None) else held
        was_missing = known.made_file if known is not None and is_ours else files.is_missing(entry.path)
        files.set(entry.path, entry.put(text))
        kept[key] = Kept(key, tool, target, str(entry.path), entry.name, entry.value, before, was_missing, "", "")
        said.append(f"{entry.path}: {entry.name} added." if held is None else f"{entry.path}: {entry.name} replaced.")

    def remember() -> None:
        changed = {str(change.path): change for change in files.changes()}
        memory.kept = {key: _with_digests(item, changed.get(item.path), memory) for key, item in kept.items()}
        memory.save()

    touched = {item.path for item in memory.kept.values()}
    changes = tuple(replaced(change, keeps_before=str(change.path) not in touched) for change in files.changes())
    return Plan(changes, tuple(said), first=remember)


def plan_undo(memory: Memory, tool: str, target: str, entry_for: Callable[[Kept], Entry]) -> Plan:
    """Take back what this tool's setup made, of one target or of all, as the files are now. Raises: CannotEdit."""
    files, said = _Files(), []
    ours = [item for item in memory.kept.values() if item.tool == tool and target in {"", item.target}]
    for kept in reversed(ours):
        entry = entry_for(kept)
        text = files.text(entry.path)
        if entry.now(text) != kept.value:
            said.append(f"{entry.path}: {entry.name} is not as jit left it, so it stays.")
            continue
        after = entry.back(text, kept.before)
        is_gone = kept.made_file and entry.is_empty(after)
        files.set(entry.path, None if is_gone else after)
        said.append(f"{entry.path}: {entry.name} taken back.")
    changes = tuple(_exact(change, ours) for change in files.changes())

    def forget() -> None:
        memory.kept = {key: item for key, item in memory.kept.items() if item not in ours}
        memory.save()
        for change in changes:
            _drop_backup(change)

    return Plan(changes, tuple(said) or ("Nothing here was set up by jit.",), last=forget if ours else _nothing)


class _Files:
    """The files of one plan, each read once."""

    def __init__(self) -> None:
        self._before: dict[Path, bytes | None] = {}
        self._after: dict[Path, bytes | None] = {}

    def text(self, path: Path) -> str:
        if path not in self._before:
            self._before[path] = self._after[path] = read(path)
        return as_text(path, self._after[path])

    def is_missing(self, path: Path) -> bool:
        return self._before[path] is None

    def set(self, path: Path, text: str | None) -> None:
        self._after[path] = None if text is None else text.encode()

    def changes(self) -> tuple[Change, ...]:
        return tuple(Change(path, before, self._after[path]) for path, before in self._before.items())


def _digest(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _with_digests(item: Kept, change: Change | None, memory: Memory) -> Kept:
    """What the whole file was before the first entry of ours in it, and after the last one."""
    if change is None or not change.is_needed:
        return item
    earlier = [old for old in memory.kept.values() if old.path == item.path]
    is_untouched = bool(earlier) and _digest(change.before) == earlier[0].digest_after
    before = earlier[0].digest_before if is_untouched else "" if earlier else _digest(change.before)
    return replaced(item, digest_before=before, digest_after=_digest(change.after))


def _backup(path: Path) -> Path:
    real = path.resolve()
    return real.with_name(real.name + BACKUP_ENDING)


def _exact(change: Change, ours: list[Kept]) -> Change:
    """The very bytes of before, when nobody touched the file since and they are still there."""
    kept = next((item for item in ours if item.path == str(change.path)), None)
    if change.after is None or kept is None or not kept.digest_before or _digest(change.before) != kept.digest_after:
        return change
    stored = read(_backup(change.path))
    return Change(change.path, change.before, stored) if _digest(stored) == kept.digest_before else change


def _drop_backup(change: Change) -> None:
    """Once the file is as it was, a copy of it only holds its secrets a second time."""
    backup = _backup(change.path)
    if change.after is not None and read(backup) == change.after:
        backup.unlink(missing_ok=True)
