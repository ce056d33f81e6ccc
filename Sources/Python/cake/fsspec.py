"""`cake://org/name@revision/path` for fsspec: the files of the store's models, read-only."""
from __future__ import annotations

import io
from typing import Any, Dict, List, Optional, Tuple

from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile

from ._model import Model, names, open as open_model

READ_ONLY = "the files of a store are read-only"


class CakeFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Folders are the words of the models' names, and in a model the folders of its files."""

    protocol = "cake"
    root_marker = ""
    # What a model holds never changes, but names move: nothing is kept between calls.
    cachable = True

    def __init__(self, store: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.store = store
        self._models: Dict[str, Model] = {}

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        text = str(path)
        return text[len("cake://"):].strip("/") if text.startswith("cake://") else text.strip("/")

    def unstrip_protocol(self, name: str) -> str:
        return "cake://" + self._strip_protocol(name)

    def _split(self, path: str) -> Tuple[Optional[str], str]:
        """A model's name and the path in it; nothing for a folder above the models."""
        words = path.split("/") if path else []
        known = set(names(self.store))
        for end in range(len(words), 0, -1):
            name = "/".join(words[:end])
            if name in known or ("@" in words[end - 1] and not any("@" in word for word in words[:end - 1])):
                return name, "/".join(words[end:])
        if not words or any(name.startswith(path + "/") for name in known):
            return None, path
        for end in range(len(words), 0, -1):
            name = "/".join(words[:end])
            if any(other.partition("@")[0] == name for other in known):
                return name, "/".join(words[end:])
        raise FileNotFoundError(f"no model in the store at cake://{path}")

    def _model(self, name: str) -> Model:
        return open_model(name, store=self.store)

    def _entries(self, name: str, model: Model, within: str) -> List[Dict[str, Any]]:
        folders: Dict[str, Dict[str, Any]] = {}
        found = []
        start = within + "/" if within else ""
        for path, file in model.files.items():
            if path == within:
                return [self._file(name, file)]
            if not path.startswith(start):
                continue
            below, slash, _ = path[len(start):].partition("/")
            if slash:
                folders.setdefault(below, self._folder(f"{name}/{start}{below}"))
            else:
                found.append(self._file(name, file))
        if within and not found and not folders:
            raise FileNotFoundError(f"cake://{name} has no file {within}")
        return [*folders.values(), *found]

    @staticmethod
    def _folder(path: str) -> Dict[str, Any]:
        return {"name": path, "size": 0, "type": "directory"}

    @staticmethod
    def _file(name: str, file: Any) -> Dict[str, Any]:
        return {"name": f"{name}/{file.path}", "size": file.size, "type": "file", "sha256": file.sha256}

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> List[Any]:
        path = self._strip_protocol(path)
        name, within = self._split(path)
        if name is None:
            start = path + "/" if path else ""
            below = {other[len(start):].partition("/")[0] for other in names(self.store) if other.startswith(start)}
            entries = [self._folder(start + one) for one in sorted(below)]
        else:
            entries = self._entries(name, self._model(name), within)
        return entries if detail else sorted(entry["name"] for entry in entries)

    def info(self, path: str, **kwargs: Any) -> Dict[str, Any]:
        path = self._strip_protocol(path)
        name, within = self._split(path)
        if name is None or not within:
            if name is not None:
                self._model(name)
            return self._folder(path)
        entries = self._entries(name, self._model(name), within)
        return entries[0] if len(entries) == 1 and entries[0]["name"] == path else self._folder(path)

    def ukey(self, path: str) -> str:
        """Another one when the bytes are others."""
        name, within = self._split(self._strip_protocol(path))
        return f"{self._model(name).manifest}/{within}" if name else path

    def checksum(self, path: str) -> str:
        return self.ukey(path)

    def cat_file(self, path: str, start: Optional[int] = None, end: Optional[int] = None, **kwargs: Any) -> bytes:
        name, within = self._split(self._strip_protocol(path))
        if name is None or not within:
            raise IsADirectoryError(path) if name is None else FileNotFoundError(path)
        model = self._model(name)
        if within not in model.files:
            if self.isdir(path):
                raise IsADirectoryError(path)
            raise FileNotFoundError(path)
        first, last, _ = slice(start, end).indices(model.files[within].size)
        return model.read(within, first, max(0, last - first))

    def _open(self, path: str, mode: str = "rb", block_size: Any = None, autocommit: bool = True, cache_options: Any = None,
              **kwargs: Any) -> Any:
        if mode != "rb":
            raise OSError(30, READ_ONLY, path)
        return CakeFile(self, self._strip_protocol(path), mode, block_size or 4 << 20, cache_options=cache_options, **kwargs)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise OSError(30, READ_ONLY)

    mkdir = makedirs = rm_file = _rm = rm = cp_file = mv = pipe_file = put_file = touch = rmdir = _refuse


class CakeFile(AbstractBufferedFile):  # type: ignore[misc]
    def __init__(self, fs: CakeFileSystem, path: str, mode: str, block_size: int, **kwargs: Any) -> None:
        name, self._within = fs._split(path)
        if name is None or not self._within:
            raise IsADirectoryError(path)
        self._model = fs._model(name)
        if self._within not in self._model.files:
            raise (IsADirectoryError if fs.isdir(path) else FileNotFoundError)(path)
        kwargs.setdefault("size", self._model.files[self._within].size)
        super().__init__(fs, path, mode, block_size, **kwargs)

    def _fetch_range(self, start: int, end: int) -> bytes:
        end = min(end, self._model.files[self._within].size)
        return self._model.read(self._within, start, end - start) if start < end else b""

    def _upload_chunk(self, final: bool = False) -> bool:
        raise io.UnsupportedOperation(READ_ONLY)
