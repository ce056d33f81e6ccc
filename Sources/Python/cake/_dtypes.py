"""The dtypes of safetensors, and what numpy and torch call them."""
from __future__ import annotations

import warnings
from typing import Any, Dict, NamedTuple, Tuple


class Dtype(NamedTuple):
    bits: int
    numpy: str  # of numpy itself, else the one of the same width
    exact: str  # of ml_dtypes, where numpy has none
    torch: str


def _own(bits: int, numpy: str) -> Dtype:
    return Dtype(bits, numpy, "", numpy)


DTYPES: Dict[str, Dtype] = {
    "BOOL": Dtype(8, "bool_", "", "bool"), "U8": _own(8, "uint8"), "I8": _own(8, "int8"), "I16": _own(16, "int16"),
    "U16": _own(16, "uint16"), "I32": _own(32, "int32"), "U32": _own(32, "uint32"), "I64": _own(64, "int64"),
    "U64": _own(64, "uint64"), "F16": _own(16, "float16"), "F32": _own(32, "float32"), "F64": _own(64, "float64"),
    "C64": _own(64, "complex64"), "BF16": Dtype(16, "uint16", "bfloat16", "bfloat16"),
    "F8_E4M3": Dtype(8, "uint8", "float8_e4m3fn", "float8_e4m3fn"), "F8_E5M2": Dtype(8, "uint8", "float8_e5m2", "float8_e5m2"),
    "F8_E8M0": Dtype(8, "uint8", "float8_e8m0fnu", "float8_e8m0fnu"),
    "F8_E4M3FNUZ": Dtype(8, "uint8", "float8_e4m3fnuz", "float8_e4m3fnuz"),
    "F8_E5M2FNUZ": Dtype(8, "uint8", "float8_e5m2fnuz", "float8_e5m2fnuz"),
    # Two numbers a byte.
    "F4": Dtype(4, "uint8", "", "float4_e2m1fn_x2"),
}


def stored(dtype: str, shape: Tuple[int, ...], size: int) -> Tuple[int, Tuple[int, ...]]:
    """Bytes an element and the shape in these elements. What no library has a dtype for is a row of bytes."""
    known = DTYPES.get(dtype)
    if known and known.bits == 4 and shape and shape[-1] % 2 == 0:
        return 1, (*shape[:-1], shape[-1] // 2)
    if known is None or known.bits < 8:
        return 1, (size,)
    return known.bits // 8, shape


def _is_bytes(dtype: str, shape: Tuple[int, ...]) -> bool:
    """Is a dtype of less than a byte stored as a row of bytes?"""
    return not (DTYPES[dtype].bits == 4 and shape and shape[-1] % 2 == 0)


_warned = set()


def numpy_dtype(dtype: str) -> Any:
    import numpy
    known = DTYPES.get(dtype)
    if known is None:
        return numpy.dtype(numpy.uint8)
    if known.exact:
        try:
            import ml_dtypes
            return numpy.dtype(getattr(ml_dtypes, known.exact))
        except (ImportError, AttributeError):
            if dtype not in _warned:
                _warned.add(dtype)
                warnings.warn(f"numpy has no {dtype}: these tensors are arrays of {known.numpy} with the same bits; "
                              "install ml_dtypes for their values", stacklevel=4)
    return numpy.dtype(getattr(numpy, known.numpy))


def torch_dtype(dtype: str, shape: Tuple[int, ...] = ()) -> Any:
    import torch
    known = DTYPES.get(dtype)
    if known is None or (known.bits < 8 and _is_bytes(dtype, shape)):
        return torch.uint8
    return getattr(torch, known.torch, torch.uint8)


def quantity(size: float, unit: str = "B") -> str:
    """As `cake ls` writes it: 1.2 GB, 48 kB, 7.2 B parameters."""
    for word in ("", "k", "M", "G", "T"):
        if size < 1000 or word == "T":
            digits = 0 if not word or size >= 100 else 1
            return f"{size:.{digits}f} {word}{unit}".rstrip()
        size /= 1000
    raise AssertionError


def count(number: int) -> str:
    return quantity(number, "").replace("G", "B").replace("k", "K") or "0"
