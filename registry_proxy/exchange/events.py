"""What can happen to an exchange."""

from __future__ import annotations

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.dialect import Fetched, Pinned
from registry_proxy.protocols.http1 import RequestHead, ResponseHead
from registry_proxy.protocols.origins import Origin
from registry_proxy.protocols.values import value
from registry_proxy.protocols.wanted import Admission, Refusal


class UnexpectedEvent(Exception):
    """The shell reported what cannot happen in this state."""


@value
class RequestRead:
    """A head passed the edge."""

    head: RequestHead


@value
class BodyRead:
    """The small body that the exchange asked for."""

    body: bytes


@value
class Admitted:
    """The gate said yes. `now` is UTC epoch seconds."""

    admission: Admission
    now: float


@value
class Refused:
    """The gate said no."""

    refusal: Refusal


@value
class Recorded:
    """The record is durable. `withdrawn` is set when the allow ended while it was written."""

    withdrawn: Reason | None = None


@value
class NotRecorded:
    """The record could not be made durable."""


@value
class Kept:
    """The bytes that were asked for are here, and the registry showed that this repository holds them."""


@value
class NotKept:
    """They are not: the registry has to be asked."""


@value
class UpstreamAnswered:
    """The registry's response head is here. `upstream` is None when it comes from where the registry pointed."""

    head: ResponseHead
    upstream: Origin | None = None


@value
class UpstreamFailed:
    """The registry did not answer, or not in a way that can be passed on. No body text of its own."""

    reason: Reason
    http_status: int
    place: str = ""  # the origin that was refused


@value
class Buffered:
    """A response body that was small enough to be judged whole."""

    body: bytes


@value
class RelayEnded:
    """The last byte was relayed, or `broken` says why the stream ended before."""

    broken: Reason | None = None


@value
class CutOff:
    """The allow ended, or the client left, before the response began."""

    reason: Reason


Event = (
    RequestRead | BodyRead | Admitted | Refused | Recorded | NotRecorded | Fetched | Pinned | Kept | NotKept
    | UpstreamAnswered | UpstreamFailed | Buffered | RelayEnded | CutOff
)  # fmt: skip
