"""What each kind of target asks of the environment of its clients, as *My access* shows it in its commands.

A client that finds a login of its own would send that to the gateway, or would not ask the gateway at all. So next to
what is set stands what must not be set.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from jit_access.cli.troubles import Exit, Trouble

OCI, HF, MLFLOW, S3 = "oci", "hf", "mlflow", "s3"
REGION = "us-east-1"  # a signature names one; the gateway signs anew with the store's own


class Gateway(NamedTuple):
    """Its origins. Clients get the one that operators show to people."""

    url: str
    tls_url: str = ""

    @property
    def hosts(self) -> tuple[str, ...]:
        """As registry clients write them."""
        every = (urlsplit(origin).netloc.lower() for origin in (self.url, self.tls_url) if origin)
        return tuple(dict.fromkeys(every))

    def endpoint(self, kind: str, target: str) -> str:
        """Where the clients of this kind look for this target. Raises: Trouble for a registry, which is a host."""
        path = {HF: "hf", MLFLOW: "mlflow", S3: "s3"}.get(kind)
        if path is None:
            raise Trouble(f"There is no endpoint for a target of the kind {kind!r}.", Exit.USAGE)
        return f"{self.url.rstrip('/')}/{path}/{target}"


class GrantToken(NamedTuple):
    """A live token of a grant, with the two values that clients of a store sign with. It does not print itself."""

    grant: str
    target: str
    lease: str
    token: str
    until: str  # an instant of the API: the earlier one of the token's end and the grant's
    access_key_id: str = ""
    secret_access_key: str = ""

    def __repr__(self) -> str:
        return f"GrantToken(grant={self.grant!r}, lease={self.lease!r})"  # this may reach a traceback


class Surroundings(NamedTuple):
    """What a program gets: variables that are set, others that are taken away, and private files for it.

    A value may hold `{folder}`: where the files were written.
    """

    variables: Mapping[str, str]
    without: tuple[str, ...] = ()
    files: Mapping[str, str] = {}  # read only


def surroundings(kind: str, gateway: Gateway, held: GrantToken, username: str) -> Surroundings:
    """For one program that uses one grant. Raises: Trouble for a kind that this version of jit does not know."""
    make = {OCI: _oci, HF: _hub, MLFLOW: _tracking, S3: _store}.get(kind)
    if make is None:
        raise Trouble(f"This version of jit does not know targets of the kind {kind!r}. Update it.", Exit.FAILED)
    return make(gateway, held, username)


def docker_config(gateway: Gateway, held: GrantToken, username: str) -> str:
    """A login for each host of the gateway, in the form that Docker, skopeo, podman and oras read."""
    login = base64.b64encode(f"{username}:{held.token}".encode()).decode()
    return json.dumps({"auths": {host: {"auth": login} for host in gateway.hosts}}, indent=1) + "\n"


def _oci(gateway: Gateway, held: GrantToken, username: str) -> Surroundings:
    """`REGISTRY_AUTH_FILE` is for skopeo and podman, the folder for Docker, oras and what is written in Go."""
    return Surroundings(
        {"DOCKER_CONFIG": "{folder}", "REGISTRY_AUTH_FILE": "{folder}/config.json"},
        without=("DOCKER_AUTH_CONFIG",),
        files={"config.json": docker_config(gateway, held, username)},
    )


def hub_variables(endpoint: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Without the token. Xet goes past the gateway, and a trusted publisher would ask the hub itself for a token."""
    return {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1"}, ("HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE")


def _hub(gateway: Gateway, held: GrantToken, username: str) -> Surroundings:  # noqa: ARG001  # one form for all kinds
    variables, without = hub_variables(gateway.endpoint(HF, held.target))
    return Surroundings({**variables, "HF_TOKEN": held.token}, without)


def tracking_variables(endpoint: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Without the token. A user name and a password would win over it, a registry elsewhere be asked instead."""
    without = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_AUTH")
    return {"MLFLOW_TRACKING_URI": endpoint}, without


def _tracking(gateway: Gateway, held: GrantToken, username: str) -> Surroundings:  # noqa: ARG001  # one form for all kinds
    variables, without = tracking_variables(gateway.endpoint(MLFLOW, held.target))
    return Surroundings({**variables, "MLFLOW_TRACKING_TOKEN": held.token}, without)


def _store(gateway: Gateway, held: GrantToken, username: str) -> Surroundings:  # noqa: ARG001  # one form for all kinds
    """A profile in the environment would win over the values beside it."""
    return Surroundings(
        {
            "AWS_ACCESS_KEY_ID": held.access_key_id,
            "AWS_SECRET_ACCESS_KEY": held.secret_access_key,
            "AWS_SESSION_TOKEN": held.token,
            "AWS_ENDPOINT_URL_S3": gateway.endpoint(S3, held.target),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        },
        without=("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION"),
    )
