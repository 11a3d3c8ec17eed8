"""What a grant allows: operations on repositories, optionally only some tags, digests or files.

A scope can be narrowed, never widened. Each question is answered with a `Decision`, so that a refusal
always names the condition that failed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from jit_access.domain.errors import CallerError
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason

MAX_RESOURCES = 20
MAX_REFERENCES = 32
# OCI distribution-spec 1.1, "Pulling manifests": repository name and tag grammar.
NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
TAG_PATTERN = re.compile(r"[a-zA-Z0-9_*?][a-zA-Z0-9._*?-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
# huggingface_hub, `validate_repo_id`, behind the kind of repository; models of old have no namespace. Some of these are
# names of OCI too, when in lower case; OCI's own paths are still read by NAME alone.
_HUB_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
HUB_NAME = re.compile(rf"(?:models|datasets|spaces)/(?!.*(?:--|\.\.)){_HUB_PART}(?:/{_HUB_PART})?")
# A bucket of S3, or a prefix in it (without its last slash). Buckets: Amazon S3 user guide, "Bucket naming rules".
BUCKET_NAME = re.compile(
    r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9_](?:[A-Za-z0-9._=+@-]*[A-Za-z0-9_=+@-])?)*"
)
# A revision of a hub: branch, tag, commit, or a ref such as refs/pr/1. git-check-ref-format, reduced to plain words.
REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
REVISION_PATTERN = re.compile(r"(?!.*\.\.)[A-Za-z0-9_*?][A-Za-z0-9._*?-]*(?:/[A-Za-z0-9_*?][A-Za-z0-9._*?-]*)*")
MAX_REVISION_CHARS = 128
# As `allow_patterns` of huggingface_hub, without sets: `*` takes slashes too, and `folder/` is all that lies below.
FILE_PATTERN = re.compile(r"(?!/)[^\x00-\x1f\x7f\\\[\]]{1,200}")
MAX_NAME_CHARS = 200
_REFS = "refs/"
_WILDCARDS = frozenset("*?")


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """Operations on one repository. Empty `tags` and `digests` together mean every reference, empty `files` every file.

    Files narrow what the references cover; only a hub's repositories have any.
    """

    repository: str
    operations: frozenset[Operation]
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def is_restricted(self) -> bool:
        """True when only some tags or digests are covered."""
        return bool(self.tags or self.digests)

    @property
    def is_whole(self) -> bool:
        """True when nothing narrows it."""
        return not (self.is_restricted or self.files)

    def covers_tag(self, tag: str) -> bool:
        """True when this tag name itself is covered (says nothing about what it points to)."""
        return not self.is_restricted or any(_fits(tag, pattern) for pattern in self.tags)

    def covers_digest(self, digest: str) -> bool:
        """True when this digest is named by the scope itself, not merely reachable from it."""
        return not self.is_restricted or digest in self.digests

    def covers_file(self, path: str) -> bool:
        """True when this file is covered, at a reference that is."""
        return not self.files or any(_fits_file(path, pattern) for pattern in self.files)

    def is_within(self, wider: ResourceScope) -> bool:
        """True when everything this allows, `wider` allows too."""
        if self.repository != wider.repository or not self.operations <= wider.operations:
            return False
        if wider.files and not (
            self.files and all(_is_among(file, wider.files, wider.covers_file) for file in self.files)
        ):
            return False
        if not wider.is_restricted:
            return True
        if not self.is_restricted:
            return False
        tags = all(_is_among(tag, wider.tags, wider.covers_tag) for tag in self.tags)
        return tags and set(self.digests) <= set(wider.digests)


@dataclass(frozen=True, slots=True)
class Scope:
    """All resources of one grant at one target, sorted by repository, each named once."""

    resources: tuple[ResourceScope, ...]

    def find(self, repository: str) -> ResourceScope | None:
        """The part of the scope that speaks of this repository."""
        for resource in self.resources:
            if resource.repository == repository:
                return resource
        return None

    def refusal(self, repository: str, operation: Operation) -> Reason | None:
        """None when the operation on the repository is covered, else why not. References are asked separately."""
        resource = self.find(repository)
        if resource is None:
            return Reason.OUT_OF_SCOPE
        if operation not in resource.operations:
            return Reason.OPERATION_NOT_GRANTED
        return None

    def is_within(self, wider: Scope) -> bool:
        """True when this scope only narrows `wider`."""
        return all(
            (other := wider.find(resource.repository)) is not None and resource.is_within(other)
            for resource in self.resources
        )

    @property
    def operations(self) -> frozenset[Operation]:
        """Every operation that appears anywhere in the scope."""
        return frozenset().union(*(resource.operations for resource in self.resources))

    def to_wire(self) -> list[dict[str, list[str] | str]]:
        """A canonical JSON form: sorted, so equal scopes give equal bytes."""
        return [_resource_to_wire(resource) for resource in self.resources]


def _resource_to_wire(resource: ResourceScope) -> dict[str, list[str] | str]:
    """Files only where there are any: payloads that were signed before there were files keep their bytes."""
    wire: dict[str, list[str] | str] = {
        "repository": resource.repository,
        "operations": sorted(resource.operations),
        "tags": sorted(resource.tags),
        "digests": sorted(resource.digests),
    }
    return wire | {"files": sorted(resource.files)} if resource.files else wire


def is_repository_name(text: str) -> bool:
    """True for a name in the grammar of any kind of target. Each protocol reads its own paths by its own grammar."""
    return len(text) <= MAX_NAME_CHARS and any(grammar.fullmatch(text) for grammar in (NAME, HUB_NAME, BUCKET_NAME))


def _is_among(word: str, wider: Iterable[str], covers: Callable[[str], bool]) -> bool:
    """The very same pattern, or one name that a pattern there covers. Two patterns are never weighed by meaning."""
    return word in wider or (not _WILDCARDS & set(word) and not word.endswith("/") and covers(word))


def _fits(reference: str, pattern: str) -> bool:
    """Anybody may open a pull request at a hub: what stands under refs/ is meant only where a pattern says so."""
    if reference.startswith(_REFS) and not pattern.startswith(_REFS):
        return False
    return fnmatchcase(reference, pattern)


def _fits_file(path: str, pattern: str) -> bool:
    """A path that ends with a slash is a whole folder: covered only by what takes anything that follows."""
    wide = f"{pattern}*" if pattern.endswith("/") else pattern
    return fnmatchcase(path, wide) and (wide.endswith("*") or not path.endswith("/"))


def _is_pattern(repository: str, text: str) -> bool:
    if TAG_PATTERN.fullmatch(text):
        return True
    is_short = len(text) <= MAX_REVISION_CHARS
    return is_short and bool(HUB_NAME.fullmatch(repository) and REVISION_PATTERN.fullmatch(text))


def _strings(raw: object, field: str) -> list[str]:
    if not isinstance(raw, list) or len(raw) > MAX_REFERENCES or not all(isinstance(item, str) for item in raw):
        raise CallerError(Reason.INVALID_INPUT, f"{field} must be a list of at most {MAX_REFERENCES} words.")
    return [str(item) for item in raw]


def _parse_resource(raw: object) -> ResourceScope:
    if not isinstance(raw, Mapping):
        raise CallerError(Reason.INVALID_INPUT, "Each resource must be an object.")
    if unknown := set(raw) - {"repository", "operations", "tags", "digests", "files"}:
        raise CallerError(Reason.INVALID_INPUT, f"Unknown field {min(map(str, unknown))!r} in a resource.")
    repository = raw.get("repository")
    if not isinstance(repository, str) or not is_repository_name(repository):
        raise CallerError(Reason.NAME_INVALID)
    words = _strings(raw.get("operations"), "operations")
    if not words or not set(words) <= set(Operation):
        raise CallerError(Reason.INVALID_INPUT, "operations must be some of: " + ", ".join(Operation) + ".")
    tags = _strings(raw.get("tags", []), "tags")
    digests = _strings(raw.get("digests", []), "digests")
    files = _strings(raw.get("files", []), "files")
    if not all(_is_pattern(repository, tag) for tag in tags):
        raise CallerError(Reason.INVALID_INPUT, "A tag pattern holds a character that no tag can have.")
    if not all(DIGEST.fullmatch(digest) for digest in digests):
        raise CallerError(Reason.DIGEST_INVALID)
    if not all(HUB_NAME.fullmatch(repository) and FILE_PATTERN.fullmatch(file) for file in files):
        raise CallerError(Reason.INVALID_INPUT, "Only a hub's repository has files, and a pattern is a plain path.")
    return ResourceScope(
        repository,
        frozenset(Operation(word) for word in words),
        tuple(sorted(set(tags))),
        tuple(sorted(set(digests))),
        tuple(sorted(set(files))),
    )


def parse_scope(raw: object) -> Scope:
    """Parse the JSON form into a scope that can be trusted.

    Raises: CallerError (invalid-input, name-invalid, digest-invalid) with a sentence for people.
    """
    if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_RESOURCES:
        raise CallerError(Reason.INVALID_INPUT, f"Name between 1 and {MAX_RESOURCES} repositories.")
    return make_scope(_parse_resource(item) for item in raw)


def make_scope(resources: Iterable[ResourceScope]) -> Scope:
    """Build a scope in canonical order. Raises CallerError when a repository is named twice."""
    ordered = tuple(sorted(resources, key=lambda resource: resource.repository))
    if len({resource.repository for resource in ordered}) != len(ordered):
        raise CallerError(Reason.INVALID_INPUT, "Each repository can be named once.")
    return Scope(ordered)
