"""Ready commands for the clients people use. Each is whole, and none ever holds a secret.

Clients keep one login per host, and every grant is at the same host: with the usual file the second login would take
the place of the first. So the commands of each grant name a file of its own, and two open grants work side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, parse_scope
from jit_access.grants.models import Grant
from jit_access.web.viewmodels.my_access import ClientTab, UseStep
from jit_access.web.viewmodels.parts import Command

CLIENTS = ("skopeo", "oras", "docker")
LOGIN_TITLE = "Sign in once: paste a token of this grant when asked"
# A tag is only an example when nobody knows which one there is.
UNKNOWN_TAG = "latest"
_WILDCARDS = frozenset("*?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one repository of a grant is reached: the gateway, the target, what may be done, an example tag.

    `login` is the path, without an ending, under which clients keep the token of this grant.
    """

    username: str
    login: str
    target: str
    part: ResourceScope
    latest_tag: str = ""

    @property
    def reference(self) -> str:
        """A tag or digest that the scope covers, as the end of an image name."""
        exact = [tag for tag in self.part.tags if not _WILDCARDS & set(tag)]
        known = [self.latest_tag] if self.latest_tag and self.part.covers_tag(self.latest_tag) else []
        if not exact and not known and self.part.digests:
            return f"@{self.part.digests[0]}"
        return ":" + next(iter([*exact, *known]), UNKNOWN_TAG)

    @property
    def image(self) -> str:
        return f"{gateway_host()}/{self.target}/{self.part.repository}{self.reference}"

    @property
    def folder(self) -> str:
        """A name for the local copy."""
        return self.part.repository.rsplit("/", 1)[-1]


def gateway_host() -> str:
    """Host and port of the gateway, as clients write it."""
    return urlsplit(settings.GATEWAY_URL).netloc


def is_plain() -> bool:
    """True when the gateway is reached without TLS, which clients want to be told."""
    return urlsplit(settings.GATEWAY_URL).scheme == "http"


def chosen_client(wanted: str) -> str:
    """The client from the address, or the first."""
    return wanted if wanted in CLIENTS else CLIENTS[0]


def client_tabs(client: str, anchor: str = "") -> tuple[ClientTab, ...]:
    """Links that switch the client; they need no script."""
    return tuple(ClientTab(name, f"?client={name}{anchor}", name == client) for name in CLIENTS)


def login_path(grant: Grant) -> str:
    """A file of this grant alone. An extension takes the tokens over, so it goes on with the file of the first."""
    first = grant
    while first.extends is not None:
        first = first.extends
    return f"~/.config/jit/{first.public_id}"


def steps_for(client: str, places: Iterable[Place]) -> tuple[UseStep, ...]:
    """Sign in, then each thing the grant allows on each repository."""
    every = tuple(places)
    if not every:
        return ()
    login = UseStep(LOGIN_TITLE, Command(login_words(client, every[0])))
    return (login, *(step for place in every for step in _steps_at(client, place, is_only=len(every) == 1)))


def login_words(client: str, place: Place) -> tuple[str, ...]:
    """The client asks for the token and shows nothing: it is in no history, no process list and on no screen."""
    insecure = {"skopeo": ("--tls-verify=false",), "oras": ("--plain-http",), "docker": ()}[client]
    return (
        *_call(client, place, "login"),
        *(insecure if is_plain() else ()),
        "--username",
        place.username,
        gateway_host(),
    )


def _call(client: str, place: Place, *verb: str) -> tuple[str, ...]:
    """The client and its verb with the login of this grant, where this client wants to be told of it."""
    if client == "docker":
        return ("docker", "--config", place.login, *verb)
    option = {"skopeo": "--authfile", "oras": "--registry-config"}[client]
    return (client, *verb, option, f"{place.login}.json")


def _steps_at(client: str, place: Place, *, is_only: bool) -> list[UseStep]:
    titles = {Operation.PULL: "Pull", Operation.PUSH: "Push", Operation.DELETE: "Delete"}
    steps = []
    for operation, title in titles.items():
        words = _WORDS[client](operation, place) if operation in place.part.operations else ()
        if words:
            steps.append(UseStep(title if is_only else f"{title} {place.part.repository}", Command(words)))
    return steps


def _skopeo(operation: Operation, place: Place) -> tuple[str, ...]:
    remote, local = f"docker://{place.image}", f"oci:{place.folder}"
    copy = _call("skopeo", place, "copy")
    if operation is Operation.PULL:
        return (*copy, *(("--src-tls-verify=false",) if is_plain() else ()), remote, local)
    if operation is Operation.PUSH:
        return (*copy, *(("--dest-tls-verify=false",) if is_plain() else ()), local, remote)
    return (*_call("skopeo", place, "delete"), *(("--tls-verify=false",) if is_plain() else ()), remote)


def _oras(operation: Operation, place: Place) -> tuple[str, ...]:
    plain = ("--plain-http",) if is_plain() else ()
    if operation is Operation.PULL:
        return (*_call("oras", place, "pull"), *plain, place.image, "--output", place.folder)
    if operation is Operation.PUSH:
        return (*_call("oras", place, "push"), *plain, place.image, "model.safetensors")
    return (*_call("oras", place, "manifest", "delete"), *plain, place.image)


def _docker(operation: Operation, place: Place) -> tuple[str, ...]:
    if operation is Operation.DELETE:
        return ()  # docker has no command that deletes at a registry
    return (*_call("docker", place, operation.value), place.image)


_WORDS = {"skopeo": _skopeo, "oras": _oras, "docker": _docker}


def places_of(grant: Grant, latest_tags: Mapping[tuple[str, str], str]) -> tuple[Place, ...]:
    """One place for each repository of a grant. `latest_tags` is by target and repository."""
    login, slug = login_path(grant), grant.target.slug
    return tuple(
        Place(grant.subject.username, login, slug, part, latest_tags.get((slug, part.repository), ""))
        for part in parse_scope(grant.scope).resources
    )
