"""Which entries each tool gets, where, and how they are found again."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from shlex import quote

from jit_access.cli.files import config_folder
from jit_access.cli.kinds import HF, MLFLOW, REGION, S3, Gateway, hub_variables, tracking_variables
from jit_access.cli.setups.entries import JSONEntry, KubeEntry, SectionEntry, WholeFile
from jit_access.cli.setups.own_entries import Entry, Kept

HELPER = "docker-credential-jit"
SUFFIX = "jit"  # what Docker puts behind `docker-credential-`
DOCKER, KUBE, SSH, AWS = "docker", "kube", "ssh", "aws"


def docker_file() -> Path:
    """Docker's own. skopeo, podman and oras read it too, after files of theirs."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"


def aws_file() -> Path:
    """Of the AWS CLI and every SDK."""
    return Path(os.environ.get("AWS_CONFIG_FILE") or Path.home() / ".aws" / "config").expanduser()


def kube_file() -> Path:
    """The first that `kubectl` would write to."""
    named = [name for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    return Path(named[0]) if named else Path.home() / ".kube" / "config"


def variables_file(tool: str, target: str) -> Path:
    """Ours, for shells to read."""
    return config_folder() / f"{tool}-{target}.env"


def docker_entries(gateway: Gateway) -> tuple[Entry, ...]:
    """One per host: a registry client looks for its helper by host and knows nothing else."""
    return tuple(JSONEntry(docker_file(), ("credHelpers", host), SUFFIX) for host in gateway.hosts)


def aws_entries(gateway: Gateway, target: str, *, address: str) -> tuple[Entry, ...]:
    """A profile. Without the signature version, presigned URLs are made in one that the gateway refuses."""
    lines = (
        f"credential_process = {_helper('aws-credential', target, address)}",
        f"endpoint_url = {gateway.endpoint(S3, target)}",
        f"region = {REGION}",
        "s3 =",
        "    signature_version = s3v4",
    )
    return (SectionEntry(aws_file(), f"profile jit-{target}", lines),)


def kube_entries(server: str, target: str, *, address: str, ca_file: str = "") -> tuple[Entry, ...]:
    """A cluster, a user with the exec plugin, and a context of both. Which context is the current one stays."""
    name, path = f"jit-{target}", kube_file()
    trust = (f"  certificate-authority: {ca_file}",) if ca_file else ()
    cluster = ("cluster:", *trust, f"  server: {server}", f"name: {name}")
    context = ("context:", f"  cluster: {name}", f"  user: {name}", f"name: {name}")
    program, *words = _helper_words("kube-credential", target, address)
    user = (
        f"name: {name}", "user:", "  exec:", "    apiVersion: client.authentication.k8s.io/v1",
        f"    command: {_yaml(program)}", "    args:", *(f"      - {_yaml(word)}" for word in words),
        "    interactiveMode: Never",
    )  # fmt: skip
    return (
        KubeEntry(path, "clusters", name, cluster),
        KubeEntry(path, "contexts", name, context),
        KubeEntry(path, "users", name, user),
    )


def hf_entries(gateway: Gateway, target: str, *, token_file: Path) -> tuple[Entry, ...]:
    """`HF_TOKEN` would win over the file that `jit agent` keeps fresh, so it is taken away."""
    variables, without = hub_variables(gateway.endpoint(HF, target))
    path = variables_file(HF, target)
    text = _shell(path, ("HF_TOKEN", *without), {**variables, "HF_TOKEN_PATH": str(token_file)})
    return (WholeFile(path, text),)


def mlflow_entries(gateway: Gateway, target: str, *, token_file: Path) -> tuple[Entry, ...]:
    """MLflow reads its token from the environment alone, so the file is read when these lines are."""
    variables, without = tracking_variables(gateway.endpoint(MLFLOW, target))
    path = variables_file(MLFLOW, target)
    token = f'export MLFLOW_TRACKING_TOKEN="$(cat {quote(str(token_file))})"\n'
    return (WholeFile(path, _shell(path, without, variables) + token),)


def entry_of(kept: Kept) -> Entry:
    """The entry again, from what was remembered of it."""
    path = Path(kept.path)
    if kept.tool == DOCKER:
        return JSONEntry(path, tuple(kept.name.split(JSONEntry.BETWEEN)), kept.value)
    if kept.tool == AWS:
        return SectionEntry(path, kept.name[1:-1], tuple(kept.value.split("\n")))
    if kept.tool == KUBE:
        of, _, name = kept.name.partition("/")
        return KubeEntry(path, of, name, ())
    return WholeFile(path, kept.value)


def has_helper() -> bool:
    """Can Docker start it?"""
    return shutil.which(HELPER) is not None


def _shell(path: Path, without: Iterable[str], variables: dict[str, str]) -> str:
    lines = [f"# Written by `jit setup`. In a shell:  . {quote(str(path))}", f"unset {' '.join(without)}"]
    return "\n".join([*lines, *(f"export {name}={quote(value)}" for name, value in variables.items())]) + "\n"


def _helper_words(verb: str, target: str, address: str) -> tuple[str, ...]:
    """The program in full: what starts it may have another PATH."""
    found = shutil.which("jit")
    start = (str(Path(found).absolute()),) if found else (sys.executable, "-m", "jit_access.cli")
    return (*start, verb, "--target", target, "--addr", address)


def _helper(verb: str, target: str, address: str) -> str:
    """One line for a `credential_process`: AWS splits it at spaces outside of double quotes."""
    return " ".join(f'"{word}"' if " " in word else word for word in _helper_words(verb, target, address))


def _yaml(word: str) -> str:
    """In single quotes, which know no escapes but themselves."""
    return "'" + word.replace("'", "''") + "'"
