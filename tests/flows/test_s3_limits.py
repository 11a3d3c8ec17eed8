"""What boto3 tells its user when a limit, a clock or the end of a grant stands in the way."""

from __future__ import annotations

import contextlib
import datetime
import http.client
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import botocore.auth
import botocore.crt.auth
import httpx
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from jit_access.domain.scopes import ResourceScope
from registry_proxy.settings import Limits
from tests.support.certificates import make_certificate
from tests.support.gateway import ALL, PULL, Gateway, steady_now
from tests.support.store import Store, client_of, running_store, store_gateway

MIB = 1024 * 1024
BUCKET, KEY = "models", "llama-3/model.safetensors"
READ, EVERYTHING = ResourceScope("models/llama-3", PULL), ResourceScope("models/llama-3", ALL)
BODY = bytes(range(256)) * 4096 * 16


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running_store(tmp_path_factory.mktemp("moto")) as running:
        running.client().create_bucket(Bucket=BUCKET)
        running.client().put_object(Bucket=BUCKET, Key=KEY, Body=BODY)
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def gateway(
    store: Store, certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with store_gateway(tmp_path_factory.mktemp("gw"), store, tls=certificate) as running:
        yield running


@contextlib.contextmanager
def told(*words: str) -> Iterator[None]:
    with pytest.raises(ClientError) as caught:
        yield
    assert all(word in str(caught.value) for word in words), caught.value


# -- the edge and its limits


@pytest.mark.parametrize("key", ["llama-3//x", "llama-3/../x", "llama-3/100%.bin", "llama-3/a\\b"])
def test_what_the_edge_refuses_reads_as_an_error_of_s3(gateway: Gateway, key: str) -> None:
    s3 = client_of(gateway, gateway.grant("store", EVERYTHING))
    s3.put_object(Bucket=BUCKET, Key="llama-3/x", Body=b"x")
    with told("(InvalidRequest)", "The gateway refused this request: its path"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    gateway.wait_record("proxy.request.refused", reason="malformed-request")


def test_limits_read_as_errors_of_s3(store: Store, tmp_path: Path) -> None:
    limits = Limits(upload_bytes=MIB, requests_per_grant=1, request_burst_per_grant=3)
    with store_gateway(tmp_path / "gw", store, limits=limits) as gateway:
        s3 = client_of(gateway, gateway.grant("store", EVERYTHING))
        s3.put_object(Bucket=BUCKET, Key="llama-3/x", Body=bytes(MIB))
        with told("(EntityTooLarge)", "The request is larger than the gateway accepts."):
            s3.put_object(Bucket=BUCKET, Key="llama-3/x", Body=bytes(MIB + 1))
        with told("(SlowDown)", "Too many requests. Wait a little."):
            for _ in range(10):
                s3.list_buckets()


def test_a_flood_on_one_connection_reads_as_an_error_of_s3(store: Store, tmp_path: Path) -> None:
    """A flood of connections is answered before anything is read, and so in nobody's form: 429."""
    with store_gateway(
        tmp_path / "gw", store, limits=Limits(requests_per_address=1, request_burst_per_address=8)
    ) as gw:
        url = client_of(gw, gw.grant("store", READ)).generate_presigned_url("list_buckets")
        with httpx.Client() as client:
            answers = [client.get(url)]
            while answers[-1].status_code == httpx.codes.OK:
                answers.append(client.get(url))
    assert len(answers) > 1
    assert answers[-1].status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "<Code>SlowDown</Code><Message>Too many requests. Wait a little.</Message>" in answers[-1].text


# -- clocks


@pytest.mark.parametrize("minutes", [4, -4])
def test_a_clock_that_is_a_little_wrong_does_no_harm(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    s3 = client_of(gateway, gateway.grant("store", READ))
    set_clock(monkeypatch, minutes)
    assert s3.list_buckets()["Buckets"]


@pytest.mark.parametrize(("minutes", "side"), [(6, "6 minutes ahead of"), (-20, "20 minutes behind")])
def test_a_wrong_clock_is_told_how_wrong_it_is(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, minutes: int, side: str
) -> None:
    s3 = client_of(gateway, gateway.grant("store", READ))
    set_clock(monkeypatch, minutes)
    with told("(RequestTimeTooSkewed)", f"The clock of this machine is {side} the gateway's.", "Set it, then repeat."):
        s3.list_buckets()
    gateway.wait_record("proxy.request.refused", reason="signature-expired")


def set_clock(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    """Of the client alone."""

    def now(*, remove_tzinfo: bool = True) -> datetime.datetime:
        found = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
        return found.replace(tzinfo=None) if remove_tzinfo else found

    for module in (botocore.auth, botocore.crt.auth):  # in Python, and by AWS's own library
        monkeypatch.setattr(module, "get_current_datetime", now)


# -- the end of a grant


def test_a_presigned_url_that_lasts_longer_than_its_grant_ends_with_it(gateway: Gateway) -> None:
    held = gateway.grant("store", READ)
    s3 = client_of(gateway, held, signature_version="s3v4")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": KEY}, ExpiresIn=604_800)
    assert httpx.get(url).status_code == 200
    over = steady_now() - 0.5
    leases = tuple(replace(lease, valid_until=over) for lease in held.view.leases)
    gateway.change(held, valid_until=over, leases=leases)
    answer = httpx.get(url)
    assert (answer.status_code, "ExpiredToken" in answer.text) == (403, True)
    assert "The time of this grant ran out. Ask again." in answer.text


def test_a_presigned_url_is_cut_in_the_middle(gateway: Gateway, store: Store) -> None:
    store.client().put_object(Bucket=BUCKET, Key="llama-3/huge.bin", Body=BODY * 4)
    held = gateway.grant("store", READ)
    s3 = client_of(gateway, held, signature_version="s3v4")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "llama-3/huge.bin"})
    connection = http.client.HTTPConnection(gateway.host, timeout=20)
    connection.request("GET", url.removeprefix(gateway.url))
    answer = connection.getresponse()
    assert len(answer.read(MIB)) == MIB
    gateway.revoke(held)
    with pytest.raises((ConnectionError, http.client.IncompleteRead)):
        answer.read()
    connection.close()
    assert gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id)["reason"] == "grant-revoked"


# -- a budget that is shared


def test_ranges_that_run_at_once_share_one_budget(gateway: Gateway, tmp_path: Path) -> None:
    """As `aws s3 cp` and boto3 read a large object: several ranges at a time, each a request of its own."""
    at_once = TransferConfig(
        multipart_threshold=MIB, multipart_chunksize=2 * MIB, max_concurrency=8, num_download_attempts=1
    )  # fmt: skip
    enough = gateway.grant("store", READ, byte_budget=2 * len(BODY))
    client_of(gateway, enough).download_file(BUCKET, KEY, str(tmp_path / "whole"), Config=at_once)
    assert (tmp_path / "whole").read_bytes() == BODY
    short = gateway.grant("store", READ, byte_budget=len(BODY) // 2)
    with pytest.raises(Exception, match=r"."):  # which range fails first decides how boto3 puts it
        client_of(gateway, short).download_file(BUCKET, KEY, str(tmp_path / "part"), Config=at_once)
    assert not (tmp_path / "part").exists()
    with told("(AccessDenied)", "The byte budget of this grant is used up."):
        client_of(gateway, short).get_object(Bucket=BUCKET, Key=KEY)
    gateway.wait_record("proxy.request.refused", grant=short.view.grant_id, reason="budget-spent")
