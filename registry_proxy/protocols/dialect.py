"""What a protocol brings to an exchange. The exchange knows the order of things; a dialect knows what they mean.

Pure: a dialect has no socket and waits for nothing. What it has to learn from the registry first it asks for by
yielding a `Fetch` from `preparation`; what it remembers between requests it holds itself, one per process.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Protocol

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.answers import Answer
from registry_proxy.protocols.asked import Asked, ExchangeFacts
from registry_proxy.protocols.http1 import Headers, RequestHead, ResponseHead
from registry_proxy.protocols.origins import Origin
from registry_proxy.protocols.paths import PathRule
from registry_proxy.protocols.signing_in import SignIn
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.values import value
from registry_proxy.protocols.wanted import Classified


@value
class Fetch:
    """A small answer of the registry that is needed first, at most `limit` bytes of it."""

    request: UpstreamRequest
    limit: int


@value
class Fetched:
    """That answer, whole."""

    head: ResponseHead
    body: bytes


@dataclass(frozen=True, slots=True)
class Pin:
    """Names of a repository that may move, with what they mean now. What the grant knew them by before stands.

    A name without a meaning only asks.
    """

    repository: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pinned:
    """All names of that repository that mean something to the grant by now, and what."""

    names: Mapping[str, str]


@value
class Prepared:
    """What a preparation came to: go on, or a refusal. `answer` is set when it is not the usual one.

    `asks_again`: only now is it known what the request is about. The gate is asked about that, its yes recorded, and
    the preparation begins anew, once.
    """

    refusal: Reason | None = None
    answer: Answer | None = None
    asks_again: bool = False


Step = Fetch | Pin
Learned = Fetched | Pinned
Preparation = Generator[Step, Learned, Prepared]


@value
class Judgement:
    """What to do with the registry's answer: relay it, look into it whole first, or say something else.

    `answer` alone takes its place; with a `refusal` it is what the client hears of that.
    """

    headers: Headers = ()
    buffer_limit: int = 0  # bytes of the body that must be seen whole; 0: relay
    verify: str = ""  # digest that the relayed body must have
    digest_seen: str = ""
    refusal: Reason | None = None
    answer: Answer | None = None
    settles: Preparation | None = None  # before the client hears the answer, which it ends with


class Dialect(Protocol):
    """One protocol. `kind` is the kind of target that it speaks to; `upgrades` all that its routes may change into;
    `paths` which characters stand in its paths; `deletes_by_body`: the body of DELETE says what is deleted; `sign_in`:
    how its registries are shown the gateway's own credential.
    """

    kind: str
    upgrades: frozenset[bytes]
    paths: PathRule
    deletes_by_body: bool
    sign_in: SignIn

    def classify(self, head: RequestHead) -> Classified:
        """What this request is. Raises Unclassified for everything that is not in its table."""

    def read_token(self, head: RequestHead) -> str | None:
        """The caller's token, if there is a credential at all."""

    def admit(self, asked: Asked) -> bool:
        """What has to be proven beside the token, at the gate's every yes. True when there is more to ask of the gate
        now. Raises Unclassified.
        """

    def body_limit(self, asked: Asked) -> int:
        """Bytes of the body to read whole before going on, 0 for none. Asked before the gate's yes, and after it."""

    def read_body(self, asked: Asked) -> None:
        """Take into account what `asked.body` says; the gate is asked (again) then. Raises Unclassified."""

    def preparation(self, asked: Asked) -> Preparation:
        """What has to be learned after the record is durable and before the registry is asked."""

    def answer_here(self, asked: Asked) -> Answer:
        """The answer of a route that is never forwarded."""

    def upstream_request(self, asked: Asked) -> UpstreamRequest:
        """The same request for the registry: what was evaluated, with the fields that may pass."""

    def judge_head(self, asked: Asked, head: ResponseHead, upstream: Origin | None) -> Judgement:
        """By the head alone. `upstream` is None when the answer comes from where the registry pointed."""

    def judge_body(self, asked: Asked, judgement: Judgement, status: int, body: bytes) -> Judgement:
        """By the whole body of an answer that `judge_head` wanted to see; gives an answer or a refusal."""

    def refusal(self, reason: Reason, facts: ExchangeFacts, classified: Classified) -> Answer:
        """The gate's no, as this protocol's clients understand it."""

    def error(self, status: int, reason: Reason, sentence: str = "", *, code: str = "") -> Answer:
        """Any other no, in this protocol's form."""
