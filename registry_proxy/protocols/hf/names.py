"""Paths of a hub: which target, which repository, which revision, which file.

Source: huggingface_hub 2.4, `hf_api.py`, `file_download.py`; `HF_ENDPOINT` is `<gateway>/hf/<target>`. The edge let
only one spelling through (`paths.ENCODED`), so a path is decoded once here and forwarded as it came. A repository's
name in a scope begins with its kind: `models/Org/Name`, `datasets/Org/Name`, and `models/name` for those of old.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import HUB_NAME, MAX_NAME_CHARS, MAX_REVISION_CHARS, REVISION
from registry_proxy.protocols.refusals import Unclassified

PREFIX = "hf"
SEALED = "lfs"  # no owner of repositories can be called like this
KINDS = ("models", "datasets", "spaces")
MAX_SLUG_CHARS = 64
DEFAULT_REVISION = "main"
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_WITH_REVISION = frozenset({"revision", "tree", "paths-info", "commits", "preupload", "commit"})
_GIT = {"batch": "lfs-batch", "verify": "lfs-verify"}
_WITHOUT = frozenset({"refs", "auth-check", "settings", "duplicate"})
_ABOUT_REPOSITORIES = frozenset({"create", "move", "delete"})  # /api/repos/…: their bodies say which
# No reader may split a path elsewhere than we do: words of routes are neither names nor revisions. Most of these routes
# are not served; they are named because the hub behind us knows them.
_RESERVED = frozenset({
    "api", "resolve", "raw", "blob", "info", "settings", "branch", "tag", "discussions", "preupload", "commit", "lfs",
    "lfs-files", "super-squash", "xet-read-token", "xet-write-token", "resolve-cache", "buckets", "kernels", "repos",
    *KINDS, *_WITH_REVISION, *_WITHOUT,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A path taken apart. `route` is empty for what is about no repository; `file` may be a folder of `tree`."""

    route: str
    target: str
    repository: str = ""
    revision: str = ""
    file: str = ""

    @property
    def kind(self) -> str:
        """models, datasets or spaces."""
        return self.repository.partition("/")[0]

    @property
    def name(self) -> str:
        """As the hub's people write it."""
        return self.repository.partition("/")[2]


def is_commit(revision: str) -> bool:
    """True for a whole commit id. Short ones are names like any other, and covered only by name."""
    return bool(_COMMIT.fullmatch(revision))


def parse_place(path: str) -> Place:
    """The one route that this path can mean. Raises Unclassified."""
    segments = path.split("/")
    if len(segments) < 4 or segments[1] != PREFIX:
        raise unknown()
    slug, rest = segments[2], segments[3:]
    if len(slug) > MAX_SLUG_CHARS or not _SLUG.fullmatch(slug):
        raise Unclassified(400, Reason.NAME_INVALID)
    if rest == ["api", "whoami-v2"]:
        return Place("whoami", slug)
    if rest[:2] == ["api", "repos"] and len(rest) == 3 and rest[2] in _ABOUT_REPOSITORIES:
        return Place(f"repo-{rest[2]}", slug)
    if rest[0] == "api":
        return _parse_api(slug, rest[1:])
    if rest[0] == SEALED and len(rest) == 2:
        return Place("lfs-place", slug, file=rest[1])
    if rest[-4:-1] == ["info", "lfs", "objects"]:
        return _parse_git(slug, rest)
    return _parse_resolve(slug, rest)


def unknown() -> Unclassified:
    """Not in the table: branches, discussions, listings of a whole hub."""
    return Unclassified(404, Reason.ROUTE_UNKNOWN, "The gateway does not serve this address of a hub.")


def repository_of(kind: str, parts: list[str]) -> str:
    """The name in a scope. Raises Unclassified."""
    name = "/".join([kind, *parts])
    if not parts or len(name) > MAX_NAME_CHARS or not HUB_NAME.fullmatch(name) or _RESERVED & set(parts):
        raise Unclassified(400, Reason.NAME_INVALID, "That is not a repository name of a hub.")
    if name.endswith(".git"):
        raise unknown()
    return name


def _parse_api(slug: str, segments: list[str]) -> Place:
    """`/api/{kind}/{name}` with one route word behind it, or none."""
    kind, rest = segments[0] if segments else "", segments[1:]
    if kind not in KINDS or not rest:
        raise unknown()
    at = next((index for index, word in enumerate(rest[:3]) if index and word in _WITH_REVISION | _WITHOUT), None)
    if at is None:
        if len(rest) > 2:
            raise unknown()
        return Place("info", slug, repository_of(kind, rest), DEFAULT_REVISION)
    repository, word, behind = repository_of(kind, rest[:at]), rest[at], rest[at + 1 :]
    if word in _WITHOUT:
        if behind:
            raise unknown()
        return Place(word, slug, repository)
    if not behind or (len(behind) > 1 and word != "tree"):
        raise unknown()
    # A folder is one segment to this client, with its slashes encoded, and several to others.
    folder = _decode("/".join(behind[1:]).replace("%2F", "/"))
    if len(behind) > 1 and not folder:
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "The path is not in canonical form.")
    return Place(word, slug, repository, _revision(behind[0]), folder)


def _parse_git(slug: str, segments: list[str]) -> Place:
    """`/{name}.git/info/lfs/objects/{batch,verify}`; nothing else of git is served."""
    kind = segments[0] if segments[0] in ("datasets", "spaces") else "models"
    rest = (segments if kind == "models" else segments[1:])[:-4]
    route = _GIT.get(segments[-1])
    if route is None or not rest or not rest[-1].endswith(".git"):
        raise unknown()
    return Place(route, slug, repository_of(kind, [*rest[:-1], rest[-1].removesuffix(".git")]))


def _parse_resolve(slug: str, segments: list[str]) -> Place:
    """`/{name}/resolve/{revision}/{file}`; models have no prefix here, the other kinds have."""
    kind = segments[0] if segments[0] in ("datasets", "spaces") else "models"
    rest = segments if kind == "models" else segments[1:]
    at = next((index for index, word in enumerate(rest[:3]) if index and word == "resolve"), None)
    if at is None or len(rest) < at + 3:
        raise unknown()
    file = "/".join(rest[at + 2 :])
    if "%2F" in file:
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "The slashes of a file's path stand for themselves.")
    return Place("resolve", slug, repository_of(kind, rest[:at]), _revision(rest[at + 1]), _decode(file))


def _revision(segment: str) -> str:
    revision = segment.replace("%2F", "/")
    if len(revision) > MAX_REVISION_CHARS or not REVISION.fullmatch(revision) or revision in _RESERVED:
        raise Unclassified(400, Reason.NAME_INVALID, "That is not a revision: branch, tag, commit or refs/pr/1.")
    return revision


def _decode(path: str) -> str:
    """A file's path as people see it. Raises Unclassified for bytes that have more than one reading."""
    try:
        text = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "The path is not UTF-8.") from exc
    if text and not is_canonical(text):
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "The path is not in canonical form.")
    return text


def is_canonical(path: str) -> bool:
    """True for a path that has one reading."""
    return path.isprintable() and not any(segment in ("", ".", "..") for segment in path.split("/"))
