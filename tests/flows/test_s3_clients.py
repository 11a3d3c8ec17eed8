"""The real `aws`, and buckets in host names as boto3 and `aws` send them. Every allowed story has its twin."""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from jit_access.domain.scopes import ResourceScope
from tests.support.certificates import make_certificate
from tests.support.gateway import ALL, PULL, Gateway, Held
from tests.support.store import Store, keys_of, running_store, store_gateway

BUCKET, PREFIX, HOST = "models", "llama-3", "gateway.example"
MODEL, FOREIGN = f"{PREFIX}/model.safetensors", "frontier/model.safetensors"
READ, EVERYTHING = ResourceScope(f"{BUCKET}/{PREFIX}", PULL), ResourceScope(f"{BUCKET}/{PREFIX}", ALL)
BODY = os.urandom(300_000)
NOT_COVERED = "Your grant does not cover this bucket or prefix."
# A resolver that knows the gateway's name, as DNS would: for this process, and for the ones it starts.
_RESOLVER = f"""
import socket
_real = socket.getaddrinfo
def _found(host, *rest, **more):
    known = isinstance(host, str) and ("." + host).endswith(".{HOST}")
    return _real("127.0.0.1" if known else host, *rest, **more)
socket.getaddrinfo = _found
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running_store(tmp_path_factory.mktemp("moto")) as running:
        for name in (BUCKET, "secret", PREFIX):
            running.client().create_bucket(Bucket=name)
        for key in (MODEL, FOREIGN):
            running.client().put_object(Bucket=BUCKET, Key=key, Body=BODY)
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"), HOST, f"*.{HOST}")


@pytest.fixture(scope="module")
def gateway(
    store: Store, certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with store_gateway(tmp_path_factory.mktemp("gw"), store, tls=certificate, bucket_host=HOST) as running:
        yield running


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)  # put back afterwards, whatever comes
    exec(_RESOLVER, {})  # noqa: S102 - the same text that child processes run


def keys_in(store: Store, prefix: str) -> set[str]:
    found = store.client().list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {item["Key"] for item in found}


# -- boto3 with the bucket in the host


def virtual(gateway: Gateway, held: Held, *, host: str = HOST, **more: Any) -> Any:
    key_id, secret, token = keys_of(gateway, held)
    config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "virtual"}, signature_version="s3v4")
    return boto3.client(
        "s3", endpoint_url=f"http://{host}:{gateway.port}/s3/store", aws_access_key_id=key_id,
        aws_secret_access_key=more.pop("secret", secret), aws_session_token=token, region_name="eu-central-1",
        config=config,
    )  # fmt: skip


@pytest.mark.usefixtures("resolver")
def test_a_bucket_in_the_host_means_the_same_as_in_the_path(gateway: Gateway, store: Store) -> None:
    held = gateway.grant("store", EVERYTHING)
    s3, key = virtual(gateway, held), f"{PREFIX}/by-host/a b+ü.bin"
    hosts: list[str] = []
    s3.meta.events.register("before-send.s3", lambda request, **_: hosts.append(request.url))
    assert [item["Name"] for item in s3.list_buckets()["Buckets"]] == [BUCKET]
    s3.head_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=key, Body=BODY)
    assert s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=5-9")["Body"].read() == BODY[5:10]
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/by-host/")["Contents"]
    assert [item["Key"] for item in listed] == [key]
    s3.copy_object(Bucket=BUCKET, Key=f"{key}.2", CopySource={"Bucket": BUCKET, "Key": key})
    parts = s3.create_multipart_upload(Bucket=BUCKET, Key=f"{key}.3")
    part = s3.upload_part(Bucket=BUCKET, Key=f"{key}.3", UploadId=parts["UploadId"], PartNumber=1, Body=BODY)
    done = s3.complete_multipart_upload(
        Bucket=BUCKET, Key=f"{key}.3", UploadId=parts["UploadId"],
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )  # fmt: skip
    assert done["Location"].startswith(f"http://{BUCKET}.{HOST}:{gateway.port}/s3/store/{PREFIX}/")
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": f"{key}.2"}, {"Key": f"{key}.3"}]})
    assert keys_in(store, f"{PREFIX}/by-host/") == {key}
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key})
    assert httpx.get(url).content == BODY
    # The host's bucket is what was judged, and the store was asked in path style.
    assert all(f"//{BUCKET}.{HOST}:" in url for url in hosts[1:])
    allowed = gateway.records("proxy.request.allowed", grant=held.view.grant_id, operation="push")
    assert {item["reference"] for item in allowed} == {key, f"{key}.2", f"{key}.3"}


@pytest.mark.usefixtures("resolver")
@pytest.mark.parametrize("place", [(BUCKET, FOREIGN), ("secret", MODEL), (PREFIX, "model.safetensors")])
def test_a_host_opens_no_other_bucket(gateway: Gateway, place: tuple[str, str]) -> None:
    s3 = virtual(gateway, gateway.grant("store", READ))
    assert s3.get_object(Bucket=BUCKET, Key=MODEL)["Body"].read() == BODY
    with pytest.raises(ClientError, match=NOT_COVERED):
        s3.get_object(Bucket=place[0], Key=place[1])


@pytest.mark.usefixtures("resolver")
def test_a_host_that_was_changed_on_the_way_is_refused(gateway: Gateway) -> None:
    """With the path alone it would be another object: the bucket that the host names is part of what is signed."""
    both = gateway.grant("store", READ, ResourceScope("secret", PULL), ResourceScope(PREFIX, PULL))
    url = virtual(gateway, both).generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": MODEL})
    assert httpx.get(url).content == BODY
    for other in (f"secret.{HOST}", HOST, "127.0.0.1", f"{BUCKET}.evil.example"):
        answer = httpx.get(
            url.replace(f"{BUCKET}.{HOST}", "127.0.0.1"), headers={"host": f"{other}:{gateway.port}"}
        )  # fmt: skip
        assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True), other
    unsigned = re.sub(r"X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=x-amz-date", url)
    assert httpx.get(unsigned).status_code == 403


# -- the command line


@dataclass
class Shell:
    """`aws` of somebody who set the three values, an endpoint and a style, and nothing else."""

    gateway: Gateway
    held: Held
    folder: Path
    certificate: Path
    style: str

    def run(self, *words: str, fails: bool = False, **more: str) -> str:
        key_id, secret, token = keys_of(self.gateway, self.held)
        config = self.folder / "config"
        config.write_text(f"[default]\ns3 =\n  addressing_style = {self.style}\n", encoding="utf-8")
        (self.folder / "sitecustomize.py").write_text(_RESOLVER, encoding="utf-8")
        port = self.gateway.tls_port if self.style == "virtual" else self.gateway.port
        scheme = "https" if self.style == "virtual" else "http"
        env = {
            "PATH": "/usr/bin:/bin", "HOME": str(self.folder), "PYTHONPATH": str(self.folder),
            "AWS_CONFIG_FILE": str(config), "AWS_CA_BUNDLE": str(self.certificate), "AWS_MAX_ATTEMPTS": "1",
            "AWS_ENDPOINT_URL": f"{scheme}://{HOST}:{port}/s3/store", "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token,
            # Once with AWS's own library and once in Python: they sign and sum with different code.
            "BOTO_DISABLE_CRT": str(self.style == "path").lower(),
        } | more  # fmt: skip
        done = subprocess.run(
            [Path(sys.executable).with_name("aws"), *words], env=env, cwd=self.folder,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert bool(done.returncode) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(params=["path", "virtual"])
def style(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def aws(gateway: Gateway, certificate: tuple[Path, Path], tmp_path: Path, style: str) -> Shell:
    return Shell(gateway, gateway.grant("store", EVERYTHING), tmp_path, certificate[0], style)


def test_the_command_line_does_what_the_grant_covers(aws: Shell, store: Store) -> None:
    there = f"s3://{BUCKET}/{PREFIX}/{aws.style}"
    (aws.folder / "model").mkdir()
    for name in ("config.json", "weights.bin", "a b+ü.txt"):
        (aws.folder / "model" / name).write_bytes(BODY)
    aws.run("s3", "sync", "model", f"{there}/model")
    keys = {f"{PREFIX}/{aws.style}/model/{name}" for name in ("config.json", "weights.bin", "a b+ü.txt")}
    assert keys_in(store, f"{PREFIX}/{aws.style}/") == keys
    assert "weights.bin" in aws.run("s3", "ls", f"{there}/model/")
    assert BUCKET in aws.run("s3", "ls")
    aws.run("s3", "cp", f"{there}/model/weights.bin", f"{there}/copy.bin")
    aws.run("s3", "sync", f"{there}/model", "back")
    assert {path.read_bytes() for path in (aws.folder / "back").iterdir()} == {BODY}
    url = aws.run("s3", "presign", f"{there}/copy.bin", "--expires-in", "60").strip()
    assert f"/s3/store/{'' if aws.style == 'virtual' else BUCKET + '/'}{PREFIX}/" in url
    aws.run("s3", "rm", f"{there}/", "--recursive")
    assert keys_in(store, f"{PREFIX}/{aws.style}/") == set()


def test_the_command_line_says_why_not(aws: Shell, store: Store) -> None:
    (aws.folder / "file").write_bytes(b"x")
    before = keys_in(store, "")
    for words in (
        ("cp", "file", f"s3://{BUCKET}/frontier/new"), ("cp", f"s3://{BUCKET}/{FOREIGN}", f"s3://{BUCKET}/{PREFIX}/x"),
        ("ls", f"s3://{BUCKET}/frontier/"), ("rm", f"s3://{BUCKET}/{FOREIGN}"), ("ls", "s3://secret/"),
    ):  # fmt: skip
        told = aws.run("s3", *words, fails=True)
        # `aws` asks for what a copy reads with HEAD, and an answer to HEAD has no words.
        assert NOT_COVERED in told or "(403)" in told, told
    assert "does not serve this operation of S3 (acl)" in aws.run(
        "s3api", "get-bucket-acl", "--bucket", BUCKET, fails=True
    )  # fmt: skip
    assert "does not take the field x-amz-acl" in aws.run(
        "s3", "cp", "file", f"s3://{BUCKET}/{PREFIX}/public", "--acl", "public-read", fails=True
    )  # fmt: skip
    assert "its path is not in canonical form" in aws.run(
        "s3", "cp", "file", f"s3://{BUCKET}/{PREFIX}//double", fails=True
    )  # fmt: skip
    told = aws.run("s3", "ls", f"s3://{BUCKET}/{PREFIX}/", fails=True, AWS_SECRET_ACCESS_KEY="x" * 40)
    assert "(SignatureDoesNotMatch)" in told
    assert "Copy all three values of your access again." in told
    assert keys_in(store, "") == before
    aws.gateway.revoke(aws.held)
    assert "This session was revoked. Request access at" in aws.run(
        "s3", "cp", "file", f"s3://{BUCKET}/{PREFIX}/late", fails=True
    )  # fmt: skip


def test_a_presigned_url_of_the_command_line_dies_with_the_grant(aws: Shell, certificate: tuple[Path, Path]) -> None:
    url = aws.run("s3", "presign", f"s3://{BUCKET}/{MODEL}", "--expires-in", "604800").strip()
    host = re.sub(r"//[^/:]+", "//127.0.0.1", url, count=1)
    named = {"host": url.split("/")[2]}
    with httpx.Client(verify=_trust(certificate[0])) as client:
        assert client.get(host, headers=named).content == BODY
        aws.gateway.revoke(aws.held)
        answer = client.get(host, headers=named)
    assert (answer.status_code, "revoked" in answer.text) == (403, True)


def _trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))
