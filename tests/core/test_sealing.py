"""The envelope opens only where it was sealed, and nothing about it prints a secret."""

from __future__ import annotations

import json
import pickle
import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from jit_access.core import keys
from jit_access.core.keys import FileKeyProvider, LocalKeyProvider, UnknownKey, parse_key_file
from jit_access.core.sealing import SealBroken, Secret, open_sealed, open_secret, reseal, seal, seal_key_id

PLACE = "targets_target:tgt_abc:password"
PROVIDER = LocalKeyProvider.generate("k1")


def key_line(key_id: str, byte: str = "ab") -> str:
    return f"{key_id}:{byte * 32}"


@given(st.binary(max_size=2000), st.text(st.characters(codec="utf-8"), min_size=1, max_size=80))
def test_opens_what_it_sealed(plaintext: bytes, context: str) -> None:
    assert (
        open_sealed(seal(plaintext, context=context, provider=PROVIDER), context=context, provider=PROVIDER)
        == plaintext
    )


def test_opens_only_in_its_own_place() -> None:
    text = seal(b"secret", context=PLACE, provider=PROVIDER)
    assert open_sealed(text, context=PLACE, provider=PROVIDER) == b"secret"
    with pytest.raises(SealBroken):
        open_sealed(text, context="targets_target:tgt_xyz:password", provider=PROVIDER)


def test_both_layers_are_bound_to_the_place() -> None:
    """Swapping only the ciphertext, or only the wrapped key, between two rows must not open either."""
    ada = seal(b"ada", context=PLACE, provider=PROVIDER).split(".")
    ben = seal(b"ben", context="other:row:column", provider=PROVIDER).split(".")
    for mixed in (ada[:3] + ben[3:], ada[:2] + ben[2:3] + ada[3:]):
        for context in (PLACE, "other:row:column"):
            with pytest.raises(SealBroken):
                open_sealed(".".join(mixed), context=context, provider=PROVIDER)


@given(st.data())
def test_any_changed_character_is_noticed(data: st.DataObject) -> None:
    text = seal(b"secret", context=PLACE, provider=PROVIDER)
    index = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda char: char != text[index]))
    with pytest.raises((SealBroken, UnknownKey)):
        open_sealed(text[:index] + other + text[index + 1 :], context=PLACE, provider=PROVIDER)


@given(st.text(max_size=200))
def test_any_other_text_is_refused_with_a_typed_error(text: str) -> None:
    with pytest.raises((SealBroken, UnknownKey)):
        open_sealed(text, context=PLACE, provider=PROVIDER)


def test_two_seals_of_one_secret_differ() -> None:
    assert seal(b"x", context=PLACE, provider=PROVIDER) != seal(b"x", context=PLACE, provider=PROVIDER)


def test_an_empty_context_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="place"):
        seal(b"x", context="", provider=PROVIDER)


def test_rotation_reseals_under_the_last_key_and_old_texts_still_open() -> None:
    old = parse_key_file(key_line("k1"))
    text = seal(b"secret", context=PLACE, provider=old)
    both = parse_key_file(key_line("k1") + "\n# added 2026-11\n" + key_line("k2", "cd") + "\n")
    assert open_sealed(text, context=PLACE, provider=both) == b"secret"
    moved = reseal(text, context=PLACE, provider=both)
    assert (seal_key_id(text), seal_key_id(moved)) == ("k1", "k2")
    only_new = parse_key_file(key_line("k2", "cd"))
    assert open_sealed(moved, context=PLACE, provider=only_new) == b"secret"
    with pytest.raises(UnknownKey):
        open_sealed(text, context=PLACE, provider=only_new)


def test_same_key_id_with_other_bytes_does_not_open() -> None:
    text = seal(b"secret", context=PLACE, provider=parse_key_file(key_line("k1")))
    with pytest.raises(SealBroken):
        open_sealed(text, context=PLACE, provider=parse_key_file(key_line("k1", "cd")))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no key"),
        ("# only a comment\n", "no key"),
        ("k1:abcd", "Line 1"),
        (key_line("k1") + "\nnonsense", "Line 2"),
        (key_line("bad.id"), "Line 1"),
        (key_line("k1") + "\n" + key_line("k1", "cd"), "twice"),
        ("k1:" + "zz" * 32, "Line 1"),
    ],
)
def test_broken_key_files_are_named_by_line_without_their_content(content: str, says: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=says) as caught:
        parse_key_file(content)
    assert "ab" * 32 not in str(caught.value)


def test_key_file_open_to_others_is_refused_in_production(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    path.write_text(key_line("k1"))
    path.chmod(0o600)
    assert FileKeyProvider(path, is_strict=True).sealing_key()[0] == "k1"
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(ImproperlyConfigured, match="0600"):
            FileKeyProvider(path, is_strict=True).sealing_key()
    assert FileKeyProvider(path, is_strict=False).sealing_key()[0] == "k1"


def test_a_changed_key_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    path.write_text(key_line("k1") + "\n")
    provider = FileKeyProvider(path, is_strict=False)
    text = seal(b"x", context=PLACE, provider=provider)
    path.write_text(key_line("k1") + "\n" + key_line("k2", "cd") + "\n")
    assert provider.sealing_key()[0] == "k2"
    assert open_sealed(text, context=PLACE, provider=provider) == b"x"


def test_a_missing_key_file_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="JIT_KEY_FILE"):
        FileKeyProvider(tmp_path / "none", is_strict=True).sealing_key()


def test_key_file_is_made_for_tests_but_never_for_production(tmp_path: Path, settings: pytest.FixtureRequest) -> None:
    settings.KEY_FILE = str(tmp_path / "deep" / "kek")  # type: ignore[attr-defined]
    settings.ENVIRONMENT = "production"  # type: ignore[attr-defined]
    with pytest.raises(ImproperlyConfigured):
        seal(b"x", context=PLACE)
    assert not (tmp_path / "deep").exists()
    settings.ENVIRONMENT = "test"  # type: ignore[attr-defined]
    text = seal(b"x", context=PLACE)
    assert open_secret(text, context=PLACE).reveal() == "x"
    assert stat.S_IMODE((tmp_path / "deep" / "kek").stat().st_mode) == 0o600


def test_second_creator_keeps_the_first_file(tmp_path: Path) -> None:
    keys.create_private_file(tmp_path / "kek", b"first")
    keys.create_private_file(tmp_path / "kek", b"second")
    assert (tmp_path / "kek").read_bytes() == b"first"
    assert [item.name for item in tmp_path.iterdir()] == ["kek"]


def test_a_secret_never_prints_itself() -> None:
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>40}", "%s" % secret, str([secret]), repr({"a": secret})]  # noqa: UP031
    assert not any("hunter2" in text for text in shown)
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps({"secret": secret})
    with pytest.raises(TypeError):
        hash(secret)
    assert secret == Secret("hunter2")
    assert secret != Secret("hunter3")
    assert secret != "hunter2"


def test_providers_do_not_print_their_keys() -> None:
    assert "ab" * 8 not in repr(parse_key_file(key_line("k1")))
    assert "\\xab" not in repr(parse_key_file(key_line("k1")))
