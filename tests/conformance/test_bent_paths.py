"""Whatever is done to a path: what reaches the registry lies inside the repository of the grant, for a careless reader.

The whole way without sockets: edge, dialect, machine, and the gate's own question. The reader behind it decodes until
nothing changes, takes a backslash for a slash, drops what follows a semicolon and resolves dots: what it makes of a
target must still be what policy was asked about.
"""

from __future__ import annotations

import os
import posixpath
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote

import pytest

from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.domain.signing_secrets import derive_secret
from jit_access.domain.tokens import hash_token
from registry_proxy.edge.head import read_head
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.edge.refusal import EdgeRefusal
from registry_proxy.exchange import commands as do
from registry_proxy.exchange import events as on
from registry_proxy.exchange.machine import Exchange
from registry_proxy.gate.questions import refuse_wanted
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.dialect import Fetch, Fetched, Pinned
from registry_proxy.protocols.http1 import ResponseHead
from registry_proxy.protocols.wanted import Admission, Refusal
from tests.conformance.conftest import ALL, spoken
from tests.conformance.profile import Ask, Key, Profile
from tests.support.gateway import ALL as EVERYTHING
from tests.support.gateway import steady_now
from tests.support.views import make_lease, make_token, make_view

# The gate takes many each time; by hand fewer, to stay a test that one runs often.
PATHS = 20_000 if os.environ.get("CI") else 2_000
HOST = "gw.example"
FACTS = ExchangeFacts("exc_1", b"http://gw.example", "https://access.example", "127.0.0.1")
MISSING = ResponseHead(404, (), 2, keep_alive=True)
TABLE = spoken()
LIMITS = EdgeLimits(upgrades=TABLE.upgrades, paths=TABLE.paths, deleting=TABLE.deleting)
NOISE = (
    "/", "//", "/.", "/..", "/../", "/./", "%2e", "%2E%2E", "%2f", "%2F", "%252f", ";x", "\\", "%5C", "%00", "?", "&",
    "=", "#", "@", ":", "~", ".", "..", "-", "A", "%20", "%C3%A9", "%EF%BC%8F", "%E2%80%AE", "%", "+", "1", "*", "|",
    "\t", "frontier", "/frontier/", "../frontier", "%2e%2e%2ffrontier", "?prefix=frontier/", "&prefix=frontier/",
    "/..%252ffrontier", "/..%252f..%252f", "%252e%252e%252ffrontier", "/%2E%2E/frontier/", "/..%5Cfrontier",
    "/..;/frontier",
    "&name=frontier", "?name=frontier", "name[]=", "resolve/", "api/", "blobs/", "artifacts/", ".git", "refs%2Fpr%2F1",
)  # fmt: skip


class Holder:
    """Of a grant for everything in one repository."""

    def __init__(self, profile: Profile) -> None:
        self.profile, token = profile, make_token()
        lease = make_lease(token, valid_until=steady_now() + 3600)
        scope = make_scope([ResourceScope(profile.repository, EVERYTHING)])
        self.view = replace(make_view(now=steady_now()), target=profile.slug, scope=scope, leases=(lease,))
        self.admission = Admission(self.view, lease, hash_token(token), "rule-1", strict=True, verify_digests=False)
        secret = derive_secret(bytes(32), lease_id=lease.lease_id, token_hash=lease.token_hash)
        self.key = Key(token, lease.lease_id, secret, HOST)

    def reached(self, ask: Ask) -> list[str]:
        """Everything that the registry would get of this request."""
        lines = [f"{ask.method} {ask.path} HTTP/1.1", f"Host: {HOST}", *self.profile.show(self.key, ask), *ask.fields]
        lines += [f"Content-Length: {len(ask.body)}"] if ask.body else []
        try:
            head = read_head("\r\n".join(lines).encode() + b"\r\n\r\n", LIMITS)
        except EdgeRefusal:
            return []
        exchange, found = Exchange(FACTS, TABLE.choose(head)), []
        (command, *_) = exchange.receive(on.RequestRead(head))
        while (event := self._event(command, ask)) is not None:
            found += self._target(command)
            (command, *_) = exchange.receive(event)
        return found + self._target(command)

    def _event(self, command: do.Command, ask: Ask) -> on.Event | None:
        match command:
            case do.AskGate(wanted=wanted):
                reason = refuse_wanted(self.view, wanted)
                refusal = Refusal(reason, self.view, self.view.leases[0]) if reason else None
                return on.Refused(refusal) if refusal else on.Admitted(self.admission, steady_now())
            case do.ReadBody():
                return on.BodyRead(ask.body)
            case do.Record():
                return on.Recorded()
            case do.Fetch(step=Fetch()):
                return Fetched(MISSING, b"{}")
            case do.Fetch():
                return Pinned(self.profile.pins)
            case _:
                return None

    @staticmethod
    def _target(command: do.Command) -> list[str]:
        match command:
            case do.OpenUpstream(request=request):
                return [request.target.decode("ascii")]
            case do.Fetch(step=Fetch(request=request)):
                return [request.target.decode("ascii")]
            case _:
                return []


def bent(ask: Ask, dice: random.Random) -> Ask:
    path = ask.path
    for _ in range(dice.choice([0, 1, 1, 2, 3])):
        at = dice.randrange(1, len(path) + 1)
        match dice.randrange(5):
            case 0 | 1:
                path = path[:at] + dice.choice(NOISE) + path[at:]
            case 2:
                path = path[:at] + path[at + 1 :]
            case 3:
                path = path[:at] + f"%{ord(path[at : at + 1] or 'a'):02X}" + path[at + 1 :]
            case _:
                path = path[:at] + path[at:].swapcase()
    return ask.at(path)


def careless(target: str) -> str:
    """What the most generous reader makes of it."""
    before = ""
    while target != before:
        before, target = target, unquote(target)
    path, mark, query = target.replace("\\", "/").partition("?")
    path = "/".join(segment.partition(";")[0] for segment in path.split("/"))
    ends = "/" if path.endswith("/") and path != "/" else ""
    return posixpath.normpath(path) + ends + mark + query


def honest(profile: Profile) -> Iterator[Ask]:
    yield from (profile.read, profile.write, *profile.foreign)
    if profile.listing is not None:
        yield profile.listing.ask


@pytest.mark.parametrize("kind", ALL)
def test_bent_path_stays_inside(kind: str) -> None:
    profile, dice, outcome = ALL[kind], random.Random(kind), Counter[bool]()  # noqa: S311 - the same each time
    holder, asks = Holder(profile), list(honest(profile))
    inside = re.compile(profile.inside)
    for _ in range(PATHS):
        ask = bent(dice.choice(asks), dice)
        targets = holder.reached(ask)
        outcome[bool(targets)] += 1
        outside = [target for target in targets if not inside.fullmatch(careless(target))]
        assert outside == [], ask
    assert outcome[True] > PATHS / 20, "hardly anything went through: nothing was looked at"
    assert outcome[False] > PATHS / 20


@pytest.mark.parametrize(
    "target", ["/box/..%252fother/key", "/box/%2e%2e/other/key", "/other/key", "/box\\..\\other/key"]
)
def test_careless_reader_notices(target: str) -> None:
    assert not re.fullmatch(ALL["toy"].inside, careless(target))
