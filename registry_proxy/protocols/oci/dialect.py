"""OCI Distribution v2 as the exchange sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.answers import Answer
from registry_proxy.protocols.asked import Asked, ExchangeFacts
from registry_proxy.protocols.credentials import read_token
from registry_proxy.protocols.dialect import Judgement, Preparation, Prepared
from registry_proxy.protocols.headers import forwarded_request
from registry_proxy.protocols.http1 import RequestHead, ResponseHead
from registry_proxy.protocols.oci.challenge import scope_words
from registry_proxy.protocols.oci.errors import error_answer, unknown_answer
from registry_proxy.protocols.oci.form import MAX_FORM_BYTES, read_form_token
from registry_proxy.protocols.oci.judging import judge_body, judge_head
from registry_proxy.protocols.oci.local import catalog_answer, ping_answer, token_answer
from registry_proxy.protocols.oci.manifests import children_of
from registry_proxy.protocols.oci.reach import ReachStore
from registry_proxy.protocols.oci.refusing import gate_answer
from registry_proxy.protocols.oci.routes import classify
from registry_proxy.protocols.oci.token_service import DistributionTokens
from registry_proxy.protocols.oci.walking import reach_key, walk
from registry_proxy.protocols.origins import Origin
from registry_proxy.protocols.paths import PLAIN
from registry_proxy.protocols.query import QueryError
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.signing_in import Shown, SignIn
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.wanted import Classified, Wanted, needs_reach


class OciDialect:
    """One per process: it remembers what restricted scopes reach. `monotonic` only ages those memories."""

    kind = "oci"
    upgrades: frozenset[bytes] = frozenset()
    paths = PLAIN
    sign_in = SignIn(Shown.PASSWORD, DistributionTokens())
    deletes_by_body = False

    def __init__(self, reach: ReachStore | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._reach = reach or ReachStore()
        self._monotonic = monotonic

    # -- the request

    def classify(self, head: RequestHead) -> Classified:
        """By method, path and query alone. Raises Unclassified."""
        return classify(head.method, head.target, head.get(b"content-type") or b"")

    def read_token(self, head: RequestHead) -> str | None:
        """Basic or Bearer."""
        return read_token(head.get(b"authorization"))

    def admit(self, asked: Asked) -> bool:  # noqa: ARG002 - as every dialect
        """The token is all."""
        return False

    def body_limit(self, asked: Asked) -> int:
        """Only the form of `POST /token` is read, before the gate is asked: the token may stand in it."""
        is_form = asked.classified.route == "token" and asked.head.method == "POST"
        return MAX_FORM_BYTES if is_form and asked.body is None else 0

    def read_body(self, asked: Asked) -> None:
        """Token and wishes of the form. Raises Unclassified."""
        try:
            token, is_offline = read_form_token(asked.body or b"")
        except QueryError as exc:
            raise Unclassified(400, Reason.INVALID_INPUT) from exc
        asked.token = token or asked.token
        if is_offline:
            asked.classified = replace(asked.classified, query=(("access_type", "offline"),))

    # -- before the registry is asked

    def preparation(self, asked: Asked) -> Preparation:
        """Whether the digests that were asked for hang on what a restricted scope names."""
        while (wanted := next(self._unreached(asked), None)) is not None:
            resource = asked.resource(wanted)
            key = reach_key(asked, resource)
            if self._reach.may_resolve(key, self._monotonic()):
                yield from walk(asked, resource, self._reach, self._monotonic)
            if self._reach.knows(key, wanted.reference, self._monotonic()):
                continue
            if asked.classified.fallback is None:
                answer = unknown_answer(asked.classified.route, asked.classified.digest)
                return Prepared(Reason.REFERENCE_NOT_GRANTED, answer)
            asked.classified = asked.classified.fallback
            asked.notes["mount"] = Reason.MOUNT_SOURCE_NOT_GRANTED.value
        return Prepared()

    def _unreached(self, asked: Asked) -> Iterator[Wanted]:
        """Digests that are open only by reach, and not known to be reachable yet."""
        now = self._monotonic()
        for wanted in asked.classified.wanted:
            resource = asked.resource(wanted)
            if needs_reach(resource, wanted) and not self._reach.knows(
                reach_key(asked, resource), wanted.reference, now
            ):
                yield wanted

    def answer_here(self, asked: Asked) -> Answer:
        """Token, catalogue and ping."""
        match asked.classified.route:
            case "token":
                query = dict(asked.classified.query)
                is_offline = "true" in query.get("offline_token", "") or query.get("access_type") == "offline"
                return token_answer(asked.token or "", asked.admitted(), asked.now, is_offline=is_offline)
            case "catalog":
                return catalog_answer(asked.classified, asked.admitted(), asked.facts.origin)
            case _:
                return ping_answer()

    def upstream_request(self, asked: Asked) -> UpstreamRequest:
        """The same method and the path without the target's name."""
        head, classified = asked.head, asked.classified
        reads_all = asked.admitted().verify_digests or (classified.route == "manifest" and bool(asked.restricted()))
        headers = forwarded_request(
            head, keeps_ranges=not reads_all, keeps_content_type=head.method != "POST" or head.length != 0
        )
        return UpstreamRequest(
            head.method, classified.upstream_target, tuple(headers), head.length, _scopes(classified),
            follows_redirects=classified.route in ("blob", "manifest") and head.method in ("GET", "HEAD"),
            origin=asked.facts.origin, request_id=asked.facts.exchange_id, traceparent=asked.facts.traceparent,
        )  # fmt: skip

    # -- the answer

    def judge_head(self, asked: Asked, head: ResponseHead, upstream: Origin | None) -> Judgement:
        """Pass it on, look into it first, or refuse it."""
        return judge_head(asked, head, upstream)

    def judge_body(self, asked: Asked, judgement: Judgement, status: int, body: bytes) -> Judgement:
        """A manifest or list under a restricted scope. What a granted manifest names is reachable from then on."""
        key, now = reach_key(asked, asked.resource(asked.classified.wanted[0])), self._monotonic()
        judged = judge_body(asked, judgement, status, body, lambda digest: self._reach.knows(key, digest, now))
        if judged.refusal is None and asked.classified.route == "manifest" and asked.restricted() is not None:
            manifests, blobs = children_of(body)
            self._reach.remember(key, (judged.digest_seen, *manifests, *blobs), now)
        return judged

    def refusal(self, reason: Reason, facts: ExchangeFacts, classified: Classified) -> Answer:
        """With the challenge that makes a client sign in, or ask for more."""
        return gate_answer(reason, facts, classified)

    def error(self, status: int, reason: Reason, sentence: str = "", *, code: str = "") -> Answer:
        """In the error form of the distribution spec."""
        return error_answer(status, reason, sentence, code=code)


def _scopes(classified: Classified) -> tuple[str, ...]:
    """What a token of a Bearer registry has to cover for this request."""
    scopes = [f"repository:{item.repository}:{scope_words(item.operation)}" for item in classified.wanted]
    return tuple(dict.fromkeys(scopes)) if len(scopes) > 1 else tuple(scopes)
