"""Tensors straight from the Hub: `cake stream` into a pipe, and from the pipe into memory, with no store and no disk."""
from __future__ import annotations

import ctypes
import fcntl
import json
import subprocess
import tarfile
import threading
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, cast

from . import _command, _dtypes, _frames
from ._errors import Damaged, Invalid, with_fix

# What a safetensors header may take.
MOST_HEADER = 100_000_000
# The kernel's default of 64 KiB wakes both sides for every few pages.
PIPE = 1 << 20


class Entry(NamedTuple):
    begin: int
    end: int
    name: str
    dtype: str
    shape: Tuple[int, ...]


def entries(header: bytes, limit: Optional[int], path: str) -> List[Entry]:
    """The tensors of a header in the order of their bytes; `limit` is how many bytes follow it, where that is known."""
    try:
        told = json.loads(header)
        found = []
        for name, value in told.items():
            if name == "__metadata__":
                continue
            begin, end = (int(at) for at in value["data_offsets"])
            found.append(Entry(begin, end, name, str(value["dtype"]), tuple(int(length) for length in value["shape"])))
    except (ValueError, TypeError, KeyError, AttributeError) as trouble:
        raise Damaged(f"the header of {path} makes no sense: {trouble}") from None
    found.sort()
    at = 0
    for entry in found:
        bits, count = _dtypes.DTYPES[entry.dtype].bits if entry.dtype in _dtypes.DTYPES else 0, 1
        for length in entry.shape:
            count *= length
        fits = not bits or (min((0, *entry.shape)) >= 0 and (count * bits + 7) // 8 == entry.end - entry.begin)
        if not fits or entry.begin < at or entry.end < entry.begin or (limit is not None and entry.end > limit):
            raise Damaged(f"the header of {path} makes no sense: the bytes of {entry.name} are not where it says")
        at = entry.end
    return found


class Source:
    """The files that `cake stream` writes, one after another."""

    def __init__(self, words: List[str], title: str) -> None:
        self.title = title
        self.said = _command.Said()
        self.child = _command.start([_command.binary(), "stream", "--json", *words], subprocess.PIPE, bufsize=0)
        # Without a buffer it is a FileIO.
        self.pipe = cast(Any, self.child.stdout)
        try:
            fcntl.fcntl(self.pipe, getattr(fcntl, "F_SETPIPE_SZ", 1031), PIPE)
        except OSError:
            pass
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        assert self.child.stderr is not None
        for raw in self.child.stderr:
            self.said.take(raw)

    def fill(self, view: memoryview) -> bool:
        """False where the output ends before the view is full."""
        at = 0
        while at < len(view):
            count = self.pipe.readinto(view[at:])
            if not count:
                return False
            at += count
        return True

    def take(self, size: int) -> bytes:
        room = bytearray(size)
        if not self.fill(memoryview(room)):
            self.is_over()
        return bytes(room)

    def skip(self, size: int) -> None:
        while size:
            size -= len(self.take(min(size, PIPE)))

    def is_over(self) -> None:
        """The output ended too early: cake says why."""
        status = self.child.wait()
        self.listener.join()
        if status == 0:
            raise Damaged(f"the stream of {self.title} ended too early")
        raise self.said.failure(status)

    def finish(self) -> None:
        """Behind the last byte: only now everything is known to be right."""
        if self.pipe.read(1):
            raise Damaged(f"the stream of {self.title} has bytes behind its end")
        if self.child.wait() != 0:
            self.is_over()

    def close(self) -> None:
        self.pipe.close()
        _command._end(self.child)
        self.listener.join()
        if self.child.stderr:
            self.child.stderr.close()

    def files(self) -> Iterator[Tuple[str, Optional[int], bytes]]:
        """(path, size, its first eight bytes) of each. One file comes as it is, and its size is not told; several as a tar."""
        first = self.take(8)
        # The length of a header is far below 2^40, and no name in a tar is so short.
        if not any(first[5:]):
            yield self.title, None, first
            return
        block, path, size = first + self.take(504), "", 0
        longer: Dict[str, str] = {}
        while any(block):
            member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            if member.type == tarfile.XHDTYPE:
                longer = pax(self.take(-(-member.size // 512) * 512)[:member.size])
            else:
                path, size = longer.get("path", member.name), int(longer.get("size", member.size))
                longer = {}
                if member.isreg():
                    if size < 8:
                        raise Damaged(f"{path} is no safetensors file: it has {size} bytes")
                    yield path, size, self.take(8)
                self.skip(-size % 512)
            block = self.take(512)
        # The end is two blocks of zeros, and perhaps more.
        while rest := self.pipe.read(PIPE):
            if any(rest):
                raise Damaged(f"the stream of {self.title} has bytes behind its end")


def pax(data: bytes) -> Dict[str, str]:
    """The records "LENGTH KEY=VALUE\\n" before a member that has a long name or 8 GiB."""
    found: Dict[str, str] = {}
    while data:
        digits = data.split(b" ", 1)[0]
        length = int(digits)
        key, _, value = data[len(digits) + 1:length - 1].partition(b"=")
        found[key.decode()] = value.decode(errors="surrogateescape")
        data = data[length:]
    return found


def _memory(frame: _frames.Frame, size: int) -> Tuple[Any, memoryview]:
    memory = frame.empty(size)
    if not size:
        return memory, memoryview(b"")
    return memory, memoryview((ctypes.c_ubyte * size).from_address(frame.address(memory))).cast("B")


def _tensors(source: Source, path: str, size: Optional[int], first: bytes, frame: _frames.Frame) -> Iterator[Tuple[str, Any]]:
    """The tensors of one file. The last one waits until cake has let the file's end pass, which it does if the hash is right."""
    length = int.from_bytes(first, "little")
    if length > MOST_HEADER or (size is not None and length > size - 8):
        raise Damaged(f"{path} is no safetensors file: its header would take {length} bytes")
    rest = None if size is None else size - 8 - length
    at, held = 0, None
    for entry in entries(source.take(length), rest, path):
        source.skip(entry.begin - at)
        memory, view = _memory(frame, entry.end - entry.begin)
        if not source.fill(view):
            source.is_over()
        at = entry.end
        if held:
            yield held
        held = entry.name, frame.view(memory, entry.dtype, entry.shape, entry.end - entry.begin)
    if rest is None:
        source.finish()
    else:
        source.skip(rest - at)
    if held:
        yield held


def stream(name: str, revision: Optional[str] = None, *, framework: Optional[str] = None, device: Any = "cpu",
           verify: str = "tensor", **options: Any) -> Iterator[Tuple[str, Any]]:
    """The tensors of a model of the Hub, ("name", tensor) in the order of its files, as soon as each is here.

    Nothing is written to a disk, and no store is used: memory holds one tensor at a time beside those that the caller keeps. The last
    tensor of a file comes when the hash of the whole file was right, and an exception comes if it is not: what came of this file before
    is then wrong. With verify="file" no tensor comes before its file was right, and memory holds a file.

    `name` is hf://org/name[@revision] or org/name; options are those of `cake stream`: token="…", max_workers=16, include=["*.safetensors"].
    """
    if verify not in ("tensor", "file"):
        raise Invalid(with_fix(f"no verify={verify!r}", 'use "tensor" or "file"'))
    if framework is None:
        import importlib.util
        framework = "pt" if importlib.util.find_spec("torch") else "np"
    if framework not in ("pt", "torch", "pytorch") and str(device) != "cpu":
        raise Invalid(with_fix(f"no device {device!r} for {framework}", 'framework="pt" has devices'))
    options.setdefault("include", ["*.safetensors"])
    words = [*_command._words(options), "--", _command._at(name, revision)]
    return _stream(words, name, _frames.frame(framework), device, verify)


def _stream(words: List[str], title: str, frame: _frames.Frame, device: Any, verify: str) -> Iterator[Tuple[str, Any]]:
    source = Source(words, title)
    try:
        for path, size, first in source.files():
            found = _tensors(source, path, size, first, frame)
            for key, tensor in list(found) if verify == "file" else found:
                yield key, tensor if str(device) == "cpu" else tensor.to(device)
        source.finish()
    finally:
        source.close()


__all__ = ["stream"]
