"""A search asks only about models that the grant covers, so that neither rows nor pages tell of others.

Of a model that a grant covers in part, a condition on anything but names and numbers could be answered by what the
grant does not show. So there the gateway takes no other, has the server list all that the model has, and makes the
pages itself, of what is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, Scope
from registry_proxy.protocols.mlflow.names import MODELS

Pairs = tuple[tuple[str, str], ...]
T = TypeVar("T")

VERSIONS = "versions"
ALL_VERSIONS = 10_000  # of all models of a grant together; an answer with more of them is not passed on
_QUOTED = r"(?:'[A-Za-z0-9._%-]*'|\"[A-Za-z0-9._%-]*\")"
_NAME = rf"name\s*(?:=|!=|LIKE|ILIKE)\s*{_QUOTED}|name\s+IN\s*\({_QUOTED}(?:,\s*{_QUOTED})*\)"
_NUMBER = r"version_number\s*(?:=|!=|<=|>=|<|>)\s*[0-9]{1,9}"
# The client adds this one to every search of models: prompts are models of a kind that is not served.
_NO_PROMPTS = r"tags?\.`mlflow\.prompt\.is_prompt`\s*!=\s*'true'"
_ONE = rf"(?:{_NAME}|{_NUMBER}|{_NO_PROMPTS})"
_FILTER = re.compile(rf"{_ONE}(?:\s+AND\s+{_ONE})*", re.IGNORECASE)
_ORDER = re.compile(r"(?:name|version_number)(?:\s+(?:ASC|DESC))?", re.IGNORECASE)
_NUMBERS = {"page_token": re.compile(r"[0-9]{0,6}"), "max_results": re.compile(r"[1-9][0-9]{0,5}")}


class TellsTooMuch(Exception):
    """The answer could tell of versions that are not granted."""


def narrowed(query: Pairs, scope: Scope, route: str) -> Pairs | None:
    """The same search among the granted models, or None when there are none. Raises TellsTooMuch.

    Ours stands first: MLflow joins conditions by AND only, and what a comment at the end would hide is the caller's
    own. Rows are judged again when they come.
    """
    granted = [item.repository.removeprefix(MODELS) for item in _readable(scope)]
    if not granted:
        return None
    theirs, rest = dict(query).get("filter", "").strip(), tuple(pair for pair in query if pair[0] != "filter")
    if is_partial(scope):
        rest = _plain(theirs, rest, route)
    # Names of scopes hold no quotes. IN needs MLflow 3.
    ours = f"name = '{granted[0]}'" if len(granted) == 1 else "name IN ({})".format(
        ", ".join(f"'{name}'" for name in granted)
    )  # fmt: skip
    return (("filter", f"{ours} AND {theirs}" if theirs else ours), *rest)


def is_partial(scope: Scope) -> bool:
    """True when a model may be read of which not all versions may."""
    return any(item.is_restricted for item in _readable(scope))


def page_of(rows: Sequence[T], query: Mapping[str, str]) -> tuple[list[T], str]:
    """One page of what is left, and the token of the next. The query passed `narrowed`."""
    start = int(query.get("page_token") or 0)
    end = start + int(query.get("max_results") or ALL_VERSIONS)
    return list(rows[start:end]), str(end) if end < len(rows) else ""


def _readable(scope: Scope) -> list[ResourceScope]:
    return [
        item for item in scope.resources
        if item.repository.startswith(MODELS) and Operation.PULL in item.operations
    ]  # fmt: skip


def _plain(theirs: str, rest: Pairs, route: str) -> Pairs:
    is_plain = (not theirs or _FILTER.fullmatch(theirs)) and "--" not in theirs
    if not is_plain or not all(_ORDER.fullmatch(value) for key, value in rest if key == "order_by"):
        raise TellsTooMuch
    if route != VERSIONS:  # a page of models holds no rows but granted ones
        return rest
    if not all(_NUMBERS[key].fullmatch(value) for key, value in rest if key in _NUMBERS):
        raise TellsTooMuch
    return (*(pair for pair in rest if pair[0] == "order_by"), ("max_results", str(ALL_VERSIONS)))
