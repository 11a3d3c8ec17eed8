"""Kinds of files that a rule may refuse by name: `@refuse_files("pickle, *.gguf")`.

A word is the name of a class below, or a pattern. A name is all that is known before a byte flows: what a file holds is
not looked at, so whoever renames weights gets them past. The rule keeps honest clients from loading what runs code, and
it holds for every spelling of a name that some file system or loader would take for the same: case, width of letters,
dots and spaces at the end, compressed copies, numbered parts.

Sources of `pickle`: PyTorch, `torch.load` ("uses pickle implicitly"; `.pt`, `.pth`, `.bin`, `.ckpt` are its customs);
Python, "The pickle module is not secure"; scikit-learn, "Model persistence" (joblib, dill, cloudpickle); Hugging Face,
"Pickle scanning". Not in it: `.npy` and `.npz`, since `numpy.load` refuses pickles unless told otherwise (1.16.3,
CVE-2019-6446); `.dat` and `.data`, which say nothing. Sources of `code`: Keras, `load_model` (Lambda layers, and
CVE-2025-1550 and -9906 in spite of `safe_mode`); TensorFlow, SECURITY.md ("models are programs").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

MAX_WORDS = 32
# As for the files of a scope: `*` takes slashes too, `folder/` is all that lies below. A comma ends a word.
_PATTERN = re.compile(r"(?!/)[^\x00-\x1f\x7f\\\[\],]{1,200}")
_PATTERN_MARKS = frozenset("*?./")  # without one of these, a word can only be meant as a class
# pandas and joblib read these as they are; a number is a part, or the version of a library.
_WRAPPED = r"(?:\.(?:gz|bz2|xz|zst|lzma|lz4|z|zip|tar|tgz|[0-9]+))*"


@dataclass(frozen=True, slots=True)
class FileClass:
    """A class by its word: what people call it, why it is refused, and the endings of its names."""

    title: str
    because: str
    endings: tuple[str, ...]


CLASSES: Mapping[str, FileClass] = {
    "pickle": FileClass(
        "Pickle-based files",
        "Weights that run code when they are loaded",
        ("bin", "pt", "pth", "ckpt", "pkl", "pickle", "joblib", "dill", "cloudpickle"),
    ),
    "code": FileClass(
        "Files with code",
        "Programs, and models whose layers are programs",
        ("py", "pyc", "ipynb", "sh", "so", "dll", "dylib", "whl", "jar", "h5", "hdf5", "keras", "pb"),
    ),
}


def parse_file_rules(text: str) -> tuple[str, ...]:
    """`pickle, *.gguf` as words in one order. Raises ValueError with a sentence."""
    words = tuple(sorted({part.strip() for part in text.split(",")}))
    if len(words) > MAX_WORDS:
        raise ValueError(f"more than {MAX_WORDS} kinds of files")
    for word in words:
        if not is_file_rule(word):
            known = ", ".join(CLASSES)
            raise ValueError(f'"{word}" is neither a class of files ({known}) nor a pattern such as "*.gguf"')
    return words


def is_file_rule(word: object) -> bool:
    """True for a word that this version knows. One that it does not know cannot be enforced."""
    if not isinstance(word, str):
        return False
    return word in CLASSES or bool(_PATTERN.fullmatch(word) and _PATTERN_MARKS & set(word))


def is_refused(rules: tuple[str, ...], path: str) -> bool:
    """True when one of the rules refuses a file of this path, however it is spelled."""
    return bool(rules) and _matcher(rules)(_plain(path)) is not None


def globs_of(rules: tuple[str, ...]) -> tuple[str, ...]:
    """The same as patterns for the clients that leave files out."""
    found = [f"*.{ending}" for word in rules if word in CLASSES for ending in CLASSES[word].endings]
    return (*found, *(f"{word}*" if word.endswith("/") else word for word in rules if word not in CLASSES))


def _plain(path: str) -> str:
    """One form for all spellings. Windows drops dots and spaces at the end of a name."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())
    return "/".join(segment.rstrip(" .") for segment in folded.rstrip("/").split("/"))


@lru_cache(maxsize=256)
def _matcher(rules: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(f"(?:{_regex(word)})" for word in rules), re.DOTALL).fullmatch


def _regex(word: str) -> str:
    if word in CLASSES:
        return rf".*\.(?:{'|'.join(CLASSES[word].endings)}){_WRAPPED}"
    folded = unicodedata.normalize("NFKC", word).casefold()
    wide = translate(f"{folded}*" if folded.endswith("/") else folded)
    # A pattern without a slash means a name, in whichever folder.
    return wide if "/" in word else rf"(?:.*/)?{wide}"
