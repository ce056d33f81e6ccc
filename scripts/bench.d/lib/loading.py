#!/usr/bin/env python3
"""What only Python with torch can do for the bench: make a model that transformers knows, and time what loads it.

    loading.py make FOLDER BYTES      a Llama in bf16, in four shards, and torch.save's own file beside it
    loading.py time PLACE ROUNDS      one JSON line: {what: {"warm"|"cold": [seconds, …]}}
    loading.py process HOW PATH       loads once; the whole process is timed from outside
"""
import json
import os
import sys
import threading
import time

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "..", ".."))
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def make(folder, size):
    import torch
    import transformers
    from tokenizers import Tokenizer, models
    torch.manual_seed(1)
    hidden = 256 if size < 1 << 28 else 2048
    inner, vocabulary = hidden * 8 // 3 // 64 * 64, 8000 if hidden == 256 else 32000
    layer = 2 * (hidden * hidden * 5 // 2 + 3 * hidden * inner)
    config = transformers.LlamaConfig(
        hidden_size=hidden, intermediate_size=inner, vocab_size=vocabulary, num_attention_heads=hidden // 64,
        num_key_value_heads=hidden // 256, num_hidden_layers=max(2, round((size - 4 * vocabulary * hidden) / layer)),
        tie_word_embeddings=False, dtype="bfloat16")
    model = transformers.LlamaForCausalLM._from_config(config)
    total = sum(part.numel() * part.element_size() for part in model.parameters())
    model.save_pretrained(os.path.join(folder, "model"), max_shard_size=total // 4 + (total >> 5))
    made = Tokenizer(models.WordLevel({f"w{number}": number for number in range(vocabulary)}, unk_token="w0"))
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="w0").save_pretrained(
        os.path.join(folder, "model"))
    torch.save(model.state_dict(), os.path.join(folder, "torch.pt"))
    # The same shapes of noise, which no codec makes smaller: these layers lie in a store as they are.
    from safetensors.torch import load_file, save_file
    os.makedirs(os.path.join(folder, "noise"))
    for name in sorted(os.listdir(os.path.join(folder, "model"))):
        if name.endswith(".safetensors"):
            tensors = load_file(os.path.join(folder, "model", name))
            noise = {key: torch.randint(-2**15, 2**15, value.shape, dtype=torch.int16) for key, value in tensors.items()}
            save_file(noise, os.path.join(folder, "noise", name), {"format": "pt"})


def forget(paths):
    """Lets the kernel drop what these files hold in memory."""
    for path in paths:
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def touch(tensors):
    """Reads a byte of every page."""
    import torch
    for tensor in tensors:
        if tensor.numel():
            flat = torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage())
            start = tensor.storage_offset() * tensor.element_size()
            flat[start:start + tensor.numel() * tensor.element_size():4096].sum()


def measure(place, rounds):
    import safetensors.torch
    import torch
    import torch_load
    import transformers
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    model, at = os.path.join(place, "model"), lambda name: os.path.join(place, name)
    shards = [os.path.join(model, name) for name in sorted(os.listdir(model)) if name.endswith(".safetensors")]

    def load(path, mapped):
        return torch.load(path, mmap=mapped, weights_only=True)

    def load_shards():
        state = {}
        for shard in shards:
            state |= safetensors.torch.load_file(shard)
        return state

    def pretrained():
        transformers.AutoTokenizer.from_pretrained(model)
        return dict(transformers.AutoModelForCausalLM.from_pretrained(model).named_parameters())

    def own(name):
        return lambda: dict(torch_load.load(at(name))[0].named_parameters())

    loads = {
        "safetensors": (load_shards, shards), "torch.save, mapped": (lambda: load(at("torch.pt"), True), [at("torch.pt")]),
        "archive, mapped": (lambda: load(at("many.pt"), True), [at("many.pt")]),
        "archive of one storage, mapped": (lambda: load(at("one.pt"), True), [at("one.pt")]),
        "torch.save, read": (lambda: load(at("torch.pt"), False), [at("torch.pt")]),
        "from_pretrained": (pretrained, shards), "torch_load.py": (own("one.pt"), [at("one.pt")]),
    }
    taken = {}

    def once(name, state, touching):
        call, files = loads[name]
        if state == "cold":
            forget(files)
        started = time.perf_counter()
        tensors = call()
        if touching:
            touch(tensors.values())
        taken.setdefault(name + (", every page" if touching else ""), {}).setdefault(state, []).append(
            time.perf_counter() - started)

    for call, _ in loads.values():
        touch(call().values())
    for state, times in (("warm", rounds * 5), ("cold", rounds)):
        for _ in range(times):
            for name in loads:
                once(name, state, False)
                if state == "cold" or _ % 5 == 0:
                    once(name, state, True)
    print(json.dumps(taken))


def hash_on_both(size):
    """Bytes a second of SHA-256 on two threads."""
    import hashlib
    data = bytes(1 << 20)

    def work():
        state = hashlib.sha256()
        for _ in range(size >> 21):
            state.update(data)
    threads = [threading.Thread(target=work) for _ in range(2)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(size / (time.perf_counter() - started)))


def process(how, path):
    if how == "torch_load":
        import torch_load
        return torch_load.load(path)
    import transformers
    transformers.AutoTokenizer.from_pretrained(path)
    return transformers.AutoModelForCausalLM.from_pretrained(path)


if __name__ == "__main__":
    {"make": lambda: make(sys.argv[2], int(sys.argv[3])), "time": lambda: measure(sys.argv[2], int(sys.argv[3])),
     "hash": lambda: hash_on_both(int(sys.argv[2])), "process": lambda: process(sys.argv[2], sys.argv[3])}[sys.argv[1]]()
