"""What people type: lengths of time, and names of things."""

from __future__ import annotations

import pytest

from jit_access.cli.resources import Resource, parse_resource
from jit_access.cli.times import duration_words, parse_duration, size_words
from jit_access.cli.troubles import Exit, Trouble

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2h", 7200), ("90m", 5400), ("90min", 5400), ("1h30m", 5400), ("1d", 86400), ("45s", 45), (" 1H ", 3600),
     ("1d2h3m4s", 93784)],
)  # fmt: skip
def test_length_of_time_is_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "1.5h", "2 hours", "1m1h", "0h", "9999999h", "2h!", "٢h"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(Trouble) as refused:
        parse_duration(text)
    assert refused.value.status == Exit.USAGE


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (899, "14 min 59 s"), (900, "15 min"),
     (3599, "1 h"), (5400, "1 h 30 min"), (86399, "1 d"), (90000, "1 d 1 h")],
)  # fmt: skip
def test_length_of_time_in_words(seconds: int, words: str) -> None:
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [(None, "–"), (0, "0 B"), (999, "999 B"), (1024, "1.00 KiB"), (75497472, "72.0 MiB"), (140660178944, "131 GiB")],
)
def test_size_has_three_figures(size: int | None, words: str) -> None:
    assert size_words(size) == words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("prod/llm/llama", Resource("prod", "llm/llama")),
        ("prod/llm/llama:v1", Resource("prod", "llm/llama", tag="v1")),
        (f"prod/llm/llama@{DIGEST}", Resource("prod", "llm/llama", digest=DIGEST)),
        (f"prod/llm/llama:v1@{DIGEST}", Resource("prod", "llm/llama", digest=DIGEST)),
        ("docker://gate.test:1/prod/llm/llama:v1", Resource("prod", "llm/llama", "v1", host="gate.test:1")),
        ("localhost:8080/prod/llm/llama:v1", Resource("prod", "llm/llama", "v1", host="localhost:8080")),
        ("hub/models/Ada/llama-2_ft", Resource("hub", "models/Ada/llama-2_ft")),
        ("store/bucket/some=prefix/x@y", Resource("store", "bucket/some=prefix/x@y")),
        (" prod/llm/llama/ ", Resource("prod", "llm/llama")),
        (
            "https://jit.example.com/request?resource=prod/llm/llama&operation=push",
            Resource("prod", "llm/llama", operation="push"),
        ),
        (
            'level=fatal msg="denied: Your grant does not cover this repository. Request access at '
            'http://127.0.0.1:8000/request?resource=prod/llm/llama&operation=pull"',
            Resource("prod", "llm/llama", operation="pull"),
        ),
    ],
)  # fmt: skip
def test_resource_is_read_as_people_write_it(text: str, found: Resource) -> None:
    assert parse_resource(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "prod", "prod/", "/llm", "Prod/llm", "prod/llm:", "prod/llm:a:b", "prod/llm@sha256:short", "docker://host",
     "ftp://host/prod/llm", "https://jit.example.com/requests/req_1", "prod/l lm", "prod/l\x1b[2Jm",
     "https://jit.example.com/request?resource=nothing"],
)  # fmt: skip
def test_what_is_no_resource_is_refused(text: str) -> None:
    with pytest.raises(Trouble) as refused:
        parse_resource(text)
    assert refused.value.status == Exit.USAGE


def test_operation_of_a_link_is_one_that_there_is() -> None:
    link = "https://jit.example.com/request?resource=prod/llm/llama&operation=format-disk"
    assert parse_resource(link).operation == ""
