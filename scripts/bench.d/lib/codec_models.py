#!/usr/bin/env python3
"""Makes a bf16 family in one file each: base, noise (all of it trained on) and lora (rank 16, merged into q and v). Needs numpy.

codec_models.py FOLDER BYTES HIDDEN. The same bytes always; what is there is kept."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import family
from family import files

STEP = np.float32(2e-4)  # what training adds, as a standard deviation
SEED = 11


def values_of(bits):
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def tensor(model, number, name, shape, scale):
    bits = family.base_tensor(SEED, number, shape, scale)
    if model == "noise":
        return family.to_bf16(values_of(bits) + family.noise(SEED, 2, number, shape) * STEP)
    if model == "lora" and ("q_proj" in name or "v_proj" in name):
        up = family.noise(SEED, 3, number, (shape[0], 16)) * (STEP * np.float32(2))
        down = family.noise(SEED, 4, number, (16, shape[1]))
        change = np.einsum("ij,jk->ik", up, down, optimize=False)
        return family.to_bf16(values_of(bits) + change.astype(np.float32))
    return bits


def main(folder, size, hidden):
    plan, _, _ = family.plan(size, 8000, hidden)
    for model in ("base", "noise", "lora"):
        path = os.path.join(folder, model, "model.safetensors")
        if os.path.exists(path):
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        files.write_file(path, [(name, "BF16", shape, lambda n=number, w=name, s=shape, c=scale: tensor(model, n, w, s, c))
                                for number, (name, shape, scale) in enumerate(plan)])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
