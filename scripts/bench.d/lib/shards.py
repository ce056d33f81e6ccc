#!/usr/bin/env python3
"""Two repositories of bf16 weights for a hub to serve, always the same bytes for the same size. Needs numpy.

    bench/base     four shards, an index, a configuration and a card
    bench/tuned    the same, but for the last shard and the configuration; what is the same is one file on the disk
"""
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "lib"))
import family
import safetensors_files as files

COLUMNS = 4096


def write_shard(path, size, seed):
    """Tensors of at most 32 MiB."""
    rows = size // (2 * COLUMNS)
    step = min(rows, (32 << 20) // (2 * COLUMNS))
    shapes = [(min(step, rows - at), COLUMNS) for at in range(0, rows, step)]

    def content(number, shape):
        return family.base_tensor(seed, number, shape, 0.02).tobytes()
    files.write_file(path, [(f"model.layers.{seed}.{number}.weight", "BF16", shape, lambda n=number, s=shape: content(n, s))
                            for number, shape in enumerate(shapes)], {"format": "pt"})


def write_small(folder, name, shards):
    files.write_json(os.path.join(folder, "config.json"), {"model_type": "llama", "name": name})
    # A stand-in for the index of tensors: what matters here is that it is small and names the shards.
    files.write_json(os.path.join(folder, "generation_config.json"), {"shards": shards})
    with open(os.path.join(folder, "README.md"), "w", encoding="utf-8") as file:
        file.write("---\nlicense: mit\n" + ("" if name == "base" else "base_model: bench/base\n") + f"---\n# {name}\n")


def main():
    out, size = sys.argv[1], int(sys.argv[2])
    if os.path.exists(os.path.join(out, "done")):
        return
    shutil.rmtree(out, ignore_errors=True)
    names = [f"model-{number:05}-of-00004.safetensors" for number in range(1, 5)]
    base, tuned = (os.path.join(out, "bench", name) for name in ("base", "tuned"))
    for folder in (base, tuned):
        os.makedirs(folder)
        write_small(folder, os.path.basename(folder), names)
    for number, name in enumerate(names):
        write_shard(os.path.join(base, name), size // 4, number)
        if number < 3:
            os.link(os.path.join(base, name), os.path.join(tuned, name))
        else:
            write_shard(os.path.join(tuned, name), size // 4, 10)
    with open(os.path.join(out, "done"), "w", encoding="ascii"):
        pass


if __name__ == "__main__":
    main()
