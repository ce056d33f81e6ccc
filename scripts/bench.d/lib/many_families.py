#!/usr/bin/env python3
"""Makes families of models of realistic shape with tiny tensors: many_families.py FOLDER FIRST LAST

    model-00000 …   folders of 290 bf16 tensors; always the same bytes for the same number

Five architectures take turns, and of each there are families of 20: a base, tunes in which every tensor differs a little, and
tunes in which 40 % do. No model declares its base. A program of its own, so that its memory is not counted against others.
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "lib"))
import safetensors_files as files

ARCHITECTURES, FAMILY = 5, 20


def shapes(architecture):
    """290 names and shapes: an embedding, 32 blocks of nine, and a norm. No two architectures have a shape in common."""
    width = 14 + 2 * architecture
    yield "model.embed_tokens.weight", (40, width)
    for block in range(32):
        at = f"model.layers.{block}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield f"{at}{name}.weight", (4 * width,)
        for name in "qkvo":
            yield f"{at}self_attn.{name}_proj.weight", (width, width)
        for name in ("gate", "up"):
            yield f"{at}mlp.{name}_proj.weight", (width + 2, width)
        yield f"{at}mlp.down_proj.weight", (width, width + 2)
    yield "model.norm.weight", (3 * width,)


def base_tensor(family, number, size):
    """Sign and mantissa at random, exponents as normal weights have them."""
    rng = random.Random(f"base {family} {number}")
    low, high = rng.randbytes(size // 2), rng.choices((0x3C, 0x3B, 0xBC, 0xBB, 0x3A, 0xBA), (4, 3, 4, 3, 1, 1), k=size // 2)
    return bytes(byte for pair in zip(low, high) for byte in pair)


def tuned(plain, model, number):
    """The last bits of an eighth of the elements differ."""
    rng, bits = random.Random(f"tune {model} {number}"), 8 * len(plain)
    mask = rng.getrandbits(bits) & rng.getrandbits(bits) & rng.getrandbits(bits)
    last = int.from_bytes(b"\x03\x00" * (len(plain) // 2), "little")
    return (int.from_bytes(plain, "little") ^ mask & last).to_bytes(len(plain), "little")


def make(folder, model):
    architecture, member = model % ARCHITECTURES, model // ARCHITECTURES
    family, place = member // FAMILY * ARCHITECTURES + architecture, member % FAMILY
    changed = random.Random(f"changed {model}")

    def content(number, size):
        plain = base_tensor(family, number, size)
        if place == 0 or place % 4 == 3 and changed.random() > 0.4:
            return plain
        return tuned(plain, model, number)

    os.makedirs(folder + ".part")
    files.write_file(os.path.join(folder + ".part", "model.safetensors"), [
        (name, "BF16", shape, lambda number=number, shape=shape: content(number, files.tensor_size("BF16", shape)))
        for number, (name, shape) in enumerate(shapes(architecture))], {"format": "pt"})
    files.write_json(os.path.join(folder + ".part", "config.json"),
                     {"model_type": f"bench{architecture}", "num_hidden_layers": 32, "number": model})
    os.rename(folder + ".part", folder)


def main(root, first, last):
    os.makedirs(root, exist_ok=True)
    for model in range(first, last):
        folder = os.path.join(root, f"model-{model:05d}")
        if not os.path.exists(folder):
            make(folder, model)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
