"""The kinds of entries that a setup makes: a member of a JSON file, a section, an item of a kubeconfig, a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from jit_access.cli.setups import ini_text, json_text, kube_text
from jit_access.cli.setups.file_edits import CannotEdit


@dataclass(frozen=True, slots=True)
class JSONEntry:
    """A text at a path of names in a JSON object, as `credHelpers` of Docker's configuration has one per host."""

    path: Path
    members: tuple[str, ...]
    value: str
    may_replace: bool = True
    BETWEEN: ClassVar[str] = " → "

    @property
    def name(self) -> str:
        return self.BETWEEN.join(self.members)

    def now(self, text: str) -> str | None:
        try:
            found = json_text.get(text, *self.members)
        except json_text.NotPlain as exc:
            raise _refusal(self.path, exc) from None
        return found if found is None or isinstance(found, str) else json.dumps(found)

    def put(self, text: str) -> str:
        try:
            return json_text.put(text, self.members, self.value)
        except json_text.NotPlain as exc:
            raise _refusal(self.path, exc) from None

    def back(self, text: str, before: str | None) -> str:
        if before is not None:
            return json_text.put(text, self.members, before)
        text = json_text.drop(text, self.members)
        for depth in range(len(self.members) - 1, 0, -1):  # an object that is empty now says nothing
            if json_text.get(text, *self.members[:depth]) == {}:
                text = json_text.drop(text, self.members[:depth])
        return text

    def is_empty(self, text: str) -> bool:
        return "".join(text.split()) in {"", "{}"}


@dataclass(frozen=True, slots=True)
class SectionEntry:
    """A section of a configuration of AWS."""

    path: Path
    section: str
    lines: tuple[str, ...]
    may_replace: bool = False

    @property
    def name(self) -> str:
        return f"[{self.section}]"

    @property
    def value(self) -> str:
        return "\n".join(self.lines)

    def now(self, text: str) -> str | None:
        try:
            found = ini_text.get(text, self.section)
        except ini_text.NotPlain as exc:
            raise _refusal(self.path, exc) from None
        return None if found is None else "\n".join(found.splitlines()).rstrip("\n")

    def put(self, text: str) -> str:
        return ini_text.put(text, self.section, self.lines)

    def back(self, text: str, before: str | None) -> str:  # noqa: ARG002  # nothing of others is ever replaced
        return ini_text.drop(text, self.section)

    def is_empty(self, text: str) -> bool:
        return not text.strip()


@dataclass(frozen=True, slots=True)
class KubeEntry:
    """An item in a list of a kubeconfig. `value` is what says whether it is still ours: its name."""

    path: Path
    of: str
    item_name: str
    lines: tuple[str, ...]
    may_replace: bool = False

    @property
    def name(self) -> str:
        return f"{self.of}/{self.item_name}"

    @property
    def value(self) -> str:
        return self.item_name

    def now(self, text: str) -> str | None:
        try:
            return self.item_name if self.item_name in kube_text.names(text, self.of) else None
        except kube_text.NotPlain as exc:
            raise _refusal(self.path, exc) from None

    def put(self, text: str) -> str:
        try:
            return kube_text.put(text, self.of, self.item_name, self.lines)
        except kube_text.NotPlain as exc:
            raise _refusal(self.path, exc) from None

    def back(self, text: str, before: str | None) -> str:  # noqa: ARG002  # nothing of others is ever replaced
        return kube_text.drop(text, self.of, self.item_name)

    def is_empty(self, text: str) -> bool:
        left = {line.split("#")[0].strip() for line in text.splitlines()}
        return left <= {"", "apiVersion: v1", "kind: Config", *(f"{name}: []" for name in kube_text.LISTS)}


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file that is ours from its first line on, such as variables for a shell."""

    path: Path
    value: str
    may_replace: bool = False

    @property
    def name(self) -> str:
        return "the file"

    def now(self, text: str) -> str | None:
        return text or None

    def put(self, text: str) -> str:  # noqa: ARG002  # all of it is ours
        return self.value

    def back(self, text: str, before: str | None) -> str:  # noqa: ARG002  # all of it is ours
        return before or ""

    def is_empty(self, text: str) -> bool:
        return not text


def _refusal(path: Path, exc: Exception) -> CannotEdit:
    return CannotEdit(f"{path} {exc}. It was left as it is.")
