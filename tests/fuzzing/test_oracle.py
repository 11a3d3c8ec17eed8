"""The second reader against the real registry: its own log says which repository and reference it took a path for."""

from __future__ import annotations

import http.client
import json
import random
from pathlib import Path

from tests.adversarial.test_million_targets import forwarded, generated
from tests.fuzzing.oracle import served
from tests.support.processes import wait_for
from tests.support.registry import start_registry

TARGETS = 4000
_NEWER = "/referrers/"  # a route that docker-registry 2.8 does not have yet


def test_a_real_registry_reads_what_the_oracle_reads(tmp_path: Path) -> None:
    dice = random.Random("oracle")  # noqa: S311 - the same ones each time
    drawn = [generated(dice) for _ in range(TARGETS)]
    passed = {(method, found[1]) for method, target in drawn
              if _NEWER not in target and (found := forwarded(method, target))}  # fmt: skip
    registry = start_registry(tmp_path, log_level="debug")
    try:
        connection = http.client.HTTPConnection(registry.host, timeout=60)
        for method, target in sorted(passed):
            connection.request(method, target.decode("ascii"), headers={"Content-Length": "0"})
            connection.getresponse().read()
        connection.close()
        wait_for(lambda: len(_read(registry.child.log_text())) == len(passed), "a log line for each request")
        read = _read(registry.child.log_text())
    finally:
        registry.stop()
    assert len(read) > TARGETS // 4
    for method, target in passed:
        expected = served(target)
        assert expected is not None
        assert read[method, target] == (expected.repository, expected.reference), target


def _read(log: str) -> dict[tuple[str, bytes], tuple[str, str]]:
    """What the registry says of each request before it looks for a permission: repository and reference."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{") and line.endswith("}")]
    return {
        (line["http.request.method"], line["http.request.uri"].encode()): (
            line.get("vars.name", ""),
            line.get("vars.reference") or line.get("vars.digest") or line.get("vars.uuid") or "",
        )
        for line in lines
        if line.get("msg") == "authorizing request"
    }
