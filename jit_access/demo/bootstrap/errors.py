"""The one failure of the development tools: a sentence for people, no traceback."""

from __future__ import annotations


class CannotGoOn(Exception):
    """What happened, and what to do about it, in one line."""
