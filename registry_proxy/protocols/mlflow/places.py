"""Which experiment a run or a logged model belongs to. Only the tracking server knows, so it is asked."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason, explain
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Learned, Preparation, Prepared, Step
from registry_proxy.protocols.mlflow import names
from registry_proxy.protocols.mlflow.asking import Named
from registry_proxy.protocols.mlflow.errors import error_answer
from registry_proxy.protocols.mlflow.memory import Memory
from registry_proxy.protocols.mlflow.routes import Found
from registry_proxy.protocols.mlflow.steps import API, BROKEN, OUT, ask_about, get, part
from registry_proxy.protocols.mlflow.table import About
from registry_proxy.protocols.wanted import Wanted

MAX_IDS = 8
PENDING, READY = "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY"
_NOT_READY = "This logged model is not ready: only what is finished (LOGGED_MODEL_READY) is registered."


def experiment_by_name(asked: Asked) -> Preparation:
    answer = yield from get(asked, asked.classified.upstream_target.decode("ascii"))
    if isinstance(answer, Prepared):
        return OUT  # what is not there and what is not granted are one
    identity = part(answer, "experiment").get("experiment_id")
    if not isinstance(identity, str) or not names.EXPERIMENT.fullmatch(identity):
        return BROKEN
    return ask_about(asked, (Wanted(asked.classified.target, f"{names.EXPERIMENTS}{identity}", Operation.PULL),))


def learn_places(asked: Asked, named: Named, found: Found, fields: Mapping[str, object], memory: Memory) -> Preparation:
    """Ids of runs and logged models, as questions about their experiments."""
    if len(named.runs) + len(named.logged) > MAX_IDS:
        return Prepared(Reason.REQUEST_TOO_LARGE)
    is_source = found.route.about is About.NEW_VERSION
    operation = Operation.PULL if is_source else found.route.operation
    target, wanted = asked.classified.target, list(named.wanted)
    for identity in (*named.runs, *named.logged):
        experiment = "" if is_source else memory.experiment(target, identity)
        if not experiment:
            learned = yield from (_run if identity in named.runs else logged_place)(asked, identity)
            if learned is None:
                return _source_out(asked) if is_source else OUT
            if is_source and (refused := _source_refused(asked, learned, fields)) is not None:
                return refused
            experiment = learned.experiment
            memory.place(target, identity, experiment)
        wanted.append(Wanted(target, f"{names.EXPERIMENTS}{experiment}", operation))
    return ask_about(asked, tuple(dict.fromkeys(wanted)))


@dataclass(frozen=True, slots=True)
class Place:
    experiment: str
    folder: str = ""
    status: str = ""
    run: str = ""
    is_registered: bool = False  # perhaps before it was ready, past the gateway

    @property
    def is_writable(self) -> bool:
        """False from when versions of it may be read: those stay what they are."""
        return self.status == PENDING and not self.is_registered


def _source_refused(asked: Asked, place: Place, fields: Mapping[str, object]) -> Prepared | None:
    """What is registered must be ready: until then its files may still be written, and a version's never are."""
    if asked.admitted().view.scope.find(f"{names.EXPERIMENTS}{place.experiment}") is None:
        return _source_out(asked)
    if not _is_source(place, fields):
        return Prepared(Reason.MOUNT_SOURCE_NOT_GRANTED)
    if place.folder and place.status != READY:
        return Prepared(Reason.REFERENCE_NOT_GRANTED, error_answer(403, Reason.REFERENCE_NOT_GRANTED, _NOT_READY))
    return None


def _source_out(asked: Asked) -> Prepared:
    """What is missing is not what the request names. Its number is not said: whoever may not read it learns nothing."""
    link = f" Request access at {asked.facts.public_url}/request" if asked.facts.public_url else ""
    sentence = f"{explain(Reason.OUT_OF_SCOPE)} Missing: pull on the experiment of what is to be registered.{link}"
    return Prepared(Reason.OUT_OF_SCOPE, error_answer(403, Reason.OUT_OF_SCOPE, sentence))


def _is_source(place: Place, fields: Mapping[str, object]) -> bool:
    """The folder that is named must be that of the logged model, and the run the one that made it."""
    source, run = str(fields.get("source", "")), fields.get("run_id") or place.run
    if not place.folder:  # of the run itself
        return True
    return run == place.run and (source.startswith("models:/") or names.folder_of(source) == place.folder)


def _run(asked: Asked, identity: str) -> Generator[Step, Learned, Place | None]:
    answer = yield from get(asked, f"{API}runs/get?{urlencode({'run_id': identity})}")
    info = {} if isinstance(answer, Prepared) else part(part(answer, "run"), "info")
    experiment = info.get("experiment_id")
    is_sound = info.get("run_id") == identity and isinstance(experiment, str) and names.EXPERIMENT.fullmatch(experiment)
    return Place(str(experiment)) if is_sound else None


def logged_place(asked: Asked, identity: str) -> Generator[Step, Learned, Place | None]:
    answer = yield from get(asked, f"{API}logged-models/{identity}")
    return None if isinstance(answer, Prepared) else place_in(answer, identity)


def place_in(answer: Mapping[str, object], identity: str) -> Place | None:
    """What the tracking server said of this logged model; None when it is of another one, or none."""
    info = part(part(answer, "model"), "info")
    experiment, folder = info.get("experiment_id"), names.folder_of(info.get("artifact_uri"))
    if info.get("model_id") != identity or not isinstance(experiment, str) or not folder:
        return None
    if not names.EXPERIMENT.fullmatch(experiment):
        return None
    status, run = str(info.get("status", "")), str(info.get("source_run_id", ""))
    return Place(experiment, folder, status, run, _is_registered(info))


def _is_registered(info: Mapping[str, object]) -> bool:
    tags = info.get("tags")
    listed = (
        [item.get("value") for item in tags if isinstance(item, dict) and item.get("key") == names.VERSIONS_TAG]
        if isinstance(tags, list)
        else []
    )
    return bool(info.get("registrations")) or any(value not in ("", "[]") for value in listed)
