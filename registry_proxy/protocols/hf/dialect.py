"""The Hugging Face Hub as the exchange sees it: by (route, revision, files) of one repository."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.answers import JSON, Answer, json_answer
from registry_proxy.protocols.asked import Asked, ExchangeFacts
from registry_proxy.protocols.credentials import read_token
from registry_proxy.protocols.dialect import Judgement, Pin, Pinned, Preparation, Prepared
from registry_proxy.protocols.headers import forwarded_request
from registry_proxy.protocols.hf.errors import error_answer, gate_answer
from registry_proxy.protocols.hf.judging import judge_administered, judge_body, judge_head
from registry_proxy.protocols.hf.local import auth_check_answer, whoami_answer
from registry_proxy.protocols.hf.objects import bring, check_objects
from registry_proxy.protocols.hf.pinning import pin
from registry_proxy.protocols.hf.pins import PinStore
from registry_proxy.protocols.hf.routes import ADMINISTERS, FORMS, MAX_FORM_BYTES, WRITES, classify
from registry_proxy.protocols.hf.seals import Sealer, UploadPlace
from registry_proxy.protocols.hf.uploads import taken
from registry_proxy.protocols.hf.writes import read_body
from registry_proxy.protocols.http1 import RequestHead, ResponseHead
from registry_proxy.protocols.origins import Origin
from registry_proxy.protocols.paths import ENCODED
from registry_proxy.protocols.signing_in import BY_TOKEN
from registry_proxy.protocols.upstream_request import Redirects, UpstreamRequest
from registry_proxy.protocols.wanted import Classified, Wanted

# Told by the hub itself, and not by the store that it points to.
_KEPT = frozenset({b"x-repo-commit", b"x-linked-size", b"x-linked-etag"})
_SPENT = "This upload address was used already, or its time is over. Start the upload again."
_OTHER_SIZE = "The gateway expected another number of bytes here."


class HubDialect:
    """One per process: it remembers which commits a grant's revisions meant."""

    kind = "hf"
    upgrades: frozenset[bytes] = frozenset()
    paths = ENCODED
    sign_in = BY_TOKEN
    deletes_by_body = True

    def __init__(
        self,
        pins: PinStore | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sealer: Sealer | None = None,
    ) -> None:
        self._pins = pins or PinStore()
        self._monotonic = monotonic
        self._sealer = sealer or Sealer()

    def classify(self, head: RequestHead) -> Classified:
        """By method, path and query alone. Raises Unclassified."""
        classified = classify(head.method, head.target)
        if classified.route != "lfs-place":
            return classified
        place = self._place(head)
        if head.method != place.method:
            raise place.unusable()
        wanted = Wanted(classified.target, place.repository, Operation.PUSH, file="")
        limit = place.size if place.method == "PUT" else MAX_FORM_BYTES
        return replace(classified, wanted=(wanted,), repository=place.repository, body_limit=limit, file="")

    def read_token(self, head: RequestHead) -> str | None:
        """Bearer, as HF_TOKEN goes out; the bytes of a large file come to an address that holds it."""
        if classify(head.method, head.target).route == "lfs-place":
            return self._place(head).token
        return read_token(head.get(b"authorization"))

    def admit(self, asked: Asked) -> bool:  # noqa: ARG002 - as every dialect
        """The token is all."""
        return False

    def body_limit(self, asked: Asked) -> int:
        """What decides is read whole, from those whom the gate let in."""
        route = asked.classified.route
        decides = asked.head.method == "POST" or route in ADMINISTERS
        return FORMS.get(route, MAX_FORM_BYTES) if decides and asked.admission and asked.body is None else 0

    def read_body(self, asked: Asked) -> None:
        """Which files and objects a write is about. Raises Unclassified."""
        read_body(asked, self._place(asked.head) if asked.classified.route == "lfs-place" else None)

    def preparation(self, asked: Asked) -> Preparation:
        """Which commit a revision means for this grant; whether an upload address is still good."""
        if asked.classified.route == "lfs-place":
            return (yield from self._spend(asked))
        if asked.classified.route == "commit":
            return (yield from check_objects(asked))
        if asked.classified.route in WRITES or asked.classified.route in ADMINISTERS:
            return Prepared()
        restricted = asked.restricted()
        if restricted is None:
            return Prepared()
        return (yield from pin(asked, restricted, self._pins, self._monotonic))

    def _spend(self, asked: Asked) -> Preparation:
        """Once, whatever comes of it: a second body could take the place of the first."""
        place = self._place(asked.head)
        asked.notes["oid"] = place.oid
        if asked.now >= place.valid_until:
            return Prepared(Reason.OPERATION_NOT_GRANTED, error_answer(403, Reason.OPERATION_NOT_GRANTED, _SPENT))
        if place.method == "PUT" and asked.head.length != place.size:
            return Prepared(Reason.MALFORMED_REQUEST, error_answer(400, Reason.MALFORMED_REQUEST, _OTHER_SIZE))
        exchange = asked.facts.exchange_id
        learned = yield Pin(place.repository, {place.once: exchange})
        used_by = learned.names.get(place.once) if isinstance(learned, Pinned) else None
        if used_by != asked.facts.exchange_id:
            return Prepared(Reason.OPERATION_NOT_GRANTED, error_answer(403, Reason.OPERATION_NOT_GRANTED, _SPENT))
        return Prepared()

    def answer_here(self, asked: Asked) -> Answer:
        """Who asks, and may they read this; or that there is nothing of what they asked about."""
        match asked.classified.route:
            case "whoami":
                return whoami_answer(asked.admitted())
            case "paths-info":
                return json_answer([])
            case _:
                return auth_check_answer()

    def upstream_request(self, asked: Asked) -> UpstreamRequest:
        """The same method and path without the target's name, and at times a commit in the place of a revision."""
        head, classified = asked.head, asked.classified
        is_file, is_place = classified.route == "resolve", classified.route == "lfs-place"
        is_settings = classified.route in ADMINISTERS
        headers = forwarded_request(
            head, keeps_ranges=is_file and not asked.admitted().verify_digests,
            keeps_content_type=head.method == "POST" and not is_settings,
        )  # fmt: skip
        if is_settings:
            headers.append(JSON)  # as it was read here
        return UpstreamRequest(
            head.method, classified.upstream_target, tuple(headers), 0 if asked.body is not None else head.length, (),
            follows_redirects=is_file, origin=asked.facts.origin, request_id=asked.facts.exchange_id,
            traceparent=asked.facts.traceparent, body=asked.body or b"",
            redirects=_redirects(classified.repository) if is_file else None,
            elsewhere=self._place(head).url if is_place else "",
        )  # fmt: skip

    def judge_head(self, asked: Asked, head: ResponseHead, upstream: Origin | None) -> Judgement:
        """Pass it on, look into it first, or say it in our own words."""
        judge = judge_administered if asked.classified.route in ADMINISTERS else judge_head
        judged = judge(asked, head, upstream)
        if asked.classified.route == "lfs-place" and judged.answer is not None and taken(head.status):
            return replace(judged, settles=bring(asked, self._place(asked.head), judged.answer))
        return judged

    def judge_body(self, asked: Asked, judgement: Judgement, status: int, body: bytes) -> Judgement:  # noqa: ARG002 - as every dialect
        """A listing, cleaned; the answer to a write, with our addresses in it."""
        return judge_body(asked, judgement, body, self._sealer)

    def refusal(self, reason: Reason, facts: ExchangeFacts, classified: Classified) -> Answer:
        """With the code that makes the client show our sentence."""
        return gate_answer(reason, facts, classified)

    def error(self, status: int, reason: Reason, sentence: str = "", *, code: str = "") -> Answer:
        """In the hub's form."""
        return error_answer(status, reason, sentence, code=code)

    def _place(self, head: RequestHead) -> UploadPlace:
        _, _, slug, _, sealed = head.target.decode("ascii").split("/")
        return self._sealer.open(sealed, slug)


def _redirects(repository: str) -> Redirects:
    """A hub sends small files on to a cache of its own. Another repository, renamed or not, was not judged."""
    kind, _, name = repository.partition("/")
    shown_as = name if kind == "models" else repository
    return Redirects((f"/{shown_as}/resolve/", f"/api/resolve-cache/{repository}/"), _KEPT)
