"""Ready commands of `mlflow` for grants at a tracking server. Each is whole, and none holds a secret.

The token goes into a file of this grant alone, and from there into the environment of one command. A user name and a
password that a shell has would win over the token, so both are taken out of the way.
"""

from __future__ import annotations

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
PYTHON_TITLE = "In Python: mlflow.pyfunc.load_model, log_model, register_model"
_MODELS = "models/"
_WILDCARDS = frozenset("*?")
_OTHERS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


def mlflow_tabs(anchor: str = "") -> tuple[ClientTab, ...]:
    """One client; a tab all the same, so that the card says which."""
    return (ClientTab(CLIENT, anchor or "?", is_current=True),)


def mlflow_steps(grant: Grant) -> tuple[UseStep, ...]:
    """Keep the token, then fetch each model that the grant reads, then the same for Python."""
    parts = parse_scope(grant.scope).resources
    steps = [UseStep(LOGIN_TITLE, Command(_login(grant)))]
    for part in parts:
        if Operation.PULL in part.operations and part.repository.startswith(_MODELS):
            of = "" if len(parts) == 1 else f" {part.repository}"
            steps.append(UseStep(f"Download{of}", Command((*_with_login(grant), *_download(part)))))
    return (*steps, UseStep(PYTHON_TITLE, Command((*_with_login(grant), "python3"))))


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
