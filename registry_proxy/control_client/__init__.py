"""The proxy's ear: snapshots over HTTP, news and heartbeats over one Redis read, all off the event loop.

What arrives is checked for the control plane's signature before anything else looks at it. Nothing here decides;
verified messages are handed on in the order in which they came.
"""

from registry_proxy.control_client.client import ControlClient
from registry_proxy.control_client.messages import Batch, Counts, Delivery, Doubt, Heartbeat, Snapshot, UsageTold
from registry_proxy.control_client.pins import PinBoard
from registry_proxy.control_client.target_facts import TargetFacts

__all__ = [
    "Batch",
    "ControlClient",
    "Counts",
    "Delivery",
    "Doubt",
    "Heartbeat",
    "PinBoard",
    "Snapshot",
    "TargetFacts",
    "UsageTold",
]
