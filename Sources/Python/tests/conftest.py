"""A store of small models, made once from seeds with the real program. CAKE_BINARY and CAKE_LIBRARY name it and libcake."""
import os
import random
import subprocess
import sys

import pytest

here = os.path.dirname(os.path.realpath(__file__))
top = os.path.join(here, "..", "..", "..")
sys.path[:0] = [os.path.join(here, ".."), os.path.join(top, "scripts", "lib")]
import safetensors_files as files

import cake
from cake import _command, _library

DTYPES = [dtype for dtype in files.BITS]
SHAPES = ((), (8,), (0,), (3, 0, 5), (4, 2, 16))


def pytest_configure(config):
    try:
        _library.library()
        _command.binary()
    except cake.CakeError as trouble:
        pytest.exit(f"these tests need libcake and cake\n{trouble}", returncode=2)


def content(seed, size):
    return random.Random(seed).randbytes(size)


def weights(seed, size):
    """Bytes that compress like bf16 weights."""
    data = bytearray(content(seed, size))
    data[1::2] = bytes(data[1::2]).translate(bytes(60 + (value >> 4) % 4 + (value & 1) * 128 for value in range(256)))
    return bytes(data)


class Shelf:
    """Folders of models, and the store that they were imported into."""

    def __init__(self, place):
        self.place, self.store, self.wanted = str(place), os.path.join(str(place), "store"), {}

    def cake(self, *words):
        return subprocess.run([_command.binary(), "--store", self.store, *words], check=True, capture_output=True, text=True).stdout

    def add(self, name, entries, metadata=None, file="model.safetensors", **small):
        """entries: (tensor, dtype, shape, bytes)."""
        folder = os.path.join(self.place, "models", name)
        path = os.path.join(folder, file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        files.write_file(path, [(key, dtype, shape, lambda data=data: data) for key, dtype, shape, data in entries], metadata)
        for key, value in small.items():
            files.write_json(os.path.join(folder, key + ".json"), value)
        self.wanted.setdefault(name, {}).update({key: (dtype, shape, data) for key, dtype, shape, data in entries})
        return folder

    def has(self, name, entries, metadata=None, **small):
        self.cake("import", self.add(name, entries, metadata, **small), name)

    def open(self, name, **more):
        return cake.open(name, store=self.store, **more)


def sized(dtype, shape):
    bits = files.BITS[dtype]
    for length in shape:
        bits *= length
    return bits


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    made = Shelf(tmp_path_factory.mktemp("shelf"))
    every = [(f"{dtype}.{number}", dtype, shape, b"\1" * (sized(dtype, shape) // 8) if dtype == "BOOL" else
              content(number, sized(dtype, shape) // 8))
             for dtype in DTYPES for number, shape in enumerate(SHAPES) if sized(dtype, shape) % 8 == 0]
    made.has("types", every, {"format": "np", "note": "ä 🍰"})
    base = [("embed", "BF16", (700, 1000), weights(1, 1_400_000)),
            *((f"layers.{n}.attention.q.weight", "BF16", (1024, 2048), weights(10 + n, 4 << 20)) for n in range(3)),
            *((f"layers.{n}.norm.weight", "F32", (2048,), content(20 + n, 8192)) for n in range(3)),
            ("scale", "F32", (), content(30, 4))]
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    made.has("team/base", base, {"format": "pt"}, config=config, tokenizer_config={"a": 1}, generation_config={})
    rng = random.Random(5)
    tune = []
    for name, dtype, shape, data in base:
        changed = bytearray(data)
        for _ in range(500 if "attention" in name else 0):
            changed[2 * rng.randrange(len(changed) // 2)] ^= 1
        tune.append((name, dtype, shape, bytes(changed)))
    made.has("team/tune", tune, {"format": "pt"}, config=config)
    same = weights(40, 1 << 20)
    made.has("tied", [("a", "BF16", (512, 1024), same), ("b", "BF16", (1024, 512), same), ("c", "F16", (512, 1024), same),
                      ("ones.a", "BF16", (700,), b"\x80\x3f" * 700), ("ones.b", "BF16", (700,), b"\x80\x3f" * 700)])
    made.add("parts", [("conv.weight", "F32", (4, 4), content(50, 64))], file="unet/model.safetensors")
    made.cake("import", made.add("parts", [("conv.weight", "F32", (2, 4), content(51, 32))], file="vae/model.safetensors"), "parts")
    made.wanted["parts"] = {"unet/conv.weight": ("F32", (4, 4), content(50, 64)), "vae/conv.weight": ("F32", (2, 4), content(51, 32))}
    made.has("none", [])
    return made
