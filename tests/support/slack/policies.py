"""The example policy, with the chat opened for standard repositories, and for more than a chat may ever do."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings

from jit_access.domain.actors import GATEWAY
from jit_access.policies.services import load_policy


def load_chat_policy(directory: Path, *, is_open: bool = True) -> None:
    """Standard needs an owner's approval; with `is_open` every rule of research says `@approve_in_chat`."""
    shutil.copytree(settings.POLICY_DIR, directory, dirs_exist_ok=True)
    people = directory / "people.cedar"
    text = people.read_text(encoding="utf-8")
    text = text.replace('@id("research-standard")\n', '@id("research-standard")\n@approvals("1 of model-owners")\n')
    if is_open:
        for name in ("standard", "sensitive", "critical"):
            text = text.replace(f'@id("research-{name}")\n', f'@id("research-{name}")\n@approve_in_chat\n')
    people.write_text(text, encoding="utf-8")
    load_policy(actor=GATEWAY, directory=directory)
