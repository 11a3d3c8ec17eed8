"""Scopes: parsed once, narrowed only, and never wider than they read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jit_access.domain.errors import CallerError
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import MAX_REFERENCES, MAX_RESOURCES, ResourceScope, Scope, make_scope, parse_scope
from tests.domain.strategies import digests, names, operations, resources, scopes, tags

DIGEST = "sha256:" + "ab" * 32


def wire(**changes: object) -> dict[str, Any]:
    return {"repository": "llm/tiny-llama", "operations": ["pull"]} | changes


@given(scopes)
def test_the_wire_form_is_read_back_and_canonical(scope: Scope) -> None:
    assert parse_scope(scope.to_wire()) == scope
    assert parse_scope(list(reversed(scope.to_wire()))).to_wire() == scope.to_wire()


@given(scopes, names, st.sampled_from(Operation))
def test_only_what_is_named_is_covered(scope: Scope, name: str, operation: Operation) -> None:
    resource = scope.find(name)
    refusal = scope.refusal(name, operation)
    if resource is None:
        assert refusal is Reason.OUT_OF_SCOPE
    elif operation not in resource.operations:
        assert refusal is Reason.OPERATION_NOT_GRANTED
    else:
        assert refusal is None


@st.composite
def narrowed(draw: st.DrawFn) -> tuple[ResourceScope, ResourceScope]:
    """A resource and one made of some of its parts; the result is narrower unless it lost its last reference."""
    outer = draw(resources(st.just("a")))
    verbs = draw(st.frozensets(st.sampled_from(sorted(outer.operations)), min_size=1))
    if not outer.is_restricted:
        return draw(resources(st.just("a")).map(lambda free: ResourceScope("a", verbs, free.tags, free.digests))), outer
    some_tags = [tag for tag in outer.tags if draw(st.booleans())]
    some_digests = [digest for digest in outer.digests if draw(st.booleans())]
    return ResourceScope("a", verbs, tuple(some_tags), tuple(some_digests)), outer


@given(narrowed(), tags, digests)
def test_what_is_within_never_covers_more(pair: tuple[ResourceScope, ResourceScope], tag: str, digest: str) -> None:
    inner, outer = pair
    assert inner.is_within(outer) == (inner.is_restricted or not outer.is_restricted)
    if inner.is_within(outer):
        assert inner.operations <= outer.operations
        assert not inner.covers_tag(tag) or outer.covers_tag(tag)
        assert not inner.covers_digest(digest) or outer.covers_digest(digest)


@given(scopes)
def test_every_scope_is_within_itself_and_a_wider_one_is_not(scope: Scope) -> None:
    assert scope.is_within(scope)
    first = scope.resources[0]
    assume(first.operations != frozenset(Operation))
    wider = make_scope([ResourceScope(first.repository, frozenset(Operation), first.tags, first.digests)])
    assert make_scope([first]).is_within(wider)
    assert not wider.is_within(make_scope([first]))


@given(names, operations, st.lists(tags, min_size=1, max_size=3, unique=True))
def test_without_references_every_reference_is_meant_so_it_is_the_widest(
    name: str, verbs: frozenset[Operation], some: list[str]
) -> None:
    whole, part = ResourceScope(name, verbs), ResourceScope(name, verbs, tuple(some))
    assert part.is_within(whole)
    assert not whole.is_within(part)
    assert whole.covers_tag("anything")
    assert whole.covers_digest(DIGEST)


@pytest.mark.parametrize(
    ("pattern", "tag", "is_covered"),
    [("v1.*", "v1.2", True), ("v1.*", "v2.1", False), ("v?", "v1", True), ("v?", "v10", False), ("V1", "v1", False)],
)
def test_tag_patterns_are_exact_about_case_and_length(pattern: str, tag: str, is_covered: bool) -> None:
    scope = ResourceScope("a", frozenset({Operation.PULL}), (pattern,))
    assert scope.covers_tag(tag) is is_covered
    assert not scope.covers_digest(DIGEST)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ([], Reason.INVALID_INPUT),
        ({}, Reason.INVALID_INPUT),
        (None, Reason.INVALID_INPUT),
        ("llm", Reason.INVALID_INPUT),
        (["llm"], Reason.INVALID_INPUT),
        ([wire(extra=1)], Reason.INVALID_INPUT),
        ([wire(repository="LLM")], Reason.NAME_INVALID),
        ([wire(repository="../etc")], Reason.NAME_INVALID),
        ([wire(repository="a//b")], Reason.NAME_INVALID),
        ([wire(repository="a" * 201)], Reason.NAME_INVALID),
        ([wire(repository=5)], Reason.NAME_INVALID),
        ([wire(repository="llm/x\n")], Reason.NAME_INVALID),
        ([wire(operations=[])], Reason.INVALID_INPUT),
        ([wire(operations="pull")], Reason.INVALID_INPUT),
        ([wire(operations=["exec"])], Reason.INVALID_INPUT),
        ([wire(operations=[["pull"]])], Reason.INVALID_INPUT),
        ([wire(tags=["a b"])], Reason.INVALID_INPUT),
        ([wire(tags=["[a]"])], Reason.INVALID_INPUT),
        ([wire(tags=["t"] * (MAX_REFERENCES + 1))], Reason.INVALID_INPUT),
        ([wire(digests=["sha256:zz"])], Reason.DIGEST_INVALID),
        ([wire(digests=["md5:" + "a" * 32])], Reason.DIGEST_INVALID),
        ([wire(), wire()], Reason.INVALID_INPUT),
        ([wire(repository=f"r{number}") for number in range(MAX_RESOURCES + 1)], Reason.INVALID_INPUT),
    ],
)
def test_what_cannot_be_trusted_is_refused(raw: object, reason: Reason) -> None:
    assert parse_scope([wire(tags=["v*"], digests=[DIGEST])]).resources
    with pytest.raises(CallerError) as caught:
        parse_scope(raw)
    assert caught.value.reason is reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values | st.lists(st.fixed_dictionaries({"repository": json_values, "operations": json_values})))
def test_any_input_is_a_scope_or_a_caller_error(raw: Any) -> None:
    try:
        scope = parse_scope(raw)
    except CallerError:
        return
    assert parse_scope(scope.to_wire()) == scope
