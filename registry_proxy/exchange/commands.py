"""What an exchange asks its shell to do, in order. Exactly one command per answer leads to the next event."""

from __future__ import annotations

from collections.abc import Mapping

from registry_proxy.protocols.answers import Answer
from registry_proxy.protocols.dialect import Step
from registry_proxy.protocols.http1 import Headers
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.values import value
from registry_proxy.protocols.wanted import Wanted

RecordFields = Mapping[str, object]


@value
class ReadBody:
    """Read the request's body whole, at most so many bytes. -> BodyRead"""

    limit: int


@value
class AskGate:
    """Decide, or only authenticate when nothing is wanted. `kind` is of the targets that this protocol speaks to.

    -> Admitted, Refused
    """

    token: str | None
    wanted: tuple[Wanted, ...]
    kind: str


@value
class Record:
    """Write and wait until it is durable. -> Recorded, NotRecorded"""

    kind: str
    fields: RecordFields


@value
class Note:
    """Write, without waiting."""

    kind: str
    fields: RecordFields


@value
class Fetch:
    """Learn first what a dialect has to know: of the registry, or of the control plane about this grant.

    -> Fetched, Pinned, UpstreamFailed, CutOff
    """

    step: Step
    grant_id: str


@value
class OpenUpstream:
    """Send the request, its body too, and wait for the head. -> UpstreamAnswered, UpstreamFailed, CutOff"""

    request: UpstreamRequest


@value
class FindKept:
    """Look for a kept body in the place of this request's answer. -> Kept, NotKept, CutOff"""

    request: UpstreamRequest


@value
class SendKept:
    """Send the body that was found. -> RelayEnded"""


@value
class BufferBody:
    """Collect the response's body, at most so many bytes. -> Buffered, UpstreamFailed, CutOff"""

    limit: int


@value
class Relay:
    """Send this head, then the body as it comes. -> RelayEnded

    `digest`, when set: the last slice is withheld until everything hashed to it. `keeps`: the next one who asks may be
    given these bytes.
    """

    status: int
    headers: Headers
    digest: str = ""
    keeps: bool = False


@value
class Tunnel:
    """Send the agreed change of protocol with these fields, then raw bytes both ways. -> RelayEnded"""

    headers: Headers


@value
class SendAnswer:
    """Send a whole response of ours. The exchange is over. `closes`: the connection too."""

    answer: Answer
    closes: bool = False


@value
class Finish:
    """The relay ended well: the connection may serve the next request."""


@value
class Reset:
    """End both sides so that nobody takes what was sent for the whole."""


Command = (
    ReadBody | AskGate | Record | Note | Fetch | FindKept | OpenUpstream | BufferBody | Relay | SendKept | Tunnel
    | SendAnswer | Finish | Reset
)  # fmt: skip
