"""What is wrong with a directory's request, in the words of RFC 7644 3.12."""

from __future__ import annotations


class ScimError(Exception):
    """`scim_type` is one of the RFC's words where it has one; `sentence` says the rest."""

    def __init__(self, status: int, sentence: str, scim_type: str = "") -> None:
        self.status, self.sentence, self.scim_type = status, sentence, scim_type
        super().__init__(sentence)
