"""S3 as the exchange sees it: the token is asked of the gate first, then the signature, then what it is about."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from jit_access.domain.errors import GatewayError
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.signing_secrets import derive_key, derive_secret
from registry_proxy.protocols.answers import Answer
from registry_proxy.protocols.asked import Asked, ExchangeFacts
from registry_proxy.protocols.body_checks import BodyCheck
from registry_proxy.protocols.dialect import Judgement, Preparation, Prepared
from registry_proxy.protocols.http1 import CHUNKED, Headers, RequestHead, ResponseHead
from registry_proxy.protocols.origins import Origin
from registry_proxy.protocols.paths import ENCODED
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.s3 import claims, fields, local
from registry_proxy.protocols.s3.bodies import digest_fields, read_complete, read_delete
from registry_proxy.protocols.s3.calls import S3Request, key_questions, may_delete, questions, read_call
from registry_proxy.protocols.s3.checksums import Sums
from registry_proxy.protocols.s3.chunks import ChunkedCheck
from registry_proxy.protocols.s3.errors import error_answer, gate_answer
from registry_proxy.protocols.s3.judging import judge_body, judge_head
from registry_proxy.protocols.s3.names import bucket_of, parse_path
from registry_proxy.protocols.s3.noting import note_keys, note_versions
from registry_proxy.protocols.s3.payloads import STREAMS, WITH_TRAILER, PayloadKind, read_payload
from registry_proxy.protocols.s3.plain import PlainCheck
from registry_proxy.protocols.s3.proving import LeaseKeys, Proof, prove
from registry_proxy.protocols.s3.signing import StoreSigner
from registry_proxy.protocols.s3.uploads import UploadSeal
from registry_proxy.protocols.signing_in import BY_SIGNATURE
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.wanted import Classified, Wanted

UNSIGNED = PayloadKind.UNSIGNED.value


class S3Dialect:
    """`view_key` is shared with the control plane; what clients sign with and what seals uploads is derived from it.

    `host` is the name below which hosts are buckets (virtual-host style); no name, no such hosts.
    """

    kind = "s3"
    upgrades: frozenset[bytes] = frozenset()
    paths = ENCODED
    sign_in = BY_SIGNATURE
    deletes_by_body = False

    def __init__(self, view_key: bytes, host: str = "") -> None:
        self._view_key, self._host = view_key, host
        self._seal_key = derive_key(view_key, "s3 upload ids")

    # -- the request

    def classify(self, head: RequestHead) -> Classified:
        """By the head alone. What it asks of the gate is known once the gate knows the token."""
        place = parse_path(head.target.partition(b"?")[0].decode("ascii"), bucket_of(head.host, self._host))
        call = read_call(head, place)
        return S3Request((), call.route.name, b"", place.target, place.bucket, call=call)

    def read_token(self, head: RequestHead) -> str | None:
        """The session token. A bearer token or a password says nothing here."""
        return claims.read_token(head)

    def admit(self, asked: Asked) -> bool:
        """Is it signed with the secret of this very lease? Then ask for what it is about. Raises Unclassified."""
        request, admission = _request(asked), asked.admitted()
        call = request.call
        if request.proof is not None:
            return False
        if call.claim is None:
            raise Unclassified(403, Reason.SIGNATURE_MISSING)
        is_tls = asked.facts.origin.startswith(b"https:")
        is_object = call.route.name != "complete-upload"
        payload = read_payload(
            asked.head, is_presigned=call.claim.is_presigned, is_tls=is_tls, is_object=is_object
        )  # fmt: skip
        lease = admission.lease
        secret = derive_secret(self._view_key, lease_id=lease.lease_id, token_hash=admission.token_hash)
        keys = LeaseKeys(lease.lease_id, secret)
        proof = prove(asked.head, call.query, call.claim, payload, keys=keys, now=asked.now)
        if call.refused is not None:
            raise call.refused
        if call.place.target != admission.view.target:
            raise Unclassified(403, Reason.OUT_OF_SCOPE)
        if call.route.reads and payload.kind in STREAMS:
            raise Unclassified(400, Reason.MALFORMED_REQUEST, "This body is sent as a whole.")
        target = b"" if call.route.is_local else self._target(asked, request)
        wanted = questions(call, admission.view.scope)
        note_versions(asked.notes, call)
        asked.classified = replace(request, proof=proof, wanted=wanted, upstream_target=target)
        return bool(wanted)

    def _target(self, asked: Asked, request: S3Request) -> bytes:
        sealed = request.call.word("uploadId")
        if not sealed:
            return request.call.target()
        upload_id = self._seal(asked).open(sealed)
        if upload_id is None:
            raise Unclassified(404, Reason.UPLOAD_UNKNOWN)
        return request.call.target(uploadId=upload_id)

    def _seal(self, asked: Asked) -> UploadSeal:
        place = _request(asked).call.place
        return UploadSeal(self._seal_key, asked.admitted().token_hash, (place.target, place.bucket, place.key))

    def body_limit(self, asked: Asked) -> int:
        """Batches of keys and lists of parts, for those who proved who they are."""
        request = _request(asked)
        is_read = request.proof is not None and asked.body is None and asked.head.length != 0
        return request.call.route.reads if is_read else 0

    def read_body(self, asked: Asked) -> None:
        """It must be the one that was signed; then each key of a batch is asked for. Raises Unclassified."""
        request, raw = _request(asked), asked.body or b""
        sums = Sums(_proof(request).payload.promised)
        sums.update(raw)
        if not sums.hold():
            raise Unclassified(400, Reason.DIGEST_MISMATCH, code="XAmzContentSHA256Mismatch")
        if request.route == "complete-upload":
            asked.classified = replace(request, body=read_complete(raw))
            return
        keys, body = read_delete(raw)
        note_keys(asked.notes, keys)
        scope = asked.admitted().view.scope
        outside = tuple(key for key in keys if not may_delete(request.call, scope, key))
        # What is not covered is asked about first: the refusal and its record speak of that.
        wanted = key_questions(request.call, scope, (*outside, *keys))
        asked.classified = replace(request, wanted=wanted, body=body, outside=outside)

    def preparation(self, asked: Asked) -> Preparation:
        """Nothing has to be learned first; but a body that decides must have been there."""
        yield from ()
        request = _request(asked)
        if request.call.route.reads and not request.body:
            answer = error_answer(400, Reason.MALFORMED_REQUEST, "The body is missing.", code="MalformedXML")
            return Prepared(Reason.MALFORMED_REQUEST, answer)
        return Prepared()

    def answer_here(self, asked: Asked) -> Answer:
        """Buckets."""
        match asked.classified.route:
            case "list-buckets":
                return local.buckets_answer(asked.admitted())
            case "location":
                return local.location_answer()
            case _:
                return local.bucket_answer()

    def upstream_request(self, asked: Asked) -> UpstreamRequest:
        """The same request in path style, signed with the store's own credential."""
        request, head = _request(asked), asked.head
        own, promise, length, check = _body_plan(request, head)
        without = {name for name, _ in own}
        sent = (*fields.forwarded(head, request.route, without=without), *own)
        return UpstreamRequest(
            head.method, request.upstream_target, sent, length, (), follows_redirects=False,
            origin=asked.facts.origin, request_id=asked.facts.exchange_id, traceparent=asked.facts.traceparent,
            body=request.body, signer=StoreSigner(asked.now, promise), check=check,
        )  # fmt: skip

    # -- the answer

    def judge_head(self, asked: Asked, head: ResponseHead, upstream: Origin | None) -> Judgement:  # noqa: ARG002 - as every dialect
        """Relay it, or look into it first."""
        return judge_head(asked, head, asked.classified.route)

    def judge_body(self, asked: Asked, judgement: Judgement, status: int, body: bytes) -> Judgement:
        """XML, written anew."""
        return judge_body(asked, judgement, status, body, self._seal(asked))

    def refusal(self, reason: Reason, facts: ExchangeFacts, classified: Classified) -> Answer:
        """With where to ask."""
        bucket = (Wanted(classified.target, classified.repository, Operation.PULL),) if classified.repository else ()
        outside = classified.outside if isinstance(classified, S3Request) else ()
        return gate_answer(reason, facts, classified.wanted or bucket, outside)

    def error(self, status: int, reason: Reason, sentence: str = "", *, code: str = "") -> Answer:
        """In S3's form."""
        return error_answer(status, reason, sentence, code=code)


def _body_plan(request: S3Request, head: RequestHead) -> tuple[Headers, str, int, BodyCheck | None]:
    """Fields of ours, what the store is promised, the length on the wire, and who looks at the body on its way."""
    proof, source = _proof(request), request.call.source
    payload = proof.payload
    if request.body:
        own = digest_fields(request.body)
        return own, hashlib.sha256(request.body).hexdigest(), 0, None
    if source is not None:
        return ((b"x-amz-copy-source", source.field()),), payload.value, 0, None
    if payload.kind in WITH_TRAILER:
        own = (
            (b"content-encoding", b"aws-chunked"), (b"x-amz-trailer", payload.trailer.encode("ascii")),
            (b"x-amz-decoded-content-length", b"%d" % payload.size),
        )  # fmt: skip
        return own, PayloadKind.UNSIGNED_TRAILER.value, CHUNKED, ChunkedCheck(proof)
    if payload.kind is PayloadKind.SIGNED_CHUNKS:
        return (), UNSIGNED, payload.size, ChunkedCheck(proof)
    check = PlainCheck(payload.promised) if payload.promised and head.length else None
    return (), payload.value, head.length, check


def _request(asked: Asked) -> S3Request:
    if not isinstance(asked.classified, S3Request):
        raise GatewayError(Reason.INTERNAL_ERROR, "another protocol's request")
    return asked.classified


def _proof(request: S3Request) -> Proof:
    if request.proof is None:
        raise GatewayError(Reason.INTERNAL_ERROR, "nobody proved who asks")
    return request.proof
