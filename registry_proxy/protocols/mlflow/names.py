"""Words of MLflow: models, versions, aliases, experiments, runs, logged models, and paths of artifacts.

Source: mlflow 3.17, `utils/validation.py`. Names are read more narrowly here than there: what a scope cannot name, the
gateway does not serve. In a scope, a registered model is `models/<name>` and an experiment `experiments/<id>`; the
tags of a model are its versions (digits) and aliases.
"""

from __future__ import annotations

import re

from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import HUB_NAME, MAX_NAME_CHARS, ResourceScope
from registry_proxy.protocols.refusals import Unclassified

PREFIX = "mlflow"
MODELS = "models/"
EXPERIMENTS = "experiments/"
SCHEME = "mlflow-artifacts:/"
VERSIONS_TAG = "mlflow.modelVersions"  # of a logged model: what it was registered as
SLUG = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")
VERSION = re.compile(r"[1-9][0-9]{0,8}")
# MLflow lets an alias be all digits. Here that would be a version's name, and one name may not mean two things.
ALIAS = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
EXPERIMENT = re.compile(r"0|[1-9][0-9]{0,19}")
RUN = re.compile(r"[0-9a-f]{32}")
LOGGED = re.compile(r"m-[0-9a-f]{32}")
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]*(?:/[A-Za-z0-9_][A-Za-z0-9._@-]*){2,}")
MAX_FOLDER_CHARS = 128  # what can be pinned (ADR 0017)
MAX_PATH_CHARS = 1000


def model_repository(name: object) -> str:
    """A registered model as scopes name it. Raises Unclassified."""
    repository = f"{MODELS}{name}"
    if (
        not isinstance(name, str)
        or "/" in name
        or len(repository) > MAX_NAME_CHARS
        or not HUB_NAME.fullmatch(repository)
    ):
        raise Unclassified(
            400, Reason.NAME_INVALID, "The gateway serves models whose names are letters, digits, dots, _ and single -."
        )
    return repository


def experiment_repository(identity: object) -> str:
    """An experiment as scopes name it. Raises Unclassified."""
    return f"{EXPERIMENTS}{word(identity, EXPERIMENT, 'experiment_id')}"


def is_kept(resource: ResourceScope) -> bool:
    """False for a limit that nothing here keeps: a digest of anything, a version of an experiment."""
    return not resource.digests and (resource.is_whole or resource.repository.startswith(MODELS))


def word(value: object, grammar: re.Pattern[str], field: str) -> str:
    """A value that is one word of this grammar. Raises Unclassified."""
    if not isinstance(value, str) or not grammar.fullmatch(value):
        raise Unclassified(400, Reason.MALFORMED_REQUEST, f"{field} is missing, or is not a word that it may hold.")
    return value


def canonical_path(path: str) -> str:
    """A path of artifacts below the root, with one reading. Raises Unclassified.

    MLflow decodes a path again until nothing changes, so a percent sign stands for nothing here.
    """
    bad = not path.isprintable() or "\\" in path or "%" in path or len(path) > MAX_PATH_CHARS
    if bad or any(segment in ("", ".", "..") for segment in path.split("/")):
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "The path of the artifact is not in canonical form.")
    return path


def folder_of(uri: object) -> str:
    """The folder that the tracking server itself serves under this URI, or "" when it is not one.

    At least three words deep: a version whose files are an experiment, or the whole store, opens nothing.
    """
    if not isinstance(uri, str) or not uri.startswith(SCHEME):
        return ""
    folder = uri.removeprefix(SCHEME).removeprefix("//")  # `:/x` and `:///x` name no host; `://x/` names one
    return folder if len(folder) <= MAX_FOLDER_CHARS and _FOLDER.fullmatch(folder) else ""
