"""By what a scope may be limited, for each kind of target.

A limit that a protocol does not know would look narrower than it is to whoever approves it, or open nothing at all. So
it is refused when somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping

from jit_access.domain.scopes import ResourceScope

TAGS, DIGESTS, FILES = "tags", "digests", "files"
OF_KIND: Mapping[str, frozenset[str]] = {
    "oci": frozenset({TAGS, DIGESTS}),
    "hf": frozenset({TAGS, FILES}),  # tags: branches, tags, commits
    "mlflow": frozenset({TAGS, FILES}),  # tags: versions, aliases, stages
    "s3": frozenset(),  # a bucket or prefix is asked for as a whole
}
_MODELS = "models/"


def narrowing_of(kind: str, repository: str) -> frozenset[str]:
    """What may stand in a scope beside the operations. Nothing: it is asked for as a whole, or not at all."""
    if kind == "mlflow" and not repository.startswith(_MODELS):
        return frozenset()  # an experiment has no versions
    return OF_KIND.get(kind, frozenset())


def limit_without_meaning(kind: str, part: ResourceScope) -> str:
    """The first limit of a scope that nothing would keep, or ""."""
    used = ((TAGS, part.tags), (DIGESTS, part.digests), (FILES, part.files))
    known = narrowing_of(kind, part.repository)
    return next((name for name, values in used if values and name not in known), "")
