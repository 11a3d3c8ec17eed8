"""What can be wrong with a token of somebody else. The code goes into the log; outsiders read one constant sentence."""

from __future__ import annotations


class TokenFault(Exception):
    """A token, or the answer that carried it, that must not be believed. `code` says which check failed."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)
