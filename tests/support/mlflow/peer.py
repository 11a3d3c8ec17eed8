"""A real `mlflow server` and the real client, in an environment of their own under `var/`."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import accepts, free_port, running, start, wait_ready

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]
_LOCK = _HERE / "requirements.txt"
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes that nobody here gives anything to do
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}  # fmt: skip
START_S = 300.0  # on a busy machine; the timeout only bounds a failing run


class Refused(Exception):
    """The client raised; `kind` is its exception's name."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        super().__init__(text)


def environment() -> Path:
    """The folder with MLflow's programs, installed at first use, from the lock beside this file."""
    name = hashlib.sha256(_LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = _ROOT / "var" / f"mlflow-{name}"
    home.parent.mkdir(exist_ok=True)
    with (home.parent / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come at once
        if not (home / "ready").exists():
            shutil.rmtree(home, ignore_errors=True)
            uv = Path(sys.executable).with_name("uv")
            python = home / "bin" / "python"
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
            pip = [uv, "pip", "install"] if uv.exists() else [sys.executable, "-m", "pip", "install"]
            subprocess.run(
                [*pip, "--quiet", "--python", python, "--no-deps", "--require-hashes", "-r", _LOCK], check=True
            )
            (home / "ready").touch()
    return home / "bin"


@dataclass(slots=True)
class Client:
    """The real client, step by step."""

    process: subprocess.Popen[str]

    def run(self, uri: str, token: str, code: str) -> object:
        """What `result` was after the step. Raises Refused."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"uri": uri, "token": token, "code": code}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"], answer["text"])
        return answer["result"]


@contextlib.contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """Its address, until the block ends. SQLite, and files under `folder`, served by itself."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command: list[str | Path] = [
        environment() / "python", "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination", folder / "files", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with running(start("mlflow", command, folder=folder, env=_QUIET)) as child:
        wait_ready(child, lambda: accepts(port), timeout_s=START_S)
        yield url


@contextlib.contextmanager
def running_client(folder: Path) -> Iterator[Client]:
    """The client in a process of its own, in an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "client.log").open("wb") as log:
        process = subprocess.Popen(
            [environment() / "python", _HERE / "driver.py"], cwd=folder, env=os.environ | _QUIET, stderr=log,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    try:
        yield Client(process)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
