"""The report from made-up results: everything that it draws must be valid, and say what the numbers say."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.profiling import describe_stacks, describe_symbols, read_frame
from benchmarks.ratios import Spread
from benchmarks.report.chart import Bar, Panel, draw, ticks_up_to
from benchmarks.report.document import write_report
from benchmarks.report.goals import judge_goals
from benchmarks.report.words import number, spread
from benchmarks.results import Failure, Results, Sample

COSTS = (("gateway", 40.0, 0.9), ("nginx-auth", 80.0, 1.2), ("nginx", 30.0, 1.0), ("caddy-auth", 100.0, 2.0))
SVG = "{http://www.w3.org/2000/svg}"


def made_up() -> Results:
    """The gateway costs 40 where nginx + auth_request costs 80 and Caddy 100; 0.9 per GiB where nginx costs 1."""
    results = Results(facts={"CPU": "a | pipe"}, notes={"tls gateway": "TLSv1.3 X"})
    for turn in range(3):
        for candidate, micro, gib in COSTS:
            noise = 1 + turn / 10
            values = {"cpu_us": micro * noise, "rps": 9000.0, "p50_ms": 1.0, "p99_ms": 2.0, "foreign": 0.1}
            results.samples.append(Sample("requests/32", "static", candidate, turn, values, 0.5))
            values = {"cpu_gib": gib * noise, "gib_s": 1.0, "peak_rss_mib": 50.0}
            for case in ("down/1", "down/8"):
                results.samples.append(Sample(case, "registry", candidate, turn, values))
    cut = {"last_ms_p50": 9.0, "last_ms_p99": 12.0, "after_mib_max": 0.5, "resets": 1.0}
    results.samples.append(Sample("cut/1/50 MiB/s", "static", "gateway", 0, cut))
    results.failures.append(Failure("down", "registry", "haproxy", 0, "it ended"))
    return results


def verdict_of(results: Results, words: str) -> str:
    return next(verdict.words for verdict in judge_goals(results) if words in verdict.goal)


def test_goals_are_judged_by_ratios_of_the_same_round() -> None:
    results = made_up()
    assert verdict_of(results, "static files: <= nginx + auth_request") == "met"
    assert verdict_of(results, "1/3 of Caddy") == "**missed** by 20%"
    assert verdict_of(results, "<= 0.8 x nginx") == "**missed** by 12%"
    assert verdict_of(results, "HAProxy with splice") == "not measured"
    assert verdict_of(results, "median <= 15 ms") == "met"


def test_report_names_goals_tables_pictures_and_failures(tmp_path: Path) -> None:
    write_report(made_up(), tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| **this gateway** | 44.0 [40.0..48.0] | 1 |" in text
    assert "| nginx + auth_request | 88.0 [80.0..96.0] | 0.500 [0.500..0.500] |" in text
    assert "| CPU | a \\| pipe |" in text
    assert "down, registry, haproxy, round 1: it ended" in text
    for name in ("requests", "down"):
        assert f"]({name}.svg)" in text
        ET.parse(tmp_path / f"{name}.svg")  # noqa: S314  # our own file


def test_results_survive_the_file(tmp_path: Path) -> None:
    results = made_up()
    results.profiles["load: tool"] = ["line"]
    results.save(tmp_path / "deep" / "results.json")
    assert Results.load(tmp_path / "deep" / "results.json") == results


def test_chart_draws_a_bar_and_a_whisker_per_candidate_in_scale() -> None:
    bars = [Bar("we & they", Spread(10, 5, 20, 3), is_ours=True), Bar("<b>", Spread(40, 40, 40, 1))]
    root = ET.fromstring(draw([Panel("a < b", "us", bars)], 'says "how"'))  # noqa: S314  # our own text
    widths = [float(item.attrib["width"]) for item in root.iter(f"{SVG}rect")]
    assert widths[1] == pytest.approx(4 * widths[0], rel=0.01)
    assert len(list(root.iter(f"{SVG}path"))) == 1  # one value alone has no range
    assert root.attrib["aria-label"] == 'says "how"'
    assert "we & they" in [item.text for item in root.iter(f"{SVG}text")]


@pytest.mark.parametrize(("highest", "last"), [(0.37, 0.4), (40, 40), (96, 100), (1.0, 1.0), (0, 1)])
def test_ticks_are_round_and_reach_the_highest_value(highest: float, last: float) -> None:
    ticks = ticks_up_to(highest)
    assert ticks[0] == 0
    assert ticks[-1] == pytest.approx(last)
    assert 2 <= len(ticks) <= 6


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0123, "0.012"), (0.5, "0.500"), (12.34, "12.3"), (123.4, "123"), (12345, "12,300"), (0, "0")],
)
def test_numbers_keep_three_digits(value: float, words: str) -> None:
    assert number(value) == words


def test_spread_of_one_value_has_no_range() -> None:
    assert spread(Spread(2, 2, 2, 1)) == "2.00"
    assert spread(None) == "-"


def test_profile_names_no_place_of_the_machine() -> None:
    assert read_frame("decide (/x/registry_proxy/gate/gate.py:80)") == "registry_proxy/gate/gate.py decide"
    assert read_frame("recv (/x/lib/python3.11/ssl.py:9)") == "ssl.py recv"
    assert read_frame("f (/x/site-packages/httpx/_client.py:9)") == "httpx/_client.py f"
    assert read_frame("g (/somewhere/else.py:9)") == "else.py g"


def test_profile_tells_whole_from_alone() -> None:
    frames = ("main (/x/registry_proxy/server/main.py:1)", "append (/x/registry_proxy/audit_sink/spool.py:1)")
    lines = describe_stacks([f"{frames[0]} 1", f"{';'.join(frames)} 3", "no count"])
    assert lines[0].startswith("4 samples")
    assert "100.0%  registry_proxy/server/main.py main" in lines
    assert lines.count(" 75.0%  registry_proxy/audit_sink/spool.py append") == 2


def test_profile_adds_up_the_kernel() -> None:
    report = [
        "# comment",
        "    10.50%  [kernel.kallsyms]  [k] tcp_sendmsg   -  -",
        "     4.00%  /usr/lib/libc.so.6  [.] memcpy",
    ]
    assert describe_symbols(report) == [
        "10% of the time in the kernel; the largest symbols:",
        " 10.5%  [kernel.kallsyms]  tcp_sendmsg",
        "  4.0%  libc.so.6  memcpy",
    ]


def test_each_missed_goal_says_where_it_goes(tmp_path: Path) -> None:
    results = made_up()
    write_report(results, tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8").partition("## Where the time goes")[2]
    missed = [verdict.goal for verdict in judge_goals(results) if verdict.value is not None and not verdict.is_met]
    assert missed
    for goal in missed:
        assert f"| {goal} | by " in text
    assert "| CPU per small request, everything on, static files: <= nginx" not in text  # met in these numbers
