"""MLflow as the exchange sees it: registered models by version or alias, and experiments as logging a model needs."""

from __future__ import annotations

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.answers import Answer, json_answer
from registry_proxy.protocols.asked import Asked, ExchangeFacts
from registry_proxy.protocols.body_checks import HeldEnd
from registry_proxy.protocols.credentials import read_token
from registry_proxy.protocols.dialect import Judgement, Preparation
from registry_proxy.protocols.headers import forwarded_request
from registry_proxy.protocols.http1 import CHUNKED, Headers, RequestHead, ResponseHead
from registry_proxy.protocols.mlflow.asking import fields_of, found_in, look_as, looking, note_source, with_questions
from registry_proxy.protocols.mlflow.errors import error_answer, gate_answer
from registry_proxy.protocols.mlflow.files import last_question
from registry_proxy.protocols.mlflow.judging import judge_body, judge_head
from registry_proxy.protocols.mlflow.learning import prepare
from registry_proxy.protocols.mlflow.memory import Memory
from registry_proxy.protocols.mlflow.names import is_kept
from registry_proxy.protocols.mlflow.routes import LOCAL, MAX_BODY_BYTES, PATHS, classify, find
from registry_proxy.protocols.mlflow.table import FILE_PUT, LOOK
from registry_proxy.protocols.origins import Origin
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.signing_in import BY_EITHER
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.wanted import Classified

_LOCAL = frozenset(LOCAL.values()) - {"server-version"}
# Everything that would have a client fetch or send bytes past the gateway is off.
_SERVER_INFO = {
    "store_type": "SqlStore", "workspaces_enabled": False, "trace_archival_enabled": False,
    "multipart_uploads_enabled": False, "multipart_downloads_enabled": False,
    "presigned_upload_run_id_supported": False, "presigned_upload_model_id_supported": False,
}  # fmt: skip
_JSON_BODY = (b"content-type", b"application/json")


class MlflowDialect:
    """One per process: it remembers what it learned of grants, runs and logged models."""

    kind = "mlflow"
    upgrades: frozenset[bytes] = frozenset()
    paths = PATHS
    sign_in = BY_EITHER
    deletes_by_body = True

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()

    def classify(self, head: RequestHead) -> Classified:
        """By method, path and query, as far as they tell. Raises Unclassified."""
        classified = classify(head)
        if head.method != "GET" or classified.route in _LOCAL or not classified.query:
            return classified
        found = find(head.method, head.target.partition(b"?")[0].decode("ascii").split("/", 3)[3])
        if classified.route == "files":
            return classified
        put = looking if classified.route == LOOK else with_questions
        return put(classified, found, dict(classified.query))

    def read_token(self, head: RequestHead) -> str | None:
        """Bearer from MLFLOW_TRACKING_TOKEN, or the password of MLFLOW_TRACKING_PASSWORD."""
        return read_token(head.get(b"authorization"))

    def admit(self, asked: Asked) -> bool:
        """Every route but the local ones speaks to one target, which the token must be for."""
        if asked.classified.upstream_target and asked.admitted().view.target != asked.classified.target:
            raise Unclassified(403, Reason.OUT_OF_SCOPE)
        parts = [asked.admitted().view.scope.find(wanted.repository) for wanted in asked.classified.wanted]
        if not all(part is None or is_kept(part) for part in parts):
            raise Unclassified(403, Reason.REFERENCE_NOT_GRANTED)
        if asked.classified.route != LOOK or asked.classified.wanted:
            return False
        asked.classified = look_as(asked)
        return True

    def body_limit(self, asked: Asked) -> int:
        """Every body but a file's decides, and is read for those whom the gate let in.

        A file that does not tell its size is read too: a server may take a broken chunked body for a whole one, and
        what is sent in one go cannot be broken. The client sends empty files so, and no other.
        """
        is_file = asked.classified.route == "file-put" and asked.head.length == CHUNKED
        decides = asked.classified.body_limit is not None
        is_read = asked.admission is not None and asked.body is None and (decides or is_file)
        return MAX_BODY_BYTES if is_read else 0

    def read_body(self, asked: Asked) -> None:
        """What it names is what the gate is asked about. Raises Unclassified."""
        found = found_in(asked)
        if found.route is FILE_PUT:
            return
        fields = fields_of(asked, found)
        asked.classified = with_questions(asked.classified, found, fields)
        note_source(asked, found, fields)

    def preparation(self, asked: Asked) -> Preparation:
        """Whose run, which version, whose folder."""
        return (yield from prepare(asked, self._memory))

    def answer_here(self, asked: Asked) -> Answer:
        """Health, and what this server offers: nothing that goes past the gateway."""
        if asked.classified.route == "health":
            return Answer(200, ((b"content-type", b"text/plain"), (b"cache-control", b"no-store")), b"OK")
        return json_answer(_SERVER_INFO)

    def upstream_request(self, asked: Asked) -> UpstreamRequest:
        """The same method and path without the target's name, and the very body that was judged."""
        head, classified = asked.head, asked.classified
        is_file = classified.route in ("file", "file-put")
        headers = forwarded_request(
            head, keeps_ranges=classified.route == "file", keeps_content_type=classified.route == "file-put"
        )
        more: Headers = (_JSON_BODY,) if asked.body is not None and not is_file else ()
        length = head.length if is_file and asked.body is None else 0
        is_held = length != 0 and classified.route == "file-put"
        return UpstreamRequest(
            head.method, classified.upstream_target, (*headers, *more), length, (),
            follows_redirects=False,
            origin=asked.facts.origin, request_id=asked.facts.exchange_id, traceparent=asked.facts.traceparent,
            body=asked.body or b"",
            check=HeldEnd() if is_held else None, last=last_question(asked) if is_held else None,
        )  # fmt: skip

    def judge_head(self, asked: Asked, head: ResponseHead, upstream: Origin | None) -> Judgement:  # noqa: ARG002 - as every dialect
        """Files pass, all else is looked into."""
        return judge_head(asked, head)

    def judge_body(self, asked: Asked, judgement: Judgement, status: int, body: bytes) -> Judgement:  # noqa: ARG002 - as every dialect
        """An answer, cleaned."""
        return judge_body(asked, status, body, self._memory)

    def refusal(self, reason: Reason, facts: ExchangeFacts, classified: Classified) -> Answer:
        """In MLflow's form."""
        return gate_answer(reason, facts, classified)

    def error(self, status: int, reason: Reason, sentence: str = "", *, code: str = "") -> Answer:
        """In MLflow's form."""
        return error_answer(status, reason, sentence, code=code)
