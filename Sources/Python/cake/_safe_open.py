"""The interface of safetensors' safe_open, over a store."""
from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Tuple, Type

from . import _errors, _frames
from ._model import Model, names, open as open_model
from ._tensors import Tensor, Tensors
from ._errors import NotFound, with_fix

_KINDS: Dict[Type[_errors.CakeError], Type[Exception]] = {}


def _error(kind: Type[_errors.CakeError], message: str) -> Exception:
    """An error that a caller of safetensors catches, too, where that package is installed."""
    if kind not in _KINDS:
        try:
            from safetensors import SafetensorError
        except ImportError:
            return kind(message)
        _KINDS[kind] = type(kind.__name__, (kind, SafetensorError), {"__module__": "cake", "__doc__": kind.__doc__})
    return _KINDS[kind](message)


def located(text: str, store: Any = None, framework: str = "np") -> Tuple[Model, Optional[str]]:
    """A model, and a path in it: of `org/name`, `org/name/file` or `cake://org/name@revision/file`."""
    words = (text[len("cake://"):] if text.startswith("cake://") else text).strip("/").split("/")
    marked = next((place for place, word in enumerate(words) if "@" in word), None)
    if marked is not None:
        ends = [marked + 1]
    else:
        try:
            return open_model("/".join(words), store=store, framework=framework), None
        except NotFound:
            known = set(names(store))
        bare = known | {name.partition("@")[0] for name in known}
        ends = [end for end in range(len(words), 0, -1) if "/".join(words[:end]) in bare] or [len(words)]
    model = open_model("/".join(words[:ends[0]]), store=store, framework=framework)
    return model, "/".join(words[ends[0]:]) or None


class Slice:
    """A tensor of which only the indexed part is read."""

    def __init__(self, tensor: Tensor, frame: _frames.Frame, device: Any) -> None:
        self._tensor, self._frame, self._device = tensor, frame, device

    def get_shape(self) -> List[int]:
        return list(self._tensor.shape)

    def get_dtype(self) -> str:
        return self._tensor.dtype

    def __getitem__(self, index: Any) -> Any:
        return _placed(self._tensor._slice(self._frame, self._checked(index)), self._device)

    def _checked(self, index: Any) -> Any:
        """safetensors refuses what numpy cuts off: a slice that ends behind the end."""
        if isinstance(index, list):
            if index:
                raise _error(_errors.Invalid, "Non empty lists are not implemented")
            return slice(0, 0)
        shape = self._tensor.shape
        parts = index if isinstance(index, tuple) else (index,)
        if any(part is Ellipsis for part in parts):
            return index
        for place, (part, length) in enumerate(zip(parts, shape)):
            if isinstance(part, int) and part < -length:
                raise _error(_errors.Invalid, f"Invalid index {part} for dimension {place} of size {length}")
            last = part if isinstance(part, int) else part.stop - 1 if isinstance(part, slice) and part.stop is not None else 0
            if last >= length and not (isinstance(part, slice) and (part.start or 0) == part.stop):
                said = ", ".join(_said(part) for part in parts)
                raise _error(_errors.Invalid, f"Error during slicing [{said}] with shape {list(shape)}: index {last} out of "
                                              f"bounds for tensor dimension #{place} of size {length}")
        return index


def _said(part: Any) -> str:
    if isinstance(part, slice):
        return f"{'' if part.start is None else part.start}:{'' if part.stop is None else part.stop}"
    return str(part)


def _placed(value: Any, device: Any) -> Any:
    if device is None or str(device) == "cpu" or not hasattr(value, "to"):
        return value
    return value.to(f"cuda:{device}" if isinstance(device, int) else device)


class safe_open:  # noqa: N801  (the name is safetensors')
    """Opens a model, or one file of it, as safetensors.safe_open opens a file. A path of a file on the disk is left to safetensors.

    `backend` and `threads` are taken and may be left out; tensors that are read whole are compared with their SHA-256.
    """

    def __new__(cls, name_or_path: Any, framework: str = "pt", device: Any = "cpu", backend: Optional[str] = None,
                store: Any = None, threads: int = 0) -> Any:
        text = os.fspath(name_or_path) if hasattr(name_or_path, "__fspath__") else name_or_path
        if isinstance(text, str) and not text.startswith("cake://") and os.path.isfile(text):
            import safetensors
            more = {} if backend is None else {"backend": backend}
            return safetensors.safe_open(text, framework=framework, device=device, **more)
        return super().__new__(cls)

    def __init__(self, name_or_path: Any, framework: str = "pt", device: Any = "cpu", backend: Optional[str] = None,
                 store: Any = None, threads: int = 0) -> None:
        if backend not in (None, "mmap", "pread"):
            raise _error(_errors.Invalid, f"no backend {backend!r}")
        self._frame, self._device, self._threads = _frames.frame(framework), device, threads
        self._framework = framework
        text = os.fspath(name_or_path) if hasattr(name_or_path, "__fspath__") else name_or_path
        self._model: Optional[Model]
        self._model, self._path = located(text, store)
        self._tensors: Tensors = self._model.tensors_in(self._path) if self._path else self._model.tensors

    def _open(self) -> Tensors:
        if self._model is None:
            raise _error(_errors.Invalid, "File is not open")
        return self._tensors

    def __enter__(self) -> "safe_open":
        return self

    def __exit__(self, *_: Any) -> None:
        self._model = None
        del self._tensors

    def keys(self) -> List[str]:
        return sorted(self._open())

    def offset_keys(self) -> List[str]:
        """The names in the order of the bytes."""
        tensors = self._open()
        return sorted(tensors, key=lambda name: (tensors[name].file, tensors[name].offset))

    def metadata(self) -> Optional[Dict[str, str]]:
        tensors = self._open()
        assert self._model is not None
        found: Dict[str, str] = {}
        paths = [self._path] if self._path in self._model.files else sorted({tensor.file for tensor in tensors.values()})
        every = [self._model.metadata(path) for path in paths if path]
        for one in every:
            found.update(one or {})
        return found if any(one is not None for one in every) else None

    def _named(self, name: str) -> Tensor:
        try:
            return self._open()[name]
        except NotFound:
            raise _error(_errors.NoTensor, with_fix(f"File does not contain tensor {name}", "the names are in keys()")) from None

    def get_tensor(self, name: str) -> Any:
        return _placed(self._named(name)._whole(self._frame, self._threads), self._device)

    def get_tensors(self) -> Dict[str, Any]:
        tensors = self._open()
        if isinstance(self._frame, _frames.Numpy):
            return tensors.numpy(self._threads)
        device = f"cuda:{self._device}" if isinstance(self._device, int) else self._device or "cpu"
        return tensors.state_dict(device, self._threads)

    def get_slice(self, name: str) -> Slice:
        return Slice(self._named(name), self._frame, self._device)
