"""Ready commands of `mlflow` for grants at a tracking server. Each is whole, and none holds a secret.

The token goes into a file of this grant alone, and from there into the environment of one command. A user name and a
password that a shell has would win over the token, so both are taken out of the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote

from django.conf import settings

from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, parse_scope
from jit_access.grants.models import Grant
from jit_access.web.commands import login_path
from jit_access.web.viewmodels.my_access import ClientTab, UseStep
from jit_access.web.viewmodels.parts import Command

CLIENT = "mlflow"
LOGIN_TITLE = "Sign in once: paste a token of this grant, then Enter"
# What one calls in Python, by what a grant allows on what.
_CALLS = (
    (Operation.PULL, "models/", "pyfunc.load_model"),
    (Operation.PUSH, "experiments/", "pyfunc.log_model"),
    (Operation.PUSH, "models/", "register_model"),
    (Operation.PROMOTE, "models/", "MlflowClient().set_registered_model_alias"),
    (Operation.DELETE, "models/", "MlflowClient().delete_model_version"),
    (Operation.ADMIN, "models/", "MlflowClient().rename_registered_model"),
)
_MODELS = "models/"
_WILDCARDS = frozenset("*?")
_OTHERS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


def mlflow_tabs(anchor: str = "") -> tuple[ClientTab, ...]:
    """One client; a tab all the same, so that the card says which."""
    return (ClientTab(CLIENT, anchor or "?", is_current=True),)


def mlflow_steps(grant: Grant, latest: Mapping[tuple[str, str], str]) -> tuple[UseStep, ...]:
    """Keep the token, then what the grant allows on each model, then the same for Python. `latest`: newest versions."""
    parts = parse_scope(grant.scope).resources
    steps = [UseStep(LOGIN_TITLE, Command(_login(grant)))]
    for part in parts:
        if part.repository.startswith(_MODELS):
            newest = latest.get((grant.target.slug, part.repository), "")
            of = "" if len(parts) == 1 else f" of {part.repository.removeprefix(_MODELS)}"
            steps += [
                UseStep(f"{title}{of}", Command((*_with_login(grant), *words)))
                for operation, title, words in _uses(part, newest)
                if operation in part.operations
            ]
    return (*steps, UseStep(_python_title(parts), Command((*_with_login(grant), "python3"))))


def _python_title(parts: tuple[ResourceScope, ...]) -> str:
    calls = [
        f"mlflow.{call}"
        for operation, prefix, call in _CALLS
        if any(operation in part.operations and part.repository.startswith(prefix) for part in parts)
    ]
    return f"In Python, for {', '.join(calls)}" if calls else "In Python"


def _uses(part: ResourceScope, newest: str) -> tuple[tuple[Operation, str, tuple[str, ...]], ...]:
    """What is done with one model: with versions and aliases that the scope names, else with the usual ones."""
    name, exact = part.repository.removeprefix(_MODELS), [tag for tag in part.tags if not _WILDCARDS & set(tag)]
    version = next((tag for tag in exact if tag.isdigit()), newest or "1")
    alias = next((tag for tag in exact if not tag.isdigit()), "champion")
    return (
        (Operation.PULL, "Download", _download(part)),
        (Operation.DELETE, f"Delete version {version}", _call(f'delete_model_version("{name}", "{version}")')),
        (
            Operation.PROMOTE,
            f"Point {alias} at version {version}",
            _call(f'set_registered_model_alias("{name}", "{alias}", "{version}")'),
        ),
        (Operation.ADMIN, f"Delete {name} as a whole", _call(f'delete_registered_model("{name}")')),
    )


def _call(call: str) -> tuple[str, ...]:
    """`mlflow` has no commands for these; its client has."""
    return ("python3", "-c", quote(f"from mlflow import MlflowClient; MlflowClient().{call}"))


def _token_file(grant: Grant) -> str:
    return f"{login_path(grant)}.mlflow"


def _login(grant: Grant) -> tuple[str, ...]:
    """Nothing is shown while it is typed, and nobody else may read the file."""
    keep = f'printf %s "$t" > {_token_file(grant)}'
    return ("(umask 077;", "mkdir -p ~/.config/jit;", "read -rs t;", f"{keep})")


def _with_login(grant: Grant) -> tuple[str, ...]:
    uri = f"{settings.GATEWAY_URL.rstrip('/')}/mlflow/{grant.target.slug}"
    without = tuple(word for name in _OTHERS for word in ("-u", name))
    token = f'MLFLOW_TRACKING_TOKEN="$(cat {_token_file(grant)})"'
    return ("env", *without, f"MLFLOW_TRACKING_URI={quote(uri)}", token)


def _download(part: ResourceScope) -> tuple[str, ...]:
    name = part.repository.removeprefix(_MODELS)
    place = quote(f"models:/{name}{_version(part)}")
    return ("mlflow", "artifacts", "download", "--artifact-uri", place, "--dst-path", quote(name))


def _version(part: ResourceScope) -> str:
    """One that the scope covers, else the newest. Digits are a version, all else is an alias."""
    exact = next((tag for tag in part.tags if not _WILDCARDS & set(tag)), "latest")
    return f"/{exact}" if exact.isdigit() or exact == "latest" else f"@{exact}"
