"""What cannot be read of a rule, said by the code that reads it and located by the code that knows the file."""

from __future__ import annotations

#: Keys and list positions from the top of a document to the part that is meant.
Path = tuple[str | int, ...]


class Refused(ValueError):
    """Part of a rule that cannot be decided; the text says what is wrong and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
