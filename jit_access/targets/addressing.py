"""Parses what an operator types for a target into one canonical form, or says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from jit_access.core.secret import Secret
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason
from jit_access.targets.models import TargetKind

MAX_URL_CHARS = 300
MAX_SECRET_CHARS = 4096
MAX_ORIGINS = 8
# It becomes the first segment of repository names, so it obeys their grammar (distribution-spec 1.1), dashes only.
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_IPV6 = re.compile(r"[0-9a-f:.]{2,45}")


@dataclass(frozen=True, slots=True)
class NewTarget:
    """A target as an operator describes it, before anything was checked."""

    slug: str
    display_name: str
    base_url: str
    username: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    allow_private: bool = False
    token_origins: tuple[str, ...] = ()
    redirect_origins: tuple[str, ...] = ()
    kind: str = TargetKind.OCI.value
    is_demo: bool = False


def parse_new_target(new: NewTarget) -> NewTarget:
    """The same target with every field canonical. Raises CallerError that names the field."""
    base_url = parse_base_url(new.base_url, allow_private=new.allow_private)
    beside = Beside(base_url, new.allow_private is True)
    return NewTarget(
        slug=parse_slug(new.slug),
        display_name=parse_display_name(new.display_name),
        base_url=base_url,
        username=parse_username(new.username),
        password=parse_password(new.password),
        allow_private=new.allow_private is True,
        token_origins=beside.parse("token_origins", new.token_origins),
        redirect_origins=beside.parse("redirect_origins", new.redirect_origins),
        kind=_parse_kind(new.kind),
        is_demo=new.is_demo is True,
    )


def parse_slug(text: str) -> str:
    """A short name of letters, digits and single dashes. Raises CallerError."""
    if len(text) > 63 or not _SLUG.fullmatch(text):
        raise _refuse("slug", "The short name has lower-case letters, digits and single dashes, at most 63.")
    return text


def parse_display_name(text: str) -> str:
    """The name people read. Raises CallerError."""
    label = text.strip()
    if not 1 <= len(label) <= 120 or clean_text(label) != label:
        raise _refuse("display_name", "Give the target a name of 1 to 120 characters.")
    return label


def parse_base_url(text: str, *, allow_private: bool) -> str:
    """`scheme://host[:port]`, lower case, without a default port. Raises CallerError.

    Plain http is for private networks only: a credential does not cross the internet in the clear.
    """
    trimmed = text.strip()
    if len(trimmed) > MAX_URL_CHARS or not trimmed.isascii() or not trimmed.isprintable() or "\\" in trimmed:
        raise _refuse("base_url", "That is not an address such as https://registry.example.")
    try:
        parts = urlsplit(trimmed)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise _refuse("base_url", "That is not an address such as https://registry.example.") from exc
    if parts.scheme not in ("http", "https") or not (_HOST.fullmatch(host) or _IPV6.fullmatch(host)):
        raise _refuse("base_url", "The address starts with https:// or http:// and a host.")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise _refuse("base_url", "The address holds no user name or password; they have fields of their own.")
    if parts.path not in ("", "/") or "?" in trimmed or "#" in trimmed:
        raise _refuse("base_url", "The address ends after host and port; the gateway knows the rest.")
    if port == 0:
        raise _refuse("base_url", "The port is between 1 and 65535.")
    if parts.scheme == "http" and not allow_private:
        raise _refuse("base_url", "Use https, or say that the address may be private.")
    shown = f"[{host}]" if ":" in host else host
    is_default = port in (None, {"http": 80, "https": 443}[parts.scheme])
    return f"{parts.scheme}://{shown}" if is_default else f"{parts.scheme}://{shown}:{port}"


@dataclass(frozen=True, slots=True)
class Beside:
    """Parses origins that an operator names beside a target's own address."""

    base_url: str
    allow_private: bool

    def parse(self, name: str, texts: Iterable[str]) -> tuple[str, ...]:
        """Canonical origins, each once, sorted. Raises CallerError that names the field.

        Never from https down to http: what the registry says over TLS must not end in the clear.
        """
        found = set()
        for text in texts:
            try:
                origin = parse_base_url(text, allow_private=self.allow_private)
            except CallerError as exc:
                raise _refuse(name, f"{clean_text(text)[:80]}: {exc.sentence}") from exc
            if self.base_url.startswith("https:") and not origin.startswith("https:"):
                raise _refuse(name, f"{origin} has to be https, as the target is.")
            found.add(origin)
        if len(found) > MAX_ORIGINS:
            raise _refuse(name, f"At most {MAX_ORIGINS} places can be named.")
        return tuple(sorted(found - {self.base_url}))


def parse_username(text: str) -> str:
    """The gateway's name at the target, or nothing. A colon would end it early (RFC 7617). Raises CallerError."""
    if len(text) > 200 or not (text.isprintable() or not text) or ":" in text:
        raise _refuse("username", "A user name has at most 200 printable characters and no colon.")
    return text


def parse_password(secret: Secret) -> Secret:
    """Any printable secret of a sane length. Raises CallerError that does not repeat it."""
    text = secret.reveal()
    if len(text) > MAX_SECRET_CHARS or not (text.isprintable() or not text):
        raise _refuse("password", f"A password has at most {MAX_SECRET_CHARS} printable characters.")
    return secret


def _parse_kind(text: str) -> str:
    if text not in TargetKind.values:
        raise _refuse("kind", "The gateway knows OCI registries, Hugging Face hubs, S3 stores and MLflow servers.")
    return text


def _refuse(field: str, sentence: str) -> CallerError:
    return CallerError(Reason.INVALID_INPUT, sentence, field=field)
