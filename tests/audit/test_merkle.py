"""The tree against published vectors, and its proofs against every size up to 40 and at random above."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.audit.merkle import (
    EMPTY_ROOT,
    CompactRange,
    consistency_holds,
    consistency_path,
    inclusion_holds,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_of,
)

# Leaves and roots of the certificate-transparency project's reference tree (its merkle tree test data).
REFERENCE_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
REFERENCE_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


def slow_root(items: list[bytes]) -> bytes:
    """RFC 6962 2.1 as it is written, by recursion."""
    if not items:
        return EMPTY_ROOT
    if len(items) == 1:
        return items[0]
    split = 1
    while split * 2 < len(items):
        split *= 2
    return node_hash(slow_root(items[:split]), slow_root(items[split:]))


def test_roots_are_those_of_the_reference_tree() -> None:
    tree = CompactRange()
    assert tree.root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for data, root in zip(REFERENCE_LEAVES, REFERENCE_ROOTS, strict=True):
        tree.append(leaf_hash(bytes.fromhex(data)))
        assert tree.root().hex() == root


@pytest.mark.parametrize("size", range(41))
def test_the_compact_range_agrees_with_the_definition_and_can_be_stored(size: int) -> None:
    items = leaves(size)
    tree = CompactRange()
    for leaf in items:
        tree = CompactRange(tree.size, tree.peaks)
        tree.append(leaf)
    assert tree.root() == slow_root(items) == root_of(items)
    assert len(tree.peaks) == size.bit_count()


def test_a_node_is_never_a_leaf() -> None:
    one, two = leaves(2)
    assert leaf_hash(one + two) != node_hash(one, two)


@pytest.mark.parametrize(("size", "peaks"), [(1, []), (2, [b"a" * 32] * 2), (1, [b"short"]), (0, [b"a" * 32])])
def test_peaks_that_do_not_fit_are_refused(size: int, peaks: list[bytes]) -> None:
    with pytest.raises(ValueError, match="peaks"):
        CompactRange(size, peaks)


@pytest.mark.parametrize("size", range(1, 24))
def test_every_leaf_of_every_small_tree_is_proved_and_no_other_is(size: int) -> None:
    items = leaves(size)
    root = root_of(items)
    for index in range(size):
        path = inclusion_path(index, size, lambda start, end: root_of(items[start:end]))
        assert inclusion_holds(items[index], index, size, path, root)
        assert not inclusion_holds(leaf_hash(b"other"), index, size, path, root)
        assert not inclusion_holds(items[index], index + 1, size, path, root)
        assert not inclusion_holds(items[index], index, size, [*path, root], root)
        assert not inclusion_holds(items[index], index, size, path[:-1], root) or not path


@pytest.mark.parametrize("size", range(1, 24))
def test_every_past_of_every_small_tree_is_proved_and_no_other_is(size: int) -> None:
    items = leaves(size)
    root = root_of(items)
    for old in range(1, size + 1):
        path = consistency_path(old, size, lambda start, end: root_of(items[start:end]))
        old_root = root_of(items[:old])
        assert consistency_holds(old, size, path, old_root, root)
        assert not consistency_holds(old, size, path, leaf_hash(b"other"), root)
        assert not consistency_holds(old, size, path, old_root, leaf_hash(b"other"))
        assert not consistency_holds(old, size, [*path, root], old_root, root)


@given(st.data())
def test_proofs_hold_in_larger_trees_and_read_each_leaf_at_most_once(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 600))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    items, root = leaves(size), root_of(leaves(size))
    read: list[int] = []

    def range_root(start: int, end: int) -> bytes:
        read.extend(range(start, end))
        return root_of(items[start:end])

    assert inclusion_holds(items[index], index, size, inclusion_path(index, size, range_root), root)
    assert sorted(read) == [number for number in range(size) if number != index]
    read.clear()
    path = consistency_path(old, size, range_root)
    assert consistency_holds(old, size, path, root_of(items[:old]), root)
    assert len(read) == len(set(read))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_there_is_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        inclusion_path(index, size, lambda _start, _end: b"")
    assert not inclusion_holds(b"", index, size, [], b"")


@pytest.mark.parametrize(("old", "size"), [(0, 5), (6, 5), (-1, 5)])
def test_nothing_is_consistent_with_the_empty_or_the_larger(old: int, size: int) -> None:
    with pytest.raises(ValueError, match="consistency"):
        consistency_path(old, size, lambda _start, _end: b"")
    assert not consistency_holds(old, size, [], b"", b"")


@given(st.lists(st.integers(0, 40), max_size=8))
def test_leaves_added_together_make_the_same_tree_as_one_by_one(counts: list[int]) -> None:
    together, alone = CompactRange(), CompactRange()
    for batch, count in enumerate(counts):
        leaves = [leaf_hash(f"{batch}/{number}".encode()) for number in range(count)]
        together.extend(leaves)
        for leaf in leaves:
            alone.append(leaf)
    assert (together.size, together.peaks, together.root()) == (alone.size, alone.peaks, alone.root())
