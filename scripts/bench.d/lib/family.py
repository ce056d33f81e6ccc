#!/usr/bin/env python3
"""Makes a family of bf16 models of the Llama shape, always the same bytes for the same size and seed. Needs numpy.

    base       one file a model of this size would have, in shards
    last       the last quarter of the layers trained on, the rest untouched
    full       every tensor trained on
    reshard    base, cut into other shards

Four models of the same size, so the folder is four times --bytes. Weights are normal with a scale of their own for each
row; training is modelled as normal noise a few times smaller than a weight's last bit is worth, so that most elements of a
trained tensor keep their value, as in published bf16 fine-tunes.

No exp or log is taken of arrays: their last bit depends on the processor, and the bytes must not.
"""
import argparse
import hashlib
import os
import shutil
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "lib"))
import safetensors_files as files

STEP = np.float32(3e-5)


def plan(size, vocabulary, hidden):
    """Names, shapes and scales of a model of about this many bytes, and how many layers it has."""
    inner = hidden * 8 // 3 // 64 * 64
    per_layer = 2 * (4 * hidden * hidden + 3 * hidden * inner + 2 * hidden)
    layers = max(4, round((size - 4 * vocabulary * hidden) / per_layer))
    tensors = [("model.embed_tokens.weight", (vocabulary, hidden), 0.02)]
    for layer in range(layers):
        at = f"model.layers.{layer}."
        tensors.append((at + "input_layernorm.weight", (hidden,), None))
        tensors += [(at + f"mlp.{name}_proj.weight", shape, 0.02) for name, shape in
                    (("down", (hidden, inner)), ("gate", (inner, hidden)), ("up", (inner, hidden)))]
        tensors.append((at + "post_attention_layernorm.weight", (hidden,), None))
        tensors += [(at + f"self_attn.{name}_proj.weight", (hidden, hidden), 0.025) for name in "koqv"]
    tensors += [("model.norm.weight", (hidden,), None), ("lm_head.weight", (vocabulary, hidden), 0.018)]
    return tensors, layers, inner


def to_bf16(values):
    """Round to nearest, ties to even."""
    bits = values.view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)


def noise(seed, stream, number, shape):
    return np.random.Generator(np.random.Philox(key=[seed, stream << 32 | number])).standard_normal(shape, dtype=np.float32)


def base_tensor(seed, number, shape, scale):
    values = noise(seed, 0, number, shape)
    if scale is None:
        return to_bf16(values * np.float32(0.1) + np.float32(1))
    row = np.random.Generator(np.random.Philox(key=[seed, 1 << 32 | number])).random((shape[0], 1), dtype=np.float32)
    values *= (row + np.float32(0.5)) * np.float32(scale)
    return to_bf16(values)


def trained(bits, seed, stream, number):
    values = (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return to_bf16(values + noise(seed, stream, number, bits.shape) * STEP)


def write_family(out, size, seed, vocabulary, hidden):
    tensors, layers, inner = plan(size, vocabulary, hidden)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden,
              "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": hidden // 64,
              "num_key_value_heads": hidden // 64, "vocab_size": vocabulary, "hidden_act": "silu",
              "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
              "torch_dtype": "bfloat16"}
    last_from = layers - layers // 4

    def content(model, number, name, shape, scale):
        bits = base_tensor(seed, number, shape, scale)
        if model == "full":
            bits = trained(bits, seed, 2, number)
        elif model == "last" and name.startswith("model.layers.") and int(name.split(".")[2]) >= last_from:
            bits = trained(bits, seed, 3, number)
        return bits

    def entries(model):
        return [(name, "BF16", shape, lambda n=number, name=name, shape=shape, scale=scale:
                 content(model, n, name, shape, scale)) for number, (name, shape, scale) in enumerate(tensors)]

    for model, shards in (("base", 4), ("last", 4), ("full", 4), ("reshard", 7)):
        folder = os.path.join(out, model)
        os.makedirs(folder)
        files.write_sharded(folder, entries(model), size // shards + (1 << 20))
        files.write_text_files(folder, config, vocabulary)


def sums(root):
    lines = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if name != "SHA256SUMS":
                digest = hashlib.sha256()
                with open(path, "rb") as file:
                    while piece := file.read(1 << 20):
                        digest.update(piece)
                lines.append(f"{digest.hexdigest()}  {os.path.relpath(path, root)}\n")
    return "".join(sorted(lines, key=lambda line: line[66:]))


def recipe(args):
    """A line that differs when another generator or other numbers made the family."""
    digest = hashlib.sha256()
    for path in (os.path.realpath(__file__), files.__file__):
        with open(path, "rb") as file:
            digest.update(file.read())
    return (f"# {args.bytes} bytes, {args.vocabulary} words, {args.hidden} wide, seed {args.seed}, "
            f"numpy {np.__version__}, generator {digest.hexdigest()[:16]}\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", help="folder to make; left as it is when its checksums are right")
    arguments.add_argument("--bytes", type=int, default=512 << 20, help="of one model (default 512 MiB)")
    arguments.add_argument("--vocabulary", type=int, default=32000)
    arguments.add_argument("--hidden", type=int, default=1024)
    arguments.add_argument("--seed", type=int, default=7)
    args = arguments.parse_args()
    kept = os.path.join(args.out, "SHA256SUMS")
    if os.path.exists(kept):
        with open(kept, encoding="utf-8") as file:
            if file.read() == recipe(args) + sums(args.out):
                return
        print("the family on disk is another one, or damaged: making it again", file=sys.stderr)
    part = args.out + ".part"
    for old in (part, args.out):
        shutil.rmtree(old, ignore_errors=True)
    os.makedirs(part)
    write_family(part, args.bytes, args.seed, args.vocabulary, args.hidden)
    with open(os.path.join(part, "SHA256SUMS"), "w", encoding="utf-8") as file:
        file.write(recipe(args) + sums(part))
    os.replace(part, args.out)


if __name__ == "__main__":
    main()
