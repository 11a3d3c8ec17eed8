"""Which path a body takes: moved by the kernel, or relayed through user space."""

from __future__ import annotations

import os
import sys

from registry_proxy.stream.sides import Side, Source

# Below this, one read and one write cost less than two duplicates and a pipe.
KERNEL_FROM_BYTES = 256 * 1024
HAS_SPLICE = sys.platform == "linux" and hasattr(os, "splice")


def goes_by_kernel(source: Source, sink: Side, *, is_looked_at: bool) -> bool:
    """True when the rest of a body may be spliced.

    Relayed are bodies that are hashed or bounded on their way (`is_looked_at`), chunked bodies (there is no length to
    count down), TLS on either leg (no descriptor carries plain bytes), small ones, and all where splice is missing.
    """
    return (
        HAS_SPLICE
        and not is_looked_at
        and source.bytes_left >= KERNEL_FROM_BYTES
        and source.descriptor >= 0
        and sink.descriptor >= 0
    )
