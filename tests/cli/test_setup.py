"""`jit setup` in a home that somebody lives in: our entries come, work with the real tools, and go; all else stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from jit_access.cli.setups import plans
from jit_access.cli.setups.own_entries import Memory, plan_setup, plan_undo
from jit_access.targets.models import TargetKind
from tests.support.helped import GATEWAY_HOST, add_target
from tests.support.lifecycles import BASE, World, active
from tests.support.machine import Machine
from tests.support.stories import skopeo_binary

pytestmark = pytest.mark.django_db(transaction=True)
CONFIG = '{\n\t"auths": {\n\t\t"ghcr.example": {"auth": "c2VjcmV0"}\n\t},\n\t"credsStore": "pass"\n}\n'


@pytest.fixture
def config(machine: Machine) -> Path:
    """Docker's, as somebody has it."""
    path = machine.file(".docker", "config.json")
    path.parent.mkdir()
    path.write_text(CONFIG)
    path.chmod(0o640)
    return path


def everything(folder: Path) -> dict[str, bytes]:
    """What lies in a home, but for what is ours alone."""
    files = (path for path in folder.rglob("*") if path.is_file() and "/jit/" not in str(path))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


class TestDocker:
    def test_it_comes_and_goes(self, machine: Machine, config: Path) -> None:
        done = machine.jit("setup", "docker")
        assert done.returncode == 0, done.stderr
        assert json.loads(config.read_text()) == json.loads(CONFIG) | {"credHelpers": {GATEWAY_HOST: "jit"}}
        assert config.stat().st_mode & 0o777 == 0o640
        assert config.with_name("config.json.before-jit").read_text() == CONFIG
        again = machine.jit("setup", "docker")
        assert (again.returncode, "set up already" in again.stderr) == (0, True)
        assert machine.jit("setup", "docker", "--undo").returncode == 0
        assert everything(machine.home) == {".docker/config.json": CONFIG.encode()}
        assert config.stat().st_mode & 0o777 == 0o640

    def test_undo_leaves_what_was_edited_meanwhile(self, machine: Machine, config: Path) -> None:
        machine.jit("setup", "docker")
        held = json.loads(config.read_text())
        held["credHelpers"]["other.test"], held["proxies"] = "pass", {}
        config.write_text(json.dumps(held, indent=2))
        assert machine.jit("setup", "docker", "--undo").returncode == 0
        del held["credHelpers"][GATEWAY_HOST]
        assert config.read_text() == json.dumps(held, indent=2)

    def test_undo_brings_another_helper_back_and_leaves_a_new_one(self, machine: Machine, config: Path) -> None:
        before = json.dumps(json.loads(CONFIG) | {"credHelpers": {GATEWAY_HOST: "desktop"}})
        config.write_text(before)
        machine.jit("setup", "docker")
        assert json.loads(config.read_text())["credHelpers"] == {GATEWAY_HOST: "jit"}
        machine.jit("setup", "docker", "--undo")
        assert config.read_text() == before
        machine.jit("setup", "docker")
        config.write_text(config.read_text().replace('"jit"', '"mine"'))
        undone = machine.jit("setup", "docker", "--undo")
        assert "not as jit left it" in undone.stderr
        assert json.loads(config.read_text())["credHelpers"] == {GATEWAY_HOST: "mine"}

    def test_where_there_was_no_file_there_is_none_again(self, machine: Machine) -> None:
        machine.jit("setup", "docker")
        assert machine.file(".docker", "config.json").stat().st_mode & 0o777 == 0o600
        machine.jit("setup", "docker", "--undo")
        assert everything(machine.home) == {}

    def test_a_dry_run_shows_the_difference_without_secrets(self, machine: Machine, config: Path) -> None:
        config.write_text(json.dumps(json.loads(CONFIG)))  # all on one line, so the difference has all of it
        shown = machine.jit("setup", "docker", "--dry-run")
        assert f'"credHelpers": {{"{GATEWAY_HOST}": "jit"}}' in shown.stdout
        assert "c2VjcmV0" not in shown.stdout
        assert everything(machine.home) == {".docker/config.json": config.read_bytes()}

    def test_a_link_stays_one(self, machine: Machine, config: Path) -> None:
        real = machine.file("dotfiles.json")
        config.replace(real)
        config.symlink_to(os.path.relpath(real, config.parent))
        assert machine.jit("setup", "docker").returncode == 0
        assert config.is_symlink()
        assert json.loads(real.read_text())["credHelpers"] == {GATEWAY_HOST: "jit"}
        machine.jit("setup", "docker", "--undo")
        assert (config.is_symlink(), everything(machine.home)) == (
            True,
            {".docker/config.json": CONFIG.encode(), "dotfiles.json": CONFIG.encode()},
        )

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"{", "is not JSON"), (b'{"credHelpers": 1}', "something else than an object"), (b"\xff", "UTF-8"),
            (b"\xef\xbb\xbf{}", "byte order mark"), (b'{"a": 1, "a": 1}', "twice"),
        ],
    )  # fmt: skip
    def test_what_is_no_configuration_is_left_alone(
        self, machine: Machine, config: Path, content: bytes, says: str
    ) -> None:
        config.write_bytes(content)
        refused = machine.jit("setup", "docker")
        assert (refused.returncode, says in refused.stderr, str(config) in refused.stderr) == (1, True, True)
        assert everything(machine.home) == {".docker/config.json": content}
        config.write_text(CONFIG)
        assert machine.jit("setup", "docker").returncode == 0

    def test_without_the_helper_on_path_nothing_is_written(self, machine: Machine, config: Path) -> None:
        program = next(Path(folder) for folder in machine.env["PATH"].split(":")) / "docker-credential-jit"
        program.rename(program.with_name("elsewhere"))
        refused = machine.jit("setup", "docker")
        assert (refused.returncode, "not on PATH" in refused.stderr) == (1, True)
        assert config.read_text() == CONFIG
        program.with_name("elsewhere").rename(program)
        assert machine.jit("setup", "docker").returncode == 0

    def test_skopeo_and_docker_ask_the_helper(self, world: World, machine: Machine, config: Path) -> None:
        machine.jit("setup", "docker")
        nobody = machine.run(skopeo_binary(), "login", "--get-login", GATEWAY_HOST)
        assert nobody.returncode != 0
        assert "jit request" in nobody.stderr
        active(world, BASE, actor=world.cast.ci_bot)
        found = machine.run(skopeo_binary(), "login", "--get-login", GATEWAY_HOST)
        assert (found.returncode, found.stdout) == (0, "ci-bot\n"), found.stderr


class TestOthers:
    def test_an_aws_profile_comes_and_goes(self, world: World, machine: Machine) -> None:
        path = machine.file(".aws", "config")
        path.parent.mkdir()
        path.write_text("[default]\nregion = eu-west-1\n")
        add_target("our-store", TargetKind.S3, "weights/tiny")
        done = machine.jit("setup", "aws")
        assert done.returncode == 0, done.stderr
        aws = Path(sys.executable).with_name("aws")
        read = machine.run(aws, "configure", "get", "endpoint_url", "--profile", "jit-our-store")
        assert read.stdout == f"https://{GATEWAY_HOST}/s3/our-store\n", read.stderr
        assert machine.run(aws, "configure", "get", "region").stdout == "eu-west-1\n"
        machine.jit("setup", "aws", "--undo")
        assert everything(machine.home) == {".aws/config": b"[default]\nregion = eu-west-1\n"}

    def test_a_profile_of_that_name_which_is_somebody_elses_stays(self, world: World, machine: Machine) -> None:
        path = machine.file(".aws", "config")
        path.parent.mkdir()
        path.write_text("[profile jit-our-store]\nregion = eu-west-1\n")
        add_target("our-store", TargetKind.S3, "weights/tiny")
        refused = machine.jit("setup", "aws")
        assert (refused.returncode, "jit did not write it" in refused.stderr) == (1, True)
        assert path.read_text() == "[profile jit-our-store]\nregion = eu-west-1\n"
        path.write_text("")
        assert machine.jit("setup", "aws").returncode == 0

    @pytest.mark.parametrize(("tool", "kind"), [("hf", TargetKind.HF), ("mlflow", TargetKind.MLFLOW)])
    def test_variables_for_shells(self, world: World, machine: Machine, tool: str, kind: TargetKind) -> None:
        add_target("first", kind, "models/one")
        done = machine.jit("setup", tool)
        assert done.returncode == 0, done.stderr
        path = machine.file(".config", "jit", f"{tool}-first.env")
        assert path.stat().st_mode & 0o777 == 0o600
        script = f'export HF_TOKEN=mine MLFLOW_TRACKING_PASSWORD=mine; . "{path}" 2> /dev/null; env'
        told = dict(line.split("=", 1) for line in machine.run("sh", "-c", script).stdout.splitlines())
        name = {"hf": "HF_ENDPOINT", "mlflow": "MLFLOW_TRACKING_URI"}[tool]
        assert told[name] == f"https://{GATEWAY_HOST}/{tool}/first"
        assert {"hf": "HF_TOKEN", "mlflow": "MLFLOW_TRACKING_PASSWORD"}[tool] not in told
        assert machine.jit("setup", tool, "--undo").returncode == 0
        assert not path.exists()

    def test_of_several_targets_one_is_named(self, world: World, machine: Machine) -> None:
        for slug in ("first", "second"):
            add_target(slug, TargetKind.S3, "weights/tiny")
        refused = machine.jit("setup", "aws")
        assert (refused.returncode, "first, second" in refused.stderr) == (2, True)
        for slug in ("first", "second"):
            assert machine.jit("setup", "aws", slug).returncode == 0
        assert machine.jit("setup", "aws", "first", "--undo").returncode == 0
        text = machine.file(".aws", "config").read_text()
        assert ("jit-first" in text, "jit-second" in text) == (False, True)

    @pytest.mark.parametrize(
        ("tool", "says"), [("kube", "a cluster"), ("ssh", "an SSH host"), ("hf", "a Hugging Face hub")]
    )
    def test_what_is_not_guarded_is_said_plainly(self, machine: Machine, tool: str, says: str) -> None:
        refused = machine.jit("setup", tool)
        assert (refused.returncode, f"does not guard {says}" in refused.stderr) == (8, True), refused.stderr
        assert everything(machine.home) == {}

    def test_with_nothing_set_up_there_is_nothing_to_undo(self, machine: Machine) -> None:
        done = machine.jit("setup", "docker", "--undo")
        assert (done.returncode, "Nothing here was set up by jit." in done.stderr) == (0, True)


def test_a_cluster_a_user_and_a_context_that_kubectl_understands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on understanding after it rewrote the file itself."""
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\nkind: Config\ncurrent-context: mine\nusers:\n- name: mine\n  user: {}\n")
    monkeypatch.setenv("KUBECONFIG", str(path))
    before, memory = path.read_bytes(), Memory(tmp_path / "setup.json")
    entries = plans.kube_entries("https://gateway.test/k8s/prod", "prod", address="https://jit.test")
    plan_setup(memory, plans.KUBE, "prod", entries).carry_out()
    view = [
        "kubectl",
        "config",
        "view",
        "--context=jit-prod",
        "--minify",
        "-o",
        "jsonpath={.clusters[0].cluster.server}",
    ]
    env: dict[str, Any] = {"KUBECONFIG": str(path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    assert subprocess.run(view, env=env, capture_output=True, text=True, check=True).stdout.endswith("/k8s/prod")
    assert yaml.safe_load(path.read_text())["current-context"] == "mine"
    plan_undo(Memory(tmp_path / "setup.json"), plans.KUBE, "", plans.entry_of).carry_out()
    assert path.read_bytes() == before
    plan_setup(Memory(tmp_path / "setup.json"), plans.KUBE, "prod", entries).carry_out()
    subprocess.run(["kubectl", "config", "use-context", "jit-prod"], env=env, capture_output=True, check=True)
    plan_undo(Memory(tmp_path / "setup.json"), plans.KUBE, "", plans.entry_of).carry_out()
    left = yaml.safe_load(path.read_text())
    assert (left["users"], left["clusters"], left["contexts"]) == ([{"name": "mine", "user": {}}], [], [])
