"""All tensors at once: one arena, one batched read, views of it."""
from __future__ import annotations

import ctypes
import hashlib
import json
import mmap
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from . import _dtypes, _frames
from ._errors import Invalid, with_fix
from ._progress import shown

if TYPE_CHECKING:
    from ._model import Model
    from ._tensors import Tensor

# Where tensors begin, for vector instructions of any width.
ALIGNMENT = 64
Callback = Optional[Callable[[int, int], Any]]


class Layout(NamedTuple):
    """Where each tensor lies. Equal layers are read once: `twins` are those that have the bytes of another."""

    places: List[int]
    size: int
    twins: Dict[int, int]


def layout(tensors: List["Tensor"]) -> Layout:
    places, twins, at = [], {}, 0
    first: Dict[Tuple[str, str], int] = {}
    for number, tensor in enumerate(tensors):
        places.append(at)
        at += -(-tensor.nbytes // ALIGNMENT) * ALIGNMENT
        if tensor.layer and tensor.nbytes:
            one = first.setdefault((tensor.layer, tensor.dtype), number)
            if one != number:
                twins[number] = one
    return Layout(places, at, twins)


def digest(tensors: List["Tensor"], made: Layout) -> str:
    rows = [(tensor.name, tensor.dtype, tensor.shape, tensor.layer, at) for tensor, at in zip(tensors, made.places)]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def is_constant(view: Any, item: int) -> bool:
    """Are all elements equal? Many tensors begin training as all zeros or ones: these are not tied."""
    step = 1 << 20
    sample = bytes(view[:item])
    for at in range(0, len(view), step):
        part = bytes(view[at:at + step])
        if part != sample * (len(part) // item):
            return False
    return True


def ties(tensors: List["Tensor"], made: Layout, buffer: Any, offset: int = 0) -> Dict[int, int]:
    """Of the twins, those that are one tensor under two names. The others get bytes of their own."""
    tied, constant = {}, {}
    view = memoryview(buffer)
    for number, one in made.twins.items():
        tensor, at = tensors[number], offset + made.places[one]
        if one not in constant:
            item = _dtypes.stored(tensor.dtype, tensor.shape, tensor.nbytes)[0]
            constant[one] = is_constant(view[at:at + tensor.nbytes], item)
        if not constant[one]:
            tied[number] = one
    return tied


def give_bytes(tensors: List["Tensor"], made: Layout, tied: Dict[int, int], buffer: Any, offset: int = 0) -> None:
    view = memoryview(buffer)
    for number, one in made.twins.items():
        if number not in tied:
            size, source, target = tensors[number].nbytes, offset + made.places[one], offset + made.places[number]
            view[target:target + size] = view[source:source + size]


def fill(model: "Model", tensors: List["Tensor"], made: Layout, buffer: Any, offset: int, threads: int, verify: bool,
         progress: Callback) -> None:
    """Reads every tensor into a writable buffer, and copies the twins that are not tied."""
    start = ctypes.addressof(ctypes.c_char.from_buffer(buffer)) + offset
    pieces = [(tensor._number, 0, tensor.nbytes, start + at)
              for number, (tensor, at) in enumerate(zip(tensors, made.places)) if tensor.nbytes and number not in made.twins]
    total = sum(piece[2] for piece in pieces)
    with shown(progress, f"loading {model.name}", total) as told:
        model._read(pieces, buffer, threads, verify, told.add if told else None)
    give_bytes(tensors, made, ties(tensors, made, buffer, offset), buffer, offset)


def private(size: int) -> mmap.mmap:
    """Memory of this process that a forked child copies when one of them writes."""
    return mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def views(tensors: List["Tensor"], made: Layout, buffer: Any, offset: int, frame: _frames.Frame) -> Dict[str, Any]:
    tied = ties(tensors, made, buffer, offset)
    memory: Dict[int, Any] = {}
    out = {}
    for number, tensor in enumerate(tensors):
        owner = tied.get(number, number)
        if owner not in memory:
            memory[owner] = frame.of_buffer(buffer, offset + made.places[owner], tensor.nbytes)
        out[tensor.name] = frame.view(memory[owner], tensor.dtype, tensor.shape, tensor.nbytes)
    return out


def arena(model: "Model", tensors: List["Tensor"], made: Layout, threads: int, verify: bool, shared: Optional[str],
          progress: Callback) -> Tuple[Any, int]:
    """The filled memory, and where the first tensor begins in it."""
    if shared:
        from . import _shared
        return _shared.arena(model, tensors, made, shared, threads, verify, progress)
    buffer = private(made.size)
    fill(model, tensors, made, buffer, 0, threads, verify, progress)
    return buffer, 0


def numpy_state(model: "Model", tensors: List["Tensor"], threads: int, verify: bool, shared: Optional[str],
                progress: Callback) -> Dict[str, Any]:
    made = layout(tensors)
    buffer, offset = arena(model, tensors, made, threads, verify, shared, progress)
    return views(tensors, made, buffer, offset, _frames.Numpy())


def torch_state(model: "Model", tensors: List["Tensor"], device: Any, threads: int, pin: bool, verify: bool,
                shared: Optional[str], progress: Callback) -> Dict[str, Any]:
    import torch
    place = torch.device(device)
    if place.type == "cuda" and not shared:
        from . import _upload
        return _upload.state(model, tensors, place, threads, verify, progress)
    if pin and not torch.cuda.is_available():
        raise Invalid(with_fix("pin=True needs a CUDA device, and torch finds none", "leave out pin"))
    made = layout(tensors)
    buffer, offset = arena(model, tensors, made, threads, verify, shared, progress)
    if pin:
        from . import _upload
        _upload.pin(buffer)
    state = views(tensors, made, buffer, offset, _frames.Torch())
    if place.type == "cpu":
        return state
    moved: Dict[int, Any] = {}
    for name, tensor in state.items():
        key = tensor.data_ptr() if tensor.numel() else id(tensor)
        if key not in moved:
            moved[key] = tensor.to(place)
        state[name] = moved[key].view(tensor.shape)
    return state
