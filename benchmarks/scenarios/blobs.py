"""Large bodies, down and up, by one stream and by eight, plain and over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.loads.client import Order
from benchmarks.loads.running import run_load
from benchmarks.peers.base import Visit
from benchmarks.scenarios.base import Ground, Measure, Reading, Values
from benchmarks.site import GIB, Blob

STREAMS = (1, 8)


def download(*, is_tls: bool) -> Measure:
    """One layer, read to its end by each stream."""
    return partial(_measure, direction="down", is_tls=is_tls)


def upload(*, is_tls: bool, share: int = 1) -> Measure:
    """One upload session per stream, of a whole layer or of one part in `share` of it."""
    return partial(_measure, direction="up", is_tls=is_tls, share=share)


def _measure(
    ground: Ground, visit: Visit, *, direction: str, is_tls: bool, share: int = 1
) -> Iterator[tuple[str, Values]]:
    for streams in STREAMS:
        blob = ground.large if streams == 1 else ground.shared
        blob = replace(blob, size=blob.size // share)
        name = f"{direction}{'-tls' if is_tls else ''}/{streams}"
        yield name, move(ground, visit, direction, streams=streams, blob=blob, is_tls=is_tls)


def move(ground: Ground, visit: Visit, direction: str, *, streams: int, blob: Blob, is_tls: bool = False) -> Values:
    """Move a whole layer per stream. Returns CPU seconds per GiB, GiB/s and the peak of memory."""
    facts: dict[str, Any] = {"streams": streams, "size": blob.size}
    if direction == "down":
        order = Order.at(ground.site, visit.door, f"blobs/{blob.digest}", is_tls=is_tls, **facts)
    else:
        facts["file"] = str(blob.file)
        order = Order.at(ground.site, visit.door, "blobs/uploads", is_tls=is_tls, **facts)
    reading = Reading(ground, visit)
    word = run_load(ground.site, "download" if direction == "down" else "upload", order)
    gib = word["bytes"] / GIB
    if word["tls"]:
        ground.notes[f"tls {visit.children[0].name}"] = word["tls"]
    return {**reading.values("gib", gib, 1.0), "gib_s": gib / word["seconds"]}
