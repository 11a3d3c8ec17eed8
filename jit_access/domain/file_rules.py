"""Kinds of files that a rule may refuse by name: `@refuse_files("pickle, *.gguf")`.

A word is the name of a class below, or a pattern. A name is all that is known before a byte flows: what a file holds is
not looked at, so whoever renames weights gets them past. The rule keeps honest clients from loading what runs code, and
it holds for every spelling of a name that some file system or loader would take for the same: case, width of letters,
dots and spaces at the end, compressed copies, numbered parts, streams of NTFS, characters that nobody sees.

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


# Unicode 16, DerivedCoreProperties.txt, Default_Ignorable_Code_Point: shown as nothing, and nothing to a file system
# that folds names by NFKC_Casefold.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


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
    return bool(rules) and any(_matcher(rules)(name) is not None for name in _readings(path))


def globs_of(rules: tuple[str, ...]) -> tuple[str, ...]:
    """The same as patterns for the clients that leave files out."""
    found = [f"*.{ending}" for word in rules if word in CLASSES for ending in CLASSES[word].endings]
    return (*found, *(f"{word}*" if word.endswith("/") else word for word in rules if word not in CLASSES))


def _readings(path: str) -> set[str]:
    """All that a file system may make of a path. To NTFS, `a.pt::$DATA` is `a.pt`, and `a:b.pt` a stream of `a`."""
    segments = _folded(path).rstrip("/").split("/")
    # Elsewhere a colon is a letter; a name of three parts may be a stream with its kind behind it.
    cuts: tuple[Callable[[str], str], ...] = (str, lambda one: one.partition(":")[0], lambda one: one.rsplit(":", 1)[0])
    return {"/".join(_without_end(cut(segment)) for segment in segments) for cut in cuts}


def _without_end(segment: str) -> str:
    """Windows drops dots and spaces at the end of a name."""
    return segment.rstrip(" .")


def _folded(text: str) -> str:
    """One form for all spellings."""
    seen = _IGNORABLE.sub("", text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    return _IGNORABLE.sub("", folded)  # some come of others that are not shown either


@lru_cache(maxsize=256)
def _matcher(rules: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(f"(?:{_regex(word)})" for word in rules), re.DOTALL).fullmatch


def _regex(word: str) -> str:
    if word in CLASSES:
        return rf".*\.(?:{'|'.join(CLASSES[word].endings)}){_WRAPPED}"
    folded = _folded(word)
    wide = translate(f"{folded}*" if folded.endswith("/") else folded)
    # A pattern without a slash means a name, in whichever folder.
    return wide if "/" in word else rf"(?:.*/)?{wide}"
