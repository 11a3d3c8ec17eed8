"""Kinds of files by name: every spelling of a refused name is refused, and what only looks like one is not."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.file_rules import CLASSES, MAX_WORDS, globs_of, is_file_rule, is_refused, parse_file_rules

PICKLE = ("pickle",)


@pytest.mark.parametrize(
    "path",
    [
        "pytorch_model.bin", "model.pt", "model.pth", "last.ckpt", "model.pkl", "model.pickle", "model.joblib",
        "deep/folder/model.pt", "Model.BIN", "model.Pt", "model.pkl.gz", "model.joblib.xz", "model.pkl.tar.gz",
        "model.bin.001", "model.bin.", "model.bin ", "model.bin. .", "model.bin/", ".pt", "model.ｐｔ",
        "model.safetensors.bin",
    ],
)  # fmt: skip
def test_pickles_are_known_by_every_spelling(path: str) -> None:
    assert is_refused(PICKLE, path)


# Unicode 16.0, DerivedCoreProperties.txt, Default_Ignorable_Code_Point: first and last of each range.
IGNORABLE = """
00AD 034F 061C 115F..1160 17B4..17B5 180B..180D 180E 180F 200B..200F 202A..202E 2060..2064 2065 2066..206F 3164
FE00..FE0F FEFF FFA0 FFF0..FFF8 1BCA0..1BCA3 1D173..1D17A E0000 E0001 E0002..E001F E0020..E007F E0080..E00FF
E0100..E01EF E01F0..E0FFF
"""


def code_points() -> list[str]:
    ranges = [word.partition("..") for word in IGNORABLE.split()]
    return [chr(code) for first, _, last in ranges for code in range(int(first, 16), int(last or first, 16) + 1)]


def test_what_nobody_sees_is_no_part_of_a_name() -> None:
    points = code_points()
    assert len(points) == 4174  # as the standard counts them
    assert [point for point in points if not is_refused(PICKLE, f"model.p{point}t")] == []
    assert [point for point in points if not is_refused(PICKLE, f"model.pt{point}")] == []
    assert [point for point in points if not is_refused(("*.gguf",), f"a.{point}gguf")] == []
    assert [point for point in points if is_refused(PICKLE, f"model.safe{point}tensors")] == []
    beside = {chr(ord(point) + step) for point in points for step in (-1, 1)} - set(points)
    assert [point for point in beside if is_refused(PICKLE, f"model.p{point}t")] == []


@pytest.mark.parametrize(
    "path",
    ["x.pt::$DATA", "x.PT::$data", "x.pt:stream", "x.pt. ::$DATA", "x.txt:y.pt", "x.txt:y.pt:$DATA", "C:x.pt",
     "x.pt：a", "a/x.pt::$DATA", "a:b/x.pt::$DATA", "a:b/x.pt"],
)  # fmt: skip
def test_streams_of_ntfs_are_the_files_that_they_are_of(path: str) -> None:
    assert is_refused(PICKLE, path)
    assert not is_refused(PICKLE, path.replace("pt", "npy").replace("PT", "npy"))


def test_a_colon_may_be_a_letter() -> None:
    assert is_refused(("weights/*.md",), "weights::$INDEX_ALLOCATION/a.md")
    assert is_refused(("a:*",), "a:b")
    assert not is_refused(("weights/*.md",), "weights-b::$INDEX_ALLOCATION/a.md")
    assert not is_refused(PICKLE, "pt:x")


@pytest.mark.parametrize(
    "path",
    [
        "model.safetensors", "pytorch_model.bin.index.json", "config.json", "bin", "bin/readme.md", "model.bin.md",
        "model.pt/readme.md", "vectors.npy", "arrays.npz", "model.gguf", "model.onnx", "scriptpt", "tokenizer.model",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_pickle_is_none(path: str) -> None:
    assert not is_refused(PICKLE, path)


@pytest.mark.parametrize("path", ["modeling.py", "notes.ipynb", "libx.so", "libx.so.1.2", "m.keras", "m.h5", "g.pb"])
def test_code_is_a_class_of_its_own(path: str) -> None:
    assert is_refused(("code",), path)
    assert not is_refused(PICKLE, path)


def test_pattern_without_a_slash_means_a_name_in_any_folder() -> None:
    rules = ("*.gguf",)
    assert is_refused(rules, "a/b/Q4.GGUF")
    assert not is_refused(rules, "a.gguf/readme")


def test_pattern_with_a_slash_means_a_path() -> None:
    assert is_refused(("weights/",), "weights/a/b")
    assert is_refused(("Weights/*.md",), "weights/a/b.md")
    assert not is_refused(("weights/",), "other/weights/a")
    assert not is_refused(("weights/",), "weights")


def test_rules_are_a_union_in_one_order() -> None:
    rules = parse_file_rules("pickle, *.gguf,pickle")
    assert rules == ("*.gguf", "pickle")
    assert is_refused(rules, "a.gguf")
    assert is_refused(rules, "a.bin")
    assert not is_refused(rules, "a.safetensors")
    assert not is_refused((), "a.bin")


@pytest.mark.parametrize(
    "text", ["", "pikle", "pickle,", "Pickle", "safetensors", "/etc/*", "a[bc].x", "a\\b.x", "a\n.x"]
)
def test_word_that_could_be_a_mistake_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is neither a class of files"):
        parse_file_rules(text)


def test_there_is_an_end_to_it() -> None:
    assert len(parse_file_rules(",".join(f"*.x{number}" for number in range(MAX_WORDS)))) == MAX_WORDS
    with pytest.raises(ValueError, match="more than"):
        parse_file_rules(",".join(f"*.x{number}" for number in range(MAX_WORDS + 1)))


def test_only_words_are_rules() -> None:
    assert is_file_rule("pickle")
    assert not is_file_rule(5)
    assert not is_file_rule("onnx")


@given(st.sampled_from([ending for one in CLASSES.values() for ending in one.endings]))
def test_clients_leave_out_what_would_be_refused(ending: str) -> None:
    path, rules = f"a/model.{ending}", tuple(CLASSES)
    assert is_refused(rules, path)
    assert any(fnmatch.fnmatch(path, glob) for glob in globs_of(rules))


def test_globs_of_patterns_are_themselves() -> None:
    assert globs_of(("*.gguf", "weights/")) == ("*.gguf", "weights/*")


@given(st.text(), st.sampled_from([PICKLE, ("code",), ("*.gguf", "pickle")]))
def test_no_name_breaks_it(path: str, rules: tuple[str, ...]) -> None:
    assert is_refused(rules, path) == is_refused(rules, path.upper()) or path.upper().lower() != path.lower()
