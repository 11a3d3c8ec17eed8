"""The pieces that turn readings into numbers. What they measure is not tested here: no timing asserts."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys

import pytest

from benchmarks.loads.wrk import parse_wrk
from benchmarks.meters import TreeMeter, read_status_line
from benchmarks.processes import CannotMeasure, refuse_served
from benchmarks.ratios import Spread, paired_ratio, quantile
from benchmarks.scenarios.cuts import judge

WRK = """Running 2s test @ http://127.0.0.1:1234/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.88ms    1.02ms  17.35ms   88.14%
    Req/Sec    12.13k   805.54    13.20k    70.00%
  Latency Distribution
     50%  812.00us
     75%    2.03ms
     90%    2.91ms
     99%    1.26s
  24131 requests in 2.00s, 30.15MB read
Requests/sec:  12062.72
Transfer/sec:     15.07MB
"""


def test_wrk_report_is_read_in_one_unit() -> None:
    seen = parse_wrk(WRK)
    assert (seen.count, seen.seconds) == (24131, 2.0)
    assert (seen.p50_ms, seen.p99_ms) == (0.812, 1260.0)


@pytest.mark.parametrize(
    "line",
    [
        "  Non-2xx or 3xx responses: 7\nRequests/sec",
        "  Socket errors: connect 0, read 3, write 0, timeout 0\nRequests/sec",
    ],
)
def test_wrk_report_with_one_wrong_answer_is_no_measurement(line: str) -> None:
    with pytest.raises(CannotMeasure, match=line.split(":", maxsplit=1)[0].strip()):
        parse_wrk(WRK.replace("Requests/sec", line))


@pytest.mark.parametrize("text", ["", WRK.replace("24131 requests", "0 requests"), WRK.replace("     50%", "     51%")])
def test_wrk_report_of_another_form_is_no_measurement(text: str) -> None:
    with pytest.raises(CannotMeasure):
        parse_wrk(text)


def test_ratio_is_taken_inside_each_round() -> None:
    """A noisy second round slows both; the ratio of medians over all rounds would hide that they agree."""
    ours, theirs = {0: 2.0, 1: 20.0, 2: 3.0}, {0: 4.0, 1: 40.0, 3: 1.0}
    assert paired_ratio(ours, theirs) == Spread(0.5, 0.5, 0.5, 2)


def test_ratio_of_rounds_that_never_met_is_nothing() -> None:
    assert paired_ratio({0: 1.0}, {1: 1.0}) is None
    assert paired_ratio({0: 1.0}, {0: 0.0}) is None


def test_quantile_is_a_value_that_was_seen() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1.0)) == (50.0, 99.0, 100.0)
    assert quantile([7.0], 0.01) == 7.0
    assert math.isnan(quantile([], 0.5))


def test_meter_counts_children_that_started_after_it() -> None:
    meter = TreeMeter((os.getpid(),))
    assert os.getpid() in meter.pids()
    script = "import sys; print(flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], **pipes) as child:
        assert child.stdout
        child.stdout.readline()  # its memory grows until here
        assert child.pid in meter.pids()
        assert meter.cpu_s() > 0
        now = meter.rss_bytes()
        assert meter.peak_rss_bytes() >= now > 0
        child.communicate()
    assert child.pid not in meter.pids()


def test_status_line_is_read_as_bytes() -> None:
    lines = ["Name:\tnginx", "VmHWM:\t    1234 kB", "VmRSS:\t      12 kB"]
    assert read_status_line(lines, "VmHWM") == 1234 * 1024
    assert read_status_line(["Name:\tkthreadd"], "VmHWM") == 0


def test_port_that_is_served_already_is_refused() -> None:

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CannotMeasure, match=str(port)):
            refuse_served(port)
    refuse_served(port)


def stream(ended_at: float, *reads: tuple[float, int], how: str = "reset") -> dict[str, object]:
    return {"ended_at": ended_at, "how": how, "reads": list(reads)}


def test_cut_counts_only_what_came_after_the_revocation() -> None:
    seen = judge([stream(10.030, (9.9, 1 << 20), (10.010, 1 << 20)), stream(10.005, (9.99, 5))], 10.0)
    assert seen["last_ms_p99"] == pytest.approx(10)
    assert seen["ended_ms_p99"] == pytest.approx(30)
    assert seen["after_mib_max"] == 1.0
    assert seen["resets"] == 1.0


@pytest.mark.parametrize("ended_at", [0.0, 9.0])
def test_cut_of_a_stream_that_ended_otherwise_is_no_measurement(ended_at: float) -> None:
    with pytest.raises(CannotMeasure):
        judge([stream(ended_at)], 10.0)
