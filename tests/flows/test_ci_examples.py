"""The examples for CI, step by step out of their documents: from a job's own identity to bytes, and nothing stored.

The issuers are local ones, installing is left out, and the gateway has no TLS here; all else is what stands there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from jit_access.cli.workload import KUBERNETES_FILE
from tests.support.ci_jobs import github, make_runner, trust
from tests.support.documents import blocks
from tests.support.machine import Machine, Ran
from tests.support.stack import Stack
from tests.support.workloads.issuer import GITHUB, KUBERNETES, UID, Issuer, running_issuer

GITHUB_PINS = {"repository_id": "74", "repository_owner_id": "65", "environment": "production"}
POD_PINS = {"namespace": "train", "service_account": "eval", "service_account_uid": UID}
DOCUMENTED = "https://access.example.com"


@pytest.fixture(scope="module")
def github_issuer(stack: Stack) -> Iterator[Issuer]:
    with running_issuer() as issuer:
        trust(stack, issuer, "github-actions", GITHUB_PINS)
        yield issuer


@pytest.fixture(scope="module")
def cluster(stack: Stack) -> Iterator[Issuer]:
    with running_issuer() as issuer:
        trust(stack, issuer, "kubernetes-jwks", POD_PINS)
        yield issuer


@pytest.fixture
def runner(stack: Stack, tmp_path: Path) -> Machine:
    return make_runner(tmp_path / "runner", stack)


def workflow() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(blocks("how-to/github-actions.md", "yaml")[0])
    return found


def run_steps(runner: Machine, steps: list[dict[str, Any]]) -> list[Ran]:
    """As the runner does it: each in a new bash, all in one folder; those marked `always` after a failure too."""
    ran: list[Ran] = []
    for step in steps:
        has_failed = any(done.returncode for done in ran)
        if step["name"] != "Install jit" and (not has_failed or step.get("if") == "always()"):
            ran.append(runner.run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]))
    return ran


def said(ran: list[Ran]) -> str:
    return "\n".join(done.stdout + done.stderr for done in ran)


def nothing_is_left(runner: Machine, ran: list[Ran]) -> None:
    """No grant is open, no token was printed, and no login of a registry was kept."""
    assert "jita_" not in said(ran)
    kept = [path.read_text(errors="replace") for path in runner.home.rglob("*") if path.is_file()]
    assert not any("jita_grant_" in text for text in kept)


def test_the_workflow_pulls_and_leaves_nothing(runner: Machine, github_issuer: Issuer) -> None:
    found = workflow()
    assert found["permissions"]["id-token"] == "write"
    assert found["env"] == {"JIT_ADDR": DOCUMENTED}
    with github(github_issuer, GITHUB) as job:
        runner.env |= job
        ran = run_steps(runner, found["jobs"]["evaluate"]["steps"])
        assert all(done.returncode == 0 for done in ran), said(ran)
        assert runner.file("base-image", "manifest.json").is_file()
        assert "ci-bot" in ran[0].stderr
        grants = json.loads(runner.jit("grants", "--json").stdout)
    assert grants == {"results": []}
    nothing_is_left(runner, ran)


def test_several_steps_share_what_was_asked_for_once(runner: Machine, github_issuer: Issuer) -> None:
    steps = yaml.safe_load(blocks("how-to/github-actions.md", "yaml")[1])
    with github(github_issuer, GITHUB) as job:
        runner.env |= job
        ran = run_steps(runner, steps)
        assert all(done.returncode == 0 for done in ran), said(ran)
        assert runner.file("base-image", "manifest.json").is_file()
        again = runner.run("bash", "-c", f"{steps[1]['run']}")
        assert again.returncode != 0
    assert "jita_" not in said([*ran, again])


def test_a_job_of_another_repository_gets_nothing(runner: Machine, github_issuer: Issuer) -> None:
    steps = workflow()["jobs"]["evaluate"]["steps"]
    with github(github_issuer, GITHUB | {"repository_id": "75"}) as job:
        runner.env |= job
        ran = run_steps(runner, steps)
    assert ran[0].returncode != 0, said(ran)
    assert len(ran) == 1
    assert not runner.file("base-image").exists()
    nothing_is_left(runner, ran)


def test_the_job_in_a_cluster_pulls_with_the_projected_token(runner: Machine, cluster: Issuer, stack: Stack) -> None:
    [text] = blocks("how-to/kubernetes-job.md", "yaml")
    pod = yaml.safe_load(text)["spec"]["template"]["spec"]
    [container] = pod["containers"]
    [projected] = [volume["projected"]["sources"] for volume in pod["volumes"] if "projected" in volume]
    token = projected[0]["serviceAccountToken"]
    [mount] = [item["mountPath"] for item in container["volumeMounts"] if item["name"] == "identity"]
    told = {item["name"]: item["value"] for item in container["env"]}
    assert f"{mount}/{token['path']}" == KUBERNETES_FILE
    assert token["audience"] == told["JIT_ADDR"] == DOCUMENTED
    assert pod["automountServiceAccountToken"] is False
    file = runner.home / "projected"
    file.write_text(cluster.token(KUBERNETES, aud=[stack.web]))
    script = container["args"][0].replace("--workload kubernetes", f"--workload kubernetes:{file}")
    assert str(file) in script
    done = runner.run(*container["command"], script)
    assert done.returncode == 0, done.stderr
    assert runner.file("base-image", "manifest.json").is_file()
    nothing_is_left(runner, [done])
    file.write_text(cluster.token(KUBERNETES | {"sub": "system:serviceaccount:train:other"}, aud=[stack.web]))
    assert runner.run(*container["command"], script).returncode != 0
