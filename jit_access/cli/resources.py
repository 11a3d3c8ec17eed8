"""Names of what one wants, as people write and paste them."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from jit_access.cli.troubles import Exit, Trouble

OPERATIONS = ("pull", "push", "delete", "promote", "admin")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LINK = re.compile(r"https?://[^\s\"'<>]+/request\?[^\s\"'<>]*")
_SCHEMES = ("docker://", "oci://")
_DIGEST = re.compile(r"sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


class Resource(NamedTuple):
    """`target/repository`, and what else was written with it. `host`: where it was pasted from; "": not said."""

    target: str
    repository: str
    tag: str = ""
    digest: str = ""
    host: str = ""
    operation: str = ""

    @property
    def name(self) -> str:
        return f"{self.target}/{self.repository}"

    @property
    def shown(self) -> str:
        """As it was written, without the host."""
        return self.name + (f"@{self.digest}" if self.digest else f":{self.tag}" if self.tag else "")

    @property
    def reference(self) -> str:
        """`:tag` or `@digest`, as the end of an image's name."""
        return f"@{self.digest}" if self.digest else f":{self.tag or 'latest'}"


def parse_resource(text: str) -> Resource:
    """Raises: Trouble for what is no name of a resource."""
    words = text.strip()
    if (link := _LINK.search(words)) is not None:
        return _of_link(link[0])
    scheme = next((one for one in _SCHEMES if words.startswith(one)), "")
    rest = words.removeprefix(scheme)
    if "://" in rest:
        raise _unreadable(text)
    first, _, after = rest.partition("/")
    has_host = bool(scheme) or "." in first or ":" in first or first == "localhost"
    if has_host and not after:
        raise _unreadable(text)
    return _of_name(after if has_host else rest, host=first.lower() if has_host else "", given=text)


def _of_link(link: str) -> Resource:
    """The address that a refusal of the gateway names."""
    try:
        parts = urlsplit(link)
        query = parse_qs(parts.query)
    except ValueError:
        raise _unreadable(link) from None
    named = query.get("resource", [""])[0]
    operation = query.get("operation", [""])[0]
    found = _of_name(named, host="", given=link)
    return found._replace(operation=operation if operation in OPERATIONS else "")


def _of_name(name: str, *, host: str, given: str) -> Resource:
    target, _, rest = name.partition("/")
    rest, _, digest = rest.partition("@sha") if "@sha" in rest else (rest, "", "")
    digest = f"sha{digest}" if digest else ""
    repository, colon, tag = rest.partition(":")
    repository = repository.rstrip("/")
    is_readable = _SLUG.fullmatch(target) and repository and repository.isprintable() and " " not in repository
    if not is_readable or (colon and not _TAG.fullmatch(tag)) or (digest and not _DIGEST.fullmatch(digest)):
        raise _unreadable(given)
    return Resource(target, repository, "" if digest else tag, digest, host)


def _unreadable(text: str) -> Trouble:
    return Trouble(
        f"{text[:200]!r} is not a resource.",
        Exit.USAGE,
        advice="Write target/repository[:tag], or paste the link of a refusal. What there is: jit search",
    )
