"""The ground on which a run stands: folders, ports, certificates and the bytes that are moved."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Cores, Launcher, free_port
from jit_access.demo.stack.certificates import ensure_certificates

REPOSITORY = "bench/model"
TAG = "v1"
MIB = 1024 * 1024
GIB = 1024 * MIB
# Any digest will do for bytes that no registry checks; this one names a file without end.
ENDLESS = "sha256:" + "e" * 64
STALLED = "sha256:" + "5" * 64
# nginx passes a buffer on only once it is full: what it was sent arrives in part, so clients wait for less.
STALLED_FIRST_BYTES = 128 * 1024
STALLED_SEEN_BYTES = 32 * 1024
_ENDLESS_BYTES = 64 * GIB
_CIPHER = "TLS_AES_128_GCM_SHA256"
_OPENSSL_CONF = f"""openssl_conf = pinned
[pinned]
ssl_conf = ssl
[ssl]
system_default = only
[only]
MinProtocol = TLSv1.3
MaxProtocol = TLSv1.3
Ciphersuites = {_CIPHER}
"""


@dataclass(frozen=True, slots=True)
class Blob:
    """A large layer that both upstreams hold."""

    digest: str
    size: int
    file: Path


@dataclass(frozen=True, slots=True)
class Site:
    """One run's ground. `disk` is on a real disk (spools and logs), `memory` holds what upstreams serve."""

    disk: Path
    memory: Path
    cores: Cores

    @classmethod
    def make(cls, cores: Cores, needed_bytes: int) -> Site:
        """Bytes to serve lie in memory when there is room, so that no disk is measured by accident."""
        disk = Path(tempfile.mkdtemp(prefix="jit-bench-"))
        shm = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
        has_room = shm.is_dir() and shutil.disk_usage(shm).free > 2 * needed_bytes
        memory = Path(tempfile.mkdtemp(prefix="jit-bench-", dir=shm if has_room else None))
        site = cls(disk, memory, cores)
        for folder in (site.logs, site.tls):
            folder.mkdir(mode=0o700)
        ensure_certificates(site.tls)
        site.openssl_conf.write_text(_OPENSSL_CONF, encoding="ascii")
        return site

    def remove(self) -> None:
        """Everything of this run."""
        shutil.rmtree(self.memory, ignore_errors=True)
        shutil.rmtree(self.disk, ignore_errors=True)

    def hide_paths(self, text: str) -> str:
        """For the report: it names no place of the machine that it was made on."""
        return text.replace(str(self.memory), "(memory)").replace(str(self.disk), "(disk)")

    @property
    def logs(self) -> Path:
        return self.disk / "log"

    @property
    def tls(self) -> Path:
        return self.disk / "tls"

    @property
    def openssl_conf(self) -> Path:
        """Given to the load clients: they offer one version and one cipher, so every server must use them."""
        return self.disk / "openssl.cnf"

    @property
    def measured(self) -> Launcher:
        """For the gateway and its peers."""
        return Launcher(self.logs, self.cores.measured)

    @property
    def others(self) -> Launcher:
        """For everything else."""
        return Launcher(self.logs, self.cores.others)


def make_random_file(path: Path, size: int) -> Path:
    """Bytes that do not compress; one MiB again and again would fit into a cache, 64 MiB do not."""
    block = secrets.token_bytes(min(size, 64 * MIB))
    with path.open("wb") as file:
        left = size
        while left > 0:
            file.write(block[:left])
            left -= len(block)
    return path


def make_endless_file(path: Path) -> Path:
    """A file of holes: longer than any stream that is cut, and nobody pays for it."""
    with path.open("wb") as file:
        file.truncate(_ENDLESS_BYTES)
    return path


def manifest_of(blob: Blob, config_digest: str, config_size: int) -> bytes:
    """An OCI manifest of about one KiB, which is what most of them are."""
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": blob.digest, "size": blob.size}
    layer["annotations"] = {"org.opencontainers.image.title": "model-00001-of-00001.safetensors", "pad": "x" * 420}
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": config_size}
    return json.dumps(
        {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [layer]}, indent=1
    ).encode()


MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, slots=True)
class UpstreamPorts:
    """Chosen once per run: the control plane's targets name them, visits start and stop what listens there."""

    static: int
    registry: int
    sink: int

    @classmethod
    def choose(cls) -> UpstreamPorts:
        """Three that are free now."""
        return cls(free_port(), free_port(), free_port())


def user_line() -> str:
    """nginx's workers drop to an account that cannot enter our private folders, unless they are told."""
    return "user root;" if os.geteuid() == 0 else ""
