"""Valid safetensors files with made-up weights, the same on every machine.

Format: 8 bytes little-endian length of the header, the header as JSON, then the tensors one after the other.
Source: safetensors README, "Format".
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BYTES_PER_VALUE = 2  # BF16
# The high byte of a BF16 number holds its sign and most of its exponent. Kept to ±2**-7 … ±2**-3, every value is a
# plausible weight; free random bytes would be full of NaN and infinity.
_HIGH_BYTES = bytes((byte & 0x80) | 0x3C | (byte & 0x01) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Tensor:
    """A name and a shape. All values are BF16."""

    name: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        count = 1
        for extent in self.shape:
            count *= extent
        return count * _BYTES_PER_VALUE


def write_shard(tensors: tuple[Tensor, ...], seed: str) -> bytes:
    """One file with these tensors, its values drawn from `seed`."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for tensor in tensors:
        end = offset + tensor.size_bytes
        header[tensor.name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format asks for tensors that begin at a multiple of 8
    return struct.pack("<Q", len(text)) + text + _weights(offset, seed)


def _weights(size: int, seed: str) -> bytes:
    """AES-CTR of zeros: a gigabyte per second, and the same bytes everywhere."""
    key = hashlib.sha256(seed.encode()).digest()
    encryptor = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    values = bytearray(encryptor.update(bytes(size)))
    values[1::2] = values[1::2].translate(_HIGH_BYTES)
    return bytes(values)
