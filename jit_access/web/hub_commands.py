"""Ready commands of `hf` for grants at a Hugging Face hub. Each is whole, and none holds a secret.

The token goes into a file of this grant alone, and from there into the environment of one command: not into the
history, not into a process list, and never in the place of somebody's own login. `HF_TOKEN` is set in each command,
because the client would otherwise send to the gateway whatever token a shell has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
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
            title = f"Upload the folder {_folder(part)}{' to' if of else ''}{of}"
            steps.append(UseStep(title, Command((*_with_login(grant), *_upload(part, without)))))
    administered = [part for part in parts if _can_administer(part)]
    for part in administered:
        of = "" if len(parts) == 1 else f" {part.repository}"
        uses = (*_settings_of(part), *_moves(part, administered), _removal(part))
        steps += [UseStep(f"{title}{of}", Command((*_with_login(grant), *words))) for title, words in uses]
    return (*steps, UseStep(_python_title(parts), Command((*_with_login(grant), *_xet_off(parts), "python3"))))


def _can_administer(part: ResourceScope) -> bool:
    """As the gateway reads it: all of a repository, under a name with its owner."""
    return Operation.ADMIN in part.operations and part.is_whole and part.repository.count("/") > 1


def _settings_of(part: ResourceScope) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Making it and setting it up."""
    sdk = ("--space-sdk", "static") if part.repository.startswith("spaces/") else ()
    return (
        ("Create it, private", (*_repos("create", part), "--private", *sdk)),
        ("Make it private", (*_repos("settings", part), "--private")),
    )


def _moves(part: ResourceScope, others: Iterable[ResourceScope]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """To the other names of the grant: a move is asked on both."""
    kind = part.repository.partition("/")[0]
    for other in others:
        if other is not part and other.repository.startswith(f"{kind}/"):
            yield f"Move it to {_name(other)}:", (*_repos("move", part, other),)


def _removal(part: ResourceScope) -> tuple[str, tuple[str, ...]]:
    """The client asks once more before it deletes."""
    return "Delete it as a whole", _repos("delete", part)


def _repos(verb: str, *parts: ResourceScope) -> tuple[str, ...]:
    kind = parts[0].repository.partition("/")[0]
    of_type = ("--repo-type", _TYPES[kind]) if kind in _TYPES else ()
    return ("hf", "repos", verb, *(_name(part) for part in parts), *of_type)


# What one calls in Python, by what a grant allows.
_CALLS = (
    (Operation.PULL, ("snapshot_download",)),
    (Operation.PUSH, ("upload_folder",)),
    (Operation.DELETE, ("delete_file", "delete_folder")),
    (Operation.ADMIN, ("create_repo", "update_repo_settings", "delete_repo")),
)


def _python_title(parts: Iterable[ResourceScope]) -> str:
    allowed = {operation for part in parts for operation in part.operations}
    calls = [call for operation, names in _CALLS if operation in allowed for call in names]
    return f"In Python, for huggingface_hub: {', '.join(calls)}" if calls else "In Python, for huggingface_hub"


def _xet_off(parts: Iterable[ResourceScope]) -> tuple[str, ...]:
    return ("HF_HUB_DISABLE_XET=1",) if any(Operation.PUSH in part.operations for part in parts) else ()


def _name(part: ResourceScope) -> str:
    return part.repository.partition("/")[2]


def _folder(part: ResourceScope) -> str:
    """Where *Download* puts it: a folder of its own, so that nobody uploads whatever folder a shell is in."""
    return f"./{part.repository.rpartition('/')[2]}"


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
        return ("HF_HUB_DISABLE_XET=1", "hf", "upload", name, _folder(part), ".", *_options(part), *_excluded(without))
    of_type = f', repo_type="{_TYPES[kind]}"' if kind in _TYPES else ""
    ignored = f", ignore_patterns={json.dumps(without)}" if without else ""
    where = f'repo_id="{name}", folder_path="{_folder(part)}", revision="{_revision(part)}"{of_type}'
    call = f"upload_folder({where}{ignored})"
    return ("HF_HUB_DISABLE_XET=1", "python3", "-c", quote(f"from huggingface_hub import upload_folder; {call}"))


def _options(part: ResourceScope) -> tuple[str, ...]:
    kind, revision = part.repository.partition("/")[0], _revision(part)
    of_type = ("--repo-type", _TYPES[kind]) if kind in _TYPES else ()
    return (*of_type, "--revision", quote(revision)) if revision != DEFAULT_REVISION else of_type


def _revision(part: ResourceScope) -> str:
    """One that the scope covers: what everybody means, else the first that it names in full."""
    exact = [tag for tag in part.tags if not _WILDCARDS & set(tag)]
    return DEFAULT_REVISION if part.covers_tag(DEFAULT_REVISION) else next(iter([*exact, *part.tags]), DEFAULT_REVISION)
