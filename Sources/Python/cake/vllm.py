"""vLLM reads weights out of the store: vllm serve $(python -m cake.vllm org/name) --load-format cake

vLLM wants the configuration and the tokenizer as real files. `folder` writes them, and a note of which model they are of.
"""
from __future__ import annotations

import json
import os
import sys
from typing import Any, Iterator, Optional, Tuple

from ._model import Model, PathLike, open as open_model

NOTE = "cake-model.json"
# One read has about this many bytes: enough to keep every thread busy, and little beside a model.
BATCH = 512 << 20


def folder(name: str, revision: Optional[str] = None, store: Optional[PathLike] = None, into: Optional[str] = None) -> str:
    """Writes all files that are no weights. Gives the folder, for vLLM's `model`."""
    from .transformers import write_small_files
    model = open_model(name, revision, store)
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    place = into or os.path.join(caches, "cake", "vllm", model.manifest[:16])
    os.makedirs(place, exist_ok=True)
    write_small_files(model, place)
    with open(os.path.join(place, NOTE + ".part"), "w", encoding="utf-8") as file:
        json.dump({"name": model.name, "manifest": model.manifest, "store": None if store is None else os.fspath(store)}, file)
    os.replace(os.path.join(place, NOTE + ".part"), os.path.join(place, NOTE))
    return place


def opened(named: str, revision: Optional[str], extra: Any) -> Model:
    """By vLLM's extra configuration, the note in the folder, or the name."""
    extra = dict(extra or {})
    path = os.path.join(named, NOTE)
    if "name" in extra:
        return open_model(extra["name"], extra.get("revision"), extra.get("store"))
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            note = json.load(file)
        return open_model(note["manifest"], store=extra.get("store", note["store"]))
    return open_model(named, revision, extra.get("store"))


def weights(model: Model, threads: int = 0, batch: int = BATCH) -> Iterator[Tuple[str, Any]]:
    """(name, tensor) of all weights, some hundred MB at a time."""
    from ._tensors import Tensors
    part, size = {}, 0
    for name, tensor in model.tensors.items():
        part[name] = tensor
        size += tensor.nbytes
        if size >= batch:
            yield from Tensors(model, part).state_dict(threads=threads).items()
            part, size = {}, 0
    if part:
        yield from Tensors(model, part).state_dict(threads=threads).items()


def register() -> None:
    """Called by vLLM in each of its processes."""
    from vllm.model_executor.model_loader import register_model_loader
    from vllm.model_executor.model_loader.base_loader import BaseModelLoader

    @register_model_loader("cake")
    class CakeModelLoader(BaseModelLoader):  # type: ignore[misc]
        def download_model(self, model_config: Any) -> None:
            """Nothing is downloaded: the model is in the store."""
            self._opened(model_config)

        def load_weights(self, model: Any, model_config: Any) -> None:
            # Opened here and not before: vLLM starts its workers by fork.
            extra = dict(self.load_config.model_loader_extra_config or {})
            model.load_weights(weights(self._opened(model_config), int(extra.get("threads", 0))))

        def _opened(self, model_config: Any) -> Model:
            named = getattr(model_config, "model_weights", None) or model_config.model
            return opened(named, model_config.revision, self.load_config.model_loader_extra_config)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m cake.vllm NAME [FOLDER]")
    print(folder(sys.argv[1], into=sys.argv[2] if len(sys.argv) == 3 else None))
