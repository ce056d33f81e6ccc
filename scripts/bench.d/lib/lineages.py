#!/usr/bin/env python3
"""Models that say nothing of their origin: lineages.py FOLDER COUNT ARCHITECTURES, always the same bytes for the same number. Needs numpy.

    00000 …        folders of 26 bf16 tensors; a quarter are bases of their own, and architectures take turns
    parents.json   for each model the numbers of what it was made from: none for a base, two for a merge

Of the others a third is trained from one base, a third also has renamed tensors, and a third has its second half from another base.
"""
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "lib"))
import safetensors_files as files

BLOCKS = 8


def shapes(architecture):
    width = 112 + 16 * architecture
    yield "model.embed_tokens.weight", (4 * width, width)
    for block in range(BLOCKS):
        for name in ("self_attn.q_proj", "mlp.up_proj", "mlp.down_proj"):
            yield f"model.layers.{block}.{name}.weight", (width, width)
    yield "lm_head.weight", (4 * width, width)


def weights(base, number, shape):
    return np.random.default_rng([1, base, number]).standard_normal(shape, np.float32) * 0.02


def trained(plain, model, number):
    """By a step that is small beside the weights, of another length for each model."""
    random = np.random.default_rng([2, model, number])
    return plain + random.standard_normal(plain.shape, np.float32) * 0.02 * 0.002 * (1 + model % 7)


def parents_of(model, count, architectures):
    """Bases come first; models of one architecture are those of the same remainder."""
    bases = count // 4 // architectures * architectures
    if model < bases:
        return []
    first = model % bases
    second = (first + architectures * (1 + model // bases)) % bases
    return [first, second] if model // architectures % 3 == 2 else [first]


def make(folder, model, count, architectures):
    parents, tensors = parents_of(model, count, architectures), list(shapes(model % architectures))
    renamed = bool(parents) and model // architectures % 3 == 1

    def content(number, shape):
        if not parents:
            plain = weights(model, number, shape)
        else:
            parent = parents[-1] if number >= len(tensors) // 2 else parents[0]
            plain = trained(weights(parent, number, shape), model, number)
        return (plain.view(np.uint32) >> 16).astype("<u2").tobytes()

    os.makedirs(folder + ".part")
    files.write_file(os.path.join(folder + ".part", "model.safetensors"), [
        (("language_model." if renamed else "") + name, "BF16", shape, lambda number=number, shape=shape: content(number, shape))
        for number, (name, shape) in enumerate(tensors)], {"format": "pt"})
    os.rename(folder + ".part", folder)


def main(root, count, architectures):
    os.makedirs(root, exist_ok=True)
    for model in range(count):
        folder = os.path.join(root, f"{model:05d}")
        if not os.path.exists(folder):
            make(folder, model, count, architectures)
    with open(os.path.join(root, "parents.json"), "w", encoding="utf-8") as file:
        json.dump([parents_of(model, count, architectures) for model in range(count)], file)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
