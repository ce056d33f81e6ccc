"""Tensors to a CUDA device: a ring of pinned buffers, so that the upload of one part and the decoding of the next overlap."""
from __future__ import annotations

import ctypes
import hashlib
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from . import _dtypes, _state
from ._errors import Damaged, System, with_fix
from ._progress import shown

if TYPE_CHECKING:
    from ._model import Model
    from ._tensors import Tensor

SLOT = 64 << 20
SLOTS = 3


class Part(NamedTuple):
    tensor: int
    offset: int
    length: int
    place: int  # in the slot


def plan(sizes: List[int], slot: int) -> List[List[Part]]:
    """One list for each filling of a slot."""
    fillings: List[List[Part]] = []
    used = slot
    for number, size in enumerate(sizes):
        offset = 0
        while offset < size:
            if used >= slot:
                fillings.append([])
                used = 0
            length = min(size - offset, slot - used)
            fillings[-1].append(Part(number, offset, length, used))
            offset += length
            used = -(-(used + length) // _state.ALIGNMENT) * _state.ALIGNMENT
    return fillings


class Cuda:
    """What the ring needs of a device. Tests put another one in its place."""

    def __init__(self, device: Any) -> None:
        import torch
        self.device, self.stream = device, torch.cuda.Stream(device)

    def slot(self, size: int) -> Any:
        import torch
        return torch.empty(size, dtype=torch.uint8, pin_memory=True)

    def send(self, copies: List[Tuple[Any, Any]]) -> Any:
        """Starts the copies, and gives what tells that they are done."""
        import torch
        with torch.cuda.stream(self.stream):
            for target, source in copies:
                target.copy_(source, non_blocking=True)
            event = torch.cuda.Event()
            event.record(self.stream)
        return event

    def ready(self) -> None:
        """Work that the caller starts now comes after the copies."""
        import torch
        torch.cuda.current_stream(self.device).wait_stream(self.stream)
        self.stream.synchronize()


def state(model: "Model", tensors: List["Tensor"], device: Any, threads: int, verify: bool,
          progress: Optional[Callable[[int, int], Any]], ring: Any = None, slot: int = SLOT) -> Dict[str, Any]:
    import torch
    ring = ring or Cuda(device)
    made = _state.layout(tensors)
    own = [number for number in range(len(tensors)) if number not in made.twins]
    memory = {number: torch.empty(tensors[number].nbytes, dtype=torch.uint8, device=device) for number in own}
    fillings = plan([tensors[number].nbytes for number in own], slot)
    slots = [(ring.slot(slot), None) for _ in range(min(SLOTS, len(fillings)))]
    hashes: Dict[int, Any] = {}
    with shown(progress, f"loading {model.name}", sum(tensors[number].nbytes for number in own)) as told:
        for turn, parts in enumerate(fillings):
            buffer, event = slots[turn % len(slots)]
            if event is not None:
                event.synchronize()
            at = buffer.data_ptr()
            # A tensor that is read in parts is compared with its digest here: the library compares whole ones.
            model._read([(tensors[own[p.tensor]]._number, p.offset, p.length, at + p.place) for p in parts], buffer, threads, verify)
            slots[turn % len(slots)] = buffer, ring.send(
                [(memory[own[p.tensor]][p.offset:p.offset + p.length], buffer[p.place:p.place + p.length]) for p in parts])
            if verify:
                for part in parts:
                    _hash(tensors[own[part.tensor]], part, at, hashes)
            if told:
                told.add(sum(part.length for part in parts))
    ring.ready()
    return _named(tensors, made, memory)


def _hash(tensor: "Tensor", part: Part, at: int, hashes: Dict[int, Any]) -> None:
    if part.length == tensor.nbytes or not tensor.layer:
        return
    running = hashes.setdefault(part.tensor, hashlib.sha256())
    running.update((ctypes.c_char * part.length).from_address(at + part.place))
    if part.offset + part.length == tensor.nbytes and hashes.pop(part.tensor).hexdigest() != tensor.layer.rpartition(":")[2]:
        raise Damaged(with_fix(f"{tensor.name} does not match its digest", "cake verify --repair"))


def _named(tensors: List["Tensor"], made: _state.Layout, memory: Dict[int, Any]) -> Dict[str, Any]:
    """Twins share memory, unless all their elements are equal."""
    out = {}
    constant: Dict[int, bool] = {}
    for number, tensor in enumerate(tensors):
        one = made.twins.get(number)
        if one is not None:
            if one not in constant:
                item = _dtypes.stored(tensor.dtype, tensor.shape, tensor.nbytes)[0]
                rows = memory[one].view(-1, item)
                constant[one] = bool((rows == rows[:1]).all())
            memory[number] = memory[one].clone() if constant[one] else memory[one]
        out[tensor.name] = memory[number].view(_dtypes.torch_dtype(tensor.dtype, tensor.shape)).reshape(
            _dtypes.stored(tensor.dtype, tensor.shape, tensor.nbytes)[1])
    return out


def pin(buffer: Any) -> None:
    """Locks an arena into memory, so that copies from it to a device need no step between."""
    import torch
    address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
    status = torch.cuda.cudart().cudaHostRegister(address, len(buffer), 0)
    if int(status) != 0:
        raise System(with_fix(f"CUDA could not pin {len(buffer)} bytes (error {int(status)})", "leave out pin"))
    weakref.finalize(buffer, torch.cuda.cudart().cudaHostUnregister, address).atexit = False
