"""Which connector serves which kind of target. Connectors know nothing of one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jit_access.connectors.base import Connector, Endpoint
from jit_access.connectors.huggingface.connector import HuggingFaceConnector
from jit_access.connectors.mlflow.connector import MLflowConnector
from jit_access.connectors.oci.connector import OCIConnector
from jit_access.connectors.s3.connector import S3Connector

KINDS: dict[str, Callable[[Endpoint], Connector]] = {
    "oci": OCIConnector,
    "hf": HuggingFaceConnector,
    "s3": S3Connector,
    "mlflow": MLflowConnector,
}


@contextmanager
def connected(kind: str, endpoint: Endpoint) -> Iterator[Connector]:
    """A connector for one target; the connection is closed at the end. Raises KeyError for a kind we never had."""
    connector = KINDS[kind](endpoint)
    try:
        yield connector
    finally:
        connector.close()
