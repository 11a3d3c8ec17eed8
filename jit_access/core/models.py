"""The base of every row that people may name."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from jit_access.core.ids import new_id


class PublicModel(models.Model):
    """A row with an id for the outside: unguessable, prefixed by its kind, never reused."""

    ID_PREFIX: ClassVar[str]

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True

    def save(self, *args: object, **kwargs: object) -> None:
        if not self.public_id:
            self.public_id = new_id(self.ID_PREFIX)
        super().save(*args, **kwargs)  # type: ignore[arg-type]  # passed through as they came

    def __str__(self) -> str:
        return self.public_id


class StatefulModel(PublicModel):
    """A row with a lifecycle. `state` and `version` change only through `core.transitions.move`."""

    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        abstract = True
