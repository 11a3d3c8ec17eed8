"""A folder for one command, where its token lies: in memory where there is such a place, gone with the command."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Of mode 0700, and removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix="jit-", dir=_memory()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put(folder: Path, files: Mapping[str, str]) -> None:
    """Write each, readable for its owner alone; whoever reads meanwhile reads the old or the new one."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(text)
        fresh.replace(path)


def _memory() -> str | None:
    """The user's own folder of the session, which never reaches a disk; or wherever temporary files go."""
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    try:
        facts = os.stat(folder) if folder.startswith("/") else None  # noqa: PTH116  # a Path would say no more
    except OSError:
        return None
    is_ours = facts is not None and facts.st_uid == os.geteuid() and not facts.st_mode & 0o077
    return folder if is_ours else None
