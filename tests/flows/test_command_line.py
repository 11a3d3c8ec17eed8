"""`jit` as people use it: one command from "I need this" to bytes, with everything real."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jit_access.cli.client import Client
from jit_access.cli.settings import make_site
from tests.support import stories
from tests.support.at_terminal import Running, Seat, command, token_of
from tests.support.processes import wait_for
from tests.support.stack import Stack
from tests.support.visitor import Visitor

Visit = Callable[[str], Visitor]
MODEL = f"demo-registry/{stories.MODEL}:v1"
BASE = "demo-registry/tools/base-image:v1"
WANTED = ("--for", "1h", "--reason", stories.PURPOSE)
PULL = ("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "docker://{image}")
WAITS = "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.05)\nsys.exit(3)"
_REQUEST = re.compile(r"req_[a-z2-7]{20}")
_GRANT = re.compile(r"grt_[a-z2-7]{20}")


@pytest.fixture(scope="module")
def seat(stack: Stack, visit: Visit, tmp_path_factory: pytest.TempPathFactory) -> Seat:
    """Ada's laptop, signed in by browser."""
    ada = Seat(tmp_path_factory.mktemp("ada"), stack.web)
    ada.sign_in(visit("ada"))
    return ada


@pytest.fixture
def job(stack: Stack, tmp_path: Path) -> Seat:
    """A machine of ci-bot's."""
    bot = Seat(tmp_path, stack.web)
    assert bot.jit("login", "--token-stdin", given=token_of(stack)).returncode == 0
    return bot


def grant_now(seat: Seat, said: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(seat.jit("grants", named(_GRANT, said), "--json").stdout)
    return found


def tokens_of(seat: Seat, running: Running) -> list[str]:
    """The live ones of the grant that it works with."""
    client = Client(make_site(seat.address), held_by(seat))
    rows = client.pages(f"/grants/{named(_GRANT, running.stderr)}/tokens")
    return [row["id"] for row in rows if row["state"] == "issued"]


def held_by(seat: Seat) -> str:
    kept = json.loads((seat.home / ".local/state/jit/tokens.json").read_text(encoding="utf-8"))
    return str(kept["sites"][seat.address]["token"])


def named(shape: re.Pattern[str], said: str) -> str:
    found = shape.search(said)
    assert found, said
    return found[0]


def test_model_in_one_command_while_somebody_else_approves(seat: Seat, visit: Visit, tmp_path: Path) -> None:
    running = seat.begin("run", *WANTED, MODEL, "--", *PULL, f"dir:{tmp_path / 'model'}")
    running.until_it_says("Asked now: 1 of model-owners: Ben Laurent")
    stories.approve(visit("ben"), named(_REQUEST, running.stderr))
    assert running.end() == 0, running.stderr
    assert (tmp_path / "model" / "manifest.json").exists()
    assert "Ben Laurent approved" in running.stderr
    assert grant_now(seat, running.stderr)["reason"] == {
        "code": "grant-relinquished",
        "sentence": "You ended this grant. Ask again when you need it.",
    }
    assert "jita_" not in running.stdout + running.stderr


def test_denial_is_told_with_its_note(seat: Seat, visit: Visit, tmp_path: Path) -> None:
    running = seat.begin("run", *WANTED, MODEL, "--", *PULL, f"dir:{tmp_path / 'model'}")
    running.until_it_says("Asked now")
    ben = visit("ben")
    ben.open(f"/approvals/{named(_REQUEST, running.stderr)}")
    ben.submit("/deny", note="Use the int8 one")
    assert running.end() == 4
    assert "✗ Denied by Ben Laurent: “Use the int8 one” (denied-by-person)" in running.stderr
    assert not (tmp_path / "model").exists()


def test_ctrl_c_leaves_the_request_open_and_the_next_command_goes_on(seat: Seat, visit: Visit, tmp_path: Path) -> None:
    first = seat.begin("run", *WANTED, MODEL, "--", *PULL, f"dir:{tmp_path / 'model'}")
    first.until_it_says("The answer is due")
    first.process.send_signal(signal.SIGINT)
    assert first.end() == 130
    request = named(_REQUEST, first.stderr)
    assert f"{request} stays open" in first.stderr
    go_on = next(line.partition("Go on: ")[2] for line in first.stderr.splitlines() if "Go on: " in line)
    assert go_on.startswith(f"jit run {MODEL} -- skopeo")
    stories.approve(visit("ben"), request)
    again = seat.jit("run", MODEL, "--", *PULL, f"dir:{tmp_path / 'model'}")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "model" / "manifest.json").exists()


def test_refusal_of_policy_is_printed_and_nothing_is_run(seat: Seat, tmp_path: Path) -> None:
    refused = seat.jit("run", "--op", "delete", *WANTED, MODEL, "--", "touch", tmp_path / "ran")
    assert refused.returncode == 4
    assert "(no-rule-allows)" in refused.stderr
    assert "jit why demo-registry/llm/tiny-llama --op delete" in refused.stderr
    allowed = seat.jit("run", *WANTED, BASE, "--", "touch", tmp_path / "ran")
    assert allowed.returncode == 0, allowed.stderr
    assert (tmp_path / "ran").exists()


def test_outsider_is_told_as_if_nothing_was_there(stack: Stack, visit: Visit, tmp_path: Path) -> None:
    cleo = Seat(tmp_path, stack.web)
    cleo.sign_in(visit("cleo"))
    refused = cleo.jit("request", *WANTED, MODEL)
    assert refused.returncode == 8
    assert "✗ There is nothing here that you may see. (not-found)" in refused.stderr


def test_child_gets_access_and_nothing_else(seat: Seat) -> None:
    looks = (
        "import json, os, pathlib, sys; folder = pathlib.Path(os.environ['DOCKER_CONFIG']);"
        "print(json.dumps({'names': sorted(n for n in os.environ if n.startswith(('JIT', 'DOCKER', 'REGISTRY'))),"
        "'modes': [folder.stat().st_mode, (folder / 'config.json').stat().st_mode], 'folder': str(folder),"
        "'arguments': sys.argv[1:]})); sys.exit(7)"
    )
    ran = seat.jit("run", *WANTED, BASE, "--", sys.executable, "-c", looks, "{image}", JIT_TOKEN_FILE="", JIT_TOKEN="")
    assert ran.returncode == 7
    found = json.loads(ran.stdout)
    assert found["names"] == ["DOCKER_CONFIG", "JIT_ADDR", "JIT_GRANT", "JIT_IMAGE", "REGISTRY_AUTH_FILE"]
    assert [stat.S_IMODE(mode) for mode in found["modes"]] == [0o700, 0o600]
    assert found["arguments"][0].endswith(f"/{BASE}")
    assert not Path(found["folder"]).exists()


def test_token_of_the_environment_is_not_handed_on(stack: Stack, tmp_path: Path) -> None:
    bot = Seat(tmp_path, stack.web)
    ran = bot.jit("run", *WANTED, BASE, "--", "env", JIT_TOKEN=token_of(stack))
    assert ran.returncode == 0, ran.stderr
    assert "JIT_GRANT=" in ran.stdout
    assert "jita_api_" not in ran.stdout


def test_signal_reaches_the_command_and_access_ends(job: Seat) -> None:
    program = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(9)); print('on', flush=True); time.sleep(99)"
    )
    running = job.begin("run", *WANTED, BASE, "--", sys.executable, "-c", program)
    wait_for(lambda: "on" in running.stdout, "the command runs")
    running.process.terminate()
    assert running.end() == 9
    assert grant_now(job, running.stderr)["state"] in {"revoking", "ended"}


def test_grant_that_was_open_before_goes_on_afterwards(job: Seat) -> None:
    asked = json.loads(job.jit("request", *WANTED, BASE, "--json").stdout)
    assert job.jit("start", asked["grant"]).returncode == 0
    ran = job.jit("run", BASE, "--", "true")
    assert ran.returncode == 0
    assert "The grant goes on" in ran.stderr
    tokens = grant_now(job, ran.stderr)
    assert tokens["state"] == "active"
    ended = job.jit("end", BASE)
    assert ended.returncode == 0, ended.stderr
    gone = job.jit("run", BASE, "--", "true")
    assert gone.returncode == 8
    assert "--for TIME and --reason TEXT" in gone.stderr


def test_cut_is_told_for_what_it_was(job: Seat, visit: Visit, tmp_path: Path) -> None:
    running = job.begin("run", *WANTED, BASE, "--", sys.executable, "-c", WAITS, tmp_path / "go")
    running.until_it_says("left, ends")
    dora, grant = visit("dora"), named(_GRANT, running.stderr)
    token = dora.client.cookies.get("csrftoken", "")
    headers = {"X-CSRFToken": token, "Referer": dora.stack.web, "Origin": dora.stack.web}
    answer = dora.client.post(f"/api/v1/grants/{grant}/revoke", json={"note": "Laptop lost"}, headers=headers)
    assert answer.status_code == 200, answer.text
    (tmp_path / "go").touch()
    assert running.end() == 3
    assert "✂ This session was revoked. “Laptop lost” (grant-revoked)" in running.stderr


def test_extension_while_it_runs_is_ended_with_it(seat: Seat, tmp_path: Path) -> None:
    """The longer grant takes the token over, so it is the one that has to end."""
    running = seat.begin(
        "run", "--for", "10m", "--reason", "Look", BASE, "--", sys.executable, "-c", WAITS, tmp_path / "go"
    )
    running.until_it_says("left, ends")
    first = named(_GRANT, running.stderr)
    extended = seat.jit("extend", first, "--for", "10m", "--reason", "It takes longer", "--json")
    assert extended.returncode == 0, extended.stderr
    second = json.loads(extended.stdout)["started"]["id"]
    (tmp_path / "go").touch()
    assert running.end() == 3
    assert f"Access ended: {second}" in running.stderr
    assert "✂" not in running.stderr
    assert json.loads(seat.jit("grants", second, "--json").stdout)["state"] in {"revoking", "ended"}


def test_link_of_a_refusal_is_all_one_needs_to_paste(stack: Stack, job: Seat) -> None:
    refused = stories.skopeo("inspect", "--tls-verify=false", f"docker://{stack.gateway}/{BASE}")
    assert refused.returncode != 0
    asked = job.jit("request", *WANTED, refused.stderr, "--json")
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout)["resources"][0]["repository"] == "tools/base-image"


def test_name_of_another_registry_is_not_taken_for_ours(job: Seat) -> None:
    refused = job.jit("request", *WANTED, f"docker://registry.example.com/{BASE}")
    assert refused.returncode == 2
    assert "registry.example.com is not this gateway" in refused.stderr


def test_environment_prints_no_secret_and_works(stack: Stack, job: Seat, tmp_path: Path) -> None:
    asked = json.loads(job.jit("request", *WANTED, BASE, "--json").stdout)
    assert job.jit("start", asked["grant"]).returncode == 0
    printed = job.jit("env", BASE)
    assert printed.returncode == 0, printed.stderr
    assert "jita_" not in printed.stdout
    pull = 'exec skopeo --insecure-policy copy --src-tls-verify=false "docker://$JIT_IMAGE"'
    script = f'eval "$(cat)"; {pull} dir:{tmp_path}/base'
    pulled = subprocess.run(
        ["sh", "-c", script], input=printed.stdout, env=job.environment(), capture_output=True, text=True, check=False
    )
    assert pulled.returncode == 0, pulled.stderr
    assert job.jit("end", asked["grant"]).returncode == 0


def test_approver_answers_in_the_terminal(seat: Seat, stack: Stack, visit: Visit, tmp_path: Path) -> None:
    asked = seat.jit("request", *WANTED, MODEL, "--json")
    assert asked.returncode == 3
    request = json.loads(asked.stdout)["id"]
    ben = Seat(tmp_path, stack.web)
    ben.sign_in(visit("ben"))
    assert request in ben.jit("review").stdout
    unsure = ben.jit("review", request, "--approve")
    assert unsure.returncode == 2  # nobody was asked again
    less = ben.jit("review", request, "--approve", "--for", "30m", "--note", "Enough for a test", "--yes")
    assert less.returncode == 0, less.stderr
    shown = seat.jit("requests", request)
    assert "Ben Laurent approved: “Enough for a test”" in shown.stdout
    held = json.loads(seat.jit("requests", request, "--json").stdout)
    assert (held["state"], held["lasts_s"]) == ("approved", 1800)
    assert seat.jit("end", held["grant"]).returncode == 0


def test_sign_out_ends_the_token_at_the_gateway(stack: Stack, visit: Visit, tmp_path: Path) -> None:
    away = Seat(tmp_path, stack.web)
    away.sign_in(visit("ada"))
    given = {"JIT_TOKEN": held_by(away)}
    assert away.jit("status", **given).returncode == 0
    assert away.jit("logout").returncode == 0
    assert away.jit("status", **given).returncode == 7
    assert away.jit("status").returncode == 7


def test_grant_that_two_commands_use_ends_with_the_later_one(job: Seat, tmp_path: Path) -> None:
    """The earlier one started it; were it to end it, the other's transfer would be cut."""
    first = job.begin("run", *WANTED, BASE, "--", sys.executable, "-c", WAITS, tmp_path / "first")
    first.until_it_says("left, ends")
    wait_for(lambda: len(tokens_of(job, first)) == 1, "the first has its token")
    second = job.begin("run", BASE, "--", sys.executable, "-c", WAITS, tmp_path / "second")
    wait_for(lambda: len(tokens_of(job, first)) == 2, "the second has its token")
    (tmp_path / "first").touch()
    assert first.end() == 3
    grant = named(_GRANT, first.stderr)
    assert f"Another command still uses {grant}" in first.stderr
    assert grant_now(job, first.stderr)["state"] == "active"
    (tmp_path / "second").touch()
    assert second.end() == 3
    assert f"Access ended: {grant}" in second.stderr
    assert grant_now(job, first.stderr)["state"] in {"revoking", "ended"}


def test_command_that_is_not_there_asks_for_nothing(job: Seat) -> None:
    before = job.jit("requests", "--json").stdout
    assert job.jit("run", *WANTED, BASE, "--", "no-such-command").returncode == 127
    assert job.jit("requests", "--json").stdout == before


def test_secret_is_on_no_command_line(job: Seat) -> None:
    look = (
        "import pathlib\n"
        "for one in pathlib.Path('/proc').glob('[0-9]*/cmdline'):\n"
        "    print(one.read_bytes().replace(bytes(1), b' ').decode('utf-8', 'replace'))"
    )
    ran = job.jit("run", *WANTED, BASE, "--", sys.executable, "-c", look)
    assert "jit_access.cli" in ran.stdout
    assert "jita_" not in ran.stdout


def test_it_is_the_same_by_its_module_name(stack: Stack) -> None:
    shown = subprocess.run(
        command(["--version"]),
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"jit \d+\.\d+\.\d+\n", shown.stdout)
