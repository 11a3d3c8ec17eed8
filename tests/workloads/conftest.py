"""One issuer and one cluster for the module, as they are at their beginning for each test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from jit_access.core import clock as core_clock
from jit_access.jose import key_sets
from jit_access.workloads import reviewing
from tests.support.workloads.cluster import Cluster, running_cluster
from tests.support.workloads.issuer import Issuer, new_key, running_issuer


def database_time() -> float:
    """The time that tests move. A server's threads ask for it too, and nobody else closes what they opened."""
    try:
        return core_clock.now().timestamp()
    finally:
        if threading.current_thread() is not threading.main_thread():
            connection.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def served_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder: Path = tmp_path_factory.mktemp("cluster")
    with running_cluster(folder) as cluster:
        yield cluster


@pytest.fixture
def issuer(served: Issuer, db: None) -> Issuer:
    key_sets.forget_keys()
    served.keys, served.now = [new_key()], database_time
    served.asked_for_keys, served.is_away, served.redirects_to = 0, False, ""
    return served


@pytest.fixture
def cluster(served_cluster: Cluster, db: None) -> Cluster:
    key_sets.forget_keys()
    reviewing.forget_failures()
    served_cluster.deleted_pods.clear()
    served_cluster.reviews.clear()
    served_cluster.valid.clear()
    served_cluster.now = database_time
    served_cluster.bend, served_cluster.knows_audiences, served_cluster.status_code = {}, True, 201
    return served_cluster
