"""Hashing of the log's tree, and the proofs that come out of it. Pure: no database, no clock.

Source: RFC 6962 section 2.1 (hash, audit path, consistency proof), RFC 9162 2.1.3.2 and 2.1.4.2 (how to check them).
Leaves and nodes are hashed with different prefixes, so that a node can never be passed off as a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
HASH_BYTES = 32

# Gives the root of the leaves start <= seq < end; asked for disjoint ranges only, so one proof reads each leaf once.
RangeRoot = Callable[[int, int], bytes]


def leaf_hash(body: bytes) -> bytes:
    return sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The roots of the perfect subtrees that cover the first `size` leaves, largest first. O(log size) memory."""

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)
        if len(self.peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in self.peaks):
            raise ValueError("the peaks do not fit the size")

    def append(self, leaf: bytes) -> None:
        """Add one leaf: merge equal-sized subtrees, as a binary counter carries."""
        peaks, carries = self.peaks, self.size
        while carries & 1:
            leaf = sha256(b"\x01" + peaks.pop() + leaf).digest()  # node_hash, inlined: called once per record
            carries >>= 1
        peaks.append(leaf)
        self.size += 1

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add leaves in order, a whole perfect subtree at a time: half the work of one by one."""
        start = 0
        while start < len(leaves):
            width = 1 << ((len(leaves) - start).bit_length() - 1)
            if self.size:
                width = min(width, self.size & -self.size)  # a subtree begins where its width divides the place
            self._push(_perfect_root(leaves[start : start + width]), width)
            start += width

    def _push(self, node: bytes, width: int) -> None:
        peaks, carries = self.peaks, self.size // width
        while carries & 1:
            node = node_hash(peaks.pop(), node)
            carries >>= 1
        peaks.append(node)
        self.size += width

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def _perfect_root(nodes: Sequence[bytes]) -> bytes:
    """The root over 2**n nodes."""
    while len(nodes) > 1:
        nodes = [sha256(b"\x01" + left + right).digest() for left, right in zip(nodes[::2], nodes[1::2], strict=True)]
    return nodes[0]


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The Merkle tree hash over leaf hashes."""
    tree = CompactRange()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def inclusion_path(index: int, size: int, range_root: RangeRoot) -> list[bytes]:
    """RFC 6962 2.1.1, PATH(m, D[n]): what one needs beside a leaf to compute the root. Raises: ValueError."""
    if not 0 <= index < size:
        raise ValueError("there is no such leaf in a tree of this size")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_root(middle, end))
            end = middle
        else:
            path.append(range_root(start, middle))
            start = middle
    return path[::-1]


def consistency_path(old_size: int, size: int, range_root: RangeRoot) -> list[bytes]:
    """RFC 6962 2.1.2, PROOF(m, D[n]): shows that the old tree is a prefix of the new one. Raises: ValueError."""
    if not 0 < old_size <= size:
        raise ValueError("a consistency proof goes from a smaller, non-empty tree to a larger one")
    path: list[bytes] = []
    start, end, is_known = 0, size, True
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(range_root(middle, end))
            end = middle
        else:
            path.append(range_root(start, middle))
            start, is_known = middle, False
    if not is_known:
        path.append(range_root(start, end))
    return path[::-1]


def inclusion_holds(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 2.1.3.2: True when the path leads from the leaf to the root."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(step, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, step)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def consistency_holds(old_size: int, size: int, path: Sequence[bytes], old_root: bytes, root: bytes) -> bool:
    """RFC 9162 2.1.4.2: True when the path shows that the new tree only grew from the old one."""
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return not path and old_root == root
    steps = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    if not steps:
        return False
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_found = found = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_found, found = node_hash(step, old_found), node_hash(step, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, step)
        node, last = node >> 1, last >> 1
    return last == 0 and old_found == old_root and found == root


def _split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)
