#!/usr/bin/env python3
"""A base of bf16 weights and tunes of it for a hub to serve, always the same bytes for the same size. Needs numpy.

    bench/base          four shards: an embedding, blocks of nine tensors, a head
    bench/tuned-PART    PART % of the tensors trained on, drawn from a seed; every header differs, also of PART 0
"""
import os
import random
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "lib"))
import family
import safetensors_files as files

COLUMNS = 2048
PARTS = (0, 5, 50, 100)


def shapes(size):
    """Names and shapes in the order of the files: for 2 GiB, 24 blocks."""
    unit = size // 256 // (2 * COLUMNS)  # rows of 8 MiB, for 2 GiB
    yield "model.embed_tokens.weight", (8 * unit, COLUMNS)
    for block in range(24):
        at = f"model.layers.{block}."
        for name in ("q", "k", "v", "o"):
            yield f"{at}self_attn.{name}_proj.weight", (unit, COLUMNS)
        for name in ("gate", "up", "down"):
            yield f"{at}mlp.{name}_proj.weight", (2 * unit, COLUMNS)
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield f"{at}{name}.weight", (COLUMNS,)
    yield "lm_head.weight", (8 * unit, COLUMNS)


def write(folder, size, changed, metadata):
    os.makedirs(folder)
    tensors = list(shapes(size))
    quarter = (len(tensors) + 3) // 4
    for shard in range(4):
        part = range(shard * quarter, min((shard + 1) * quarter, len(tensors)))

        def content(number):
            seed = 2 if number in changed else 1
            name, shape = tensors[number]
            matrix = shape if len(shape) == 2 else (1, *shape)
            return family.base_tensor(seed, number, matrix, 0.02).tobytes()
        files.write_file(
            os.path.join(folder, f"model-{shard + 1:05}-of-00004.safetensors"),
            [(tensors[n][0], "BF16", tensors[n][1], lambda n=n: content(n)) for n in part], metadata)
    files.write_json(os.path.join(folder, "config.json"), {"model_type": "llama", "name": os.path.basename(folder)})
    with open(os.path.join(folder, "README.md"), "w", encoding="utf-8") as file:
        file.write("---\nlicense: mit\n" + ("base_model: bench/base\n" if metadata.get("tune") else "") + "---\n")


def changed_of(size, part):
    count = len(list(shapes(size)))
    return set(random.Random(part).sample(range(count), round(count * part / 100)))


def bytes_changed(size, part):
    tensors = list(shapes(size))
    return sum(files.tensor_size("BF16", tensors[number][1]) for number in changed_of(size, part))


def main():
    out, size = sys.argv[1], int(sys.argv[2])
    if os.path.exists(os.path.join(out, f"done-{size}")):
        return
    shutil.rmtree(out, ignore_errors=True)
    write(os.path.join(out, "bench", "base"), size, set(), {"format": "pt"})
    for part in PARTS:
        tune = {"format": "pt", "tune": f"{part} % changed"}
        write(os.path.join(out, "bench", f"tuned-{part}"), size, changed_of(size, part), tune)
    with open(os.path.join(out, f"done-{size}"), "w", encoding="ascii"):
        pass


if __name__ == "__main__":
    main()
