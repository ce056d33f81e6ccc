"""Manifests of models with the shape of a 70B Llama, as docs/layout.md has them, and what cake plans for them."""
import hashlib
import json
import os
import subprocess
import sys

LAYERS, HIDDEN, INNER, KEYS, WORDS = 80, 8192, 28672, 1024, 128256
SHARD = 5_000_000_000
# The tensors that training changed.
TUNES = {
    "all": lambda name: True,
    "some": lambda name: "self_attn" in name,
    "few": lambda name: any(f".layers.{layer}." in name for layer in range(LAYERS - 4, LAYERS)),
}


def tensors():
    """(name, shape) in the order of the files."""
    yield "model.embed_tokens.weight", (WORDS, HIDDEN)
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        for name, rows, columns in (("q_proj", HIDDEN, HIDDEN), ("k_proj", KEYS, HIDDEN), ("v_proj", KEYS, HIDDEN),
                                    ("o_proj", HIDDEN, HIDDEN)):
            yield f"{at}self_attn.{name}.weight", (rows, columns)
        for name, rows, columns in (("gate_proj", INNER, HIDDEN), ("up_proj", INNER, HIDDEN), ("down_proj", HIDDEN, INNER)):
            yield f"{at}mlp.{name}.weight", (rows, columns)
        yield f"{at}input_layernorm.weight", (HIDDEN,)
        yield f"{at}post_attention_layernorm.weight", (HIDDEN,)
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (WORDS, HIDDEN)


def size(shape):
    count = 2
    for side in shape:
        count *= side
    return count


def shards():
    """[[(name, shape), …]] of at most 5 GB each."""
    found, room = [[]], SHARD
    for name, shape in tensors():
        if size(shape) > room and found[-1]:
            found.append([])
            room = SHARD
        found[-1].append((name, shape))
        room -= size(shape)
    return found


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def manifest(tune=None):
    """The text of a manifest: the base's, or that of a fine-tune."""
    lines, files = ["cake manifest 1"], shards()
    for number, shard in enumerate(files):
        parts = [(size(shape), shape, name, _digest(f"{name} {tune if tune and TUNES[tune](name) else 'base'}"))
                 for name, shape in shard]
        header = 8 + 128 * len(shard)
        head = _digest(f"header {number}")
        file = _digest(head + "".join(part[3] for part in parts))
        path = f"model-{number + 1:05}-of-{len(files):05}.safetensors"
        lines += [f"file {file} {header + sum(part[0] for part in parts)} {path}", f"{head} {header}"]
        lines += [f"{digest} {count} BF16 {'x'.join(map(str, shape))} {name}" for count, shape, name, digest in parts]
    return "\n".join(lines) + "\n"


def store(folder):
    """A store that has the manifests and none of the bytes: enough for plans."""
    for name in ("manifests", "names", "objects", "packs"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    with open(os.path.join(folder, "cake.store"), "w", encoding="utf-8") as file:
        file.write("cake store 1\n")
    for tune in (None, *TUNES):
        text = manifest(tune)
        digest = _digest(text)
        with open(os.path.join(folder, "manifests", digest), "w", encoding="utf-8") as file:
            file.write(text)
        with open(os.path.join(folder, "names", tune or "base"), "w", encoding="utf-8") as file:
            file.write(f"cake name 1\nmanifest {digest}\ntime 1790000000\nsource made up\n")


def plans(cake, folder, rates):
    """{model: {"files": bytes of its files, "layers": bytes of layers that a node with the base downloads}}, by `cake diff`."""
    store(folder)
    whole = sum(size(shape) for _, shape in tensors())
    found = {"base": {"files": whole, "layers": whole * rates["coded"]}}
    for tune in TUNES:
        asked = subprocess.run([cake, "diff", "base", tune, "--json"], env={**os.environ, "CAKE_HOME": folder},
                               stdout=subprocess.PIPE, check=False)
        if asked.returncode not in (0, 1):
            sys.exit(f"error: cake diff base {tune} ended with {asked.returncode}")
        said = json.loads(asked.stdout)
        found[tune] = {"files": whole, "layers": said["bytes_needed"] * rates["trained"], "needed": said["bytes_needed"]}
    return found
