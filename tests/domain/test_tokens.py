"""Tokens: what we make can be read back, and nothing else can."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.tokens import (
    ALPHABET,
    ID_CHARS,
    SECRET_CHARS,
    TOKEN_CHARS_MAX,
    TOKEN_REGEX,
    TokenKind,
    TokenParts,
    find_tokens,
    format_token,
    hash_token,
    parse_token,
)

ids = st.text(ALPHABET, min_size=ID_CHARS, max_size=ID_CHARS)
secrets = st.text(ALPHABET, min_size=SECRET_CHARS, max_size=SECRET_CHARS)
tokens = st.builds(format_token, st.sampled_from(TokenKind), ids, secrets)


@given(st.sampled_from(TokenKind), ids, secrets)
def test_what_is_made_is_read_back(kind: TokenKind, token_id: str, secret: str) -> None:
    token = format_token(kind, token_id, secret)
    assert parse_token(token) == TokenParts(kind, token_id)
    assert re.fullmatch(TOKEN_REGEX, token)
    assert len(token) <= TOKEN_CHARS_MAX


@given(tokens, st.data())
def test_one_wrong_character_is_noticed_without_a_look_up(token: str, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(ALPHABET).filter(lambda char: char != token[index]))
    assert parse_token(token[:index] + other + token[index + 1 :]) is None


@given(tokens, st.data())
def test_two_neighbours_in_the_wrong_order_are_noticed(token: str, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(token) - 2))
    swapped = token[:index] + token[index + 1] + token[index] + token[index + 2 :]
    assert (parse_token(swapped) is None) == (swapped != token)


@given(st.text(max_size=120))
def test_other_texts_are_no_tokens_and_no_crash(text: str) -> None:
    assert parse_token(text) is None


@given(tokens, st.sampled_from([" ", "\n", "\t", "\x00", "a", "\u0661"]))
def test_nothing_may_stand_around_a_token(token: str, extra: str) -> None:
    assert parse_token(token + extra) is None
    assert parse_token(extra + token) is None


@pytest.mark.parametrize(
    ("token_id", "secret"),
    [("a" * 15, "b" * 43), ("a" * 17, "b" * 43), ("a" * 16, "b" * 42), ("a" * 16, "b" * 44), ("a-" * 8, "b" * 43)],
)
def test_parts_of_another_shape_are_a_bug(token_id: str, secret: str) -> None:
    format_token(TokenKind.GRANT, "a" * 16, "b" * 43)
    with pytest.raises(ValueError, match="shape"):
        format_token(TokenKind.GRANT, token_id, secret)


@given(tokens, tokens)
def test_the_hash_tells_tokens_apart(one: str, other: str) -> None:
    assert (hash_token(one) == hash_token(other)) == (one == other)
    assert re.fullmatch(r"[0-9a-f]{64}", hash_token(one))


@given(st.lists(tokens, max_size=5, unique=True), st.text("jita_gpx .,\n", max_size=30))
def test_what_stands_in_a_text_is_found(inside: list[str], between: str) -> None:
    assert find_tokens(between.join(["", *(f" {one} " for one in inside), ""]), at_most=9) == tuple(inside)


def test_only_so_many_are_looked_for_and_a_wrong_checksum_is_none() -> None:
    some = [format_token(TokenKind.API, "A" * ID_CHARS, letter * SECRET_CHARS) for letter in "abc"]
    assert find_tokens(" ".join([*some, some[0]]), at_most=9) == tuple(some)
    assert find_tokens(" ".join(some), at_most=2) == tuple(some[:2])
    wrong = some[0][:-1] + ("x" if some[0][-1] != "x" else "y")
    assert find_tokens(wrong, at_most=9) == ()
    assert find_tokens(some[0], at_most=0) == ()
