"""The files that house rules look at."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_VENDORED = ("tests/e2e/vendor/", "jit_access/web/static/web/vendor/", "jit_access/web/static/web/fonts/")


@lru_cache(maxsize=1)
def tracked_files() -> tuple[Path, ...]:
    """Every file in the repository that we wrote, new ones included."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    ours = (name for name in names if name and not name.startswith(_VENDORED))
    return tuple(path for name in sorted(ours) if (path := ROOT / name).is_file())


def text_files() -> Iterator[tuple[Path, str]]:
    """Those that people read, with their text."""
    for path in tracked_files():
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture or a font
            continue


def python_files(*rooms: str) -> tuple[Path, ...]:
    """Python that we wrote, below these folders. Migrations are made by a machine."""
    wanted = tuple(f"{room}/" for room in rooms)
    return tuple(
        path
        for path in tracked_files()
        if path.suffix == ".py" and relative(path).startswith(wanted) and "/migrations/" not in relative(path)
    )


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@lru_cache(maxsize=512)
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
