"""A protocol of this suite alone, written by docs/how-to/add-a-protocol.md: a target has boxes, a box has keys.

`GET /toy/<target>/<box>/<key>` reads, `PUT` writes. It shows that a new protocol needs nothing of any other room, and
how little one is.
"""

from __future__ import annotations

import re

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason, explain
from registry_proxy.protocols.answers import COME_BACK, Answer, shown, status_for
from registry_proxy.protocols.ask_again import sentence_for
from registry_proxy.protocols.asked import Asked, ExchangeFacts
from registry_proxy.protocols.credentials import read_token
from registry_proxy.protocols.dialect import Judgement, Preparation, Prepared
from registry_proxy.protocols.headers import forwarded_request, forwarded_response
from registry_proxy.protocols.http1 import RequestHead, ResponseHead
from registry_proxy.protocols.origins import Origin
from registry_proxy.protocols.paths import PLAIN
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.signing_in import BY_TOKEN
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.wanted import Classified, Wanted
from tests.conformance.profile import PASSWORD, Ask, Profile, bearer
from tests.support.raw import RawAnswer

PREFIX = "toy"
_PATH = re.compile(r"/toy/([a-z0-9-]{1,64})/([a-z0-9-]{1,64})/([a-z0-9-]{1,64})")
_OPERATIONS = {"GET": Operation.PULL, "PUT": Operation.PUSH}


class ToyDialect:
    """As small as they come: every request names what it is about in its path."""

    kind = "toy"
    upgrades: frozenset[bytes] = frozenset()
    paths = PLAIN
    deletes_by_body = False
    sign_in = BY_TOKEN

    def classify(self, head: RequestHead) -> Classified:
        place = _PATH.fullmatch(head.target.decode("ascii"))
        if place is None:
            raise Unclassified(404, Reason.ROUTE_UNKNOWN)
        if head.method not in _OPERATIONS:
            raise Unclassified(405, Reason.METHOD_NOT_ALLOWED)
        slug, box, key = place.groups()
        wanted = Wanted(slug, box, _OPERATIONS[head.method], key)
        return Classified((wanted,), "key", f"/{box}/{key}".encode("ascii"), slug, box)

    def read_token(self, head: RequestHead) -> str | None:
        return read_token(head.get(b"authorization"))

    def admit(self, asked: Asked) -> bool:
        return False

    def body_limit(self, asked: Asked) -> int:
        return 0

    def read_body(self, asked: Asked) -> None:
        """No body decides anything."""

    def preparation(self, asked: Asked) -> Preparation:
        yield from ()
        return Prepared()

    def answer_here(self, asked: Asked) -> Answer:
        return Answer(404)

    def upstream_request(self, asked: Asked) -> UpstreamRequest:
        head, facts = asked.head, asked.facts
        fields = forwarded_request(head, keeps_ranges=True, keeps_content_type=True)
        return UpstreamRequest(
            head.method, asked.classified.upstream_target, tuple(fields), head.length, (), follows_redirects=False,
            origin=facts.origin, request_id=facts.exchange_id, traceparent=facts.traceparent,
        )  # fmt: skip

    def judge_head(self, asked: Asked, head: ResponseHead, upstream: Origin | None) -> Judgement:
        if head.status not in (200, 201, 404):
            return Judgement(refusal=Reason.UPSTREAM_BROKEN, answer=self.error(502, Reason.UPSTREAM_BROKEN))
        return Judgement(forwarded_response(head))

    def judge_body(self, asked: Asked, judgement: Judgement, status: int, body: bytes) -> Judgement:
        return Judgement(refusal=Reason.UPSTREAM_BROKEN)

    def refusal(self, reason: Reason, facts: ExchangeFacts, classified: Classified) -> Answer:
        return self.error(status_for(reason), reason, sentence_for(reason, facts, classified.wanted))

    def error(self, status: int, reason: Reason, sentence: str = "", *, code: str = "") -> Answer:
        said = f"{shown(reason)}: {sentence or explain(shown(reason))}\n"
        again = ((b"retry-after", b"1"),) if status in COME_BACK else ()
        return Answer(status, ((b"content-type", b"text/plain"), *again), said.encode("ascii", "replace"))


def _reason_in(answer: RawAnswer) -> str:
    assert answer.headers[b"content-type"] == b"text/plain"
    return answer.body.decode("ascii").partition(": ")[0]


TOY = Profile(
    kind="toy", slug="chest", repository="box",
    read=Ask("GET", "/toy/chest/box/key"), forwarded=b"GET /box/key HTTP/1.1", answered=(b"ETag: x",),
    write=Ask("PUT", "/toy/chest/box/new", b"four"), written=b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
    foreign=(Ask("GET", "/toy/chest/other/key"), Ask("GET", "/toy/chest/box-2/key")),
    unknown=(Ask("GET", "/toy/chest"), Ask("GET", "/toy/chest/box"), Ask("DELETE", "/toy/chest/box/key")),
    twins=("/toy/chest/box/key?a=b", "/toy/chest/box/key/", "/TOY/chest/box/key", "/toy/chest/Box/key"),
    inside=r"/box/[a-z0-9-]+", show=bearer, reason_in=_reason_in,
    shows_credential=lambda head: f"\r\nauthorization: Bearer {PASSWORD}\r\n".encode() in head,
)  # fmt: skip
