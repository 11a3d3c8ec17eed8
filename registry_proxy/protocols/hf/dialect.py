"""The Hugging Face Hub as the exchange sees it: reads only, by (route, revision) of one repository."""

from __future__ import annotations

import time
from collections.abc import Callable

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.answers import Answer
from registry_proxy.protocols.asked import Asked, ExchangeFacts
from registry_proxy.protocols.credentials import read_token
from registry_proxy.protocols.dialect import Judgement, Preparation, Prepared
from registry_proxy.protocols.headers import forwarded_request
from registry_proxy.protocols.hf.errors import error_answer, gate_answer
from registry_proxy.protocols.hf.judging import judge_body, judge_head
from registry_proxy.protocols.hf.local import auth_check_answer, whoami_answer
from registry_proxy.protocols.hf.pinning import pin
from registry_proxy.protocols.hf.pins import PinStore
from registry_proxy.protocols.hf.routes import MAX_FORM_BYTES, classify
from registry_proxy.protocols.http1 import RequestHead, ResponseHead
from registry_proxy.protocols.origins import Origin
from registry_proxy.protocols.paths import ENCODED
from registry_proxy.protocols.upstream_request import Redirects, UpstreamRequest
from registry_proxy.protocols.wanted import Classified

# Told by the hub itself, and not by the store that it points to.
_KEPT = frozenset({b"x-repo-commit", b"x-linked-size", b"x-linked-etag"})


class HubDialect:
    """One per process: it remembers which commits a grant's revisions meant."""

    kind = "hf"
    upgrades: frozenset[bytes] = frozenset()
    paths = ENCODED

    def __init__(self, pins: PinStore | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pins = pins or PinStore()
        self._monotonic = monotonic

    def classify(self, head: RequestHead) -> Classified:
        """By method, path and query alone. Raises Unclassified."""
        return classify(head.method, head.target)

    def read_token(self, head: RequestHead) -> str | None:
        """Bearer, as HF_TOKEN goes out."""
        return read_token(head.get(b"authorization"))

    def admit(self, asked: Asked) -> bool:  # noqa: ARG002 - as every dialect
        """The token is all."""
        return False

    def body_limit(self, asked: Asked) -> int:
        """The form of `paths-info`, for those whom the gate let in: it goes out whole or not at all."""
        is_form = asked.head.method == "POST" and asked.admission is not None
        return MAX_FORM_BYTES if is_form and asked.body is None else 0

    def read_body(self, asked: Asked) -> None:
        """It names files of the revision that was judged, so there is nothing more to judge."""

    def preparation(self, asked: Asked) -> Preparation:
        """Which commit a revision means for this grant."""
        restricted = asked.restricted()
        if restricted is None:
            return Prepared()
        return (yield from pin(asked, restricted, self._pins, self._monotonic))

    def answer_here(self, asked: Asked) -> Answer:
        """Who asks, and may they read this."""
        return whoami_answer(asked.admitted()) if asked.classified.route == "whoami" else auth_check_answer()

    def upstream_request(self, asked: Asked) -> UpstreamRequest:
        """The same method and path without the target's name, and at times a commit in the place of a revision."""
        head, classified = asked.head, asked.classified
        is_file = classified.route == "resolve"
        headers = forwarded_request(
            head, keeps_ranges=is_file and not asked.admitted().verify_digests, keeps_content_type=head.method == "POST"
        )
        return UpstreamRequest(
            head.method, classified.upstream_target, tuple(headers), 0, (), follows_redirects=is_file,
            origin=asked.facts.origin, request_id=asked.facts.exchange_id, traceparent=asked.facts.traceparent,
            body=asked.body or b"", redirects=_redirects(classified.repository) if is_file else None,
        )  # fmt: skip

    def judge_head(self, asked: Asked, head: ResponseHead, upstream: Origin | None) -> Judgement:
        """Pass it on, look into it first, or say it in our own words."""
        return judge_head(asked, head, upstream)

    def judge_body(self, asked: Asked, judgement: Judgement, status: int, body: bytes) -> Judgement:  # noqa: ARG002 - as every dialect
        """A listing, cleaned."""
        return judge_body(asked, judgement, body)

    def refusal(self, reason: Reason, facts: ExchangeFacts, classified: Classified) -> Answer:
        """With the code that makes the client show our sentence."""
        return gate_answer(reason, facts, classified)

    def error(self, status: int, reason: Reason, sentence: str = "", *, code: str = "") -> Answer:
        """In the hub's form."""
        return error_answer(status, reason, sentence, code=code)


def _redirects(repository: str) -> Redirects:
    """A hub sends small files on to a cache of its own. Another repository, renamed or not, was not judged."""
    kind, _, name = repository.partition("/")
    shown_as = name if kind == "models" else repository
    return Redirects((f"/{shown_as}/resolve/", f"/api/resolve-cache/{repository}/"), _KEPT)
