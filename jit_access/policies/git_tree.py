"""Reads policy files out of a local git checkout, at a revision, without touching its work tree.

Only plumbing is called, with fixed arguments: nothing of the checkout's own configuration can run a program, fetch, or
take locks. What was committed is read, so a file that somebody is editing does not count.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from jit_access.policies.errors import PolicyBroken
from jit_access.policies.loader import MAX_FILES, SCHEMA_FILE

TIMEOUT_S = 30
MAX_BLOB_BYTES = 1_000_000
_PLAIN_FILE = frozenset({"100644", "100755"})
_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_QUIET = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_SETTINGS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.devnull, "-c", "protocol.allow=never")


@dataclass(frozen=True, slots=True)
class FromGit:
    """Where to read: a checkout, a revision in any of git's words, and a folder in it."""

    checkout: Path
    revision: str = "HEAD"
    folder: str = ""


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """The files of one commit, in a directory of their own for as long as they are needed."""

    directory: Path
    commit: str


@contextmanager
def checked_out(source: FromGit) -> Iterator[CheckedOut]:
    """The policy files of a revision. Raises: PolicyBroken when there is no such revision, folder or file."""
    commit = _git(source, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{source.revision}^{{commit}}")
    found = commit.decode("ascii", "replace").strip()
    if not _OBJECT.fullmatch(found):
        raise PolicyBroken((f"there is no revision {source.revision} in {source.checkout.name}",))
    with TemporaryDirectory(prefix="jit-policy-") as name:
        directory = Path(name)
        for file, blob in _files(source, found).items():
            (directory / file).write_bytes(_blob(source, file, blob))
        yield CheckedOut(directory, found)


def _files(source: FromGit, commit: str) -> dict[str, str]:
    """Names and objects of what is read; whatever else lies there is none of our business."""
    tree = f"{commit}:{source.folder.strip('/')}"
    found: dict[str, str] = {}
    for line in _git(source, "ls-tree", "-z", "--full-tree", "--end-of-options", tree).split(b"\0"):
        facts, _, raw = line.partition(b"\t")
        name = raw.decode("utf-8", "replace")
        if not name.endswith((".cedar", ".yaml")) and name != SCHEMA_FILE:
            continue
        mode, _, blob = facts.decode("ascii").split(" ")
        if mode not in _PLAIN_FILE or not _NAME.fullmatch(name) or not _OBJECT.fullmatch(blob):
            raise PolicyBroken((f"{name}: is no plain file with a plain name",))
        found[name] = blob
    if len(found) > 2 * MAX_FILES:
        raise PolicyBroken((f"there are more than {2 * MAX_FILES} files in {source.folder or 'the checkout'}",))
    return found


def _blob(source: FromGit, name: str, blob: str) -> bytes:
    if int(_git(source, "cat-file", "-s", blob)) > MAX_BLOB_BYTES:
        raise PolicyBroken((f"{name}: is larger than {MAX_BLOB_BYTES} bytes",))
    return _git(source, "cat-file", "blob", blob)


def _git(source: FromGit, *arguments: str) -> bytes:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603  # fixed arguments; what was typed stands behind --end-of-options
            ["git", *_SETTINGS, "-C", str(source.checkout), *arguments],  # noqa: S607  # the one on the path
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
            env=kept | _QUIET,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as exc:
        raise PolicyBroken(("git is not installed here",)) from exc
    except subprocess.TimeoutExpired as exc:
        raise PolicyBroken((f"git did not answer within {TIMEOUT_S} s",)) from exc
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"no revision {source.revision}"]
        raise PolicyBroken((f"{source.checkout.name}: {said[0].removeprefix('fatal: ')[:300]}",))
    return done.stdout
