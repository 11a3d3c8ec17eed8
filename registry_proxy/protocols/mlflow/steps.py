"""Steps of a preparation: what the tracking server says, what is settled for a grant, what the gate is to judge."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Fetch, Fetched, Learned, Pin, Pinned, Prepared, Step
from registry_proxy.protocols.documents import read_document
from registry_proxy.protocols.mlflow.asking import asking
from registry_proxy.protocols.mlflow.errors import upstream_answer
from registry_proxy.protocols.mlflow.memory import Memory
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.wanted import Wanted

MAX_ANSWER_BYTES = 8 * 1024 * 1024
API = "/api/2.0/mlflow/"
OUT = Prepared(Reason.OUT_OF_SCOPE)
BROKEN = Prepared(Reason.UPSTREAM_BROKEN)
_AGAIN = Prepared(asks_again=True)


def ask_about(asked: Asked, wanted: tuple[Wanted, ...]) -> Prepared:
    """Have the gate asked about these. What is outside the scope reads like what is not there."""
    if any(asked.admitted().view.scope.find(item.repository) is None for item in wanted):
        return OUT
    asked.classified = asking(asked.classified, wanted)
    return _AGAIN


def pins_of(asked: Asked, repository: str, memory: Memory) -> Mapping[str, str]:
    return memory.pins(asked.admitted().view.grant_id, repository)


def settle(asked: Asked, repository: str, fresh: Mapping[str, str], memory: Memory) -> Generator[Step, Learned, None]:
    """Have these stand, where nothing stood yet; learn what stands."""
    learned = yield Pin(repository, fresh)
    if isinstance(learned, Pinned):
        memory.settle(asked.admitted().view.grant_id, repository, learned.names)


def question(asked: Asked, target: str) -> UpstreamRequest:
    facts = asked.facts
    return UpstreamRequest(
        "GET", target.encode("ascii"), ((b"accept", b"application/json"),), 0, (), follows_redirects=False,
        origin=facts.origin, request_id=facts.exchange_id, traceparent=facts.traceparent,
    )  # fmt: skip


def get(asked: Asked, target: str) -> Generator[Step, Learned, dict[str, object] | Prepared]:
    """The fields of an answer, or how the request ends without them."""
    learned = yield Fetch(question(asked, target), MAX_ANSWER_BYTES)
    if not isinstance(learned, Fetched):
        raise GatewayError(Reason.INTERNAL_ERROR, "something else was asked of the tracking server")
    if learned.head.status != 200:
        return Prepared(answer=upstream_answer(learned.head.status, learned.body))
    document = read(learned.body)
    return BROKEN if document is None else document


def read(body: bytes) -> dict[str, object] | None:
    """None when it is no answer of a tracking server."""
    try:
        document = read_document(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def part(document: Mapping[str, object], key: str) -> dict[str, object]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}
