"""Which connector serves which kind of target. Connectors know nothing of one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jit_access.connectors.base import Connector, Endpoint
from jit_access.connectors.huggingface import connector as huggingface
from jit_access.connectors.huggingface.connector import HuggingFaceConnector
from jit_access.connectors.mlflow import connector as mlflow
from jit_access.connectors.mlflow.connector import MLflowConnector
from jit_access.connectors.oci import connector as oci
from jit_access.connectors.oci.connector import OCIConnector
from jit_access.connectors.s3 import connector as s3
from jit_access.connectors.s3.connector import S3Connector

KINDS: dict[str, Callable[[Endpoint], Connector]] = {
    "oci": OCIConnector,
    "hf": HuggingFaceConnector,
    "s3": S3Connector,
    "mlflow": MLflowConnector,
}
_NAMES: dict[str, Callable[[str], bool]] = {
    "oci": oci.is_usable,
    "hf": huggingface.is_usable,
    "s3": s3.is_usable,
    "mlflow": mlflow.is_usable,
}


def is_usable_name(kind: str, name: str) -> bool:
    """True when a target of this kind could have a repository of that name."""
    return _NAMES[kind](name)


@contextmanager
def connected(kind: str, endpoint: Endpoint) -> Iterator[Connector]:
    """A connector for one target; the connection is closed at the end. Raises KeyError for a kind we never had."""
    connector = KINDS[kind](endpoint)
    try:
        yield connector
    finally:
        connector.close()
