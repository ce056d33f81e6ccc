"""Calls that take long, on a thread that Ctrl-C does not wait for."""
from __future__ import annotations

import _thread
import atexit
import ctypes
import os
import threading
from typing import Any, Callable, List, Optional, Set, Tuple

from . import _library
from ._library import Handle, Read

# A read of less than this ends before anybody notices that Ctrl-C waits for it; a thread would cost more than the read.
SHORT = 4 << 20
# With a progress bar, one batch has about this many bytes.
STEP = 256 << 20
# How long an interrupted read may take to end. The library looks at the flag much more often.
PATIENCE = 2.0

Piece = Tuple[int, int, int, int]  # a tensor's number, first byte, bytes, address


class _Call:
    """`_end` is a bare lock, and no threading.Event: an exception that Ctrl-C raises inside an Event leaves it locked for good."""
    __slots__ = ("cancel", "begun", "ended", "_end", "status", "error", "trouble")

    def __init__(self) -> None:
        self.cancel = ctypes.c_int32(0)
        self.begun = self.ended = False
        self._end = _thread.allocate_lock()
        self._end.acquire()
        self.status = 0
        self.error = ctypes.c_void_p()
        self.trouble: Optional[BaseException] = None

    def end(self) -> None:
        self.ended = True
        self._end.release()

    def wait(self, seconds: float = -1) -> bool:
        if not self.ended and self._end.acquire(True, seconds):
            self._end.release()
        return self.ended


_running: Set[_Call] = set()
_is_ending = False


def _cancel_all() -> None:
    """At the end of the process no thread may still write to memory that is being torn down. Only daemon threads are left."""
    global _is_ending
    _is_ending = True
    calls = list(_running)
    for call in calls:
        call.cancel.value = 1
    for call in calls:
        call.wait(PATIENCE)


atexit.register(_cancel_all)
os.register_at_fork(after_in_child=_running.clear)


def _stay_if_ending() -> None:
    """A daemon thread ends here with the interpreter: what it would still say of its cancelled read, it might say half."""
    if _is_ending and threading.current_thread() is not threading.main_thread():
        never = _thread.allocate_lock()
        never.acquire()
        never.acquire()


def _perform(call: _Call, function: Callable[[_Call], int], keep: Any) -> None:
    """`keep` owns the memory that is written to: it lives as long as the call, also if its caller has stopped waiting."""
    call.begun = True
    try:
        _running.add(call)
        # Of a call that is cancelled before it begins, the caller has gone.
        if not call.cancel.value:
            call.status = function(call)
    except BaseException as trouble:  # told to the thread that waits
        call.trouble = trouble
    finally:
        _running.discard(call)
        call.end()


def _perform_elsewhere(call: _Call, function: Callable[[_Call], int], keep: Any) -> None:
    """Ctrl-C may come between any two steps of this."""
    try:
        try:
            _thread.start_new_thread(_perform, (call, function, keep))
        except RuntimeError:  # no new threads while the interpreter ends
            _perform(call, function, keep)
        call.wait()
    except BaseException:
        call.cancel.value = 1
        while call.begun:
            try:
                call.wait(PATIENCE)
                break
            except KeyboardInterrupt:
                continue
        raise


def interruptible(function: Callable[[_Call], int], size: int, keep: Any) -> None:
    """Only the main thread gets a KeyboardInterrupt, so only there a long call needs a thread of its own."""
    call = _Call()
    if size > SHORT and threading.current_thread() is threading.main_thread():
        _perform_elsewhere(call, function, keep)
    else:
        _stay_if_ending()
        _perform(call, function, keep)
        _stay_if_ending()
    if call.trouble:
        raise call.trouble
    _library.check(call.status, call.error)


def _batches(pieces: List[Piece], step: int) -> List[List[Piece]]:
    batches: List[List[Piece]] = [[]]
    size = 0
    for piece in pieces:
        if size >= step:
            batches.append([])
            size = 0
        batches[-1].append(piece)
        size += piece[2]
    return batches


def read(model: Handle, pieces: List[Piece], keep: Any, threads: int = 0, verify: bool = True,
         progress: Optional[Callable[[int], Any]] = None) -> None:
    """Reads all pieces. `progress` is called with the number of bytes that came since the last call."""
    function, flags = _library.library().cake_model_read, _library.VERIFY if verify else 0
    for batch in _batches(pieces, STEP) if progress else [pieces]:
        array = (Read * len(batch))(*(Read(*piece) for piece in batch))
        size = sum(piece[2] for piece in batch)

        def call(call: _Call, array: Any = array) -> int:
            return int(function(model.pointer, array, len(array), threads, flags, ctypes.byref(call.cancel),
                                ctypes.byref(call.error)))
        interruptible(call, size, (model, keep))
        if progress:
            progress(size)


def read_file(model: Handle, path: str, offset: int, length: int, address: int, keep: Any, threads: int = 0,
              verify: bool = True) -> None:
    function, name = _library.library().cake_file_read, _library.encoded(path)
    flags = _library.VERIFY if verify else 0

    def call(call: _Call) -> int:
        return int(function(model.pointer, name, offset, length, address, threads, flags, ctypes.byref(call.cancel),
                            ctypes.byref(call.error)))
    interruptible(call, length, (model, keep))
