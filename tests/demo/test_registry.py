"""The small registry with the clients that people will use on it, and what it refuses."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import oras.client
import pytest

from jit_access.demo.model.artifacts import EXHIBITS, MANIFEST, digest_of
from jit_access.demo.model.push import Registry, push_exhibit
from tests.demo.conftest import PASSWORD, USERNAME

IMAGE = next(exhibit for exhibit in EXHIBITS if exhibit.repository == "tools/base-image")
LOGIN = f"{USERNAME}:{PASSWORD}"


def host_of(registry: Registry) -> str:
    return urlsplit(registry.url).netloc


def skopeo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    binary = shutil.which("skopeo")
    if binary is None:
        pytest.fail("skopeo is not installed (Debian: apt install skopeo)")
    command = [binary, "--insecure-policy", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_seeding_pushes_once(registry: Registry) -> None:
    assert push_exhibit(IMAGE, registry)
    assert not push_exhibit(IMAGE, registry)


def test_skopeo_pulls_and_pushes(registry: Registry, tmp_path: Path) -> None:
    push_exhibit(IMAGE, registry)
    here, there = tmp_path / "image", f"docker://{host_of(registry)}"
    pulled = skopeo(
        "copy", "--src-tls-verify=false", f"--src-creds={LOGIN}", f"{there}/tools/base-image:v1", f"dir:{here}"
    )
    assert pulled.returncode == 0, pulled.stderr
    pushed = skopeo(
        "copy", "--dest-tls-verify=false", f"--dest-creds={LOGIN}", f"dir:{here}", f"{there}/copies/image:v2"
    )
    assert pushed.returncode == 0, pushed.stderr
    listed = skopeo("list-tags", "--tls-verify=false", f"--creds={LOGIN}", f"{there}/copies/image")
    assert '"v2"' in listed.stdout


def test_oras_pushes_and_pulls(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # it writes its login there
    (tmp_path / "notes.txt").write_text("made by hand")
    client = oras.client.OrasClient(insecure=True, hostname=host_of(registry), auth_backend="basic")
    client.login(hostname=host_of(registry), username=USERNAME, password=PASSWORD, tls_verify=False)
    target = f"{host_of(registry)}/notes/first:v1"
    monkeypatch.chdir(tmp_path)
    assert client.push(target=target, files=["notes.txt"]).status_code == 201
    client.pull(target=target, outdir=str(tmp_path / "out"))
    assert (tmp_path / "out" / "notes.txt").read_text() == "made by hand"


def test_no_login_is_refused_and_a_login_is_not(registry: Registry) -> None:
    assert httpx.get(f"{registry.url}/v2/").status_code == 401
    assert httpx.get(f"{registry.url}/v2/", auth=(USERNAME, "guess")).status_code == 401
    assert httpx.get(f"{registry.url}/v2/", auth=(USERNAME, PASSWORD)).status_code == 200


def test_range_is_served(registry: Registry) -> None:
    body = b"0123456789"
    with registry.client() as client:
        _push_blob(client, body)
        part = client.get(f"/v2/a/b/blobs/{digest_of(body)}", headers={"Range": "bytes=2-4"})
        assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
        assert client.get(f"/v2/a/b/blobs/{digest_of(body)}").content == body


def test_wrong_digest_is_refused_and_leaves_nothing(registry: Registry) -> None:
    with registry.client() as client:
        wrong = digest_of(b"something else")
        assert _push_blob(client, b"0123456789", digest=wrong).status_code == 400
        assert client.get(f"/v2/a/b/blobs/{wrong}").status_code == 404


def test_blob_of_one_repository_is_unknown_in_another(registry: Registry) -> None:
    with registry.client() as client:
        _push_blob(client, b"0123456789")
        assert client.get(f"/v2/a/c/blobs/{digest_of(b'0123456789')}").status_code == 404


@pytest.mark.parametrize("path", ["/v2/../etc/passwd/manifests/v1", "/v2/a/b/manifests/../../x", "/v2/A/manifests/v1"])
def test_names_that_are_no_names_are_refused(registry: Registry, path: str) -> None:
    """They would become paths on this machine's disk."""
    with registry.client() as client:
        url = client.base_url.copy_with(raw_path=path.encode())
        assert client.put(url, content=b"{}", headers={"Content-Type": MANIFEST}).status_code in {404, 405}


def _push_blob(client: httpx.Client, body: bytes, digest: str = "") -> httpx.Response:
    place = client.post("/v2/a/b/blobs/uploads/").headers["Location"]
    return client.put(place, params={"digest": digest or digest_of(body)}, content=body)
