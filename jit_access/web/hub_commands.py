"""Ready commands of `hf` for grants at a Hugging Face hub. Each is whole, and none holds a secret.

The token goes into a file of this grant alone, and from there into the environment of one command: not into the
history, not into a process list, and never in the place of somebody's own login. `HF_TOKEN` is set in each command,
because the client would otherwise send to the gateway whatever token a shell has.
"""

from __future__ import annotations

import json
from shlex import quote

from django.conf import settings

from jit_access.domain.file_rules import globs_of
from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, parse_scope
from jit_access.grants.models import Grant
from jit_access.web.commands import login_path
from jit_access.web.viewmodels.my_access import ClientTab, UseStep
from jit_access.web.viewmodels.parts import Command

CLIENT = "hf"
LOGIN_TITLE = "Sign in once: paste a token of this grant, then Enter"
DEFAULT_REVISION = "main"
_TYPES = {"datasets": "dataset", "spaces": "space"}
_WILDCARDS = frozenset("*?")


def hub_tabs(anchor: str = "") -> tuple[ClientTab, ...]:
    """One client; a tab all the same, so that the card says which."""
    return (ClientTab(CLIENT, anchor or "?", is_current=True),)


def hub_steps(grant: Grant) -> tuple[UseStep, ...]:
    """Keep the token, then each thing the grant allows on each repository."""
    parts = parse_scope(grant.scope).resources
    steps = [UseStep(LOGIN_TITLE, Command(_login(grant)))]
    without = globs_of(tuple(grant.refused_files))
    for part in parts:
        of = "" if len(parts) == 1 else f" {part.repository}"
        if Operation.PULL in part.operations:
            steps.append(UseStep(f"Download{of}", Command((*_with_login(grant), *_download(part, without)))))
        if Operation.PUSH in part.operations:
            steps.append(UseStep(f"Upload this folder{of}", Command((*_with_login(grant), *_upload(part, without)))))
    return tuple(steps)


def _token_file(grant: Grant) -> str:
    return f"{login_path(grant)}.hf"


def _login(grant: Grant) -> tuple[str, ...]:
    """Nothing is shown while it is typed, and nobody else may read the file."""
    keep = f'printf %s "$t" > {_token_file(grant)}'
    return ("(umask 077;", "mkdir -p ~/.config/jit;", "read -rs t;", f"{keep})")


def _with_login(grant: Grant) -> tuple[str, ...]:
    endpoint = f"{settings.GATEWAY_URL.rstrip('/')}/hf/{grant.target.slug}"
    return (f"HF_ENDPOINT={endpoint}", f'HF_TOKEN="$(cat {_token_file(grant)})"')


def _download(part: ResourceScope, without: tuple[str, ...]) -> tuple[str, ...]:
    """Without the files that a rule refuses: one of them would end the whole download."""
    name = part.repository.partition("/")[2]
    return ("hf", "download", name, *_options(part), *_excluded(without), "--local-dir", name.rpartition("/")[2])


def _excluded(without: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"--exclude {quote(pattern)}" for pattern in without)


def _upload(part: ResourceScope, without: tuple[str, ...]) -> tuple[str, ...]:
    """Without xet, by which bytes go past the gateway. `hf upload` first looks whether the repository is there."""
    kind, _, name = part.repository.partition("/")
    if Operation.PULL in part.operations:
        return ("HF_HUB_DISABLE_XET=1", "hf", "upload", name, ".", ".", *_options(part), *_excluded(without))
    of_type = f', repo_type="{_TYPES[kind]}"' if kind in _TYPES else ""
    ignored = f", ignore_patterns={json.dumps(without)}" if without else ""
    call = f'upload_folder(repo_id="{name}", folder_path=".", revision="{_revision(part)}"{of_type}{ignored})'
    return ("HF_HUB_DISABLE_XET=1", "python3", "-c", quote(f"from huggingface_hub import upload_folder; {call}"))


def _options(part: ResourceScope) -> tuple[str, ...]:
    kind, revision = part.repository.partition("/")[0], _revision(part)
    of_type = ("--repo-type", _TYPES[kind]) if kind in _TYPES else ()
    return (*of_type, "--revision", quote(revision)) if revision != DEFAULT_REVISION else of_type


def _revision(part: ResourceScope) -> str:
    """One that the scope covers: what everybody means, else the first that it names in full."""
    exact = [tag for tag in part.tags if not _WILDCARDS & set(tag)]
    return DEFAULT_REVISION if part.covers_tag(DEFAULT_REVISION) else next(iter([*exact, *part.tags]), DEFAULT_REVISION)
