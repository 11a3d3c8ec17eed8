"""The steps that stories share, as people take them on the pages."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.visitor import Visitor

MODEL = "llm/tiny-llama"
PURPOSE = "Evaluate it on the new benchmark set"


@dataclass(frozen=True, slots=True)
class Started:
    """A grant that runs, and a token of it."""

    grant_id: str
    token: str


def ask(
    asker: Visitor, repository: str = MODEL, *, operations: str = "pull", lasts_s: int = 3600,
    target: str = "demo-registry", references: str = "",
) -> str:  # fmt: skip
    """Send a request for one repository; returns its id."""
    asker.open(f"/request?resource={target}/{repository}&operation={operations}")
    asker.submit(
        "requests/new", purpose=PURPOSE, lasts_s=lasts_s, operations=operations, references=references, check=1
    )
    asker.submit("requests/new", send=1)
    found = re.search(r"/requests/(req_[a-z2-7]+)", str(asker.page.url))
    assert found, asker.page.text
    return found[1]


def approve(approver: Visitor, request_id: str) -> None:
    approver.open(f"/approvals/{request_id}")
    approver.submit("/approve")
    assert "Approved." in approver.page.text


def start(asker: Visitor) -> Started:
    """Start the one approved grant and take a token of it."""
    asker.open("/access")
    found = re.search(r"/access/(grt_[a-z2-7]+)/start", asker.page.text)
    assert found, f"nothing waits to be started: {asker.page.status_code} {asker.page.url}\n{asker.page.text}"
    asker.open(found[0])
    asker.submit("/start")
    asker.open("/access")
    asker.submit(f"{found[1]}/token")
    token = re.search(r"jita_grant_\w+", asker.page.text)
    assert token, asker.page.text
    return Started(found[1], token[0])


def another_token(asker: Visitor, grant_id: str) -> str:
    """One more token of a grant that runs."""
    asker.open("/access")
    asker.submit(f"{grant_id}/token")
    token = re.search(r"jita_grant_\w+", asker.page.text)
    assert token, asker.page.text
    return token[0]


def get_access(visit: Callable[[str], Visitor], repository: str = MODEL, *, operations: str = "pull") -> Started:
    """Ada asks, Ben approves, Ada starts."""
    approve(visit("ben"), ask(visit("ada"), repository, operations=operations))
    return start(visit("ada"))


def end(asker: Visitor, grant_id: str) -> None:
    """*End now*."""
    asker.open(f"/access/{grant_id}/end")
    asker.submit("/end")


def skopeo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Debian's skopeo, unchanged."""
    command = [skopeo_binary(), "--insecure-policy", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def skopeo_binary() -> str:
    binary = shutil.which("skopeo")
    if binary is None:
        pytest.fail("skopeo is not installed (Debian: apt install skopeo)")
    return binary
