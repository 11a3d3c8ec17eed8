"""From a key to the part of a grant that covers it. A resource is a bucket, or a bucket and a prefix: `bucket/llama-3`
means every key that begins with `llama-3/`."""

from __future__ import annotations

from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, Scope
from registry_proxy.protocols.wanted import Wanted


def is_below(name: str, bucket: str, key: str) -> bool:
    """Is this key (or this prefix of a listing) within what a resource's name means?"""
    granted, _, prefix = name.partition("/")
    return granted == bucket and (not prefix or key.startswith(f"{prefix}/"))


def find(scope: Scope, bucket: str, key: str, operation: Operation) -> ResourceScope | None:
    """What covers a key: with the operation if anything does, else the closest, so that the refusal says which.

    A resource that is narrowed by tags, digests or files speaks of what buckets do not have, so it covers nothing.
    """
    inside = [item for item in scope.resources if is_below(item.repository, bucket, key) and item.is_whole]
    inside.sort(key=lambda item: (operation in item.operations, len(item.repository)), reverse=True)
    return inside[0] if inside else None


def question(scope: Scope, target: str, place: tuple[str, str], operation: Operation) -> Wanted:
    """What to ask the gate for one key. What nothing covers is asked for by its bucket, and refused as out of scope."""
    bucket, key = place
    found = find(scope, bucket, key, operation)
    return Wanted(target, found.repository if found else _uncovered(scope, bucket), operation, key, file=key)


def any_question(scope: Scope, target: str, bucket: str, operation: Operation | None) -> Wanted:
    """What to ask the gate about a bucket itself: any part of it will do, one with the operation if there is one."""
    inside = [item for item in scope.resources if item.repository.partition("/")[0] == bucket]
    inside = [item for item in inside if item.is_whole]
    inside.sort(key=lambda item: operation in item.operations, reverse=True)
    if not inside:
        return Wanted(target, _uncovered(scope, bucket), operation or Operation.PULL)
    return Wanted(target, inside[0].repository, operation or min(inside[0].operations))


def _uncovered(scope: Scope, bucket: str) -> str:
    """A name that the scope does not hold, even where it holds the bucket's by another kind of limit."""
    return bucket if scope.find(bucket) is None else f"{bucket}//"
