"""The page of what one was told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message. `href` is an address of ours, or empty where there is nothing to see."""

    subject: str
    text: tuple[str, ...]
    href: str
    when: str
    ago: str


@dataclass(frozen=True, slots=True)
class MessagesPage:
    rows: tuple[MessageRow, ...]
    newer_href: str = ""
    older_href: str = ""
