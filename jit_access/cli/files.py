"""Files of ours below the user's home: folders of mode 0700, files of mode 0600, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from jit_access.cli.troubles import Exit, Trouble

MAX_FILE_BYTES = 1024 * 1024


def config_folder() -> Path:
    """`$XDG_CONFIG_HOME/jit`: what a person may read, copy and keep in a repository of dotfiles."""
    return _folder("XDG_CONFIG_HOME", ".config")


def state_folder() -> Path:
    """`$XDG_STATE_HOME/jit`: tokens, which belong to this machine alone."""
    return _folder("XDG_STATE_HOME", ".local/state")


def _folder(variable: str, usual: str) -> Path:
    given = os.environ.get(variable, "")
    # The specification says that a relative path is to be ignored.
    base = Path(given) if given.startswith("/") else Path.home() / usual
    return base / "jit"


def read_private(path: Path) -> Mapping[str, object]:
    """A JSON object of ours, or an empty one where there is no file.

    Raises: Trouble when others could have read or written it: a token in it has to be counted as lost.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise Trouble(f"{path} cannot be read: {exc.strerror}.") from exc
    with os.fdopen(descriptor, "rb") as file:
        refuse_shared(path, os.fstat(descriptor))
        return _object_in(file.read(MAX_FILE_BYTES + 1), path)


def refuse_shared(path: Path, facts: os.stat_result) -> None:
    """Raises: Trouble unless the file is the user's own and nobody else's to read or write."""
    if not stat.S_ISREG(facts.st_mode):
        raise Trouble(f"{path} is not a file.")
    if facts.st_uid != os.geteuid():
        raise Trouble(f"{path} belongs to somebody else, so it is not used.")
    if facts.st_mode & 0o077:
        raise Trouble(
            f"{path} can be read by others (mode {stat.S_IMODE(facts.st_mode):04o}), so it is not used.",
            advice=f"Sign in again if somebody may have; then: chmod 600 {path}",
        )


def write_private(path: Path, body: Mapping[str, object]) -> None:
    """Put the whole file there, or leave what was there."""
    write_text(path, json.dumps(body, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """As `write_private`, for files that other programs read."""
    make_folder(path.parent)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)  # a file that a crash left behind keeps its mode otherwise
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> None:
    """A folder of ours and what lies above it. One that is there already keeps its mode unless it is ours."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.name == "jit" and path.stat().st_mode & 0o077:
        path.chmod(0o700)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One writer at a time: two commands that renew a token at once would each lose the other's."""
    import fcntl  # noqa: PLC0415  # not there on every system, and only writers need it

    make_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _object_in(raw: bytes, path: Path) -> Mapping[str, object]:
    try:
        found = json.loads(raw) if len(raw) <= MAX_FILE_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Trouble(
            f"{path} is not what `jit` wrote there.", Exit.FAILED, advice=f"Move it away: mv {path} {path}.old"
        )
    return found
