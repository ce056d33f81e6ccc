"""A bar on a terminal, and nothing elsewhere."""
from __future__ import annotations

import sys
import time
from typing import Any, Callable, Optional

from . import _dtypes

# What is done before that needs no bar.
DELAY = 0.5


class Progress:
    """Counts, and tells a caller's function or draws a bar. tqdm draws it where it is installed."""

    def __init__(self, title: str, total: int, callback: Optional[Callable[[int, int], Any]] = None) -> None:
        self.title, self.total, self.callback, self.done = title, total, callback, 0
        self.began, self.drawn, self._bar = time.monotonic(), False, None  # type: Any, bool, Any

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._bar:
            self._bar.close()
        elif self.drawn:
            sys.stderr.write("\n")
            sys.stderr.flush()

    def add(self, size: int) -> None:
        self.at(self.done + size, self.total)

    def at(self, done: int, total: int, title: Optional[str] = None) -> None:
        self.done, self.total, self.title = done, total, title or self.title
        if self.callback:
            self.callback(done, total)
        elif time.monotonic() - self.began > DELAY:
            self._draw()

    def _draw(self) -> None:
        if self._bar is None and not self.drawn:
            try:
                from tqdm.auto import tqdm
                self._bar = tqdm(total=self.total, unit="B", unit_scale=True, desc=self.title, leave=False)
            except ImportError:
                self._bar = False
        if self._bar:
            self._bar.total, self._bar.n = self.total, self.done
            self._bar.set_description(self.title, refresh=False)
            self._bar.refresh()
            return
        self.drawn = True
        share = self.done / self.total if self.total else 0
        rate = self.done / max(time.monotonic() - self.began, 1e-9)
        filled = round(20 * share)
        sys.stderr.write(f"\r\x1b[K{self.title} {100 * share:3.0f}% [{'#' * filled}{' ' * (20 - filled)}] "
                         f"{_dtypes.quantity(self.done)} of {_dtypes.quantity(self.total)}, {_dtypes.quantity(rate)}/s")
        sys.stderr.flush()


class _Silent:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: Any) -> None:
        return None


def on_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


def shown(callback: Optional[Callable[[int, int], Any]], title: str, total: int) -> Any:
    """A Progress where it is seen: by a callback, or on a terminal."""
    if callback or (on_terminal() and total > 256 << 20):
        return Progress(title, total, callback)
    return _Silent()
