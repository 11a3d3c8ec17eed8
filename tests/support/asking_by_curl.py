"""The request for two resources at once that a how-to shows, sent as it stands there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.documents import blocks, session_headers, shell, typed
from tests.support.visitor import Visitor


def ask_as_written(document: str, folder: Path, *, operator: Visitor, asker: Visitor, target: str) -> dict[str, Any]:
    """Name the resources of the example, as an operator does; then send it. Returns the request as the API tells it."""
    [command] = [item for block in blocks(document, "console") for item in typed(block) if "/api/v1/requests" in item]
    text = command.replace("<target>", target)
    wanted = json.loads(text[text.index("'{") + 1 : text.rindex("}'") + 1])
    assert wanted["target"] == target
    for part in wanted["resources"]:
        name_if_new(operator, target, part["repository"])
    (folder / "headers").write_text(session_headers(asker))
    ran = shell(f"web={asker.stack.web}\n{text}", folder)
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout)
    assert "payload_hash" in answer, answer
    asked = [(part["repository"], part["operations"]) for part in wanted["resources"]]
    assert sorted((part["repository"], sorted(part["operations"])) for part in answer["resources"]) == sorted(
        (name, sorted(words)) for name, words in asked
    ), answer
    assert answer["state"] in {"pending", "approved"}
    _take_back(asker, answer)
    return answer


def _take_back(asker: Visitor, request: dict[str, Any]) -> None:
    """So that no other story finds something to start."""
    path = f"requests/{request['id']}/withdraw" if request["grant"] is None else f"grants/{request['grant']}/end"
    _post(asker, path, {})


def name_if_new(operator: Visitor, target: str, name: str) -> None:
    """*Name a repository*, of the lightest tier; experiments are made at the server."""
    if not name.startswith("experiments/"):
        _post(operator, f"targets/{target}/repositories", {"name": name, "tier": "standard"})


def _post(person: Visitor, path: str, body: dict[str, str]) -> None:
    """What is there already is fine."""
    web, address = person.stack.web, f"/api/v1/{path}"
    headers = {"X-CSRFToken": person.client.cookies.get("csrftoken") or "", "Referer": web, "Origin": web}
    answer = person.client.post(address, json=body, headers=headers)
    if "second-factor-stale" in answer.text:
        proof = body | {"code": person.stack.fresh_code(person.username)}
        answer = person.client.post(address, json=proof, headers=headers)
    assert answer.is_success or "already" in answer.text, answer.text
