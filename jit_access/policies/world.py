"""Who and what a question is about, as Cedar's entities: parsed once for each pair, not once for each question."""

from __future__ import annotations

import cedarpy

from jit_access.policies.cedar_forms import entities_json
from jit_access.policies.questions import Resource, Subject

_MOST_KEPT = 2048  # at about 1 KiB each


class World:
    """The entities under one schema. A handle never changes, and its key holds every fact that is in it."""

    def __init__(self, schema: cedarpy.Schema) -> None:
        self._schema = schema
        self._kept: dict[tuple[Subject, Resource], cedarpy.Entities] = {}

    def entities(self, subject: Subject, resource: Resource) -> cedarpy.Entities:
        """Raises: ValueError for what the schema has no room for."""
        found = self._kept.get((subject, resource))
        if found is None:
            found = cedarpy.Entities.from_json_str(entities_json(subject, resource), self._schema)
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[subject, resource] = found
        return found
