"""An emergency with everything real: what waits is opened at once, pulled by skopeo, and reviewed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.flows.test_first_pull import pull
from tests.support import stories
from tests.support.stack import Stack
from tests.support.visitor import Visitor

WHY = "Production serves wrong answers until this model is rolled back"


def test_from_waiting_to_the_review(stack: Stack, visit: Callable[[str], Visitor], tmp_path: Path) -> None:
    ada, dora = visit("ada"), visit("dora")
    waiting = stories.ask(ada)
    ada.open(f"/break-glass/new?request={waiting}")
    ada.submit("/break-glass/new", purpose=WHY, typed=stories.MODEL, code=stack.fresh_code("ada"))
    assert "Open for 30 min, without approval." in ada.page.text
    found = re.search(r'id="(grt_[a-z2-7]+)"', ada.page.text)
    assert found, ada.page.text
    token = stories.another_token(ada, found[1])
    pulled = pull(stack, stories.Started(found[1], token), tmp_path / "model")
    assert pulled.returncode == 0, pulled.stderr
    dora.open("/access")
    assert "open without approval" in dora.page.text
    review = re.search(r"/break-glass/(bgr_[a-z2-7]+)", dora.page.text)
    assert review, dora.page.text
    stories.end(ada, found[1])
    again = pull(stack, stories.Started(found[1], token), tmp_path / "again")
    assert "You ended this grant" in again.stderr
    dora.open(f"/break-glass/{review[1]}")
    dora.submit(review[1], verdict="yes", note="Rolled back, nothing else was read")
    if "/second-factor" in str(dora.page.url):  # her sign-in was too long ago: what was typed is typed again
        dora.submit("/second-factor", code=stack.fresh_code("dora"))
        dora.open(f"/break-glass/{review[1]}")
        dora.submit(review[1], verdict="yes", note="Rolled back, nothing else was read")
    assert "The review is closed." in dora.page.text
    ada.open(f"/requests/{waiting}/withdraw")
    ada.submit("/withdraw")
