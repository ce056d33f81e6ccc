#!/usr/bin/env python3
"""Two bf16 models of one tensor, the second a tune of the first: large_tensor.py FOLDER BYTES. Needs numpy.

    base/model.safetensors     always the same bytes for the same size
    tuned/model.safetensors    every element trained on
"""
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "lib"))
import family
import safetensors_files as files

COLUMNS, BLOCK = 4096, 4096


def content(rows, is_tuned):
    blocks = []
    for number, start in enumerate(range(0, rows, BLOCK)):
        bits = family.base_tensor(11, number, (min(BLOCK, rows - start), COLUMNS), 0.02)
        blocks.append((family.trained(bits, 11, 2, number) if is_tuned else bits).tobytes())
    return b"".join(blocks)


def main():
    out, rows = sys.argv[1], int(sys.argv[2]) // (2 * COLUMNS)
    if os.path.exists(os.path.join(out, "done")):
        return
    shutil.rmtree(out, ignore_errors=True)
    for name in ("base", "tuned"):
        os.makedirs(os.path.join(out, name))
        files.write_file(os.path.join(out, name, "model.safetensors"),
                         [("weight", "BF16", (rows, COLUMNS), lambda name=name: content(rows, name == "tuned"))],
                         {"format": "pt"})
    with open(os.path.join(out, "done"), "w", encoding="ascii"):
        pass


if __name__ == "__main__":
    main()
