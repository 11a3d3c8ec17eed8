"""One structured line per event, with the request id, and never a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils.log import log_response
from hypothesis import given
from hypothesis import strategies as st

from jit_access.core.logging import logging_settings, make_formatter, redact
from jit_access.core.request_id import bind_request_id, current_request_id, forget_request_id
from jit_access.core.secret import HIDDEN, Secret
from jit_access.domain.tokens import TokenKind, format_token

TOKEN = format_token(TokenKind.GRANT, "a" * 16, "b" * 43)


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Everything that the logger `t` says, as production would print it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(make_formatter("json"))
    logger = logging.getLogger("t")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.handlers, logger.propagate = [], True
    forget_request_id()


def test_a_line_has_time_level_name_and_request_id(lines: Any) -> None:
    bind_request_id("abcdefgh12345678")
    logging.getLogger("t").info("moved %s bytes", 5, extra={"grant": "grt_a"})
    (line,) = lines()
    assert (line["event"], line["level"], line["logger"], line["grant"]) == ("moved 5 bytes", "info", "t", "grt_a")
    assert line["request_id"] == "abcdefgh12345678"
    assert line["timestamp"].endswith("Z")


def test_structlog_and_logging_give_the_same_form(lines: Any) -> None:
    structlog.get_logger("t").info("moved", grant="grt_a")
    (line,) = lines()
    assert (line["event"], line["logger"], line["grant"]) == ("moved", "t", "grt_a")


@pytest.mark.parametrize(
    "key", ["token", "api_token", "password", "PASSWORD", "client_secret", "Authorization", "code", "Cookie", "totp"]
)
def test_values_of_secret_names_are_dropped(key: str) -> None:
    assert redact(None, "", {key: "hunter2", "grant": "grt_a"}) == {key: HIDDEN, "grant": "grt_a"}
    assert redact(None, "", {"headers": [{key: "hunter2"}]}) == {"headers": [{key: HIDDEN}]}


@pytest.mark.parametrize("key", ["grant", "token_id", "status_code", "reason", "request_id", "key_id", "path"])
def test_values_of_harmless_names_stay(key: str) -> None:
    assert redact(None, "", {key: "grt_a"}) == {key: "grt_a"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"got {TOKEN}!", f"got {HIDDEN}!"),
        ("Authorization: Bearer abc.def", f"Authorization: Bearer {HIDDEN}"),
        ("Basic YWRhOnNlY3JldA==", f"Basic {HIDDEN}"),
        ("to postgresql://jit:hunter2@db/jit", f"to postgresql://{HIDDEN}@db/jit"),
        ("-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\nend", f"{HIDDEN}\nend"),
        ("https://example.test/a:b@c", "https://example.test/a:b@c"),
        ("bearer of news", "bearer of news"),
    ],
)
def test_secrets_are_dropped_wherever_they_stand(text: str, left: str) -> None:
    assert redact(None, "", {"event": text})["event"] == left
    assert redact(None, "", {"deep": [{"a": (text,)}]})["deep"] == [{"a": [left]}]


@given(st.recursive(st.text() | st.just(TOKEN), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_token_survives_in_any_shape(value: Any) -> None:
    assert TOKEN not in json.dumps(redact(None, "", {"value": value}), ensure_ascii=False)


def test_a_token_in_an_argument_or_a_traceback_is_dropped(lines: Any) -> None:
    logger = logging.getLogger("t")
    logger.info("presented %s", TOKEN)
    try:
        raise ValueError(TOKEN)
    except ValueError:
        logger.exception("failed", extra={"secret": Secret("hunter2"), "held": Secret("hunter2")})
    assert "ValueError" in lines()[1]["exception"]
    assert TOKEN not in str(lines())
    assert "hunter2" not in str(lines())


def test_a_request_gets_one_line_without_its_query(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="jit_access.core.request_id"):
        answer = client.get("/static/nothing.css?code=123456", headers={"X-Request-Id": "from-the-edge-1"})
        client.get("/healthz")
    (record,) = [item for item in caplog.records if item.name == "jit_access.core.request_id"]
    assert (record.path, record.method, record.status) == ("/static/nothing.css", "GET", answer.status_code)  # type: ignore[attr-defined]
    assert answer["X-Request-Id"] == "from-the-edge-1"
    assert "123456" not in str(record.__dict__)


@pytest.mark.parametrize("sent", ["", "short", "a" * 65, "with space", "line\nbreak", "ümlaut-ümlaut"])
def test_an_odd_request_id_is_replaced(sent: str) -> None:
    bind_request_id(sent)
    assert current_request_id() not in {"", sent}
    forget_request_id()


def test_settings_send_everything_through_one_handler() -> None:
    made = logging_settings(level="INFO", renderer="json")
    assert all(logger["handlers"] == [] and logger["propagate"] for logger in made["loggers"].values())
    assert made["root"] == {"handlers": ["stderr"], "level": "INFO"}


def test_what_django_says_of_a_request_holds_no_query(lines: Any) -> None:
    request = RequestFactory().get("/requests/new?password=hunter2")
    log_response(
        "Not Found: %s", request.path, response=HttpResponse(status=404), request=request, logger=logging.getLogger("t")
    )
    (line,) = lines()
    assert (line["event"], line["status_code"]) == ("Not Found: /requests/new", 404)
    assert "hunter2" not in str(line)
