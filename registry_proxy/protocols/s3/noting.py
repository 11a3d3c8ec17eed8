"""The keys of a batch, for its records: as many as a record holds, how many there are, and a digest of all of them."""

from __future__ import annotations

import hashlib

MAX_FIELDS = 24
FIELD_CHARS = 190  # a detail of a record is cut at 200


def note_keys(notes: dict[str, str], keys: tuple[str, ...]) -> None:
    """Each key stands whole in one field, or it is only counted."""
    notes["keys"] = str(len(keys))
    notes["keys_sha256"] = hashlib.sha256("\n".join(keys).encode("utf-8")).hexdigest()
    lines: list[str] = [""]
    for key in keys:
        joined = f"{lines[-1]} {key}" if lines[-1] else key
        if len(joined) > FIELD_CHARS and lines[-1]:
            lines.append(key)
        else:
            lines[-1] = joined
    for number, line in enumerate(lines[:MAX_FIELDS], start=1):
        notes[f"keys_{number:02}"] = line
