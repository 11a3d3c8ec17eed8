"""Docker starts its helper several times for one pull, so it loads nothing that takes long before it has to ask."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.architecture.test_command import SLOW
from tests.support.machine import ROOT

CODE = f"""
import json, sys
sys.path.insert(0, {str(ROOT)!r})
from jit_access.cli.docker_credential import main
main(["version"])
sys.stderr.write(json.dumps(sorted(sys.modules)))
"""


def test_the_helper_loads_nothing_slow() -> None:
    # -I and -S: what this machine's site-packages load at start is not the helper's.
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", CODE], capture_output=True, text=True, check=True)
    loaded = set(json.loads(ran.stderr))
    assert [name for name in (*SLOW, "argparse") if name in loaded] == []
    assert "jit_access.cli.grant_tokens" in loaded
