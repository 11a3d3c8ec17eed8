"""The dialects of one process, and which of them a request speaks: its path tells, before anything is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry_proxy.protocols.dialect import Dialect
from registry_proxy.protocols.hf.dialect import HubDialect
from registry_proxy.protocols.hf.names import PREFIX as HUB
from registry_proxy.protocols.hf.seals import Sealer
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.mlflow.dialect import MlflowDialect
from registry_proxy.protocols.mlflow.names import PREFIX as MLFLOW
from registry_proxy.protocols.oci.dialect import OciDialect
from registry_proxy.protocols.paths import PathRule
from registry_proxy.protocols.s3.dialect import S3Dialect
from registry_proxy.protocols.s3.names import PREFIX as S3
from registry_proxy.protocols.signing_in import SignIn


def make_dialects(view_key: bytes, *, bucket_host: str = "") -> Dialects:
    """All of them. `view_key` is shared with the control plane and by all processes: clients of S3 sign with what is
    derived from it, and so do we where an address holds what only we may read. Below `bucket_host` hosts are buckets.
    """
    return Dialects(by_prefix={
        HUB.encode("ascii"): HubDialect(sealer=Sealer(view_key)),
        S3.encode("ascii"): S3Dialect(view_key, bucket_host),
        MLFLOW.encode("ascii"): MlflowDialect(),
    })  # fmt: skip


def _without_key() -> dict[bytes, Dialect]:
    return {HUB.encode("ascii"): HubDialect(), MLFLOW.encode("ascii"): MlflowDialect()}


@dataclass(frozen=True, slots=True)
class Dialects:
    """OCI clients put `/v2` at the root and cannot be told otherwise; every other protocol has a prefix of its own."""

    oci: Dialect = field(default_factory=OciDialect)
    by_prefix: dict[bytes, Dialect] = field(default_factory=_without_key)  # first path segment

    def choose(self, head: RequestHead) -> Dialect:
        """The dialect of a request that passed the edge."""
        return self.by_prefix.get(head.target[1:].partition(b"/")[0], self.oci)

    def choose_raw(self, head: bytes) -> Dialect:
        """The dialect of bytes that did not pass the edge, as far as they tell: the no is to be understood."""
        words = head.partition(b"\r")[0].partition(b"\n")[0].split(b" ")
        segments = words[1].split(b"/") if len(words) > 1 else []
        return self.by_prefix.get(segments[1], self.oci) if len(segments) > 1 else self.oci

    @property
    def all(self) -> tuple[Dialect, ...]:
        """Everything that is spoken here."""
        return (self.oci, *self.by_prefix.values())

    @property
    def sign_ins(self) -> Mapping[str, SignIn]:
        """How registries are shown the gateway's own credential, by kind of target."""
        return {dialect.kind: dialect.sign_in for dialect in self.all}

    @property
    def upgrades(self) -> frozenset[bytes]:
        """All that any route of any of them may change into; the edge refuses everything else unseen."""
        return frozenset().union(*(dialect.upgrades for dialect in self.all))

    @property
    def deleting(self) -> frozenset[bytes]:
        """First segments of those that delete what a body names."""
        return frozenset(prefix for prefix, dialect in self.by_prefix.items() if dialect.deletes_by_body)

    @property
    def paths(self) -> Mapping[bytes, PathRule]:
        """How paths are spelled, by first segment."""
        return {prefix: dialect.paths for prefix, dialect in self.by_prefix.items()}
