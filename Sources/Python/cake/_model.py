"""A model in a store."""
from __future__ import annotations

import json
import os
import re
import threading
import weakref
from types import MappingProxyType
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from . import _dtypes, _frames, _library, _reading
from ._errors import Invalid, Missing, NotFound, System, with_fix
from ._tensors import Tensor, Tensors

PathLike = Union[str, "os.PathLike[str]"]
_TOKENIZER = re.compile(
    r"(tokenizer.*|vocab\..*|merges\.txt|.*\.tiktoken|spiece\.model|sentencepiece.*|special_tokens_map\.json|added_tokens\.json"
    r"|chat_template.*|processor_config\.json|preprocessor_config\.json|.*\.bpe\.model)")


class File(NamedTuple):
    path: str
    size: int
    sha256: Optional[str]
    here: bool


_models: "weakref.WeakSet[Model]" = weakref.WeakSet()


def _forked() -> None:
    """A child opens its models anew: those of the parent refuse to work there."""
    _library.forked()
    for model in list(_models):
        model._lock = threading.Lock()


os.register_at_fork(after_in_child=_forked)


class Model:
    """What `cake.open` gives. Nothing removes the model from the store while it lives."""

    def __init__(self, name: str, store: Optional[str], framework: str = "np", manifest: Optional[str] = None) -> None:
        self._store, self._framework = store, framework
        self._lock = threading.Lock()
        # A store of its own for each model: one that was opened earlier does not see what was imported since.
        self._handle: Optional[_library.Handle] = _library.open_model(
            _library.open_store(store), name if manifest is None else manifest)
        facts = _library.describe(self._now())
        self.name: str = name if manifest is not None else facts["name"]
        self.revision: Optional[str] = facts.get("revision")
        self.commit: Optional[str] = facts.get("commit")
        self.manifest: str = facts["manifest"].rpartition(":")[2]
        self.complete: bool = facts["complete"]
        self.nbytes: int = facts["size"]
        self._facts = facts
        self._paths = [file["path"] for file in facts["files"]]
        self._frame = _frames.frame(framework)
        self._small: Dict[str, bytes] = {}
        # Weak: the tensors refer to the model, and a circle would keep it open until the garbage collector comes.
        self._made: Callable[[], Optional[Tensors]] = lambda: None
        _models.add(self)

    def __reduce__(self) -> Any:
        return _again, (self.name, self._store, self._framework, self.manifest)

    def close(self) -> None:
        """Lets the store remove the model again, when no read needs it."""
        with self._lock:
            self._handle = None

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _now(self) -> _library.Handle:
        """The handle, of this process."""
        handle = self._handle
        if handle is None:
            raise Invalid(with_fix("the model is closed", "open it again with cake.open"))
        if handle.process != os.getpid():
            with self._lock:
                handle = self._handle or handle
                if handle.process != os.getpid():
                    # By its digest: the name may have moved since.
                    handle = self._handle = _library.open_model(_library.open_store(self._store), self.manifest)
        return handle

    def _read(self, pieces: List[_reading.Piece], keep: Any, threads: int = 0, verify: bool = True,
              progress: Optional[Callable[[int], Any]] = None) -> None:
        _reading.read(self._now(), pieces, keep, threads, verify, progress)

    @property
    def files(self) -> Mapping[str, File]:
        return MappingProxyType({file["path"]: File(file["path"], file["size"], file["sha256"], file["here"])
                                 for file in self._facts["files"]})

    @property
    def tokenizer_files(self) -> List[str]:
        return [path for path in self._paths if _TOKENIZER.fullmatch(path)]

    @property
    def tensors(self) -> Tensors:
        """The weights in the model's top folder; without any there, those of its folders, as `folder/name`."""
        made = self._made()
        if made is None:
            made = self._tensors()
            self._made = weakref.ref(made)
        return made

    def tensors_in(self, path: str) -> Tensors:
        """The tensors of one file, or of the files of one folder."""
        within = path.rstrip("/") + "/"
        chosen = {tensor.name: tensor for tensor in self._all() if tensor.file == path or tensor.file.startswith(within)}
        if not chosen and path not in self._paths and not any(other.startswith(within) for other in self._paths):
            raise NotFound(with_fix(f"{self.name} has no file {path}", "the paths are in model.files"))
        return Tensors(self, chosen)

    def _all(self) -> List[Tensor]:
        return [Tensor(self, number, facts, self._frame) for number, facts in enumerate(self._facts["tensors"])]

    def _tensors(self) -> Tensors:
        every = self._all()
        absent = tuple((self._facts.get("missing") or {}).get("tensors", ()))
        chosen = [tensor for tensor in every if "/" not in tensor.file]
        folders = sorted({os.path.dirname(tensor.file) for tensor in every})
        found: Dict[str, Tensor] = {}
        if not chosen and len(folders) > 1:
            for tensor in every:
                tensor.name = f"{os.path.dirname(tensor.file)}/{tensor.name}"
                found.setdefault(tensor.name, tensor)
            return Tensors(self, found, absent)
        # Some models have their weights twice, as model-… and as another format's file: the usual names come first.
        for tensor in sorted(chosen or every, key=lambda tensor: not re.fullmatch(
                r"(model|adapter_model|diffusion_pytorch_model)(-\d+-of-\d+)?\.safetensors", tensor.file.rpartition("/")[2])):
            found.setdefault(tensor.name, tensor)
        return Tensors(self, found, absent)

    def glob(self, pattern: str) -> Tensors:
        return self.tensors.glob(pattern)

    def regex(self, pattern: Union[str, "re.Pattern[str]"]) -> Tensors:
        return self.tensors.regex(pattern)

    def state_dict(self, device: Any = "cpu", threads: int = 0, pin: bool = False, verify: bool = True,
                   shared: Optional[str] = None, progress: Optional[Callable[[int, int], Any]] = None) -> Dict[str, Any]:
        """All weights as torch tensors. `shared` names an arena in memory that other processes map."""
        return self.tensors.state_dict(device, threads, pin, verify, shared, progress)

    def numpy(self, threads: int = 0, verify: bool = True, shared: Optional[str] = None,
              progress: Optional[Callable[[int, int], Any]] = None) -> Dict[str, Any]:
        """All weights as numpy arrays."""
        return self.tensors.numpy(threads, verify, shared, progress)

    def metadata(self, path: str) -> Optional[Dict[str, str]]:
        """What a safetensors file says under __metadata__."""
        if path not in self._paths:
            raise NotFound(with_fix(f"{self.name} has no file {path}", "the paths are in model.files"))
        found = self._facts["metadata"][self._paths.index(path)]
        return None if found is None else dict(found)

    def read(self, path: str, offset: int = 0, length: Optional[int] = None) -> bytes:
        """The bytes of a file, or a part of them."""
        if path not in self._paths:
            if path in (self._facts.get("missing") or {}).get("files", ()):
                raise Missing(with_fix(f"{self.name} is partial: {path} is not in the store", f"cake pull {self.name}"))
            raise NotFound(with_fix(f"{self.name} has no file {path}", "the paths are in model.files"))
        size = self._facts["files"][self._paths.index(path)]["size"]
        count = max(0, size - offset) if length is None else length
        if offset < 0 or count < 0 or offset + count > size:
            raise Invalid(f"{path} has {size} bytes, and not {count} from {offset}")
        memory = bytearray(count)
        if count:
            import ctypes
            address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
            _reading.read_file(self._now(), path, offset, count, address, memory)
        return bytes(memory)

    def _json(self, path: str) -> Dict[str, Any]:
        if path not in self._paths:
            return {}
        if path not in self._small:
            self._small[path] = self.read(path)
        try:
            value = json.loads(self._small[path])
        except ValueError as trouble:
            raise Invalid(with_fix(f"{path} of {self.name} is no JSON: {trouble}", f"cake cat {self.name} {path}")) from None
        if not isinstance(value, dict):
            raise Invalid(f"{path} of {self.name} is no JSON object")
        return value

    @property
    def config(self) -> Dict[str, Any]:
        """config.json; an empty dict for a model without one."""
        return self._json("config.json")

    def _sizes(self) -> Dict[str, Any]:
        """What `cake ls` says about this model."""
        listed = _library.models(_library.open_store(self._store))
        return next((facts for facts in listed if str(facts.get("manifest", "")).rpartition(":")[2] == self.manifest), {})

    def __repr__(self) -> str:
        try:
            return self._described()
        except (OSError, ValueError, Missing, System) as trouble:
            return f"<{self.name}, {trouble}>"

    def _described(self) -> str:
        config = self.config
        kind = ", ".join(config.get("architectures") or ()) or config.get("model_type") or "no architecture in config.json"
        revision = f"@{self.revision}" if self.revision and "@" not in self.name else ""
        tensors = self.tensors
        by_dtype: Dict[str, int] = {}
        for tensor in tensors.values():
            by_dtype[tensor.dtype] = by_dtype.get(tensor.dtype, 0) + tensor.nbytes
        dtypes = ", ".join(sorted(by_dtype, key=lambda dtype: -by_dtype[dtype]))
        lines = [f"{self.name}{revision}: {kind}",
                 f"{_dtypes.count(sum(t.size for t in tensors.values()))} parameters in {len(tensors)} tensors, {dtypes or 'no dtype'}",
                 f"{_dtypes.quantity(self.nbytes)} in {len(self._paths)} files"]
        sizes = self._sizes()
        if sizes:
            lines.append(f"{_dtypes.quantity(sizes['bytes_at_rest'])} at rest, "
                         f"{_dtypes.quantity(sizes['bytes_shared'])} of it shared with other models")
        if not self.complete:
            lines.append(f"partial: cake pull {self.name} completes it")
        return "\n  ".join(lines)


def _again(name: str, store: Optional[str], framework: str, manifest: str) -> Model:
    """For pickle: the same model, in another process."""
    return Model(name, store, framework, manifest)


def open(name: str, revision: Optional[str] = None, store: Optional[PathLike] = None, framework: str = "np") -> Model:
    """Opens a model of the store. `framework` says what `model.tensors[…][…]` gives: "np" arrays or "pt" tensors."""
    whole = f"{name}@{revision}" if revision else name
    return Model(whole, None if store is None else os.fspath(store), framework)


def names(store: Optional[PathLike] = None) -> Tuple[str, ...]:
    """The names of all models."""
    listed = _library.models(_library.open_store(None if store is None else os.fspath(store)))
    return tuple(facts["name"] for facts in listed)
