"""The connector for stores: whose key it is, which folders there are, and how much lies in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from jit_access.connectors.base import AlreadyGone, Endpoint, EntitlementFacts, Permanent, Retryable
from jit_access.connectors.registry import connected
from jit_access.connectors.s3 import connector as module
from jit_access.core.secret import Secret
from jit_access.domain.reasons import Reason
from tests.connectors.hostile import hostile_server, respond
from tests.support.processes import free_port
from tests.support.store import KEY_ID, SECRET, Store, running_store

pytestmark = pytest.mark.django_db  # the clock


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running_store(tmp_path_factory.mktemp("moto")) as running:
        direct = running.client()
        for bucket, keys in {
            "models": ["llama-3/a.bin", "llama-3/sub/b.bin", "Qwen_2.5/c.bin", "with space/d.bin", "loose.bin"],
            "flat": ["a.bin"],
            "empty": [],
        }.items():
            direct.create_bucket(Bucket=bucket)
            for key in keys:
                direct.put_object(Bucket=bucket, Key=key, Body=b"x" * 500)
        yield running


@pytest.fixture
def endpoint(store: Store) -> Endpoint:
    return Endpoint("store", store.url, KEY_ID, Secret(SECRET), allow_private=True)


def test_a_store_answers(endpoint: Endpoint) -> None:
    with connected("s3", endpoint) as connector:
        connector.check()
    gone = replace(endpoint, base_url=f"http://127.0.0.1:{free_port()}")
    with connected("s3", gone) as connector, pytest.raises(Retryable):
        connector.check()


@pytest.mark.parametrize("page", [1, 1000])
def test_folders_are_listed_and_buckets_without_any(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(module, "PAGE_SIZE", page)
    with connected("s3", endpoint) as connector:
        listing = connector.list_repositories()
    assert sorted(listing.names) == ["empty", "flat", "models/Qwen_2.5", "models/llama-3"]
    assert (listing.is_complete, listing.unusable) == (True, 1)


def test_a_list_that_is_too_long_proves_no_absence(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PAGES", 1)
    with connected("s3", endpoint) as connector:
        assert not connector.list_repositories().is_complete


def test_a_folder_is_described_by_its_size(endpoint: Endpoint) -> None:
    with connected("s3", endpoint) as connector:
        assert connector.describe_repository("models/llama-3").size_bytes == 1000
        assert connector.describe_repository("flat").size_bytes == 500
        for name in ("models/gone", "no-such-bucket/x"):
            with pytest.raises(AlreadyGone):
                connector.describe_repository(name)


def test_nothing_is_made_there_for_a_grant(endpoint: Endpoint) -> None:
    with connected("s3", endpoint) as connector:
        assert not connector.ensure_access(EntitlementFacts("usr_ada", "models/llama-3", "pull")).is_changed


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        ("403 Forbidden", b"<Error><Code>SignatureDoesNotMatch</Code></Error>", Reason.UPSTREAM_REFUSED_CREDENTIAL),
        ("200 OK", b"<html></html>", Reason.UPSTREAM_BROKEN),
        ("200 OK", b"<!DOCTYPE a [<!ENTITY b 'c'>]><ListAllMyBucketsResult/>", Reason.UPSTREAM_BROKEN),
        ("200 OK", b"", Reason.UPSTREAM_BROKEN),
    ],
)
def test_what_a_store_may_not_say_is_refused(endpoint: Endpoint, status: str, body: bytes, reason: Reason) -> None:
    def answer(_path: str, _raw: bytes) -> Iterator[bytes]:
        yield respond(status, body)

    with (
        hostile_server(answer) as server,
        connected("s3", replace(endpoint, base_url=server.origin)) as connector,
        pytest.raises(Permanent) as caught,
    ):
        connector.check()
    assert caught.value.reason is reason
    assert SECRET not in str(caught.value)
    assert SECRET.encode() not in server.requests[0]
