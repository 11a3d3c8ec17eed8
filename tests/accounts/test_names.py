"""One account, one name, however it is spelled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.accounts.names import MAX_CHARS, check_name, fold_name
from jit_access.domain.errors import CallerError


@pytest.mark.parametrize("typed", ["ada", "ADA", " Ada\t", "ａｄａ", "ＡＤＡ", "𝐚𝐝𝐚", "ᴀda".replace("ᴀ", "Ａ")])
def test_every_spelling_is_the_same_name(typed: str) -> None:
    assert fold_name(typed) == "ada"


def test_sharp_s_and_long_s_fold_like_their_capitals() -> None:
    assert fold_name("STRASSE") == fold_name("straße") == fold_name("ſtraße") == "strasse"


@pytest.mark.parametrize(
    "typed", ["", "   ", "a b", "a\x00b", "a\nb", "\u202eada", "@ada", "a" * (MAX_CHARS + 1), "ﷺ" * 40]
)
def test_what_is_no_name_folds_to_nothing_and_cannot_be_stored(typed: str) -> None:
    assert fold_name(typed) == ""
    with pytest.raises(CallerError):
        check_name(typed)


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(typed: str) -> None:
    assert fold_name(fold_name(typed)) == fold_name(typed)
