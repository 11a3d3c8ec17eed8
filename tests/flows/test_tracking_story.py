"""A tracking server from the page where it is added to the commands on a card, pasted into a shell with `mlflow`; and
from a request over the API to the real client, until somebody revokes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.test_two_grants import commands_of
from tests.support import stories
from tests.support.asking_by_curl import ask_as_written
from tests.support.ci_jobs import make_runner, trust
from tests.support.documents import blocks
from tests.support.machine import Machine
from tests.support.mlflow import Client, Refused, Tracking, environment, running_client, running_server
from tests.support.stack import Stack
from tests.support.visitor import Visitor
from tests.support.workloads.issuer import KUBERNETES, UID, running_issuer

Visit = Callable[[str], Visitor]
Shell = Callable[..., subprocess.CompletedProcess[str]]
TARGET = "our-tracking"
POD_PINS = {"namespace": "train", "service_account": "eval", "service_account_uid": UID}
TRAINED = "base-llama"  # what the how-to trains on
NAME, FOREIGN, TUNED = "Tiny-Llama", "frontier", "tuned"


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory, visit: Visit) -> Iterator[Tracking]:
    """A server that an operator has added: two versions of one model, one that is foreign, one without versions."""
    with running_server(tmp_path_factory.mktemp("mlflow")) as url:
        server = Tracking(url)
        for name, contents in ((NAME, (b"first", b"second")), (FOREIGN, (b"secret",)), (TUNED, ())):
            files = ({"MLmodel": b"artifact_path: m\n", "weights.bin": content} for content in contents)
            server.register(name, *(server.logged(item) for item in files))
        files = {"MLmodel": b"artifact_path: m\n", "model.safetensors": b"first"}
        server.register(TRAINED, server.logged(files))
        for number in range(1, 8):  # the how-to speaks of the seventh
            server.change("experiments/create", {"name": f"study-{number}"})
        server.change("registered-models/alias", {"name": NAME, "alias": "champion", "version": "1"})
        add_server(visit("ben"), server)
        yield server


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_client(tmp_path_factory.mktemp("client")) as running:
        yield running


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Of somebody whose home is empty, who has `mlflow`, and a login of their own in the environment."""
    (tmp_path / "work").mkdir()

    def run(command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{environment()}:/usr/bin:/bin", "HOME": str(tmp_path), "MLFLOW_DISABLE_TELEMETRY": "true",
               "MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "personal"}  # fmt: skip
        words = ["bash", "-c", command]
        return subprocess.run(
            words, cwd=tmp_path / "work", env=env, input=stdin, capture_output=True, text=True, timeout=300, check=False
        )

    return run


def test_a_server_is_added_found_asked_for_and_used(
    visit: Visit, tracking: Tracking, shell: Shell, tmp_path: Path
) -> None:
    """Asked for by its alias: a version that the alias means later is not what was granted."""
    asker = visit("ada")
    stories.ask(asker, f"models/{NAME}", target=TARGET, references="champion")
    held = stories.start(asker)
    keep, download, _python = commands_of(asker, held.grant_id)
    assert held.token not in keep + download
    done = shell(keep, f"{held.token}\n")
    assert done.returncode == 0, done.stderr
    weights = tmp_path / "work" / NAME / "weights.bin"
    done = shell(download)
    assert (done.returncode, weights.read_bytes()) == (0, b"first"), done.stderr
    tracking.change("registered-models/alias", {"name": NAME, "alias": "champion", "version": "2"})
    done = shell(f"rm -r {NAME}; {download}")
    assert (done.returncode, weights.read_bytes()) == (0, b"first"), done.stderr
    foreign = shell(download.replace(NAME, FOREIGN))
    assert f"resource={TARGET}/models/{FOREIGN}" in foreign.stderr
    stories.end(asker, held.grant_id)
    assert shell(f"rm -r {NAME}; {download}").returncode != 0
    assert not weights.exists()


def test_a_model_is_made_promoted_and_loaded_until_somebody_revokes(
    stack: Stack, visit: Visit, tracking: Tracking, client: Client, shell: Shell
) -> None:
    ada, ben, dora = visit("ada"), visit("ben"), visit("dora")
    grant = ask(ada, {"experiments/0": "pull push", f"models/{TUNED}": "pull push", f"models/{NAME}": "pull"})["grant"]
    token = use(ada, grant)

    def run(code: str) -> object:
        return client.run(f"http://{stack.gateway}/mlflow/{TARGET}", token, code)

    register = f"info = log_model(); result = mlflow.register_model(info.model_uri, {TUNED!r}).version"
    assert run(register) == "1"
    assert run("result = sorted(item.name for item in client.search_registered_models())") == [NAME, TUNED]
    assert run(f"result = client.copy_model_version('models:/{NAME}/1', {TUNED!r}).version") == "2"
    with pytest.raises(Refused, match="operation=promote"):
        run(f"client.set_registered_model_alias({TUNED!r}, 'champion', '1')")

    asked = ask(ben, {f"models/{TUNED}": "promote"})
    assert (asked["state"], asked["grant"]) == ("pending", None)
    tell(dora, f"requests/{asked['id']}/approve", {"payload_hash": asked["payload_hash"]})
    promoting = tell(ben, f"requests/{asked['id']}")["grant"]
    kept = use(ben, promoting)
    keep, point, _python = commands_of(ben, promoting)
    assert shell(keep, f"{kept}\n").returncode == 0
    done = shell(point)
    assert done.returncode == 0, done.stderr

    assert run(f"result = mlflow.pyfunc.load_model('models:/{TUNED}@champion').predict([1, 2])") == [2]
    assert run(f"result = os.listdir(mlflow.artifacts.download_artifacts('models:/{TUNED}/2'))")
    tell(dora, f"grants/{grant}/revoke", {"note": "Story"})
    with pytest.raises(Refused, match="revoked"):
        run(f"mlflow.pyfunc.load_model('models:/{TUNED}@champion')")
    tell(ben, f"grants/{promoting}/end", {})
    means = tracking.raw(f"/api/2.0/mlflow/registered-models/alias?name={TUNED}&alias=champion")
    assert b'"version": "1"' in means


def test_the_example_of_the_how_to_is_a_request(visit: Visit, tracking: Tracking, tmp_path: Path) -> None:
    document = "how-to/point-it-at-your-mlflow.md"
    ask_as_written(document, tmp_path, operator=visit("ben"), asker=visit("ada"), target=TARGET)


@pytest.fixture
def trainer(stack: Stack, tmp_path: Path) -> Iterator[Machine]:
    """A pod in which the training script of the how-to lies, and MLflow; the cluster says whose it is."""
    with running_issuer() as cluster:
        trust(stack, cluster, "kubernetes-jwks", POD_PINS)
        machine = make_runner(tmp_path / "pod", stack, environment())
        machine.env |= {"MLFLOW_DISABLE_TELEMETRY": "true"}
        machine.file("projected").write_text(cluster.token(KUBERNETES, aud=[stack.web]))
        [script] = blocks("how-to/mlflow-training.md", "python")
        machine.file("train.py").write_text(script)
        yield machine


def test_the_training_script_reads_its_base_model_and_nothing_stays(tracking: Tracking, trainer: Machine) -> None:
    job, notebook = blocks("how-to/mlflow-training.md", "sh")
    assert TRAINED in job
    place = f"--workload kubernetes:{trainer.file('projected')}"
    done = trainer.run("bash", "-euo", "pipefail", "-c", job.replace("--workload kubernetes", place))
    assert (done.returncode, "trained on 5 bytes" in done.stdout) == (0, True), done.stdout + done.stderr
    assert json.loads(trainer.file("result.json").read_text())["bytes"] == len(b"first")
    assert trainer.run("python3", "train.py").returncode != 0  # by itself it knows no server at all
    done = trainer.run("bash", "-euo", "pipefail", "-c", f"rm -r base; {notebook}")
    assert (done.returncode, "trained on 5 bytes" in done.stdout) == (0, True), done.stdout + done.stderr
    assert json.loads(trainer.jit("grants", "--json").stdout) == {"results": []}
    assert "jita_" not in done.stdout + done.stderr
    over = trainer.run("bash", "-c", f"rm -r base; {notebook.splitlines()[4]}; {notebook.splitlines()[5]}")
    assert over.returncode != 0


def ask(asker: Visitor, wanted: dict[str, str]) -> dict[str, Any]:
    """Over the API; what nobody has to approve is granted at once."""
    resources = [{"repository": name, "operations": words.split()} for name, words in wanted.items()]
    body = {"target": TARGET, "resources": resources, "lasts_s": 3600, "purpose": stories.PURPOSE}
    return tell(asker, "requests", body)


def use(holder: Visitor, grant: str) -> str:
    """Start it; a token of it."""
    tell(holder, f"grants/{grant}/activate", {})
    return str(tell(holder, f"grants/{grant}/tokens", {})["token"])


def tell(person: Visitor, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """GET, or POST of a body; with a new code where the last proof is too old."""
    address = f"/api/v1/{path}"
    if body is None:
        answer = person.client.get(address)
    else:
        web = person.stack.web
        headers = {"X-CSRFToken": person.client.cookies.get("csrftoken") or "", "Referer": web, "Origin": web}
        answer = person.client.post(address, json=body, headers=headers)
        if "second-factor-stale" in answer.text:
            proof = body | {"code": person.stack.fresh_code(person.username)}
            answer = person.client.post(address, json=proof, headers=headers)
    assert answer.is_success, answer.text
    return dict(answer.json())


def add_server(operator: Visitor, tracking: Tracking) -> None:
    """As an operator does it: kind and address; look what it holds; say how much it matters."""
    operator.open("/targets/new")
    operator.submit(
        "/targets/new", kind="mlflow", display_name="Our tracking", slug=TARGET, base_url=tracking.url,
        allow_private="on", username="", password="",
    )  # fmt: skip
    assert f"{TARGET} answers" in operator.page.text
    operator.submit("/discover")
    assert f"models/{NAME}" in operator.page.text
    for action in re.findall(r'action="([^"]+/tier)"', operator.page.text):
        operator.submit(action, tier="standard")
