"""Unmodified boto3 against the gateway, with moto as the store behind it. Every allowed story has its twin."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import io
import ssl
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from jit_access.domain import sigv4
from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope
from tests.support.certificates import make_certificate
from tests.support.gateway import ALL, PUBLIC_URL, PULL, PUSH, Gateway, Held, running_gateway
from tests.support.processes import wait_for
from tests.support.store import KEY_ID, SECRET, Store, client_of, keys_of, running_store

BUCKET, PREFIX, OTHER = "models", "llama-3", "frontier"
READ = ResourceScope(f"{BUCKET}/{PREFIX}", PULL)
WRITE = ResourceScope(f"{BUCKET}/{PREFIX}", PUSH)
EVERYTHING = ResourceScope(f"{BUCKET}/{PREFIX}", ALL)
MODEL, FOREIGN = f"{PREFIX}/model.safetensors", f"{OTHER}/model.safetensors"
BODY = bytes(range(256)) * 4096
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running_store(tmp_path_factory.mktemp("moto")) as running:
        direct = running.client()
        for name in (BUCKET, "secret"):
            direct.create_bucket(Bucket=name)
        for key in (MODEL, FOREIGN):
            direct.put_object(Bucket=BUCKET, Key=key, Body=BODY)
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def gateway(
    store: Store, certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("s3-gateway"), tls=certificate) as running:
        running.add_target("store", store.url, KEY_ID, SECRET, kind="s3")
        running.add_target("images", store.url, KEY_ID, SECRET, kind="oci")
        yield running


@contextlib.contextmanager
def refused(gateway: Gateway, code: str, reason: str, *words: str) -> Iterator[None]:
    """boto3 says why, and so does a record."""
    before = {record["id"] for record in gateway.records("proxy.request.refused")}
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code, caught.value
    assert all(word in error["Message"] for word in words), caught.value
    wait_for(
        lambda: any(item["id"] not in before for item in gateway.records("proxy.request.refused", reason=reason)),
        f"a record of {reason}",
    )


def objects_of(store: Store, prefix: str) -> set[str]:
    found = store.client().list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {item["Key"] for item in found}


def tls_client(gateway: Gateway, certificate: tuple[Path, Path], held: Held, **more: Any) -> Any:
    base = f"https://127.0.0.1:{gateway.tls_port}"
    return client_of(gateway, held, base=base, verify=str(certificate[0]), **more)


# -- objects


@pytest.mark.parametrize("name", ["plain.bin", "a b+c&d=e.bin", "mödel/ü.bin", "q?#[1].bin", "tilde~star*.bin"])
def test_object_goes_up_and_comes_back(gateway: Gateway, name: str) -> None:
    s3, key = client_of(gateway, gateway.grant("store", WRITE)), f"{PREFIX}/{name}"
    put = s3.put_object(Bucket=BUCKET, Key=key, Body=BODY, Metadata={"epoch": "3"}, ContentType="application/x-model")
    assert put["ETag"] == f'"{hashlib.md5(BODY).hexdigest()}"'  # noqa: S324 - what S3 calls an ETag
    got = s3.get_object(Bucket=BUCKET, Key=key)
    assert got["Body"].read() == BODY
    assert got["Metadata"] == {"epoch": "3"}
    assert got["ContentType"] == "application/x-model"
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == len(BODY)
    assert s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=10-19")["Body"].read() == BODY[10:20]


def test_every_action_is_recorded_with_its_key(gateway: Gateway) -> None:
    held = gateway.grant("store", READ)
    client_of(gateway, held).get_object(Bucket=BUCKET, Key=MODEL)["Body"].read()
    allowed = gateway.wait_record("proxy.request.allowed", grant=held.view.grant_id)
    assert (allowed["repository"], allowed["reference"]) == (READ.repository, MODEL)
    assert (allowed["operation"], allowed["lease"]) == ("pull", held.view.leases[0].lease_id)
    done = gateway.wait_record("proxy.transfer.completed", grant=held.view.grant_id)
    assert done["bytes_out"] == len(BODY)


def test_foreign_prefix_bucket_and_target_are_refused(gateway: Gateway) -> None:
    held = gateway.grant("store", EVERYTHING)
    s3 = client_of(gateway, held)
    link = f"{PUBLIC_URL}/request?resource=store/{BUCKET}/{FOREIGN.rpartition('/')[0]}&"
    with refused(gateway, "AccessDenied", "out-of-scope", "bucket or prefix", link):
        s3.get_object(Bucket=BUCKET, Key=FOREIGN)
    for bucket, key in [(BUCKET, "llama-3.bin"), (BUCKET, "llama-30/x"), ("secret", MODEL), (BUCKET, PREFIX)]:
        with refused(gateway, "AccessDenied", "out-of-scope"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    with refused(gateway, "AccessDenied", "out-of-scope"):
        client_of(gateway, held, slug="other").list_buckets()
    with refused(gateway, "AccessDenied", "out-of-scope"):
        client_of(gateway, held, slug="images").get_object(Bucket=BUCKET, Key=MODEL)
    with refused(gateway, "AccessDenied", "out-of-scope"):
        client_of(gateway, gateway.grant("images", EVERYTHING), slug="images").get_object(Bucket=BUCKET, Key=MODEL)


def test_reading_writing_and_deleting_are_three_things(gateway: Gateway, store: Store) -> None:
    reader = client_of(gateway, gateway.grant("store", READ))
    with refused(gateway, "AccessDenied", "operation-not-granted", "operation"):
        reader.put_object(Bucket=BUCKET, Key=f"{PREFIX}/new.bin", Body=b"x")
    with refused(gateway, "AccessDenied", "operation-not-granted"):
        reader.delete_object(Bucket=BUCKET, Key=MODEL)
    writer = client_of(gateway, gateway.grant("store", ResourceScope(READ.repository, frozenset({Operation.PUSH}))))
    writer.put_object(Bucket=BUCKET, Key=f"{PREFIX}/gone.bin", Body=b"x")
    with refused(gateway, "AccessDenied", "operation-not-granted"):
        writer.get_object(Bucket=BUCKET, Key=MODEL)
    client_of(gateway, gateway.grant("store", EVERYTHING)).delete_object(Bucket=BUCKET, Key=f"{PREFIX}/gone.bin")
    assert f"{PREFIX}/gone.bin" not in objects_of(store, PREFIX)


def test_missing_key_reads_as_the_store_says_it(gateway: Gateway) -> None:
    s3 = client_of(gateway, gateway.grant("store", READ))
    with pytest.raises(s3.exceptions.NoSuchKey, match="no such key"):
        s3.get_object(Bucket=BUCKET, Key=f"{PREFIX}/nothing")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=BUCKET, Key=f"{PREFIX}/nothing")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.get_object(Bucket=BUCKET, Key=MODEL, IfMatch='"other"')


# -- who signs


def test_wrong_secret_key_id_or_token_is_refused(gateway: Gateway) -> None:
    held, other = gateway.grant("store", READ), gateway.grant("store", READ)
    client_of(gateway, held).head_object(Bucket=BUCKET, Key=MODEL)
    for wrong in ({"secret": "x" * 40}, {"key_id": "lse_other"}, {"token": other.token}):
        with refused(gateway, "SignatureDoesNotMatch", "signature-invalid", "three values"):
            client_of(gateway, held, **wrong).get_object(Bucket=BUCKET, Key=MODEL)
    with refused(gateway, "InvalidToken", "token-malformed"):
        client_of(gateway, held, token="nonsense").get_object(Bucket=BUCKET, Key=MODEL)
    with refused(gateway, "AccessDenied", "token-missing", "session token"):
        client_of(gateway, held, token=None).get_object(Bucket=BUCKET, Key=MODEL)


def test_token_alone_reads_nothing(gateway: Gateway) -> None:
    held = gateway.grant("store", READ)
    url = f"{gateway.url}/s3/store/{BUCKET}/{MODEL}"
    for headers in ({"x-amz-security-token": held.token}, {"x-amz-security-token": held.token, "x-amz-date": "x"}):
        answer = httpx.get(url, headers=headers)
        assert answer.status_code == 403
        assert "SignatureDoesNotMatch" not in answer.text
        assert BODY[:64] not in answer.content
    assert gateway.wait_record("proxy.request.refused", reason="signature-missing")["grant"] == held.view.grant_id
    assert httpx.get(url, headers={"authorization": f"Bearer {held.token}"}).status_code in (400, 403)
    assert httpx.get(url, auth=("x", held.token)).status_code in (400, 403)
    assert httpx.get(f"{url}?X-Amz-Security-Token={held.token}").status_code == 400


def changing_on_the_way(client: Any, old: bytes, new: bytes) -> Any:
    """Somebody between client and gateway, who has the token and no secret."""

    def change(request: Any, **_: Any) -> None:
        body = request.body if isinstance(request.body, bytes | bytearray) else request.body.read()
        assert old in body
        request.body = bytes(body).replace(old, new)

    client.meta.events.register("before-send.s3", change)
    return client


def test_body_that_changed_on_the_way_is_refused(gateway: Gateway, store: Store) -> None:
    held = gateway.grant("store", EVERYTHING)
    key, batch = f"{PREFIX}/changed.bin", {"Objects": [{"Key": f"{PREFIX}/kept.bin"}]}
    for name in ("kept.bin", "lost.bin"):
        client_of(gateway, held).put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=b"x")
    with refused(gateway, "BadDigest", "digest-mismatch"):
        changing_on_the_way(client_of(gateway, held), b"good", b"evil").put_object(Bucket=BUCKET, Key=key, Body=b"good")
    with refused(gateway, "XAmzContentSHA256Mismatch", "digest-mismatch"):
        changing_on_the_way(client_of(gateway, held), b"kept", b"lost").delete_objects(Bucket=BUCKET, Delete=batch)
    assert key not in objects_of(store, PREFIX)
    assert f"{PREFIX}/lost.bin" in objects_of(store, PREFIX)


def test_ended_grant_is_told_so(gateway: Gateway) -> None:
    held = gateway.grant("store", READ)
    s3 = client_of(gateway, held)
    s3.head_object(Bucket=BUCKET, Key=MODEL)
    gateway.revoke(held)
    with refused(gateway, "AccessDenied", "grant-revoked", "revoked", f"{PUBLIC_URL}/request"):
        s3.get_object(Bucket=BUCKET, Key=MODEL)


# -- presigned


def test_presigned_url_reads_one_object_until_the_grant_ends(gateway: Gateway) -> None:
    held = gateway.grant("store", READ)
    url = client_of(gateway, held, signature_version="s3v4").generate_presigned_url(
        "get_object", Params={"Bucket": BUCKET, "Key": MODEL}, ExpiresIn=60
    )
    assert held.token in url
    assert httpx.get(url).content == BODY
    for changed in (url.replace("model.safetensors", "other"), url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
                    url + "&versionId=1", url[:-1] + ("0" if url[-1] != "0" else "1")):  # fmt: skip
        answer = httpx.get(changed)
        assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True), changed
    assert httpx.head(url).status_code == 403
    gateway.revoke(held)
    answer = httpx.get(url)
    assert answer.status_code == 403
    assert "revoked" in answer.text
    assert not any(held.token in str(record) for record in gateway.records())


def test_presigned_in_version_2_is_told_which_one_to_take(gateway: Gateway) -> None:
    held = gateway.grant("store", READ)
    url = client_of(gateway, held, signature_version="s3").generate_presigned_url(
        "get_object", Params={"Bucket": BUCKET, "Key": MODEL}
    )
    assert "AWSAccessKeyId=" in url
    answer = httpx.get(url)
    assert (answer.status_code, "<Code>InvalidRequest</Code>" in answer.text) == (400, True)
    assert "signature version 2" in answer.text
    assert "s3.signature_version s3v4" in answer.text
    assert not any(held.token in str(record) for record in gateway.records())


def test_a_bucket_is_made_elsewhere(gateway: Gateway) -> None:
    s3 = client_of(gateway, gateway.grant("store", READ))
    with refused(gateway, "MethodNotAllowed", "method-not-allowed", "Ask an operator"):
        s3.create_bucket(Bucket="brand-new")


def test_presigned_url_of_too_long_or_over_is_refused(gateway: Gateway) -> None:
    s3 = client_of(gateway, gateway.grant("store", READ), signature_version="s3v4")
    for seconds, status in ((604_800, 200), (604_801, 403)):
        url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": MODEL}, ExpiresIn=seconds)
        assert httpx.get(url).status_code == status
    assert gateway.wait_record("proxy.request.refused", reason="signature-expired")["status"] == 403


def test_presigned_upload_needs_tls(gateway: Gateway, certificate: tuple[Path, Path], store: Store) -> None:
    held, key = gateway.grant("store", WRITE), f"{PREFIX}/presigned.bin"
    params = {"Bucket": BUCKET, "Key": key}
    plain = client_of(gateway, held, signature_version="s3v4").generate_presigned_url("put_object", Params=params)
    answer = httpx.put(plain, content=BODY)
    assert (answer.status_code, "https" in answer.text) == (403, True)
    assert key not in objects_of(store, PREFIX)
    secure = tls_client(gateway, certificate, held, signature_version="s3v4").generate_presigned_url(
        "put_object", Params=params
    )
    context = ssl.create_default_context(cafile=str(certificate[0]))
    assert httpx.put(secure, content=BODY, verify=context).status_code == 200
    assert key in objects_of(store, PREFIX)


# -- listings


def test_listing_stays_inside_the_prefix(gateway: Gateway) -> None:
    s3 = client_of(gateway, gateway.grant("store", EVERYTHING))
    for name in ("list/a b.bin", "list/sub/c.bin"):
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=b"x")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix=f"{PREFIX}/list/", PaginationConfig={"PageSize": 1}
    )
    assert [item["Key"] for page in pages for item in page["Contents"]] == [
        f"{PREFIX}/list/a b.bin", f"{PREFIX}/list/sub/c.bin"]  # fmt: skip
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/list/", Delimiter="/")
    assert [item["Prefix"] for item in listed["CommonPrefixes"]] == [f"{PREFIX}/list/sub/"]
    assert s3.list_objects(Bucket=BUCKET, Prefix=f"{PREFIX}/list/")["Contents"][0]["Size"] == 1
    for prefix in ("", PREFIX, "lla", f"{OTHER}/", "/", f"{PREFIX}/../{OTHER}/"):
        with pytest.raises(ClientError, match=r"AccessDenied|InvalidURI"):
            s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    with refused(gateway, "AccessDenied", "out-of-scope"):
        s3.list_objects(Bucket="secret")


def test_buckets_are_those_of_the_grant(gateway: Gateway) -> None:
    s3 = client_of(gateway, gateway.grant("store", READ))
    assert [item["Name"] for item in s3.list_buckets()["Buckets"]] == [BUCKET]
    s3.head_bucket(Bucket=BUCKET)
    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] is None
    with pytest.raises(ClientError, match="403"):
        s3.head_bucket(Bucket="secret")
    with refused(gateway, "AccessDenied", "out-of-scope"):
        s3.get_bucket_location(Bucket="secret")


# -- several parts, copies, batches


def test_upload_in_parts(gateway: Gateway) -> None:
    s3, body, key = client_of(gateway, gateway.grant("store", WRITE)), BODY * 18, f"{PREFIX}/large.bin"
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(body), BUCKET, key, Config=config)
    found = io.BytesIO()
    s3.download_fileobj(BUCKET, key, found, Config=config)
    assert hashlib.sha256(found.getvalue()).digest() == hashlib.sha256(body).digest()


def test_upload_belongs_to_who_began_it(gateway: Gateway, store: Store) -> None:
    held = gateway.grant("store", WRITE)
    s3, other = client_of(gateway, held), client_of(gateway, gateway.grant("store", WRITE))
    place = {"Bucket": BUCKET, "Key": f"{PREFIX}/parts.bin"}
    mine = s3.create_multipart_upload(**place)["UploadId"]
    etag = s3.upload_part(**place, UploadId=mine, PartNumber=1, Body=BODY)["ETag"]
    assert s3.list_parts(**place, UploadId=mine)["Parts"][0]["ETag"] == etag
    for call in (
        lambda: other.upload_part(**place, UploadId=mine, PartNumber=1, Body=b"x"),
        lambda: other.abort_multipart_upload(**place, UploadId=mine),
        lambda: other.list_parts(**place, UploadId=mine),
        lambda: s3.list_parts(Bucket=BUCKET, Key=f"{PREFIX}/other.bin", UploadId=mine),
        lambda: s3.upload_part(**place, UploadId="guessed", PartNumber=1, Body=b"x"),
    ):
        with refused(gateway, "NoSuchUpload", "upload-unknown", "Begin it again"):
            call()
    foreign = store.client().create_multipart_upload(**place)["UploadId"]
    with refused(gateway, "NoSuchUpload", "upload-unknown"):
        s3.list_parts(**place, UploadId=foreign)
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    done = s3.complete_multipart_upload(**place, UploadId=mine, MultipartUpload=parts)
    assert done["Location"] == f"{gateway.url}/s3/store/{BUCKET}/{PREFIX}/parts.bin"
    assert s3.head_object(**place)["ContentLength"] == len(BODY)
    gone = s3.create_multipart_upload(**place)["UploadId"]
    s3.abort_multipart_upload(**place, UploadId=gone)


def test_copy_reads_its_source(gateway: Gateway, store: Store) -> None:
    held = gateway.grant("store", WRITE)
    s3, grant = client_of(gateway, held), held.view.grant_id
    to = {"Bucket": BUCKET, "Key": f"{PREFIX}/copy of it.bin"}
    s3.copy_object(**to, CopySource={"Bucket": BUCKET, "Key": MODEL})
    for kind in ("proxy.request.allowed", "proxy.transfer.completed"):
        record = gateway.wait_record(kind, grant=grant, reference=to["Key"])
        assert record["detail"]["copied_from"] == f"{BUCKET}/{MODEL}"  # type: ignore[index]
        assert record["exchange"]
    assert s3.get_object(**to)["Body"].read() == BODY
    missing = f"Missing: pull on store/{BUCKET}/{OTHER}. Request access at {PUBLIC_URL}/request?resource=store/{BUCKET}"
    with refused(gateway, "AccessDenied", "out-of-scope", missing):
        s3.copy_object(Bucket=BUCKET, Key=f"{PREFIX}/stolen.bin", CopySource={"Bucket": BUCKET, "Key": FOREIGN})
    for source in ({"Bucket": BUCKET, "Key": FOREIGN}, f"secret/{MODEL}"):
        with refused(gateway, "AccessDenied", "out-of-scope"):
            s3.copy_object(Bucket=BUCKET, Key=f"{PREFIX}/stolen.bin", CopySource=source)
    blind = client_of(gateway, gateway.grant("store", ResourceScope(READ.repository, frozenset({Operation.PUSH}))))
    with refused(gateway, "AccessDenied", "operation-not-granted"):
        blind.copy_object(Bucket=BUCKET, Key=f"{PREFIX}/stolen.bin", CopySource={"Bucket": BUCKET, "Key": MODEL})
    upload = s3.create_multipart_upload(**to)["UploadId"]
    part = {**to, "UploadId": upload, "PartNumber": 1}
    assert s3.upload_part_copy(**part, CopySource={"Bucket": BUCKET, "Key": MODEL})["CopyPartResult"]["ETag"]
    with refused(gateway, "AccessDenied", "out-of-scope"):
        s3.upload_part_copy(**part, CopySource={"Bucket": BUCKET, "Key": FOREIGN})
    assert f"{PREFIX}/stolen.bin" not in objects_of(store, PREFIX)


def test_batch_deletes_only_what_is_granted(gateway: Gateway, store: Store) -> None:
    held = gateway.grant("store", EVERYTHING)
    s3, keys = client_of(gateway, held), [f"{PREFIX}/batch/{number} <&>.bin" for number in range(3)]
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    mixed = [{"Key": key} for key in (*keys, FOREIGN)]
    told = f"Nothing was deleted. Not covered: {FOREIGN}. Missing: delete on store/{BUCKET}/frontier. Request access"
    with refused(gateway, "AccessDenied", "out-of-scope", told):
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": mixed})
    assert objects_of(store, f"{PREFIX}/batch/") == set(keys)
    with refused(gateway, "MalformedXML", "malformed-request", "without versions"):
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": keys[0], "VersionId": "1"}]})
    done = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]})
    assert {item["Key"] for item in done["Deleted"]} == set(keys)
    assert objects_of(store, f"{PREFIX}/batch/") == set()
    assert FOREIGN in objects_of(store, OTHER)
    record = gateway.wait_record("proxy.request.allowed", grant=held.view.grant_id, operation="delete")
    assert record["detail"]["keys"] == "3"  # type: ignore[index]
    assert keys[0] in record["detail"]["keys_01"]  # type: ignore[index]
    writer = client_of(gateway, gateway.grant("store", WRITE))
    with refused(gateway, "AccessDenied", "operation-not-granted"):
        writer.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": MODEL}]})


def test_what_administrators_do_is_refused_before_the_store(gateway: Gateway) -> None:
    s3 = client_of(gateway, gateway.grant("store", ResourceScope(BUCKET, ALL)))
    at, key = {"Bucket": BUCKET}, {"Bucket": BUCKET, "Key": MODEL}
    for call in (
        lambda: s3.get_bucket_acl(**at), lambda: s3.put_object_acl(**key, ACL="public-read"),
        lambda: s3.get_bucket_policy(**at), lambda: s3.get_bucket_versioning(**at),
        lambda: s3.get_bucket_lifecycle_configuration(**at), lambda: s3.get_object_tagging(**key),
        lambda: s3.list_object_versions(**at), lambda: s3.list_multipart_uploads(**at),
        lambda: s3.delete_object(**key, VersionId="1"),
        lambda: s3.put_object(**key, Body=b"x", ACL="public-read"),
        lambda: s3.put_object(**key, Body=b"x", ServerSideEncryption="aws:kms"),
        lambda: s3.put_object(**key, Body=b"x", Tagging="a=b"),
        lambda: s3.get_object_torrent(**key),
    ):  # fmt: skip
        with refused(gateway, "AccessDenied", "route-unknown", "does not"):
            call()
    for call in (lambda: s3.create_bucket(Bucket="mine"), lambda: s3.delete_bucket(**at)):
        with refused(gateway, "MethodNotAllowed", "method-not-allowed"):
            call()


# -- bodies that come in chunks


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA256", "SHA1"])
def test_trailers_over_tls(gateway: Gateway, certificate: tuple[Path, Path], store: Store, algorithm: str) -> None:
    s3 = tls_client(gateway, certificate, gateway.grant("store", WRITE))
    key, body = f"{PREFIX}/trailer-{algorithm}.bin", BODY * 3
    s3.put_object(Bucket=BUCKET, Key=key, Body=io.BytesIO(body), ChecksumAlgorithm=algorithm)
    assert store.client().get_object(Bucket=BUCKET, Key=key)["Body"].read() == body
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body


def signed_stream(gateway: Gateway, held: Held, key: str, chunks: list[bytes], *, has_trailer: bool) -> httpx.Request:
    """As SDKs of Java and Go send a body whose length they know and whose hash they do not."""
    key_id, secret, token = keys_of(gateway, held)
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = sigv4.CredentialScope(at[:8], "eu-central-1")
    signing, body = sigv4.signing_key(secret, scope), b"".join(chunks)
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if has_trailer else "")
    promised = {"x-amz-trailer": "x-amz-checksum-crc32"} if has_trailer else {}
    fields = {
        "host": gateway.host, "x-amz-content-sha256": kind, "x-amz-date": at, "x-amz-security-token": token,
        "x-amz-decoded-content-length": str(len(body)), **promised,
    }  # fmt: skip
    path, names = f"/s3/store/{BUCKET}/{key}", tuple(sorted(fields))
    pairs = tuple((name.encode(), value.encode()) for name, value in fields.items())
    canonical = sigv4.canonical_request("PUT", path, (), pairs, names, kind)
    last = seed = sigv4.sign(signing, sigv4.string_to_sign(at, scope, canonical))
    sent = b""
    for chunk in (*chunks, b""):
        last = sigv4.sign(signing, sigv4.chunk_to_sign(at, scope, last, hashlib.sha256(chunk).hexdigest()))
        sent += b"%x;chunk-signature=%b\r\n" % (len(chunk), last.encode()) + (chunk + b"\r\n" if chunk else b"")
    if has_trailer:
        trailer = b"x-amz-checksum-crc32:" + base64.b64encode(zlib.crc32(body).to_bytes(4, "big"))
        last = sigv4.sign(signing, sigv4.trailer_to_sign(at, scope, last, trailer + b"\n"))
        sent += trailer + b"\r\nx-amz-trailer-signature:" + last.encode() + b"\r\n"
    credential = f"Credential={key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={seed}"
    headers = fields | {"authorization": f"AWS4-HMAC-SHA256 {credential}", "content-encoding": "aws-chunked"}
    return httpx.Request("PUT", f"{gateway.url}{path}", headers=headers, content=sent + b"\r\n")


@pytest.mark.parametrize("has_trailer", [False, True])
def test_body_whose_chunks_are_signed(gateway: Gateway, store: Store, *, has_trailer: bool) -> None:
    held, key = gateway.grant("store", WRITE), f"{PREFIX}/signed-{has_trailer}.bin"
    chunks = [BODY[:65536], BODY[65536:131072], b"the end"]
    with httpx.Client() as client:
        answer = client.send(signed_stream(gateway, held, key, chunks, has_trailer=has_trailer))
        assert answer.status_code == 200, answer.text
        assert store.client().get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"".join(chunks)
        changed = signed_stream(gateway, held, f"{key}.2", chunks, has_trailer=has_trailer)
        changed = httpx.Request(
            "PUT", changed.url, headers=changed.headers, content=changed.content.replace(b"the end", b"the END")
        )
        answer = client.send(changed)
    assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)
    assert f"{key}.2" not in objects_of(store, PREFIX)


# -- while it runs


def test_download_is_cut_at_half(gateway: Gateway, store: Store) -> None:
    key = f"{PREFIX}/huge.bin"
    store.client().put_object(Bucket=BUCKET, Key=key, Body=BODY * 64)
    held = gateway.grant("store", READ)
    s3 = client_of(gateway, held)
    body = s3.get_object(Bucket=BUCKET, Key=key)["Body"]
    assert len(body.read(4 * MIB)) == 4 * MIB
    gateway.revoke(held)
    with pytest.raises((ResponseStreamingError, ConnectionClosedError, ReadTimeoutError)):
        body.read()
    assert gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id)["reason"] == "grant-revoked"
    with refused(gateway, "AccessDenied", "grant-revoked"):
        s3.get_object(Bucket=BUCKET, Key=key)


def test_upload_is_cut_at_half(gateway: Gateway, store: Store) -> None:
    held, key = gateway.grant("store", WRITE), f"{PREFIX}/half.bin"
    whole = signed_stream(gateway, held, key, [BODY] * 4, has_trailer=False)
    connection = http.client.HTTPConnection(gateway.host, timeout=20)
    connection.putrequest("PUT", whole.url.raw_path.decode(), skip_host=True, skip_accept_encoding=True)
    for name, value in whole.headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(whole.content[: len(whole.content) // 2])
    # Allowed is not yet on its way: until bytes flow, a revocation is answered with a refusal.
    wait_for(lambda: gateway.moved_under(held) > 0, "the upload flows")
    gateway.revoke(held)
    with pytest.raises(ConnectionError):
        connection.getresponse()
    connection.close()
    assert gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id)["reason"] == "grant-revoked"
    assert key not in objects_of(store, PREFIX)


def test_budget_ends_a_download(gateway: Gateway, store: Store) -> None:
    key = f"{PREFIX}/budget.bin"
    store.client().put_object(Bucket=BUCKET, Key=key, Body=BODY * 8)
    held = gateway.grant("store", READ, byte_budget=2 * MIB)
    s3 = client_of(gateway, held)
    assert len(s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=0-1023")["Body"].read()) == 1024
    with pytest.raises((ResponseStreamingError, ConnectionClosedError)):
        s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with refused(gateway, "AccessDenied", "budget-spent", "budget"):
        s3.get_object(Bucket=BUCKET, Key=key)
