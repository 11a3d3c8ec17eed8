"""What a request names beside its own key, for its records: a source, an old version, the keys of a batch."""

from __future__ import annotations

import hashlib

from registry_proxy.protocols.s3.calls import Call

MAX_FIELDS = 24
FIELD_CHARS = 190  # a detail of a record is cut at 200


def note_versions(notes: dict[str, str], call: Call) -> None:
    """Which bytes were read: of which object a copy is one, and which version of it."""
    if call.source is not None:
        _note(notes, "copied_from", f"{call.source.bucket}/{call.source.key}")
        _note(notes, "copied_version", call.source.version)
    _note(notes, "version", call.word("versionId"))


def _note(notes: dict[str, str], name: str, text: str) -> None:
    """What a record would cut is told by its digest too: two long names may begin alike."""
    if text:
        notes[name] = text
    if len(text) > FIELD_CHARS:
        notes[f"{name}_sha256"] = hashlib.sha256(text.encode("utf-8")).hexdigest()


def note_keys(notes: dict[str, str], keys: tuple[str, ...]) -> None:
    """Each key stands whole in one field, or it is only counted: as many as a record holds, and a digest of all."""
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
