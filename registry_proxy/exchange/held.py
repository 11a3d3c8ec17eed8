"""What one exchange has learned so far, and the records that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

from registry_proxy.exchange import recording as rec
from registry_proxy.protocols.asked import Asked


@dataclass(slots=True)
class Held:
    """Filled in as events come."""

    asked: Asked
    status: int = 0
    digest: str = ""
    said: dict[str, object] | None = None  # what every record about this exchange begins with
    refused_origin: str = ""  # where the registry pointed, for the operator who may have to name it

    def session(self) -> dict[str, object]:
        """Who, under which grant; empty before the gate said yes."""
        admission = self.asked.admission
        return rec.session_fields(admission.view, admission.lease) if admission else {}

    def fields(self, *, status: int = 0, session: dict[str, object] | None = None) -> dict[str, object]:
        """The fields of any record about this exchange."""
        head, classified = self.asked.head, self.asked.classified
        if self.said is None:
            self.said = rec.exchange_fields(self.asked.facts, head.method, head.target)
        detail: rec.Detail = {**self.said["detail"]}  # type: ignore[dict-item]  # exchange_fields made it
        fields = {
            **self.said, **(self.session() if session is None else session), **rec.resource_fields(classified),
            "detail": detail,
        }  # fmt: skip
        if self.digest:
            detail["digest"] = rec.short_text(self.digest)
        if classified.mount_source:
            detail["mount_from"] = classified.mount_source
        if classified.file:
            detail["file"] = rec.short_text(classified.file)
        if self.refused_origin:
            detail["refused_origin"] = rec.short_text(self.refused_origin)
        if head.upgrade:
            detail["upgrade"] = rec.short_text(head.upgrade.decode("ascii"))
        for name, words in self.asked.notes.items():
            detail[name] = rec.short_text(words)
        if status:
            fields["status"] = status
        return fields
