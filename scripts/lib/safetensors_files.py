"""Writing safetensors files and the small files around them, from the standard library alone.

Everything is made from a seed, so that two machines that make the same model hold the same bytes.
"""
import json
import os
import random

BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
        "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
        "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64}


def tensor_size(dtype, shape):
    """Bytes of a tensor; a sub-byte type must come out whole."""
    bits = BITS[dtype]
    for length in shape:
        bits *= length
    assert bits % 8 == 0, (dtype, shape)
    return bits // 8


def header(tensors, metadata=None):
    """The header's bytes, length first, as the reference writer lays it out. tensors: (name, dtype, shape) in file order."""
    entries, at = {}, 0
    if metadata is not None:
        entries["__metadata__"] = metadata
    for name, dtype, shape in tensors:
        end = at + tensor_size(dtype, shape)
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def write_file(path, tensors, metadata=None):
    """tensors: (name, dtype, shape, call that gives the bytes). The file appears whole or not at all."""
    with open(path + ".part", "wb") as file:
        file.write(header([t[:3] for t in tensors], metadata))
        for name, dtype, shape, content in tensors:
            content = memoryview(content()).cast("B")
            assert len(content) == tensor_size(dtype, shape), name
            file.write(content)
    os.replace(path + ".part", path)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")


def write_sharded(folder, tensors, shard_bytes):
    """Shards in the order of the tensors, none over shard_bytes unless one tensor is, and the index that names them."""
    shards, size = [[]], 0
    for tensor in tensors:
        bytes_of_it = tensor_size(tensor[1], tensor[2])
        if shards[-1] and size + bytes_of_it > shard_bytes:
            shards.append([])
            size = 0
        shards[-1].append(tensor)
        size += bytes_of_it
    where = {}
    for number, shard in enumerate(shards, 1):
        name = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        write_file(os.path.join(folder, name), shard, {"format": "pt"})
        where.update((tensor[0], name) for tensor in shard)
    total = sum(tensor_size(t[1], t[2]) for t in tensors)
    write_json(os.path.join(folder, "model.safetensors.index.json"),
               {"metadata": {"total_size": total}, "weight_map": dict(sorted(where.items()))})


def write_text_files(folder, config, vocabulary, seed=7):
    """config.json and a tokenizer of the size and the repetitiveness of a real one (about 70 bytes an entry)."""
    write_json(os.path.join(folder, "config.json"), config)
    rng = random.Random(seed)
    onsets, vowels = "b c d f g h k l m n p r s t v w st tr ch th sh pr gr".split(), "a e i o u ai ea ou ie".split()
    pieces = [chr(code) for code in range(33, 127)]
    known, merges = set(pieces), []
    while len(pieces) < vocabulary:
        left = rng.choice(onsets) + rng.choice(vowels)
        right = "".join(rng.choice(onsets) + rng.choice(vowels) for _ in range(rng.choice((0, 1, 1, 2))))
        piece = ("▁" if rng.random() < 0.5 else "") + left + right
        if piece not in known:
            known.add(piece)
            pieces.append(piece)
            if right:
                merges.append([piece[:-len(right)], right])
    added = [{"id": i, "content": name, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, name in enumerate(("<unk>", "<s>", "</s>"))]
    write_json(os.path.join(folder, "tokenizer.json"), {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Prepend", "prepend": "▁"}, "pre_tokenizer": None, "decoder": {"type": "ByteFallback"},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True,
                  "vocab": {piece: number for number, piece in enumerate(pieces)}, "merges": merges}})
    write_json(os.path.join(folder, "tokenizer_config.json"), {
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "model_max_length": 2048,
        "tokenizer_class": "LlamaTokenizer"})
