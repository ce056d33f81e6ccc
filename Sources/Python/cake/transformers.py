"""Models for transformers, without a copy on disk: weights are read out of the store as the model is built."""
from __future__ import annotations

import contextlib
import fnmatch
import os
import tempfile
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from . import _dtypes
from ._errors import Invalid, NotFound, with_fix
from ._model import Model, PathLike, open as open_model
from ._tensors import Tensor, Tensors

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.msgpack", "*.h5")
# Weights, and files that no from_pretrained reads.
_NOT_SMALL = (*PICKLED, "*.safetensors", "*.gguf", "*.onnx", "*.onnx_data", "*.tflite", "*.ot")


class Loaded(NamedTuple):
    model: Any
    tokenizer: Any


class LazySlice:
    """What transformers takes for a tensor of safetensors that is not read yet."""

    __slots__ = ("_tensor", "_dtype")

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self._dtype = _dtypes.torch_dtype(tensor.dtype, tensor.shape)

    @property
    def dtype(self) -> Any:
        return self._dtype

    @property
    def shape(self) -> Any:
        import torch
        return torch.Size(_dtypes.stored(self._tensor.dtype, self._tensor.shape, self._tensor.nbytes)[1])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def device(self) -> Any:
        import torch
        return torch.device("cpu")

    def is_floating_point(self) -> bool:
        return bool(self._dtype.is_floating_point)

    def numel(self) -> int:
        return int(self.shape.numel())

    def element_size(self) -> int:
        return int(self._dtype.itemsize)

    def get_shape(self) -> List[int]:
        return list(self.shape)

    def get_dtype(self) -> str:
        return self._tensor.dtype

    def __getitem__(self, index: Any) -> Any:
        from . import _frames
        return self._tensor._slice(_frames.Torch(), index)


def lazy(tensors: Tensors) -> Dict[str, LazySlice]:
    """A state dict whose tensors are read one by one, when `value[…]` is asked for."""
    return {name: LazySlice(tensor) for name, tensor in tensors.items()}


def _matches(path: str, patterns: Tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def _refuse_pickles(model: Model) -> None:
    """A pickle can run code when it is opened. cake never opens one."""
    if any(path.endswith(".safetensors") for path in model.files):
        return
    pickled = [path for path in model.files if _matches(path, PICKLED)]
    if pickled:
        raise Invalid(with_fix(f"{model.name} has its weights in {', '.join(pickled)} alone: cake loads safetensors, no pickles",
                               "ask the publisher for safetensors, or convert the model yourself where that is safe"))
    raise Invalid(with_fix(f"{model.name} has no safetensors files", f"cake inspect {model.name} shows its files"))


@contextlib.contextmanager
def small_files(model: Model) -> Iterator[str]:
    """A folder of the configuration, the tokenizer and other files that are no weights. It is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cake-") as folder:
        write_small_files(model, folder)
        yield folder


def write_small_files(model: Model, folder: str) -> None:
    for path, file in model.files.items():
        parts = path.split("/")
        if _matches(path, _NOT_SMALL) or not file.here or ".." in parts or path.startswith("/"):
            continue
        place = os.path.join(folder, *parts)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as out:
            out.write(model.read(path))


def _class(config: Any, name: str, folder: str, trust_remote_code: bool) -> Any:
    """The class that config.json names; of transformers, else of the model's own code if the caller trusts it."""
    import transformers
    names = list(getattr(config, "architectures", None) or [])
    for one in names:
        found = getattr(transformers, one, None)
        if isinstance(found, type):
            return found
    remote: Mapping[str, Any] = getattr(config, "auto_map", None) or {}
    for key in ("AutoModelForCausalLM", "AutoModelForSeq2SeqLM", "AutoModel", *remote):
        if key in remote and key.startswith("AutoModel"):
            if not trust_remote_code:
                raise Invalid(with_fix(f"{name} is loaded by code that it brings ({remote[key]})",
                                       "read that code, and then use trust_remote_code=True"))
            from transformers.dynamic_module_utils import get_class_from_dynamic_module
            return get_class_from_dynamic_module(remote[key], folder)
    for auto in ("MODEL_FOR_CAUSAL_LM_MAPPING", "MODEL_MAPPING"):
        mapping = getattr(transformers, auto, {})
        if type(config) in mapping:
            return mapping[type(config)]
    raise Invalid(with_fix(f"transformers has no class for {', '.join(names) or 'this config.json'} of {name}",
                           "give the class: cake.transformers.from_pretrained(Class, name)"))


def _of_auto(auto: Any, config: Any, name: str, trust_remote_code: bool, folder: str) -> Any:
    """The class that an AutoModel… stands for."""
    remote = (getattr(config, "auto_map", None) or {}).get(auto.__name__)
    mapping = auto._model_mapping
    if type(config) in mapping:
        found = mapping[type(config)]
        return found[0] if isinstance(found, (list, tuple)) else found
    if remote and trust_remote_code:
        from transformers.dynamic_module_utils import get_class_from_dynamic_module
        return get_class_from_dynamic_module(remote, folder)
    raise Invalid(with_fix(f"{auto.__name__} has no class for {type(config).__name__} of {name}", 'use "auto", or the class itself'))


def _read_config(folder: str, trust_remote_code: bool) -> Any:
    import transformers
    return transformers.AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code, local_files_only=True)


def from_pretrained(kind: Any, name: Union[str, Model], revision: Optional[str] = None, store: Optional[PathLike] = None,
                    trust_remote_code: bool = False, **kwargs: Any) -> Any:
    """`Class.from_pretrained(name)` for a model of the store. "auto" takes the class that config.json names."""
    model = name if isinstance(name, Model) else open_model(name, revision, store)
    _refuse_pickles(model)
    if "adapter_config.json" in model.files and "config.json" not in model.files:
        return _adapter(kind, model, store, trust_remote_code, kwargs)
    with small_files(model) as folder:
        config = kwargs.pop("config", None) or _read_config(folder, trust_remote_code)
        found = _class(config, model.name, folder, trust_remote_code) if kind == "auto" else kind
        if hasattr(found, "_model_mapping"):
            found = _of_auto(found, config, model.name, trust_remote_code, folder)
        kwargs.setdefault("dtype", kwargs.pop("torch_dtype", "auto"))
        made = found.from_pretrained(None, config=config, state_dict=lazy(model.tensors), **kwargs)
        _complete(made[0] if isinstance(made, tuple) else made, model, folder)
    return made


def _complete(made: Any, model: Model, folder: str) -> None:
    """What from_pretrained takes from files beside the weights."""
    import transformers
    made.name_or_path = made.config._name_or_path = model.name
    if "generation_config.json" in model.files and getattr(made, "can_generate", lambda: False)():
        made.generation_config = transformers.GenerationConfig.from_pretrained(folder)


def _adapter(kind: Any, model: Model, store: Optional[PathLike], trust_remote_code: bool, kwargs: Dict[str, Any]) -> Any:
    """The base that an adapter names, and the adapter on it."""
    try:
        import peft
    except ImportError:
        raise Invalid(with_fix(f"{model.name} is an adapter", "pip install peft")) from None
    named = model._json("adapter_config.json")
    base = named.get("base_model_name_or_path")
    if not base:
        raise Invalid(with_fix(f"{model.name} does not name its base", "load the base yourself, and use cake.torch.load_file"))
    try:
        under = open_model(base, named.get("revision"), store)
    except NotFound:
        raise NotFound(with_fix(f"{model.name} is an adapter for {base}, which is not in the store", f"cake pull {base}")) from None
    built = from_pretrained(kind, under, store=store, trust_remote_code=trust_remote_code, **kwargs)
    with small_files(model) as folder:
        config = peft.PeftConfig.from_pretrained(folder)
    config.inference_mode = True
    made = peft.get_peft_model(built, config) if config.task_type is None else (
        peft.MODEL_TYPE_TO_PEFT_MODEL_MAPPING[config.task_type](built, config))
    result: Any = peft.set_peft_model_state_dict(made, model.state_dict())
    if getattr(result, "unexpected_keys", None):
        raise Invalid(f"{model.name} does not fit {base}: {result.unexpected_keys[0]} has no place in it")
    return made.eval()


def tokenizer(name: Union[str, Model], revision: Optional[str] = None, store: Optional[PathLike] = None,
              trust_remote_code: bool = False, **kwargs: Any) -> Any:
    """`AutoTokenizer.from_pretrained(name)` for a model of the store."""
    import transformers
    model = name if isinstance(name, Model) else open_model(name, revision, store)
    with small_files(model) as folder:
        made = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code, local_files_only=True, **kwargs)
    made.name_or_path = model.name
    return made


def load(name: str, revision: Optional[str] = None, store: Optional[PathLike] = None, trust_remote_code: bool = False,
         **kwargs: Any) -> Loaded:
    """The model and its tokenizer (or nothing, where it has none). Keywords go to from_pretrained."""
    model = open_model(name, revision, store)
    made = from_pretrained("auto", model, store=store, trust_remote_code=trust_remote_code, **kwargs)
    words = model
    if not model.tokenizer_files and "adapter_config.json" in model.files:
        named = model._json("adapter_config.json")
        words = open_model(named["base_model_name_or_path"], named.get("revision"), store)
    return Loaded(made, tokenizer(words, trust_remote_code=trust_remote_code) if words.tokenizer_files else None)
