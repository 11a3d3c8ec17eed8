"""MLflow's dialect in one process, with one grant and a tracking server of a few answers. No socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, make_scope
from registry_proxy.protocols.asked import Asked, ExchangeFacts
from registry_proxy.protocols.dialect import Fetch, Fetched, Judgement, Learned, Pinned, Preparation, Prepared, Step
from registry_proxy.protocols.dialects import Dialects
from registry_proxy.protocols.http1 import RequestHead, ResponseHead
from registry_proxy.protocols.mlflow.dialect import MlflowDialect
from registry_proxy.protocols.wanted import Admission
from tests.support.views import make_token, make_view

PULL, PUSH, DELETE = Operation.PULL, Operation.PUSH, Operation.DELETE
PROMOTE, ADMIN = Operation.PROMOTE, Operation.ADMIN
ALL = frozenset(Operation)
FACTS = ExchangeFacts("ex", b"http://gw", "https://access.example", "")
OK, MISSING = ResponseHead(200, (), 0, keep_alive=True), ResponseHead(404, (), 0, keep_alive=True)
RULES = Dialects().paths
RUN, LOGGED = "0" * 32, "m-" + "1" * 32
FOLDER = f"7/models/{LOGGED}/artifacts"
M = "api/2.0/mlflow/"
LOOK = f"{M}registered-models/get?name=mine"
VERSION = f"{M}model-versions/get?name=mine&version=3"
RUNS: Mapping[str, object] = {"runs_get": {"run": {"info": {"run_id": RUN, "experiment_id": "7"}}}}
DOWNLOAD = f"{M}model-versions/get-download-uri?name=mine&version=3"
FILE = f"api/2.0/mlflow-artifacts/artifacts/{FOLDER}/a%20b/weights.bin"


def head(method: str, path: str, length: int = 0) -> RequestHead:
    target = f"/mlflow/tracking/{path}".encode()
    return RequestHead(method, target, (), b"gw", length, keep_alive=True, expects_continue=False)


class Played:
    """One process, one grant, and a tracking server of a few answers. It may restart: memory goes, pins stay."""

    def __init__(self, *resources: ResourceScope, target: str = "tracking", **answers: object) -> None:
        view = make_view(make_token(), target=target, scope=make_scope(resources))
        self.admission = Admission(view, view.leases[0], view.leases[0].token_hash, "", True, False)
        self.answers = answers
        self.pins: dict[str, dict[str, str]] = {}
        self.fetches: list[str] = []
        self.dialect = MlflowDialect()

    def limit(self, **limits: Any) -> None:
        """The same grant under more rules."""
        self.admission = replace(self.admission, view=replace(self.admission.view, **limits))

    def ask(self, method: str, path: str, body: object = None) -> tuple[Prepared, Asked]:
        """As the exchange goes about it, with a gate that says yes to everything."""
        sent = b"" if body is None else json.dumps(body).encode()
        request = head(method, path, len(sent))
        asked = Asked(FACTS, request, self.dialect.classify(request))
        assert self.dialect.body_limit(asked) == 0, "a body was read for a stranger"
        asked.admission = self.admission
        if self.dialect.admit(asked):
            assert not self.dialect.admit(asked), "the gate would be asked for ever"
        if self.dialect.body_limit(asked):
            asked.body = sent
            self.dialect.read_body(asked)
        prepared = self.run(self.dialect.preparation(asked))
        if prepared.asks_again:
            asked.asked_again = True
            prepared = self.run(self.dialect.preparation(asked))
        return prepared, asked

    def run(self, steps: Preparation) -> Prepared:
        try:
            step = next(steps)
            while True:
                step = steps.send(self.answer(step))
        except StopIteration as end:
            prepared: Prepared = end.value
            return prepared

    def answer(self, step: Step) -> Learned:
        if isinstance(step, Fetch):
            target = step.request.target.decode().removeprefix("/api/2.0/mlflow/")
            self.fetches.append(target)
            word = target.replace("/", "_").replace("-", "_").partition("?")[0]
            found = self.answers.get(word)
            return Fetched(OK, json.dumps(found).encode()) if found is not None else Fetched(MISSING, b"{}")
        held = self.pins.setdefault(step.repository, {})
        self.pins[step.repository] = dict(step.names) | held
        return Pinned(self.pins[step.repository])


def told(uri: str = f"mlflow-artifacts:/{FOLDER}", **more: object) -> dict[str, object]:
    return {"model_versions_get_download_uri": {"artifact_uri": uri}, **more}


def answered(world: Played, path: str, document: object) -> dict[str, object]:
    """What the client is told of this answer."""
    _, asked = world.ask("GET", path)
    judged = world.dialect.judge_body(asked, Judgement(), 200, json.dumps(document).encode())
    assert judged.answer is not None
    return dict(json.loads(judged.answer.body)) if judged.refusal is None else {}
