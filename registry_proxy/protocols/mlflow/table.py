"""The routes of MLflow that the gateway serves, as data. Whatever is not listed is refused.

Each handler of MLflow has twins (`/ajax-api/…`, `/graphql`, `/get-artifact`, `/api/2.0mlflow/…`): none is listed, so
what was judged here cannot be said there in other words (mlflow#23317). Nor are traces, webhooks, gateway, jobs,
prompts' pages or scorers. Moving an alias or a stage decides what others load, so it is PROMOTE and not PUSH; what
happens to a registered model as a whole is ADMIN. Creating one is PUSH: every client that registers a version does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from jit_access.domain.operations import Operation
from registry_proxy.protocols.mlflow.fields import Shape, flag, number, objects, text, words

PULL, PUSH, DELETE = Operation.PULL, Operation.PUSH, Operation.DELETE
PROMOTE, ADMIN = Operation.PROMOTE, Operation.ADMIN


class About(Enum):
    """What a route is about, and so which of its fields name it."""

    MODEL = auto()  # the model as a list of versions: any part of it may ask, and sees its own
    WHOLE_MODEL = auto()  # name, whatever its versions
    VERSION = auto()  # name, version
    ALIAS = auto()  # name, alias
    SET_ALIAS = auto()  # name, alias, version
    STAGE = auto()  # name, version, stage
    RENAME = auto()  # name, new_name
    NEW_VERSION = auto()  # name, source
    SEARCH = auto()
    EXPERIMENT = auto()  # experiment_id
    EXPERIMENT_NAME = auto()  # experiment_name
    RUN = auto()  # run_id, and logged models that the body names
    NEW_LOGGED = auto()  # experiment_id, source_run_id
    LOGGED = auto()  # the path's last word


@dataclass(frozen=True, slots=True)
class Route:
    """`name` is for records; `fields` are the keys of the query, or of the body where the method has one."""

    name: str
    about: About
    operation: Operation
    fields: Mapping[str, Shape] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()  # keys of a query that may come more than once


_SHORT, _LONG = text(1000), text(20_000)
_TAGS = objects(100, key=_SHORT, value=_LONG)
_PARAMS = objects(1000, key=_SHORT, value=_LONG)
_NAME, _VERSION = {"name": _SHORT}, {"name": _SHORT, "version": text(20)}
_RUN = {"run_id": text(32), "run_uuid": text(32)}
_METRIC: dict[str, Shape] = {
    "key": _SHORT, "value": number, "timestamp": number, "step": number, "model_id": text(40),
    "dataset_name": _SHORT, "dataset_digest": _SHORT,
}  # fmt: skip
_ONE_TAG = {"key": _SHORT, "value": _LONG}
_SEARCH = {"filter": _SHORT, "max_results": text(10), "order_by": _SHORT, "page_token": _SHORT}
_ORDERS = frozenset({"order_by"})
LOOK = "model"
ARCHIVES = "archive_existing_versions"
# As MLflow reads them, in either spelling.
STAGES = {name: stage for stage in ("None", "Staging", "Production", "Archived") for name in (stage, stage.lower())}

ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "registered-models/get"): Route(LOOK, About.MODEL, PULL, _NAME),
    ("GET", "registered-models/get-latest-versions"): Route(
        "latest-versions", About.MODEL, PULL, {**_NAME, "stages": _SHORT}, frozenset({"stages"})
    ),
    ("POST", "registered-models/get-latest-versions"): Route(
        "latest-versions", About.MODEL, PULL,
        {**_NAME, "stages": lambda value: isinstance(value, list) and len(value) < 10 and all(map(_SHORT, value))},
    ),
    ("GET", "registered-models/alias"): Route("alias", About.ALIAS, PULL, {**_NAME, "alias": _SHORT}),
    ("GET", "model-versions/get"): Route("version", About.VERSION, PULL, _VERSION),
    ("GET", "model-versions/get-download-uri"): Route("download-uri", About.VERSION, PULL, _VERSION),
    ("GET", "registered-models/search"): Route("models", About.SEARCH, PULL, _SEARCH, _ORDERS),
    ("GET", "model-versions/search"): Route("versions", About.SEARCH, PULL, _SEARCH, _ORDERS),
    ("POST", "registered-models/create"): Route(
        "model-create", About.WHOLE_MODEL, PUSH, {**_NAME, "tags": _TAGS, "description": _LONG}
    ),
    ("PATCH", "registered-models/update"): Route(
        "model-update", About.WHOLE_MODEL, PUSH, {**_NAME, "description": _LONG}
    ),
    ("POST", "registered-models/set-tag"): Route("model-tag", About.WHOLE_MODEL, PUSH, {**_NAME, **_ONE_TAG}),
    ("DELETE", "registered-models/delete-tag"): Route("model-tag", About.WHOLE_MODEL, PUSH, {**_NAME, "key": _SHORT}),
    ("DELETE", "registered-models/delete"): Route("model-delete", About.WHOLE_MODEL, ADMIN, _NAME),
    ("POST", "registered-models/rename"): Route("model-rename", About.RENAME, ADMIN, {**_NAME, "new_name": _SHORT}),
    ("POST", "registered-models/alias"): Route("alias-set", About.SET_ALIAS, PROMOTE, {**_VERSION, "alias": _SHORT}),
    ("DELETE", "registered-models/alias"): Route("alias-delete", About.ALIAS, PROMOTE, {**_NAME, "alias": _SHORT}),
    ("POST", "model-versions/transition-stage"): Route("stage", About.STAGE, PROMOTE, {
        **_VERSION, "stage": words(*STAGES), ARCHIVES: flag,
    }),
    ("POST", "model-versions/create"): Route("version-create", About.NEW_VERSION, PUSH, {
        **_NAME, "source": _SHORT, "run_id": text(32), "run_link": words(""), "model_id": text(40), "tags": _TAGS,
        "description": _LONG,
    }),
    ("PATCH", "model-versions/update"): Route(
        "version-update", About.VERSION, PUSH, {**_VERSION, "description": _LONG}
    ),
    ("POST", "model-versions/set-tag"): Route("version-tag", About.VERSION, PUSH, {**_VERSION, **_ONE_TAG}),
    ("DELETE", "model-versions/delete-tag"): Route("version-tag", About.VERSION, PUSH, {**_VERSION, "key": _SHORT}),
    ("DELETE", "model-versions/delete"): Route("version-delete", About.VERSION, DELETE, _VERSION),
    ("GET", "experiments/get"): Route("experiment", About.EXPERIMENT, PULL, {"experiment_id": text(20)}),
    ("GET", "experiments/get-by-name"): Route(
        "experiment", About.EXPERIMENT_NAME, PULL, {"experiment_name": text(500)}
    ),
    ("POST", "runs/create"): Route("run-create", About.EXPERIMENT, PUSH, {
        "experiment_id": text(20), "user_id": _SHORT, "start_time": number, "run_name": _SHORT, "tags": _TAGS,
    }),
    ("GET", "runs/get"): Route("run", About.RUN, PULL, _RUN),
    ("GET", "metrics/get-history"): Route(
        "metrics", About.RUN, PULL, {**_RUN, "metric_key": _SHORT, "max_results": text(10), "page_token": _SHORT}
    ),
    ("POST", "runs/update"): Route("run-update", About.RUN, PUSH, {
        **_RUN, "status": words("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"), "end_time": number,
        "run_name": _SHORT,
    }),
    ("POST", "runs/log-metric"): Route("run-log", About.RUN, PUSH, {**_RUN, **_METRIC}),
    ("POST", "runs/log-parameter"): Route("run-log", About.RUN, PUSH, {**_RUN, **_ONE_TAG}),
    ("POST", "runs/set-tag"): Route("run-log", About.RUN, PUSH, {**_RUN, **_ONE_TAG}),
    ("POST", "runs/log-batch"): Route("run-log", About.RUN, PUSH, {
        "run_id": text(32), "metrics": objects(1000, **_METRIC), "params": _PARAMS, "tags": _TAGS,
    }),
    ("POST", "runs/outputs"): Route("run-log", About.RUN, PUSH, {
        "run_id": text(32), "models": objects(4, model_id=text(40), step=number),
    }),
    ("POST", "logged-models"): Route("logged-create", About.NEW_LOGGED, PUSH, {
        "experiment_id": text(20), "name": _SHORT, "model_type": _SHORT, "source_run_id": text(32), "params": _PARAMS,
        "tags": _TAGS,
    }),
}  # fmt: skip

# Behind the id of a logged model. A model that is READY stays so: its files are what versions of it mean.
LOGGED_ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", ""): Route("logged", About.LOGGED, PULL),
    ("PATCH", ""): Route("logged-finish", About.LOGGED, PUSH, {
        "model_id": text(40), "status": words("LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"),
    }),
    ("PATCH", "tags"): Route("logged-tags", About.LOGGED, PUSH, {"tags": _TAGS}),
    ("POST", "params"): Route("logged-params", About.LOGGED, PUSH, {"params": _PARAMS}),
}  # fmt: skip

FILE = Route("file", About.LOGGED, PULL)
FILES = Route("files", About.LOGGED, PULL, {"path": _SHORT})
FILE_PUT = Route("file-put", About.LOGGED, PUSH)
