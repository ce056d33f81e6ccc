"""Memory of numpy and of torch, behind one interface: bytes that a read fills, and views of them with a dtype and a shape."""
from __future__ import annotations

from typing import Any, Protocol, Tuple

from . import _dtypes
from ._errors import Invalid, with_fix


class Frame(Protocol):
    def empty(self, size: int) -> Any: ...
    def address(self, memory: Any) -> int: ...
    def view(self, memory: Any, dtype: str, shape: Tuple[int, ...], size: int) -> Any: ...
    def of_buffer(self, buffer: Any, offset: int, size: int) -> Any: ...
    def result(self, like: Any, index: Any, shape: Tuple[int, ...]) -> Any: ...
    def compact(self, array: Any) -> Any: ...


class Numpy:
    def empty(self, size: int) -> Any:
        import numpy
        return numpy.empty(size, numpy.uint8)

    def address(self, memory: Any) -> int:
        return int(memory.ctypes.data)

    def view(self, memory: Any, dtype: str, shape: Tuple[int, ...], size: int) -> Any:
        return memory.view(_dtypes.numpy_dtype(dtype)).reshape(_dtypes.stored(dtype, shape, size)[1])

    def of_buffer(self, buffer: Any, offset: int, size: int) -> Any:
        import numpy
        return numpy.frombuffer(buffer, numpy.uint8, size, offset) if size else numpy.empty(0, numpy.uint8)

    def result(self, like: Any, index: Any, shape: Tuple[int, ...]) -> Any:
        """Uninitialised, of the shape that `index` gives for an array of `shape`."""
        import numpy
        return numpy.empty(numpy.broadcast_to(like.reshape(-1)[:1], shape)[index].shape, like.dtype)

    def compact(self, array: Any) -> Any:
        """A copy: a view would keep all that was read."""
        return array.copy()


class Torch:
    def empty(self, size: int) -> Any:
        import torch
        return torch.empty(size, dtype=torch.uint8, device="cpu")

    def address(self, memory: Any) -> int:
        return int(memory.data_ptr())

    def view(self, memory: Any, dtype: str, shape: Tuple[int, ...], size: int) -> Any:
        kind = _dtypes.torch_dtype(dtype, shape)
        return memory.view(kind).reshape(_dtypes.stored(dtype, shape, size)[1])

    def of_buffer(self, buffer: Any, offset: int, size: int) -> Any:
        """A storage of its own: torch counts tensors as tied when they have one storage."""
        import torch
        if not size:
            return torch.empty(0, dtype=torch.uint8, device="cpu")
        return torch.frombuffer(buffer, dtype=torch.uint8, count=size, offset=offset)

    def result(self, like: Any, index: Any, shape: Tuple[int, ...]) -> Any:
        import torch
        wanted = like.reshape(-1)[:1].expand(shape)[index].shape
        return torch.empty(wanted, dtype=like.dtype, device="cpu")

    def compact(self, array: Any) -> Any:
        return array.clone()


_FRAMES = {"np": Numpy, "numpy": Numpy, "pt": Torch, "torch": Torch, "pytorch": Torch}


def frame(name: str) -> Frame:
    if name not in _FRAMES:
        raise Invalid(with_fix(f"no framework {name!r}", 'use "pt" for torch or "np" for numpy'))
    return _FRAMES[name]()
