"""What every exchange of a process shares."""

from __future__ import annotations

from dataclasses import dataclass, field

from registry_proxy.audit_sink import AuditSink
from registry_proxy.audit_sink.strangers import StrangersBrake
from registry_proxy.blob_cache import BlobCache
from registry_proxy.control_client import PinBoard
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.gate import Gate
from registry_proxy.metering import Meter
from registry_proxy.protocols.dialects import Dialects
from registry_proxy.settings import Limits
from registry_proxy.stream.pipes import PipePool
from registry_proxy.throttle import Throttle
from registry_proxy.upstream.client import UpstreamClient


@dataclass(slots=True)
class Services:
    """The parts that a conversation talks to."""

    gate: Gate
    sink: AuditSink
    upstream: UpstreamClient
    meter: Meter
    limits: Limits
    public_url: str
    dialects: Dialects = field(default_factory=Dialects)
    pipes: PipePool = field(default_factory=PipePool)
    cache: BlobCache | None = None
    pins: PinBoard | None = None
    strangers: StrangersBrake = field(init=False)
    throttle: Throttle = field(init=False)

    def __post_init__(self) -> None:
        self.strangers = StrangersBrake(self.sink, self.limits)
        self.throttle = Throttle(self.limits)

    @property
    def edge_limits(self) -> EdgeLimits:
        """The limits of a request, as the edge takes them."""
        limits = self.limits
        return EdgeLimits(
            limits.header_bytes,
            limits.target_bytes,
            limits.header_count,
            limits.upload_bytes,
            self.dialects.upgrades,
            self.dialects.paths,
            self.dialects.deleting,
        )


def log_fields(**fields: str | int) -> dict[str, dict[str, str | int]]:
    """`extra=` of one log line. The caller gives no query string, no header and no token."""
    return {"fields": fields}
