"""Unmodified clients through the gateway to a real registry: `skopeo` and `oras`, what works and what they are told."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import oras.client
import pytest

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from tests.support.gateway import ALL, PULL, PUSH, Gateway, Held, running_gateway
from tests.support.processes import wait_for
from tests.support.registry import Registry, registry  # noqa: F401 - a fixture

MODEL = os.urandom(3 * 1024 * 1024)
PAUSE_TO_REVOKE_BYTES = 48 * 1024 * 1024


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Gateway]:  # noqa: F811
    with running_gateway(tmp_path_factory.mktemp("clients")) as running:
        running.add_target("demo", registry.base_url)
        yield running


def skopeo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    binary = shutil.which("skopeo")
    if binary is None:
        pytest.fail("skopeo is not installed (Debian: apt install skopeo)")
    command = [binary, "--insecure-policy", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def pull(gateway: Gateway, held: Held, name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    source = f"docker://{gateway.host}/{name}"
    return skopeo("copy", "--src-tls-verify=false", "--src-creds", f"ada:{held.token}", source, f"dir:{folder}")


def push(gateway: Gateway, held: Held, folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    there = f"docker://{gateway.host}/{name}"
    return skopeo("copy", "--dest-tls-verify=false", "--dest-creds", f"ada:{held.token}", f"dir:{folder}", there)


@pytest.fixture
def model(registry: Registry, request: pytest.FixtureRequest) -> str:  # noqa: F811
    """A repository of the test's own, holding one model as `v1`."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:60].strip("-")
    # Bytes of its own: skopeo remembers in which repositories of a host it saw a blob, and mounts from any of them.
    registry.push_artifact(name, "v1", MODEL, name.encode() * 2)
    return name


def test_pull_inspect_and_list_tags(gateway: Gateway, model: str, tmp_path: Path) -> None:
    held = gateway.grant("demo", ResourceScope(model, PULL))
    assert pull(gateway, held, f"demo/{model}:v1", tmp_path / "out").returncode == 0
    assert MODEL in [path.read_bytes() for path in (tmp_path / "out").iterdir()]
    there = f"docker://{gateway.host}/demo/{model}"
    inspected = skopeo("inspect", "--tls-verify=false", "--creds", f"ada:{held.token}", f"{there}:v1")
    assert inspected.returncode == 0, inspected.stderr
    tags = skopeo("list-tags", "--tls-verify=false", "--creds", f"ada:{held.token}", there)
    assert '"v1"' in tags.stdout
    done = gateway.wait_record("proxy.transfer.completed", repository=model, bytes_out=len(MODEL))
    allowed = gateway.records("proxy.request.allowed", exchange=done["exchange"])
    assert [item["rule"] for item in allowed] == ["rule-1"]
    assert (done["actor_name"], done["grant"], done["operation"]) == ("Ada", held.view.grant_id, "pull")


def test_pull_with_verified_digests(gateway: Gateway, model: str, tmp_path: Path) -> None:
    held = gateway.grant("demo", ResourceScope(model, PULL), verify=True)
    assert pull(gateway, held, f"demo/{model}:v1", tmp_path / "out").returncode == 0


def test_login_with_the_token_as_password(gateway: Gateway, model: str, tmp_path: Path) -> None:
    held = gateway.grant("demo", ResourceScope(model, PULL))
    login = ("login", "--tls-verify=false", "--authfile", tmp_path / "auth.json", "-u", "ada")
    assert skopeo(*login, "-p", held.token, gateway.host).returncode == 0
    wrong = skopeo(*login, "-p", held.token[:-1] + ("0" if held.token[-1] != "0" else "1"), gateway.host)
    assert wrong.returncode != 0


def test_push_pull_and_delete(gateway: Gateway, model: str, tmp_path: Path) -> None:
    held = gateway.grant("demo", ResourceScope(model, PULL), ResourceScope(f"{model}-new", ALL))
    assert pull(gateway, held, f"demo/{model}:v1", tmp_path / "out").returncode == 0
    pushed = push(gateway, held, tmp_path / "out", f"demo/{model}-new:v2")
    assert pushed.returncode == 0, pushed.stderr
    assert pull(gateway, held, f"demo/{model}-new:v2", tmp_path / "again").returncode == 0
    name = f"docker://{gateway.host}/demo/{model}-new:v2"
    deleted = skopeo("delete", "--tls-verify=false", "--creds", f"ada:{held.token}", name)
    assert deleted.returncode == 0, deleted.stderr
    assert (
        gateway.wait_record("proxy.transfer.completed", operation="delete", repository=f"{model}-new")["status"] == 202
    )


def test_push_with_a_pull_grant_is_denied_in_words(gateway: Gateway, model: str, tmp_path: Path) -> None:
    held = gateway.grant("demo", ResourceScope(model, PULL))
    assert pull(gateway, held, f"demo/{model}:v1", tmp_path / "out").returncode == 0
    refused = push(gateway, held, tmp_path / "out", f"demo/{model}:v2")
    assert refused.returncode != 0
    assert "does not cover this operation" in refused.stderr
    gateway.wait_record("proxy.request.refused", repository=model, reason="operation-not-granted")


def test_pull_of_another_repository_is_denied_in_words(gateway: Gateway, model: str, tmp_path: Path) -> None:
    held = gateway.grant("demo", ResourceScope("elsewhere", PULL))
    refused = pull(gateway, held, f"demo/{model}:v1", tmp_path / "out")
    assert refused.returncode != 0
    assert f"/request?resource=demo/{model}&operation=pull" in refused.stderr.replace("\\u0026", "&")


def test_delete_with_a_push_grant_is_denied(gateway: Gateway, model: str, registry: Registry) -> None:  # noqa: F811
    held = gateway.grant("demo", ResourceScope(model, PUSH))
    name = f"docker://{gateway.host}/demo/{model}:v1"
    assert skopeo("delete", "--tls-verify=false", "--creds", f"ada:{held.token}", name).returncode != 0
    assert registry.call("GET", f"/v2/{model}/tags/list")[2].count(b"v1") == 1


def test_copy_between_repositories_mounts_layers(gateway: Gateway, model: str, tmp_path: Path) -> None:
    """skopeo asks to mount a blob that it saw in another repository of the host; that reads the source."""
    held = gateway.grant("demo", ResourceScope(model, PULL), ResourceScope(f"{model}-2", ALL))
    assert pull(gateway, held, f"demo/{model}:v1", tmp_path / "seen").returncode == 0
    copied = copy_inside(gateway, held, f"{model}:v1", f"{model}-2:v1")
    assert copied.returncode == 0, copied.stderr
    wait_for(lambda: mounts_from(gateway, model), "a mounted layer")


def test_copy_without_pull_on_the_source_mounts_nothing(gateway: Gateway, model: str) -> None:
    only_delete = ResourceScope(model, frozenset({Operation.DELETE}))
    held = gateway.grant("demo", only_delete, ResourceScope(f"{model}-2", ALL))
    assert copy_inside(gateway, held, f"{model}:v1", f"{model}-2:v1").returncode != 0
    gateway.wait_record("proxy.request.refused", repository=model, reason="operation-not-granted")
    assert not mounts_from(gateway, model)


def copy_inside(gateway: Gateway, held: Held, source: str, there: str) -> subprocess.CompletedProcess[str]:
    creds = f"ada:{held.token}"
    return skopeo("copy", "--src-tls-verify=false", "--src-creds", creds, "--dest-tls-verify=false", "--dest-creds",
                  creds, f"docker://{gateway.host}/demo/{source}", f"docker://{gateway.host}/demo/{there}")  # fmt: skip


def mounts_from(gateway: Gateway, source: str) -> list[dict[str, object]]:
    done = gateway.records("proxy.transfer.completed", status=201)
    return [item for item in done if item["detail"].get("mount_from") == source]  # type: ignore[attr-defined]


def test_revoked_grant_ends_a_running_pull_and_leaves_nothing(
    gateway: Gateway, registry: Registry, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    """The cut in the middle: not zero, no blob in the folder, and the next try says why."""
    registry.push_artifact("cut-me", "v1", os.urandom(PAUSE_TO_REVOKE_BYTES))
    held = gateway.grant("demo", ResourceScope("cut-me", PULL))
    results: list[subprocess.CompletedProcess[str]] = []
    runner = threading.Thread(target=lambda: results.append(pull(gateway, held, "demo/cut-me:v1", tmp_path / "out")))
    runner.start()
    wait_for(lambda: _is_downloading(tmp_path / "out"), "a running download")
    gateway.revoke(held)
    runner.join(60)
    assert results[0].returncode != 0
    sizes = [path.stat().st_size for path in (tmp_path / "out").glob("*") if path.name != "version"]
    assert all(size < PAUSE_TO_REVOKE_BYTES for size in sizes)
    cut = gateway.wait_record("proxy.transfer.cut", repository="cut-me")
    assert cut["reason"] == Reason.GRANT_REVOKED
    assert 0 < int(str(cut["bytes_out"])) < PAUSE_TO_REVOKE_BYTES
    again = pull(gateway, held, "demo/cut-me:v1", tmp_path / "again")
    assert again.returncode != 0
    assert "This session was revoked" in again.stderr


def _is_downloading(folder: Path) -> bool:
    return any(path.stat().st_size > 1_000_000 for path in folder.glob("*"))


def oras_client(gateway: Gateway, held: Held) -> oras.client.OrasClient:
    client = oras.client.OrasClient(hostname=gateway.host, insecure=True, tls_verify=False)
    client.auth.set_basic_auth("ada", held.token)
    return client


def test_oras_pushes_pulls_and_uses_a_second_repository(gateway: Gateway, tmp_path: Path) -> None:
    """oras sends its first token for everything (oras-py#133): one token per grant makes that work."""
    held = gateway.grant("demo", ResourceScope("oras-one", PUSH), ResourceScope("oras-two", PUSH))
    client = oras_client(gateway, held)
    weights = tmp_path / "weights.bin"
    weights.write_bytes(MODEL)
    for name in ("oras-one", "oras-two"):
        reference = f"{gateway.host}/demo/{name}:v1"
        pushed = client.push(target=reference, files=[str(weights)], disable_path_validation=True)
        assert pushed.status_code == 201
        out = tmp_path / name
        pulled = client.pull(target=reference, outdir=str(out))
        assert [Path(path).read_bytes() for path in pulled] == [MODEL]
    assert client.get_tags(f"{gateway.host}/demo/oras-one") == ["v1"]


def test_oras_chunked_push(gateway: Gateway, tmp_path: Path) -> None:
    held = gateway.grant("demo", ResourceScope("oras-chunks", PUSH))
    client = oras_client(gateway, held)
    weights = tmp_path / "weights.bin"
    weights.write_bytes(MODEL)
    reference = f"{gateway.host}/demo/oras-chunks:v1"
    pushed = client.push(target=reference, files=[str(weights)], disable_path_validation=True, do_chunked=True,
                         chunk_size=1_000_000)  # fmt: skip
    assert pushed.status_code == 201
    assert [Path(path).read_bytes() for path in client.pull(target=reference, outdir=str(tmp_path / "out"))] == [MODEL]


def test_oras_without_a_push_grant_is_refused(gateway: Gateway, tmp_path: Path) -> None:
    held = gateway.grant("demo", ResourceScope("oras-no", PULL))
    client = oras_client(gateway, held)
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"x")
    with pytest.raises(ValueError, match=r"does not cover this operation|403"):
        client.push(target=f"{gateway.host}/demo/oras-no:v1", files=[str(weights)], disable_path_validation=True)
    gateway.wait_record("proxy.request.refused", repository="oras-no", reason="operation-not-granted")
