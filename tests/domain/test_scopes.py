"""Scopes: parsed once, narrowed only, and never wider than they read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jit_access.domain.errors import CallerError
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import (
    HUB_NAME,
    MAX_REFERENCES,
    MAX_RESOURCES,
    ResourceScope,
    Scope,
    is_repository_name,
    make_scope,
    parse_scope,
)
from tests.domain.strategies import digests, files, names, operations, resources, scopes, tags

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
    some_files = tuple(file for file in outer.files if draw(st.booleans()))
    if not outer.is_restricted:
        free = draw(resources(st.just("a")))
        return ResourceScope("a", verbs, free.tags, free.digests, some_files if outer.files else free.files), outer
    some_tags = [tag for tag in outer.tags if draw(st.booleans())]
    some_digests = [digest for digest in outer.digests if draw(st.booleans())]
    return ResourceScope("a", verbs, tuple(some_tags), tuple(some_digests), some_files), outer


@given(narrowed(), tags, digests, files)
def test_what_is_within_never_covers_more(
    pair: tuple[ResourceScope, ResourceScope], tag: str, digest: str, file: str
) -> None:
    inner, outer = pair
    keeps_files = bool(inner.files) or not outer.files
    assert inner.is_within(outer) == (keeps_files and (inner.is_restricted or not outer.is_restricted))
    if inner.is_within(outer):
        assert inner.operations <= outer.operations
        assert not inner.covers_tag(tag) or outer.covers_tag(tag)
        assert not inner.covers_digest(digest) or outer.covers_digest(digest)
        assert not inner.covers_file(file) or outer.covers_file(file)


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
    ("patterns", "path", "is_covered"),
    [
        ((), "any/thing", True), (("a.bin",), "a.bin", True), (("a.bin",), "b/a.bin", False),
        (("a.bin",), "A.bin", False),
        (("*.bin",), "b/a.bin", True), (("b/",), "b/c/a.bin", True), (("b/",), "b", False), (("b",), "b/a", False),
        (("b/",), "b/", True), (("b*",), "b/", True), (("b?",), "b/", False), (("b/*.bin",), "b/", False),
    ],
)  # fmt: skip
def test_files_are_covered_by_their_whole_path(patterns: tuple[str, ...], path: str, is_covered: bool) -> None:
    scope = ResourceScope("models/a", frozenset({Operation.PULL}), files=patterns)
    assert scope.covers_file(path) is is_covered


def test_pull_requests_of_a_hub_are_meant_only_where_a_pattern_says_so() -> None:
    """Anybody may open one."""
    scope = ResourceScope("models/a", frozenset({Operation.PULL}), ("*", "refs/pr/2"))
    assert [scope.covers_tag(name) for name in ("main", "a/b", "refs/pr/2", "refs/pr/1")] == [True, True, True, False]


def test_a_scope_without_files_keeps_the_bytes_that_people_signed() -> None:
    assert parse_scope([wire()]).to_wire() == [wire(tags=[], digests=[])]
    with_files = wire(repository="models/Org/Name", files=["b", "a", "a"])
    assert parse_scope([with_files]).to_wire() == [with_files | {"tags": [], "digests": [], "files": ["a", "b"]}]


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
        ([wire(files=["a"])], Reason.INVALID_INPUT),  # not a hub's repository
        ([wire(repository="models/Org/Name", files=["/a"])], Reason.INVALID_INPUT),
        ([wire(repository="models/Org/Name", files=["a[b]"])], Reason.INVALID_INPUT),
        ([wire(repository="models/Org/Name", files=["a\n"])], Reason.INVALID_INPUT),
        ([wire(repository="models/Org/Name", files=[""])], Reason.INVALID_INPUT),
        ([wire(repository="models/Org/Name", tags=["a/../b"])], Reason.INVALID_INPUT),
        ([wire(tags=["refs/pr/1"])], Reason.INVALID_INPUT),
        ([wire(repository=f"r{number}") for number in range(MAX_RESOURCES + 1)], Reason.INVALID_INPUT),
    ],
)
def test_what_cannot_be_trusted_is_refused(raw: object, reason: Reason) -> None:
    assert parse_scope([wire(tags=["v*"], digests=[DIGEST])]).resources
    assert parse_scope([wire(repository="models/Org/Name", tags=["refs/pr/1"], files=["a/*", "b c"])]).resources
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


@pytest.mark.parametrize(
    ("name", "is_open"),
    [("weights", True), ("weights.eu-1/Llama-3.1_8B/v=2", True), ("weights/a@b+c=d", True), ("weights/a/../b", False),
     ("weights/a..b", False), ("weights//a", False), ("weights/", False), ("/weights", False), ("Weights/a b", False),
     ("weights/.hidden", False), ("weights/a.", False), ("weights/a%2Fb", False), ("Weights", False)],
)  # fmt: skip
def test_names_of_buckets_and_prefixes_have_one_spelling(name: str, is_open: bool) -> None:
    assert is_repository_name(name) is is_open


@pytest.mark.parametrize("name", ["models/Org--Name", "kernels/Org/Name", "models/Org/Name/More"])
def test_names_of_a_hub_are_stricter_than_those_of_a_bucket(name: str) -> None:
    """A scope may hold them, for a bucket called models; a hub's own paths are read by its own grammar."""
    assert is_repository_name(name)
    assert not HUB_NAME.fullmatch(name)
    with pytest.raises(CallerError):
        parse_scope([wire(repository=name, files=["a.bin"])])
