"""What a grant allows: operations on repositories, optionally only some tags or digests.

A scope can be narrowed, never widened. Each question is answered with a `Decision`, so that a refusal
always names the condition that failed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """Operations on one repository. Empty `tags` and `digests` together mean every reference."""

    repository: str
    operations: frozenset[Operation]
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    @property
    def is_restricted(self) -> bool:
        """True when only some tags or digests are covered."""
        return bool(self.tags or self.digests)

    def covers_tag(self, tag: str) -> bool:
        """True when this tag name itself is covered (says nothing about what it points to)."""
        return not self.is_restricted or any(fnmatchcase(tag, pattern) for pattern in self.tags)

    def covers_digest(self, digest: str) -> bool:
        """True when this digest is named by the scope itself, not merely reachable from it."""
        return not self.is_restricted or digest in self.digests

    def is_within(self, wider: ResourceScope) -> bool:
        """True when everything this allows, `wider` allows too."""
        if self.repository != wider.repository or not self.operations <= wider.operations:
            return False
        if not wider.is_restricted:
            return True
        if not self.is_restricted:
            return False
        return set(self.tags) <= set(wider.tags) and set(self.digests) <= set(wider.digests)


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
        return [
            {
                "repository": resource.repository,
                "operations": sorted(resource.operations),
                "tags": sorted(resource.tags),
                "digests": sorted(resource.digests),
            }
            for resource in self.resources
        ]


def _strings(raw: object, field: str) -> list[str]:
    if not isinstance(raw, list) or len(raw) > MAX_REFERENCES or not all(isinstance(item, str) for item in raw):
        raise CallerError(Reason.INVALID_INPUT, f"{field} must be a list of at most {MAX_REFERENCES} words.")
    return [str(item) for item in raw]


def _parse_resource(raw: object) -> ResourceScope:
    if not isinstance(raw, Mapping):
        raise CallerError(Reason.INVALID_INPUT, "Each resource must be an object.")
    if unknown := set(raw) - {"repository", "operations", "tags", "digests"}:
        raise CallerError(Reason.INVALID_INPUT, f"Unknown field {min(map(str, unknown))!r} in a resource.")
    repository = raw.get("repository")
    if not isinstance(repository, str) or len(repository) > MAX_NAME_CHARS or not NAME.fullmatch(repository):
        raise CallerError(Reason.NAME_INVALID)
    words = _strings(raw.get("operations"), "operations")
    if not words or not set(words) <= set(Operation):
        raise CallerError(Reason.INVALID_INPUT, "operations must be some of: " + ", ".join(Operation) + ".")
    tags = _strings(raw.get("tags", []), "tags")
    digests = _strings(raw.get("digests", []), "digests")
    if not all(TAG_PATTERN.fullmatch(tag) for tag in tags):
        raise CallerError(Reason.INVALID_INPUT, "A tag pattern holds a character that no tag can have.")
    if not all(DIGEST.fullmatch(digest) for digest in digests):
        raise CallerError(Reason.DIGEST_INVALID)
    return ResourceScope(
        repository,
        frozenset(Operation(word) for word in words),
        tuple(sorted(set(tags))),
        tuple(sorted(set(digests))),
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
