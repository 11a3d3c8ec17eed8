"""Signing in as a job: the platform says which job this is, and the gateway gives a short token for that (RFC 8693).

Nothing is stored before and nothing lasts after. The platform's token is read where the platform puts it, sent to the
one gateway, and forgotten; what is kept is the short token, and where to ask for the next one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from jit_access.cli import store
from jit_access.cli.client import Client
from jit_access.cli.files import read_private, write_private
from jit_access.cli.places import folder_of
from jit_access.cli.settings import Site, make_site
from jit_access.cli.troubles import Exit, Trouble

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
GITLAB_VARIABLE = "JIT_ID_TOKEN"
KUBERNETES_FILE = "/var/run/secrets/jit-access/token"
WAYS = ("github", "gitlab", "kubernetes", "file")
_GITHUB_URL, _GITHUB_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_LONGEST_TOKEN = 16 * 1024


class Source(NamedTuple):
    """Where the platform puts the token of a job: a way, and for some a variable or a path."""

    way: str
    place: str = ""

    @property
    def word(self) -> str:
        return f"{self.way}:{self.place}" if self.place else self.way


def parse_source(text: str) -> Source:
    """`github`, `gitlab[:VARIABLE]`, `kubernetes[:PATH]` or `file:PATH`. Raises: Trouble."""
    way, _, place = text.partition(":")
    if way not in WAYS or (way == "file" and not place) or (way == "github" and place):
        raise Trouble(
            f"{text!r} is not a way to sign in as a job.",
            Exit.USAGE,
            advice="github, gitlab, gitlab:VARIABLE, kubernetes, kubernetes:PATH or file:PATH",
        )
    return Source(way, place)


def sign_in(site: Site, source: Source, *, audience: str = "", agent: str = "") -> store.Held:
    """Exchange the job's own token for a short one, and remember where the next one comes from. Raises: Trouble.

    `agent`: which one, where the same job is trusted as several.
    """
    from jit_access.cli.sign_in import ask_token, read_metadata  # noqa: PLC0415  # helpers with a live token need neither

    wanted = audience or site.address
    subject = _subject_token(source, wanted)
    held = ask_token(
        site,
        read_metadata(site),
        {"grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": JWT, "client_id": agent},
    )
    write_private(_memory(site), {"source": source.word, "audience": audience, "agent": agent})
    return held


def renewed(site: Site, held: store.Held) -> store.Held:
    """The sign-in as it was, or a new one where it was a job's and is nearly over. Raises: Trouble.

    A short token is over in the middle of a long job, and what a job is can be shown again at any time.
    """
    kept = {} if store.is_given() or not store.is_nearly_over(held) else read_private(_memory(site))
    if not kept.get("source"):
        return held
    words = {name: str(kept.get(name, "")) for name in ("audience", "agent")}
    fresh = sign_in(site, parse_source(str(kept["source"])), **words)
    fresh = fresh._replace(username=held.username)
    store.keep(site.address, fresh)
    return fresh


def forget(site: Site) -> None:
    """No job signs in here by itself any more."""
    _memory(site).unlink(missing_ok=True)


def _memory(site: Site) -> Path:
    return folder_of(Client(site)) / "workload.json"


def _subject_token(source: Source, audience: str) -> str:
    if source.way == "github":
        return _checked(_of_github(os.environ, audience), "GitHub")
    if source.way == "gitlab":
        return _of_gitlab(os.environ, source.place or GITLAB_VARIABLE)
    path = Path(source.place or KUBERNETES_FILE)
    try:
        with path.open(encoding="ascii") as file:
            return _checked(file.read(_LONGEST_TOKEN + 1), str(path))
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is not text"
        advice = "Mount a projected serviceAccountToken there" if source.way == "kubernetes" else ""
        raise Trouble(f"{path} cannot be read: {why}.", Exit.SIGNED_OUT, code="no-workload", advice=advice) from exc


def _of_github(environment: Mapping[str, str], audience: str) -> str:
    """Asked from the runner's own service. Source: GitHub Docs, OpenID Connect reference."""
    url, bearer = environment.get(_GITHUB_URL, ""), environment.get(_GITHUB_TOKEN, "")
    if not url or not bearer:
        raise Trouble(
            "GitHub gives this job no identity.",
            Exit.SIGNED_OUT,
            code="no-workload",
            advice="Put `permissions: {id-token: write}` into the workflow",
        )
    parts = urlsplit(url)
    query = f"{parts.query}&{urlencode({'audience': audience})}".lstrip("&")
    site = make_site(f"{parts.scheme}://{parts.netloc}")
    headers = {"Authorization": f"Bearer {store.check_token(bearer)}"}
    answer = Client(site).send("GET", f"{parts.path or '/'}?{query}", None, headers, is_repeatable=True)
    found = answer.document() if answer.status == 200 else None
    if not isinstance(found, dict) or not isinstance(found.get("value"), str):
        raise Trouble(f"GitHub gave no identity (status {answer.status}).", Exit.AWAY, code="no-workload")
    return str(found["value"])


def _of_gitlab(environment: Mapping[str, str], variable: str) -> str:
    text = environment.get(variable, "")
    if not text:
        raise Trouble(
            f"{variable} is not set, so GitLab gives this job no identity.",
            Exit.SIGNED_OUT,
            code="no-workload",
            advice=f"Put `id_tokens: {{{variable}: {{aud: …}}}}` into the job, or name another variable: gitlab:NAME",
        )
    return _checked(text, variable)


def _checked(text: str, where: str) -> str:
    """A compact JWT by its shape. Whether it is true is for the gateway to say."""
    token = text.strip()
    is_plain = token.isascii() and token.isprintable() and " " not in token
    if not is_plain or not token or len(token) > _LONGEST_TOKEN or token.count(".") != 2:
        raise Trouble(f"{where} does not hold the token of a job.", Exit.SIGNED_OUT, code="no-workload")
    return token
