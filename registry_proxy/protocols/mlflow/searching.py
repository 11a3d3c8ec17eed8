"""A search asks only about models that the grant covers, so that neither rows nor pages tell of others."""

from __future__ import annotations

from jit_access.domain.operations import Operation
from jit_access.domain.scopes import Scope
from registry_proxy.protocols.mlflow.names import MODELS


def narrowed(query: tuple[tuple[str, str], ...], scope: Scope) -> tuple[tuple[str, str], ...] | None:
    """The same search among the granted models, or None when there are none.

    Ours stands first: MLflow joins conditions by AND only, and what a comment at the end would hide is the caller's
    own. Rows are judged again when they come.
    """
    granted = [
        item.repository.removeprefix(MODELS) for item in scope.resources
        if item.repository.startswith(MODELS) and Operation.PULL in item.operations
    ]  # fmt: skip
    if not granted:
        return None
    # Names of scopes hold no quotes. IN needs MLflow 3.
    ours = f"name = '{granted[0]}'" if len(granted) == 1 else "name IN ({})".format(
        ", ".join(f"'{name}'" for name in granted)
    )  # fmt: skip
    theirs = dict(query).get("filter", "").strip()
    rest = tuple(pair for pair in query if pair[0] != "filter")
    return (("filter", f"{ours} AND {theirs}" if theirs else ours), *rest)
