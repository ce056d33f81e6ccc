"""libcake through ctypes: one class for each thing that has to be closed. Sources/Library/cake.h is the contract."""
from __future__ import annotations

import ctypes
import json
import os
import threading
from typing import Any, Optional

from . import _errors
from ._errors import with_fix

INTERFACE = 1
VERIFY = 1
_POINTER, _TEXT = ctypes.c_void_p, ctypes.c_void_p


class Read(ctypes.Structure):
    _fields_ = [("tensor", ctypes.c_uint64), ("offset", ctypes.c_uint64), ("length", ctypes.c_uint64),
                ("destination", ctypes.c_void_p)]


def _prototypes():
    out, error = ctypes.POINTER(_POINTER), ctypes.POINTER(_TEXT)
    cancel, text = ctypes.POINTER(ctypes.c_int32), ctypes.c_char_p
    return {
        "cake_interface": (ctypes.c_uint32, []),
        "cake_version": (ctypes.c_char_p, []),
        "cake_store_open": (ctypes.c_int, [text, out, error]),
        "cake_store_close": (None, [_POINTER]),
        "cake_store_models": (ctypes.c_int, [_POINTER, out, error]),
        "cake_model_open": (ctypes.c_int, [_POINTER, text, out, error]),
        "cake_model_close": (None, [_POINTER]),
        "cake_model_describe": (ctypes.c_int, [_POINTER, out, error]),
        "cake_model_read": (ctypes.c_int, [_POINTER, ctypes.POINTER(Read), ctypes.c_size_t, ctypes.c_uint32,
                                           ctypes.c_uint32, cancel, error]),
        "cake_file_read": (ctypes.c_int, [_POINTER, text, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_void_p,
                                          ctypes.c_uint32, ctypes.c_uint32, cancel, error]),
        "cake_free": (None, [_POINTER]),
    }


def beside(name: str) -> str:
    """Where the wheel has one of its binary files."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "_lib", name)


def _load() -> Any:
    named = os.environ.get("CAKE_LIBRARY")
    path = named or (beside("libcake.so") if os.path.exists(beside("libcake.so")) else "libcake.so")
    try:
        loaded = ctypes.CDLL(path)
    except OSError as trouble:
        raise _errors.System(with_fix(
            f"cannot load {path}: {trouble}", "install cake-models from a wheel, or set CAKE_LIBRARY to libcake.so")) from None
    for name, (result, arguments) in _prototypes().items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    if loaded.cake_interface() != INTERFACE:
        raise _errors.Newer(with_fix(
            f"{path} has interface {loaded.cake_interface()}, and this package needs {INTERFACE}",
            "install the library and the package of one version"))
    return loaded


_lock, _loaded = threading.Lock(), None


def library() -> Any:
    global _loaded
    if _loaded is None:
        with _lock:
            if _loaded is None:
                _loaded = _load()
    return _loaded


def forked() -> None:
    """In a child: another thread of the parent may have held the lock."""
    global _lock
    _lock = threading.Lock()


def check(status: int, error: Any) -> None:
    """Raises what a call reports, and frees its text."""
    text = taken(error)
    if status:
        kind = _errors.KINDS.get(status, _errors.CakeError)
        raise kind(text or f"cake failed with {status} and gave no reason")


def taken(pointer: Any) -> str:
    if not pointer.value:
        return ""
    try:
        return (ctypes.string_at(pointer.value) or b"").decode(errors="replace")
    finally:
        library().cake_free(pointer.value)


def encoded(text: str) -> bytes:
    data = os.fsencode(text)
    if b"\0" in data:
        raise _errors.Invalid(f"a name has no NUL byte: {text!r}")
    return data


class Handle:
    """Something of the library that is closed when nothing refers to it. A forked child does not close what its parent opened."""

    __slots__ = ("pointer", "process", "below", "_close", "_process_id", "__weakref__")

    def __init__(self, pointer: int, close: Any, below: Optional["Handle"] = None) -> None:
        self.pointer, self.below = pointer, below
        self._close, self._process_id = close, os.getpid
        self.process = os.getpid()

    def __del__(self) -> None:
        pointer, self.pointer = getattr(self, "pointer", None), None
        if pointer and self._process_id() == self.process:
            self._close(pointer)


def _opened(function: Any, *arguments: Any) -> int:
    out, error = _POINTER(), _TEXT()
    check(function(*arguments, ctypes.byref(out), ctypes.byref(error)), error)
    assert out.value
    return out.value


def open_store(path: Optional[str]) -> Handle:
    return Handle(_opened(library().cake_store_open, None if path is None else encoded(path)), library().cake_store_close)


def open_model(store: Handle, name: str) -> Handle:
    return Handle(_opened(library().cake_model_open, store.pointer, encoded(name)), library().cake_model_close, store)


def _json(function: Any, handle: Handle) -> Any:
    out, error = _TEXT(), _TEXT()
    check(function(handle.pointer, ctypes.byref(out), ctypes.byref(error)), error)
    return json.loads(taken(out))


def models(store: Handle) -> Any:
    """All models that can be read: one whose manifest is damaged does not hide the others."""
    out, error = _TEXT(), _TEXT()
    status = library().cake_store_models(store.pointer, ctypes.byref(out), ctypes.byref(error))
    if not out.value:
        check(status, error)
    taken(error)
    return json.loads(taken(out))


def describe(model: Handle) -> Any:
    return _json(library().cake_model_describe, model)
