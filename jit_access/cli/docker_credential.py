"""`docker-credential-jit`: gives Docker, skopeo, podman and oras the token of a live grant, and keeps nothing for them.

The protocol (docker/docker-credential-helpers): one verb as the argument, input on stdin, an answer or an error on
stdout, and a status that is not 0 for an error. `credentials not found in native keychain` is a word of that protocol:
clients go on without a login when they read it, so it is said of foreign hosts and never of ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from jit_access.cli.grant_tokens import Grant, GrantTokens
from jit_access.cli.helping import chosen, note_others, one_line, quiet_session, tokens_of
from jit_access.cli.kinds import OCI
from jit_access.cli.troubles import Trouble
from jit_access.cli.version import VERSION

NOT_FOUND = "credentials not found in native keychain"
_MAX_INPUT_CHARS = 64 * 1024
_USAGE = "Usage: docker-credential-jit get|store|erase|list|version"


class _Refused(Exception):
    """What stands on stdout instead of an answer."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    verb = VERBS.get(given[0]) if len(given) == 1 else None
    try:
        if verb is None:
            raise _Refused(_USAGE)
        said = verb(sys.stdin.read(_MAX_INPUT_CHARS) if given[0] in _TAKE_INPUT else "")
    except _Refused as refused:
        sys.stdout.write(f"{refused}\n")
        return 1
    except Trouble as trouble:
        sys.stdout.write(f"jit: {one_line(trouble)}\n")
        return 1
    sys.stdout.write(f"{said}\n" if said else "")
    return 0


def _get(text: str) -> str:
    server = text.strip()
    tokens = tokens_of(quiet_session())
    if host_of(server) not in tokens.places.gateway.hosts:
        raise _Refused(NOT_FOUND)
    found, others = chosen(_live(tokens), host_of(server), "<target>/<repository>")
    if note := note_others(found, others):
        sys.stderr.write(f"{note}\n")
    token = tokens.token(found)
    return json.dumps({"ServerURL": server, "Username": tokens.places.username, "Secret": token.token})


def _store(text: str) -> str:
    """A login that somebody typed is not kept: the next `get` would answer with a grant's token anyway."""
    try:
        server = str(json.loads(text)["ServerURL"])
    except (ValueError, KeyError, TypeError):
        raise _Refused("Expected a JSON object with ServerURL, Username and Secret.") from None
    raise _Refused(
        f"jit keeps no logins for {host_of(server)}: it gives out tokens of your grants. `jit login` is once."
    )


def _erase(text: str) -> str:
    """`docker logout`: the tokens that were given out at this host are revoked. Grants go on."""
    tokens = tokens_of(quiet_session())
    if host_of(text.strip()) not in tokens.places.gateway.hosts:
        raise _Refused(NOT_FOUND)
    for grant in _live(tokens):
        tokens.forget(grant)
    return ""


def _list(_text: str) -> str:
    tokens = tokens_of(quiet_session())
    hosts = tokens.places.gateway.hosts if _live(tokens) else ()
    return json.dumps(dict.fromkeys(hosts, tokens.places.username))


def _version(_text: str) -> str:
    return f"docker-credential-jit (jit {VERSION})"


def _live(tokens: GrantTokens) -> list[Grant]:
    return [grant for grant in tokens.live() if tokens.places.kind_of(grant["target"]) == OCI]


def host_of(server: str) -> str:
    """Host and port of what clients call a server: a host, or an address with scheme and path."""
    text = server if "://" in server else f"//{server}"
    try:
        return urlsplit(text).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


VERBS: Mapping[str, Callable[[str], str]] = {
    "get": _get,
    "store": _store,
    "erase": _erase,
    "list": _list,
    "version": _version,
}
_TAKE_INPUT = frozenset({"get", "store", "erase"})

if __name__ == "__main__":
    sys.exit(main())
