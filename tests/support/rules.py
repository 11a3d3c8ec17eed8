"""The example policy with one thing changed, loaded as an operator would."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from jit_access.domain.actors import GATEWAY
from jit_access.policies.services import load_policy

SENSITIVE = '@approvals("1 of model-owners")\n@factor("15m")'


def load_changed(directory: Path, changes: dict[str, str]) -> None:
    """Every change must find its place, or a test would prove something else."""
    found = dict.fromkeys(changes, 0)
    directory.mkdir(parents=True, exist_ok=True)
    for path in Path(settings.POLICY_DIR).iterdir():
        text = path.read_text(encoding="utf-8")
        for old, new in changes.items():
            found[old] += text.count(old)
            text = text.replace(old, new)
        (directory / path.name).write_text(text, encoding="utf-8")
    assert all(found.values()), found
    load_policy(actor=GATEWAY, directory=directory)


def load_stages(directory: Path, approvals: str, *, more: str = "") -> None:
    """What research needs for sensitive models: these approvals, and further annotations."""
    load_changed(directory, {SENSITIVE: f'@approvals("{approvals}")\n{more}\n@factor("15m")'})
