"""load_file and save_file of safetensors.torch, into and out of a store."""
from __future__ import annotations

import ctypes
import json
import os
import shutil
import tempfile
from typing import Any, Dict, List, Optional, Tuple

from . import _command, _dtypes
from ._errors import Invalid, with_fix
from ._safe_open import located

_NAMES = {f"torch.{known.torch}": name for name, known in _dtypes.DTYPES.items()}
MEMORY = "/dev/shm"


def load_file(name: Any, device: Any = "cpu", store: Any = None, threads: int = 0) -> Dict[str, Any]:
    """The tensors of a model, or of one of its files (`org/name/model.safetensors`)."""
    model, path = located(os.fspath(name), store)
    return (model.tensors_in(path) if path else model.tensors).state_dict(device, threads)


def save_file(tensors: Dict[str, Any], name: str, metadata: Optional[Dict[str, str]] = None, store: Any = None,
              base: Optional[str] = None) -> Any:
    """Stores tensors as a model, or as the next version of the name. `base` names the model that they were made from.

    The file lies in memory until `cake import` has read it; cake has no copy of it on the disk.
    """
    head, parts = _laid_out(tensors, metadata)
    place = _folder(len(head) + sum(len(part) for part in parts))
    try:
        path = os.path.join(place, "model.safetensors")
        with open(path, "xb") as file:
            file.write(head)
            for part in parts:
                file.write(part)
        del parts
        options = {"force": True, **({"base": base} if base else {})}
        answer = _command.call(["import", *_command._words(options), "--", path, name], store)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return answer[0] if isinstance(answer, list) and len(answer) == 1 else answer


def _folder(size: int) -> str:
    """In memory, if it has room: containers often have 64 MB there."""
    try:
        facts = os.statvfs(MEMORY)
        roomy = facts.f_bavail * facts.f_frsize > size + (16 << 20)
    except OSError:
        roomy = False
    return tempfile.mkdtemp(prefix="cake-save-", dir=MEMORY if roomy else None)


def _laid_out(tensors: Dict[str, Any], metadata: Optional[Dict[str, str]]) -> Tuple[bytes, List[Any]]:
    """The header of a safetensors file, and the bytes of its tensors: wide dtypes first, then by name."""
    import torch
    if not isinstance(tensors, dict):
        raise Invalid(f"Expected a dict of [str, torch.Tensor] but received {type(tensors)}")
    for key, value in (metadata or {}).items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise Invalid(f"metadata has text alone, and {key!r} is {value!r}")
    rows = []
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise Invalid(f"Key `{name}` is invalid, expected torch.Tensor but received {type(tensor)}")
        if tensor.layout != torch.strided:
            raise Invalid(with_fix(f"{name} is sparse", "tensor.to_dense()"))
        if str(tensor.dtype) not in _NAMES:
            raise Invalid(with_fix(f"{name} has {tensor.dtype}, which safetensors has no name for", "tensor.to(another dtype)"))
        rows.append((name, tensor.detach().to("cpu").contiguous(), _NAMES[str(tensor.dtype)]))
    rows.sort(key=lambda row: (-_dtypes.DTYPES[row[2]].bits, row[0]))
    entries: Dict[str, Any] = {} if metadata is None else {"__metadata__": dict(metadata)}
    at, parts = 0, []
    for name, tensor, dtype in rows:
        size = tensor.numel() * tensor.element_size()
        shape = list(tensor.shape)
        if dtype == "F4":
            shape[-1] *= 2
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
        parts.append(_bytes(tensor, size))
    head = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head, parts


def _bytes(tensor: Any, size: int) -> Any:
    if not size:
        return b""
    made = (ctypes.c_ubyte * size).from_address(tensor.data_ptr())
    made._tensor = tensor  # the bytes are the tensor's
    return made
