"""What the demo shows must be real enough for real tools."""

from __future__ import annotations

import json
import struct

import pytest

from jit_access.demo.model.artifacts import EXHIBITS, digest_of
from jit_access.demo.model.safetensors import Tensor, write_shard
from jit_access.domain.operations import Tier

TENSORS = (Tensor("a.weight", (3, 5)), Tensor("b.weight", (7,)))


def header_of(shard: bytes) -> tuple[dict[str, dict[str, object]], bytes]:
    (length,) = struct.unpack("<Q", shard[:8])
    return json.loads(shard[8 : 8 + length]), shard[8 + length :]


def test_shard_describes_every_byte_of_its_tensors() -> None:
    """As the safetensors reader checks: no holes, no overlap, nothing left over."""
    header, data = header_of(write_shard(TENSORS, "seed"))
    spans = [header[tensor.name]["data_offsets"] for tensor in TENSORS]
    assert spans == [[0, 30], [30, 44]]
    assert len(data) == 44
    assert header["a.weight"] == {"dtype": "BF16", "shape": [3, 5], "data_offsets": [0, 30]}


def test_weights_are_finite_and_small() -> None:
    """BF16 is the upper half of a float: anything with all exponent bits set would be infinite or not a number."""
    _, data = header_of(write_shard(TENSORS, "seed"))
    values = [struct.unpack("<f", b"\0\0" + data[at : at + 2])[0] for at in range(0, len(data), 2)]
    assert all(2**-7 <= abs(value) < 2**-3 for value in values)


def test_same_seed_gives_the_same_bytes_everywhere() -> None:
    shard = write_shard(TENSORS, "seed")
    assert digest_of(shard) == digest_of(write_shard(TENSORS, "seed"))
    assert digest_of(shard) != digest_of(write_shard(TENSORS, "another"))


def test_there_is_one_exhibit_of_each_tier() -> None:
    assert {exhibit.tier for exhibit in EXHIBITS} == {tier.value for tier in Tier}


def test_model_has_one_shard_that_takes_a_while() -> None:
    """64 MiB at least, so that a person can cut it in the middle."""
    artifact = next(exhibit for exhibit in EXHIBITS if exhibit.repository == "llm/tiny-llama").make()
    shards = [layer for layer in artifact.layers if layer.title.endswith(".safetensors")]
    assert len(shards) == 3
    assert max(len(shard.body) for shard in shards) >= 64 * 1024 * 1024
    header, data = header_of(shards[0].body)
    assert header["model.embed_tokens.weight"]["data_offsets"] == [0, len(data)]


@pytest.mark.parametrize("exhibit", EXHIBITS[1:], ids=lambda exhibit: exhibit.repository)
def test_manifest_names_the_bytes_that_are_pushed(exhibit: object) -> None:
    artifact = exhibit.make()  # type: ignore[attr-defined]
    manifest = json.loads(artifact.manifest())
    described = [manifest["config"], *manifest["layers"]]
    bodies = [artifact.config.body, *(layer.body for layer in artifact.layers)]
    assert [(entry["digest"], entry["size"]) for entry in described] == [(digest_of(b), len(b)) for b in bodies]
