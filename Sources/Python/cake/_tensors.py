"""Tensors of a model, each read when it is used."""
from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple, Union

from . import _dtypes, _frames, _index
from ._errors import Missing, NoTensor, with_fix

if TYPE_CHECKING:
    from ._model import Model

# The library decodes pieces of this many bytes: what lies in one piece costs one decoding.
PIECE = 1 << 20
# A slice that is no run of bytes is read in blocks of about this many bytes.
BLOCK = 32 << 20


class Tensor:
    """A tensor in the store. `tensor[…]` reads the bytes that the index needs; `tensor.numpy()` and `tensor.torch()` read all."""

    __slots__ = ("name", "dtype", "shape", "nbytes", "file", "offset", "layer", "here", "_number", "_model", "_frame")

    def __init__(self, model: "Model", number: int, facts: Dict[str, Any], frame: _frames.Frame) -> None:
        self.name: str = facts["name"]
        self.dtype: str = facts["dtype"]
        self.shape: Tuple[int, ...] = tuple(facts["shape"])
        self.nbytes: int = facts["size"]
        self.file: str = model._paths[facts["file"]]
        self.offset: int = facts["offset"]
        self.layer: Optional[str] = facts["layer"]
        self.here: bool = facts["here"]
        self._number, self._model, self._frame = number, model, frame

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return _index.product(self.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a tensor without dimensions")
        return self.shape[0]

    def __repr__(self) -> str:
        missing = "" if self.here else ", not in the store"
        return f"<{self.name}: {self.dtype} {list(self.shape)}, {_dtypes.quantity(self.nbytes)}{missing}>"

    def numpy(self, threads: int = 0, verify: bool = True) -> Any:
        return self._whole(_frames.Numpy(), threads, verify)

    def torch(self, device: Any = "cpu", threads: int = 0, verify: bool = True) -> Any:
        whole = self._whole(_frames.Torch(), threads, verify)
        return whole if str(device) == "cpu" else whole.to(device)

    def read(self, offset: int = 0, length: Optional[int] = None) -> bytes:
        """The bytes of the tensor; needs neither numpy nor torch."""
        import ctypes
        self._check()
        count = self.nbytes - offset if length is None else length
        memory = bytearray(max(count, 0))
        if count:
            self._model._read([(self._number, offset, count, ctypes.addressof(ctypes.c_char.from_buffer(memory)))], memory)
        return bytes(memory)

    def __getitem__(self, index: Any) -> Any:
        return self._slice(self._frame, index)

    def _check(self) -> None:
        if not self.here:
            raise Missing(with_fix(f"{self._model.name} is partial: {self.name} is not in the store", f"cake pull {self._model.name}"))

    def _whole(self, frame: _frames.Frame, threads: int = 0, verify: bool = True) -> Any:
        self._check()
        memory = frame.empty(self.nbytes)
        if self.nbytes:
            self._model._read([(self._number, 0, self.nbytes, frame.address(memory))], memory, threads, verify)
        return frame.view(memory, self.dtype, self.shape, self.nbytes)

    def _run(self, frame: _frames.Frame, first: int, count: int, shape: Tuple[int, ...]) -> Any:
        """Elements that lie side by side."""
        item = self._item
        memory = frame.empty(count * item)
        if count:
            self._model._read([(self._number, first * item, count * item, frame.address(memory))], memory)
        return frame.view(memory, self._plain, shape, count * item)

    @property
    def _item(self) -> int:
        return _dtypes.stored(self.dtype, self.shape, self.nbytes)[0]

    @property
    def _plain(self) -> str:
        """The dtype of parts: bytes, where an element is smaller than a byte."""
        known = _dtypes.DTYPES.get(self.dtype)
        return self.dtype if known and known.bits >= 8 else "U8"

    def _slice(self, frame: _frames.Frame, index: Any) -> Any:
        shape = _dtypes.stored(self.dtype, self.shape, self.nbytes)[1]
        parts = _index.simple(index, len(shape))
        if parts is None or self._plain != self.dtype:
            whole = self._whole(frame)
            part = whole[index]
            return part if part.shape == whole.shape else frame.compact(part)
        self._check()
        run = _index.contiguous(shape, parts)
        if run:
            return self._run(frame, *run)
        return self._rows(frame, _index.rows(shape, parts))

    def _rows(self, frame: _frames.Frame, rows: _index.Rows) -> Any:
        numbers, item = rows.numbers, self._item
        if not numbers or numbers.step < 0 or rows.row * len(numbers) * item <= PIECE:
            low = min(numbers, default=0)
            high = max(numbers, default=-1) + 1
            block = self._run(frame, rows.first + low * rows.row, (high - low) * rows.row, (high - low, *rows.shape[1:]))
            stop: Optional[int] = numbers.stop - low
            if numbers.step < 0 and numbers.stop < low:
                stop = None
            start = numbers.start - low if numbers else 0
            chosen = (slice(start, stop if numbers else 0, numbers.step), *rows.inner)
            return frame.compact(block[chosen])
        inner = _index.contiguous(rows.shape[1:], rows.inner) if rows.row * item >= PIECE else None
        like = frame.view(frame.empty(item), self._plain, (1,), item)
        out = frame.result(like, (slice(0, len(numbers)), *rows.inner), rows.shape)
        if inner and (numbers.step > 1 or inner.elements <= rows.row // 2):
            size = inner.elements * item
            at = frame.address(out)
            self._model._read([(self._number, (rows.first + number * rows.row + inner.first) * item, size, at + place * size)
                               for place, number in enumerate(numbers)], out)
            return out
        many = max(1, BLOCK // (rows.row * item * numbers.step))
        for place in range(0, len(numbers), many):
            part = numbers[place:place + many]
            count = part[-1] - part[0] + 1
            block = self._run(frame, rows.first + part[0] * rows.row, count * rows.row, (count, *rows.shape[1:]))
            chosen = (slice(None, None, numbers.step), *rows.inner)
            out[place:place + len(part)] = block[chosen]
        return out


class Tensors(Mapping[str, Tensor]):
    """Tensors by name, none of them read yet."""

    def __init__(self, model: "Model", tensors: Dict[str, Tensor], absent: Tuple[str, ...] = ()) -> None:
        self._model, self._tensors, self._absent = model, tensors, absent

    def __getitem__(self, name: str) -> Tensor:
        try:
            return self._tensors[name]
        except KeyError:
            pass
        if name in self._absent:
            raise Missing(with_fix(f"{self._model.name} is partial: {name} is not in the store", f"cake pull {self._model.name}"))
        raise NoTensor(with_fix(f"{self._model.name} has no tensor {name!r}", "the names are in model.tensors"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self._tensors.values())

    def glob(self, pattern: str) -> "Tensors":
        """Those whose whole name matches, as in `*.attention.*.weight`."""
        return self.regex(fnmatch.translate(pattern))

    def regex(self, pattern: Union[str, "re.Pattern[str]"]) -> "Tensors":
        """Those in whose name the pattern is found."""
        found = re.compile(pattern).search
        return Tensors(self._model, {name: tensor for name, tensor in self._tensors.items() if found(name)},
                       tuple(name for name in self._absent if found(name)))

    def state_dict(self, device: Any = "cpu", threads: int = 0, pin: bool = False, verify: bool = True,
                   shared: Optional[str] = None, progress: Optional[Callable[[int, int], Any]] = None) -> Dict[str, Any]:
        """All of them as torch tensors, read at once. `shared` names an arena that other processes map."""
        from . import _state
        return _state.torch_state(self._model, self._list(), device, threads, pin, verify, shared, progress)

    def numpy(self, threads: int = 0, verify: bool = True, shared: Optional[str] = None,
              progress: Optional[Callable[[int, int], Any]] = None) -> Dict[str, Any]:
        """All of them as numpy arrays, read at once."""
        from . import _state
        return _state.numpy_state(self._model, self._list(), threads, verify, shared, progress)

    def _list(self) -> List[Tensor]:
        missing = [*self._absent, *(tensor.name for tensor in self._tensors.values() if not tensor.here)]
        if missing:
            raise Missing(with_fix(
                f"{self._model.name} is partial: {len(missing)} of these tensors are not in the store, {missing[0]} among them",
                f"cake pull {self._model.name}"))
        return list(self._tensors.values())

    def __repr__(self) -> str:
        kinds = sorted({tensor.dtype for tensor in self._tensors.values()})
        return f"<{len(self)} tensors of {self._model.name}: {', '.join(kinds)}, {_dtypes.quantity(self.nbytes)}>"
