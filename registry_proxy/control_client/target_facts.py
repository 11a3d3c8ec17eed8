"""What the control plane says of one registry. Every proxy holds this in memory; nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry_proxy.settings import Secret


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """One registry behind the gateway, with the credential that only the proxy uses.

    Both lists of origins were named by an operator, one by one; empty means nowhere but to the registry itself.
    """

    slug: str
    kind: str
    base_url: str
    username: str
    password: Secret
    allow_private: bool  # may its name resolve to a private address?
    token_origins: tuple[str, ...] = ()  # token services that may get the credential
    redirect_origins: tuple[str, ...] = ()  # stores that redirects may lead to, without any credential


def read_target(raw: Mapping[str, Any]) -> TargetFacts:
    """Raises KeyError, TypeError or ValueError."""
    words = [raw[name] for name in ("slug", "kind", "base_url", "username", "password")]
    if not all(isinstance(word, str) for word in words):
        raise ValueError("target")
    slug, kind, base_url, username, password = words
    return TargetFacts(
        slug, kind, base_url, username, Secret(password), raw["allow_private"] is True,
        _read_words(raw, "token_origins"), _read_words(raw, "redirect_origins"),
    )  # fmt: skip


def _read_words(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts. A control plane of the release before sends none: then nothing more is allowed."""
    words = raw.get(name, [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(name)
    return tuple(words)
