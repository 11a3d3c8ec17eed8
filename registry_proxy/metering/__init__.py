"""What operators can watch, in Prometheus' text form.

Labels come from closed sets only (outcomes, reason codes, directions): no name that a client chose becomes a label.
"""

from registry_proxy.metering.merging import merge_pages
from registry_proxy.metering.meter import CONTENT_TYPE, Meter

__all__ = ["CONTENT_TYPE", "Meter", "merge_pages"]
