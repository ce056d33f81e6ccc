"""One exception for each kind of failure. Each message ends in a line `fix: …` where there is a fix."""
from __future__ import annotations

from typing import Optional


class CakeError(Exception):
    """Any failure of cake. `kind` is the word of `cake --json`, where a command failed."""

    kind: Optional[str] = None

    def __init__(self, message: str, kind: Optional[str] = None) -> None:
        super().__init__(message)
        self.message = message
        if kind:
            self.kind = kind

    def __str__(self) -> str:
        return self.message

    def __reduce__(self):
        return type(self), (self.message, self.kind)


class NotFound(CakeError, FileNotFoundError):
    """There is no such store, model, file or tensor."""


class NoTensor(NotFound, KeyError):
    """The model has no tensor of this name."""


class Ambiguous(CakeError):
    """The name fits several models."""


class Missing(CakeError):
    """The model is partial: this part of it is not in the store."""


class Damaged(CakeError):
    """Bytes do not match their digest."""


class Cancelled(CakeError):
    """The read was cancelled."""


class Newer(CakeError):
    """The store, or the library, is of a newer version than this package."""


class Invalid(CakeError, ValueError):
    """An argument makes no sense."""


class System(CakeError, OSError):
    """The operating system or the network refused something."""


# The numbers of `enum cake_kind`.
KINDS = {1: NotFound, 2: Ambiguous, 3: Missing, 4: Damaged, 5: Cancelled, 6: Newer, 7: Invalid, 8: System}

# The kinds of `cake --json`; all others are System.
COMMAND_KINDS = {"notFound": NotFound, "ambiguous": Ambiguous, "missing": Missing, "damaged": Damaged, "newer": Newer,
                 "usage": Invalid, "invalid": Invalid}


def with_fix(what: str, fix: str) -> str:
    return f"{what}\nfix: {fix}"
