"""Models of a cake store, in Python.

    model = cake.open("org/name")
    state = model.state_dict()

Everything else is imported when it is first used, so that `import cake` takes no time.
"""
TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import fsspec as fsspec, torch as torch, transformers as transformers, vllm as vllm
    from ._command import diff as diff, ls as ls, pull as pull, push as push
    from ._errors import (Ambiguous as Ambiguous, CakeError as CakeError, Cancelled as Cancelled, Damaged as Damaged,
                          Invalid as Invalid, Missing as Missing, Newer as Newer, NotFound as NotFound, System as System)
    from ._model import File as File, Model as Model, open as open
    from ._safe_open import safe_open as safe_open
    from ._stream import stream as stream
    from ._tensors import Tensor as Tensor, Tensors as Tensors
    from .transformers import load as load

__version__ = "1.0.0"

_HOMES = {
    "_command": ("diff", "ls", "pull", "push"),
    "_errors": ("CakeError", "NotFound", "Ambiguous", "Missing", "Damaged", "Cancelled", "Newer", "Invalid", "System"),
    "_model": ("File", "Model", "open"),
    "_safe_open": ("safe_open",),
    "_stream": ("stream",),
    "_tensors": ("Tensor", "Tensors"),
    "transformers": ("load",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = ("fsspec", "torch", "transformers", "vllm")
__all__ = [*_HOME, *_MODULES]


if not TYPE_CHECKING:
    def __getattr__(name):
        from importlib import import_module
        if name in _MODULES:
            return import_module("." + name, __name__)
        if name in _HOME:
            value = getattr(import_module("." + _HOME[name], __name__), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> "list[str]":
    return sorted({*globals(), *__all__})
