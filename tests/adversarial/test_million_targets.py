"""I7 by numbers: for a million generated targets, what policy was asked about is what was forwarded.

Each target goes the whole sans-I/O way: edge, protocol table, machine, up to the request that is sent upstream. A
second reader, written from distribution's own routes (`tests/fuzzing/oracle.py`), says what a registry makes of it.
"""

from __future__ import annotations

import functools
import random
from collections import Counter

import pytest

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.domain.session_view import LeaseFacts, SessionView, ViewState
from registry_proxy.edge.head import read_head
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.exchange import commands as do
from registry_proxy.exchange import events as on
from registry_proxy.exchange.machine import Exchange
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.oci.dialect import OciDialect
from registry_proxy.protocols.wanted import Admission, Wanted
from tests.fuzzing.oracle import Served, served
from tests.support.effort import at_length

TARGETS = at_length(1_000_000, 50_000)
SHARDS = 8
DIGEST = "sha256:" + "a" * 64
_NAMES = ["a", "llm/tiny-llama", "a/b/c", "library/nginx", "a.b_c-d", "a__b", "0", "blobs", "manifests", "a/tags", "A",
          "a..b", "_catalog", "uploads", "a/blobs/uploads", "v2", "token", "-a", "a-", "a//b"]  # fmt: skip
_TAILS = ["manifests/latest", f"manifests/{DIGEST}", f"blobs/{DIGEST}", "blobs/uploads/", "blobs/uploads/id-1",
          "tags/list", f"referrers/{DIGEST}", "manifests/", "blobs/uploads", "tags/list/", "manifests/v1.0_x-y",
          f"blobs/uploads/{DIGEST}", "tags", "manifests/latest/", "blobs/latest"]  # fmt: skip
_QUERIES = ["", "?n=10", "?n=10&last=x", f"?digest={DIGEST}", f"?mount={DIGEST}&from=demo/b", "?ns=docker.io", "?",
            f"?_state=abc%3D&digest={DIGEST}", "?tag=v1", "?artifactType=a/b", "?n=1&n=2", "?from=demo/../x",
            f"?mount={DIGEST}&from=demo/a%2fb", "?%6eames=1", "?a=b;c=d"]  # fmt: skip
_NOISE = ["/", "//", "/.", "/..", "/../", "/./", "%2e", "%2f", "%2F", "%252f", ";x", "\\", "%00", "?", "&", "=", "#",
          "@", ":", "~", ".", "..", "_", "-", "A", "é", "／", "%", "%7e", "+", "a", "1", "manifests/", "blobs/", "v2/",
          "demo/", "*", "|", "\t", "uploads/"]  # fmt: skip
_METHODS = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"]
_HONEST = [
    ("GET", "manifests/latest", "?ns=docker.io"), ("HEAD", f"manifests/{DIGEST}", ""),
    ("PUT", "manifests/v1.0_x-y", ""), ("PUT", f"manifests/{DIGEST}", "?tag=v1&tag=v2"),
    ("DELETE", f"manifests/{DIGEST}", ""), ("GET", f"blobs/{DIGEST}", ""), ("DELETE", f"blobs/{DIGEST}", ""),
    ("GET", "tags/list", "?n=10&last=x%20y"), ("GET", f"referrers/{DIGEST}", ""),
    ("GET", f"referrers/{DIGEST}", "?artifactType=a/b"), ("POST", "blobs/uploads/", ""),
    ("POST", "blobs/uploads/", f"?mount={DIGEST}&from=demo/b"), ("POST", "blobs/uploads/", f"?digest={DIGEST}"),
    ("PATCH", "blobs/uploads/id-1", "?_state=abc%3D"), ("PUT", "blobs/uploads/id-1", f"?_state=x&digest={DIGEST}"),
]  # fmt: skip
LIMITS = EdgeLimits()
OCI = OciDialect()
FACTS = ExchangeFacts("exc_1", b"http://gw", "https://access.example", "127.0.0.1")


def generated(dice: random.Random) -> tuple[str, str]:
    """A method and a target: half of them honest, the others put together at random and up to three times bent."""
    if dice.random() < 0.5:
        method, tail, query = dice.choice(_HONEST)
        return method, f"/v2/demo/{_name(dice)}/{tail}{query}"
    slug = dice.choice(["demo", "demo", "demo", "demo2", "", "Demo", "demo/.."])
    target = f"/v2/{slug}/{dice.choice(_NAMES)}/{dice.choice(_TAILS)}{dice.choice(_QUERIES)}"
    for _ in range(dice.choice([0, 1, 1, 2, 3])):
        target = _bent(target, dice)
    return dice.choice(_METHODS), target


def _name(dice: random.Random) -> str:
    """Any name that the grammar of OCI takes."""
    parts = ("".join(dice.choices("abz019", k=dice.randrange(1, 5))) for _ in range(dice.randrange(1, 6)))
    name = next(parts)
    for part in parts:
        name += dice.choice(["/", "/", ".", "_", "__", "-", "---"]) + part
    return name


def _bent(target: str, dice: random.Random) -> str:
    at = dice.randrange(len(target) + 1)
    match dice.randrange(4):
        case 0:
            return target[:at] + dice.choice(_NOISE) + target[at:]
        case 1:
            return target[:at] + target[at + 1 :]
        case 2:
            return target[:at] + f"%{ord(target[at : at + 1] or 'a'):02x}" + target[at + 1 :]
        case _:
            return target[:at] + target[at:].swapcase()


def admission(questions: tuple[Wanted, ...]) -> Admission:
    """A yes to exactly these questions."""
    return _admission(*sorted({wanted.repository for wanted in questions}))


@functools.lru_cache(maxsize=4096)
def _admission(*names: str) -> Admission:
    scope = make_scope(ResourceScope(name, frozenset(Operation)) for name in names)
    lease = LeaseFacts("lse_1", "0" * 64, 2000.0)
    view = SessionView("grt_1", 1, ViewState.OPEN, Reason.GRANTED, "usr_1", "Ada", "person", "demo", scope, (),
                       (lease,), 0.0, 2000.0, "rule-1")  # fmt: skip
    return Admission(view, lease, lease.token_hash, "rule-1", strict=True, verify_digests=False)


def forwarded(method: str, target: str) -> tuple[tuple[Wanted, ...], bytes] | None:
    """What was asked and what would go upstream, or None when it was refused or answered here."""
    body = b"content-length: 2\r\n" if method in ("PUT", "POST", "PATCH") else b""
    raw = f"{method} {target} HTTP/1.1\r\n".encode() + b"host: gw\r\n" + body + b"\r\n"
    try:
        head = read_head(raw, LIMITS)
    except EdgeRefusal:
        return None
    exchange = Exchange(FACTS, OCI)
    (first, *_) = exchange.receive(on.RequestRead(head))
    if not isinstance(first, do.AskGate) or not first.wanted:
        return None
    exchange.receive(on.Admitted(admission(first.wanted), 1000.0))
    (opened,) = exchange.receive(on.Recorded())
    assert isinstance(opened, do.OpenUpstream)
    return first.wanted, opened.request.target


def agrees(method: str, asked: tuple[Wanted, ...], read: Served) -> bool:
    """True when the registry would do to that repository and reference what policy was asked about."""
    first = asked[0]
    is_reading = method in ("GET", "HEAD") and read.route not in ("uploads", "upload")
    expected = Operation.PULL if is_reading else Operation.DELETE if method == "DELETE" else Operation.PUSH
    if read.route == "upload":
        expected = Operation.PUSH
    if (first.repository, first.operation) != (read.repository, expected):
        return False
    return read.route in ("uploads", "upload", "tags") or first.reference == read.reference


@pytest.mark.parametrize("shard", range(SHARDS))
def test_what_was_judged_is_what_is_forwarded(shard: int) -> None:
    dice, seen = random.Random(f"targets-{shard}"), Counter[str]()  # noqa: S311 - the same ones each time
    for _ in range(TARGETS // SHARDS):
        method, target = generated(dice)
        passed = forwarded(method, target)
        if passed is None:
            seen["not forwarded"] += 1
            continue
        asked, upstream_target = passed
        read = served(upstream_target)
        assert read is not None, (method, target, upstream_target)
        assert agrees(method, asked, read), (method, target, upstream_target, asked)
        seen[read.route] += 1
    # The generator is worth something only while it reaches every route, and is refused a lot too.
    assert seen.keys() >= {"manifest", "blob", "tags", "uploads", "upload", "referrers", "not forwarded"}
    assert sum(seen.values()) - seen["not forwarded"] > TARGETS // SHARDS // 4
