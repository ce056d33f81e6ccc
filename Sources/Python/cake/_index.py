"""Which bytes of a tensor an index needs. Rows are elements of the first dimension."""
from __future__ import annotations

import operator
from typing import Any, List, NamedTuple, Optional, Tuple

FULL = slice(None)


class Block(NamedTuple):
    """A run of elements, and its shape."""

    first: int
    count: int
    shape: Tuple[int, ...]


def product(shape: Tuple[int, ...]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total


def simple(index: Any, rank: int) -> Optional[Tuple[Any, ...]]:
    """Integers and slices, one for each dimension. Nothing for an index that only the array library understands."""
    parts: List[Any] = list(index) if isinstance(index, tuple) else [index]
    out: List[Any] = []
    for part in parts:
        if part is Ellipsis or isinstance(part, slice):
            out.append(part)
            continue
        if isinstance(part, bool) or part is None or getattr(part, "shape", ()) != ():
            return None
        try:
            out.append(operator.index(part))
        except TypeError:
            return None
    if out.count(Ellipsis) > 1:
        return None
    dots = out.index(Ellipsis) if Ellipsis in out else len(out)
    rest = out[dots + 1:]
    missing = rank - len(out[:dots]) - len(rest)
    if missing < 0:
        return None
    return (*out[:dots], *[FULL] * missing, *rest)


def is_full(part: Any, length: int) -> bool:
    return isinstance(part, slice) and part.indices(length) == (0, length, 1)


def contiguous(shape: Tuple[int, ...], index: Tuple[Any, ...]) -> Optional[Block]:
    """The one run that the index names, if it is one."""
    first, size = 0, product(shape)
    for place, (part, length) in enumerate(zip(index, shape)):
        size = product(shape[place + 1:])
        if isinstance(part, int):
            at = part + length if part < 0 else part
            if not 0 <= at < length:
                raise IndexError(f"index {part} is out of bounds for dimension {place} with size {length}")
            first += at * size
            continue
        if not all(is_full(other, more) for other, more in zip(index[place + 1:], shape[place + 1:])):
            return None
        start, stop, step = part.indices(length)
        if step != 1 and len(range(start, stop, step)) > 1:
            return None
        rows = len(range(start, stop, step))
        return Block(first + (start * size if rows else 0), rows * size, (rows, *shape[place + 1:]))
    return Block(first, size if shape else 1, ())


class Rows(NamedTuple):
    """Some rows of a block, and what is wanted of each."""

    first: int  # the element where the block begins
    row: int    # elements a row
    shape: Tuple[int, ...]   # of the block
    numbers: range
    inner: Tuple[Any, ...]


def rows(shape: Tuple[int, ...], index: Tuple[Any, ...]) -> Rows:
    """What is no single run: leading integers choose a block, then comes a slice."""
    first, place = 0, 0
    while isinstance(index[place], int):
        length, size = shape[place], product(shape[place + 1:])
        at = index[place] + length if index[place] < 0 else index[place]
        if not 0 <= at < length:
            raise IndexError(f"index {index[place]} is out of bounds for dimension {place} with size {length}")
        first += at * size
        place += 1
    numbers = range(*index[place].indices(shape[place]))
    return Rows(first, product(shape[place + 1:]), shape[place:], numbers, index[place + 1:])
