#!/usr/bin/env python3
"""Makes the models with very many tensors and the many small ones: many_models.py tiny|sparse|wide …

A program of its own, so that the memory it takes is not counted against the programs that are measured.
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "lib"))
import safetensors_files as files


def tiny_models(root, count, tensors):
    """Models of a few kilobytes each: nine tenths of the tensors are everybody's, the rest a model's own."""
    for model in range(count):
        folder = os.path.join(root, f"tiny-{model:03d}")
        os.makedirs(folder)
        entries = []
        for number in range(tensors):
            seed = number if number % 10 else number + 1000 * (model + 1)
            entries.append((f"model.layers.{number // 9}.part.{number % 9}.weight", "F32", (8, 8),
                            lambda seed=seed: random.Random(seed).randbytes(256)))
        files.write_file(os.path.join(folder, "model.safetensors"), entries, {"format": "pt"})
        files.write_json(os.path.join(folder, "config.json"), {"model_type": "llama", "number": model})


def sparse_file(path, tensors, size):
    """A file that claims `size` bytes in `tensors` tensors and takes no more disk than its header."""
    each = size // tensors // 2 // 4096
    entries = [(f"model.layers.{number // 900}.mlp.experts.{number // 3 % 300}.{'gate up down'.split()[number % 3]}_proj.weight",
                "BF16", (each, 4096)) for number in range(tensors)]
    with open(path, "wb") as file:
        head = files.header(entries, {"format": "pt"})
        file.write(head)
        file.truncate(len(head) + sum(files.tensor_size(*entry[1:]) for entry in entries))


def wide_model(path, tensors, changed):
    """Many tensors of half a kilobyte to two; every tenth one has other bytes when `changed`."""
    entries = []
    for number in range(tensors):
        seed = number + (tensors if changed and number % 10 == 0 else 0)
        rows = (1, 2, 4)[number % 3]
        entries.append((f"model.layers.{number // 900}.mlp.experts.{number // 3 % 300}.{number % 3}.weight", "BF16",
                        (rows, 256), lambda seed=seed, rows=rows: random.Random(seed).randbytes(rows * 512)))
    files.write_file(path, entries, {"format": "pt"})


if __name__ == "__main__":
    make = {"tiny": tiny_models, "sparse": sparse_file, "wide": wide_model}[sys.argv[1]]
    make(sys.argv[2], *(int(value) for value in sys.argv[3:]))
