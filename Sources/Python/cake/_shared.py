"""An arena in /dev/shm that several processes map: one decodes, the others wait for it.

A folder of the user holds the arenas. Each process that maps one holds a shared lock of the file, which lasts as long as the
mapping. A file counts when its first page says that it is sealed. What no process holds, the next open removes.
"""
from __future__ import annotations

import fcntl
import mmap
import os
import re
import stat
import struct
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple

from ._errors import Invalid, System, with_fix

if TYPE_CHECKING:
    from ._model import Model
    from ._state import Layout
    from ._tensors import Tensor

ROOT = "/dev/shm"
PAGE = mmap.PAGESIZE
_MAGIC = b"cake-arena-1"
_HEAD = struct.Struct("<12sI32sQ")  # magic, sealed, digest of the layout, bytes of the arena


def folder() -> int:
    """The user's folder, open. It must be a folder that only this user may enter."""
    path = f"{ROOT}/cake-{os.geteuid()}"
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as trouble:
        raise System(with_fix(f"cannot make {path}: {trouble.strerror}", "leave out shared")) from None
    try:
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as trouble:
        raise System(with_fix(f"{path} is not a folder: {trouble.strerror}", f"rm {path}")) from None
    facts = os.fstat(opened)
    if facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        os.close(opened)
        raise System(with_fix(f"{path} belongs to another user, or others may enter it", f"remove {path}, or leave out shared"))
    return opened


def _lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind)
        return True
    except BlockingIOError:
        return False


def _is_linked(place: int, name: str, file: int) -> bool:
    """Is the open file still the one under this name?"""
    try:
        named = os.stat(name, dir_fd=place, follow_symlinks=False)
    except FileNotFoundError:
        return False
    facts = os.fstat(file)
    return (named.st_dev, named.st_ino) == (facts.st_dev, facts.st_ino)


def _open(place: int, name: str, flags: int) -> Optional[int]:
    """Nothing if another process was faster, or there is no such file."""
    try:
        file = os.open(name, flags | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=place)
    except (FileExistsError, FileNotFoundError):
        return None
    facts = os.fstat(file)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        os.close(file)
        raise System(with_fix(f"{ROOT}/cake-{os.geteuid()}/{name} is not a file of this user alone",
                              f"rm {ROOT}/cake-{os.geteuid()}/{name}"))
    return file


def sweep(place: int, keep: str) -> int:
    """Removes the arenas that no process holds. Gives their number."""
    removed = 0
    for name in os.listdir(place):
        try:
            file = None if name == keep else _open(place, name, 0)
        except (System, OSError):
            continue
        if file is None:
            continue
        try:
            if _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB) and _is_linked(place, name, file):
                os.unlink(name, dir_fd=place)
                removed += 1
        finally:
            os.close(file)
    return removed


def _sealed(file: int, layout_digest: bytes, size: int) -> bool:
    head = os.pread(file, _HEAD.size, 0)
    return (len(head) == _HEAD.size and _HEAD.unpack(head) == (_MAGIC, 1, layout_digest, size)
            and os.fstat(file).st_size == PAGE + size)


def _map(file: int, size: int) -> mmap.mmap:
    """Private: what one process writes, the others do not see. The map keeps a copy of the descriptor, and with it the lock."""
    return mmap.mmap(file, PAGE + size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)


def _build(place: int, name: str, layout_digest: bytes, size: int, fill: Callable[[Any, int], None]) -> Optional[mmap.mmap]:
    file = _open(place, name, os.O_CREAT | os.O_EXCL)
    if file is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not _is_linked(place, name, file):
            return None
        try:
            try:
                # A full /dev/shm must be an error here, and not a SIGBUS later.
                os.posix_fallocate(file, 0, PAGE + size)
            except OSError as trouble:
                raise System(with_fix(f"{ROOT} has no room for {PAGE + size} bytes: {trouble.strerror}",
                                      "make room, or leave out shared")) from None
            fill(mmap.mmap(file, PAGE + size), PAGE)
            os.pwrite(file, _HEAD.pack(_MAGIC, 1, layout_digest, size), 0)
        except BaseException:
            os.unlink(name, dir_fd=place)
            raise
        fcntl.flock(file, fcntl.LOCK_SH)
        return _map(file, size)
    finally:
        os.close(file)


def _join(place: int, name: str, layout_digest: bytes, size: int) -> Optional[mmap.mmap]:
    """Waits for the process that decodes. Nothing if there is no arena, or if that process ended early."""
    file = _open(place, name, 0)
    if file is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
        if not _is_linked(place, name, file):
            return None
        if _sealed(file, layout_digest, size):
            return _map(file, size)
        # Never to be sealed: who made it held the lock until the end. Another process may have just made it, and wait for the lock.
        if _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB) and _is_linked(place, name, file):
            os.unlink(name, dir_fd=place)
        return None
    finally:
        os.close(file)


def arena(model: "Model", tensors: List["Tensor"], made: "Layout", shared: str, threads: int, verify: bool,
          progress: Any) -> Tuple[Any, int]:
    from . import _state
    if not isinstance(shared, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", shared):
        raise Invalid(with_fix(f"shared={shared!r} is no name", "use letters, digits, dots and dashes, at most 64"))
    whole = _state.digest(tensors, made)
    name = f"{shared}-{model.manifest[:16]}-{whole[:16]}"

    def fill(buffer: Any, offset: int) -> None:
        _state.fill(model, tensors, made, buffer, offset, threads, verify, progress)
    place = folder()
    try:
        sweep(place, name)
        while True:
            mapped = (_join(place, name, bytes.fromhex(whole), made.size)
                      or _build(place, name, bytes.fromhex(whole), made.size, fill))
            if mapped:
                return mapped, PAGE
    finally:
        os.close(place)
