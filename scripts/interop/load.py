"""Models go into a store and come out in every form; torch, safetensors and transformers judge what they are given.

Started by load, which provides the packages.
"""
import glob
import io
import json
import os
import shutil
import subprocess
import sys

here = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(here, "..", "lib"), os.path.join(here, "..")]
import archive
import hub as tests_hub
import safetensors
import safetensors.torch
import safetensors_files as files
import torch
import torch_load
import transformers
from trial import Trial

SEED = 20
TYPES = {"BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "I32": "int32", "U32": "uint32",
         "I64": "int64", "U64": "uint64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
         "C64": "complex64", "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn", "F8_E8M0": "float8_e8m0fnu",
         "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "F4": "float4_e2m1fn_x2"}


def raw(tensor):
    """The bytes of any tensor."""
    tensor = tensor.contiguous()
    size = tensor.numel() * tensor.element_size()
    return bytes(torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage(),
                                                        tensor.storage_offset() * tensor.element_size(), (size,)).numpy())


def content(seed, dtype, shape):
    size = files.tensor_size(dtype, shape)
    generator = torch.Generator().manual_seed(seed)
    return bytes(torch.randint(0, 2 if dtype == "BOOL" else 256, (size,), generator=generator, dtype=torch.uint8).numpy())


def every_type(trial):
    """Every dtype, whole and of no elements; a tied pair; numbers that are equal by chance; what torch lacks."""
    folder, wanted = trial.path("types"), {}
    os.makedirs(folder)
    shapes = ((4, 8), (0, 4), (3, 2, 64), (8,))
    for number, dtype in enumerate(files.BITS):
        for shape in shapes:
            wanted[f"{dtype}.{shape}"] = dtype, shape, content(number, dtype, shape)
    for name in ("tied.a", "tied.b"):
        wanted[name] = "BF16", (100, 77), content(50, "BF16", (100, 77))
    for name in ("ones.a", "ones.b"):
        wanted[name] = "BF16", (700,), b"\x80\x3f" * 700
    wanted["scalar"] = "F32", (), content(60, "F32", ())
    entries = [(name, dtype, shape, lambda data=data: data) for name, (dtype, shape, data) in wanted.items()]
    files.write_file(os.path.join(folder, "model.safetensors"), entries, {"format": "pt"})
    files.write_json(os.path.join(folder, "config.json"), {"model_type": "none"})
    trial.works("import", folder, "types")
    loaded = 0
    for name, options in (("one", ["--one-storage"]), ("many", []), ("stream", None)):
        path = trial.path(f"types-{name}.pt")
        if options is None:
            with open(path, "wb") as file:
                subprocess.run(trial.command("export", "types", "--format", "fast", "-o", "-"), stdout=file, check=False)
        else:
            trial.works("export", "types", "--format", "fast", "-o", path, *options)
        trial.works("verify", path)
        archive.read(path)
        with open(path, "rb") as file:
            whole = io.BytesIO(file.read())
        for what, state in {
            "mapped": torch.load(path, mmap=True, weights_only=True), "read": torch.load(path),
            "from memory": torch.load(whole, weights_only=True),
            "mapped to the processor": torch.load(path, mmap=True, weights_only=True, map_location="cpu"),
        }.items():
            trial.check(list(state) == list(archive.read(path)["tensors"]), f"{name}, {what}: other names or order")
            for key, (dtype, shape, data) in wanted.items():
                tensor, title = state[key], f"{name}, {what}: {key}"
                shape = list(shape)
                if dtype == "F4":
                    shape[-1] //= 2
                if dtype in TYPES:
                    trial.check(tensor.dtype == getattr(torch, TYPES[dtype]), f"{title} is {tensor.dtype}")
                    trial.check(list(tensor.shape) == shape, f"{title} has shape {list(tensor.shape)}")
                else:
                    trial.check((tensor.dtype, list(tensor.shape)) == (torch.uint8, [len(data)]), f"{title} is no bytes")
                trial.check(raw(tensor) == data, f"{title} has other values")
                loaded += 1
            trial.check(state["tied.a"].data_ptr() == state["tied.b"].data_ptr(), f"{name}, {what}: not tied")
            trial.check(state["ones.a"].data_ptr() != state["ones.b"].data_ptr(), f"{name}, {what}: tied by chance")
        meta = torch.load(path, map_location="meta")
        trial.check(all(tensor.is_meta for tensor in meta.values()), f"{name}: not on the meta device")
        trial.works("import", path, f"types-{name}", store=trial.path("store-" + name))
        trial.exports(f"types-{name}", folder, store=trial.path("store-" + name))
    return loaded


def tiny(kind, **more):
    torch.manual_seed(SEED)
    config = transformers.AutoConfig.for_model(kind, vocab_size=200, dtype="bfloat16", **more)
    return transformers.AutoModelForCausalLM.from_config(config).to(torch.bfloat16).eval()


SIZES = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
         "num_key_value_heads": 2}
MODELS = {
    "llama": lambda: tiny("llama", tie_word_embeddings=False, **SIZES),
    "llama-tied": lambda: tiny("llama", tie_word_embeddings=True, **SIZES),
    "gpt2": lambda: tiny("gpt2", n_embd=64, n_layer=3, n_head=4, n_positions=64),
    "mixtral": lambda: tiny("mixtral", num_local_experts=4, **SIZES),
}


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    words = {word: number for number, word in enumerate("<unk> <s> </s> the cake is in layers".split())}
    made = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        chat_template="{% for message in messages %}{{ message.content }}{% endfor %}")


def same_model(trial, want, got, what):
    tokens = torch.arange(3, 19).unsqueeze(0)
    with torch.no_grad():
        trial.check(torch.equal(want(tokens).logits, got(tokens).logits), f"{what}: other answers")
    trial.check(not any(part.is_meta for part in [*got.parameters(), *got.buffers()]), f"{what}: parts are missing")


def a_transformers_model(trial, name):
    folder = trial.path(name)
    model = MODELS[name]()
    model.save_pretrained(folder, max_shard_size="60KB")
    tokenizer().save_pretrained(folder)
    trial.works("import", folder, f"team/{name}")
    auto = transformers.AutoModelForCausalLM
    want = auto.from_pretrained(folder)

    path = trial.path(name + ".pt")
    trial.works("export", f"team/{name}", "--format", "fast", "-o", path)
    got, words = torch_load.load(path)
    same_model(trial, want, got, f"{name}: torch_load.py")
    trial.check(words("the cake")["input_ids"] == [3, 4] and bool(words.chat_template), f"{name}: another tokenizer")
    trial.check(got.generation_config == want.generation_config, f"{name}: another generation config")
    as_bin = trial.path(name + "-bin")
    os.makedirs(as_bin)
    for file in glob.glob(os.path.join(folder, "*.json")):
        if not file.endswith(".index.json"):
            shutil.copy(file, as_bin)
    shutil.copy(path, os.path.join(as_bin, "pytorch_model.bin"))
    same_model(trial, want, auto.from_pretrained(as_bin), f"{name}: the archive as pytorch_model.bin")

    for options in (["--single"], ["--shard-size", "30kB"], ["--shard-size", "1GB"]):
        out = trial.path(name + "-" + "-".join(options))
        trial.works("export", f"team/{name}", "--format", "safetensors", "-o", out, *options)
        same_model(trial, want, auto.from_pretrained(out), f"{name}: safetensors {' '.join(options)}")
        original, again = {}, {}
        for state, place in ((original, folder), (again, out)):
            for file in glob.glob(os.path.join(place, "*.safetensors")):
                state.update(safetensors.torch.load_file(file))
        trial.check(original.keys() == again.keys() and all(raw(original[key]) == raw(again[key]) for key in original),
                    f"{name}: safetensors {' '.join(options)} has other tensors")
    part = trial.path(name + "-part.safetensors")
    trial.works("export", f"team/{name}", "--format", "safetensors", "--layers", "1-2", "-o", part)
    some = safetensors.torch.load_file(part)
    trial.check(0 < len(some) < len(original) and all(raw(some[key]) == raw(original[key]) for key in some),
                f"{name}: a part has other tensors")

    cache = trial.path("hub")
    trial.works("export", f"team/{name}", "--format", "hf-cache", "-o", cache)
    script = ("import transformers, sys; model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1]);"
              "words = transformers.AutoTokenizer.from_pretrained(sys.argv[1]); print(sum(p.float().sum().item()"
              " for p in model.parameters()))")
    answer = subprocess.run([sys.executable, "-c", script, f"team/{name}"], capture_output=True, text=True, check=False,
                            env=os.environ | {"HF_HUB_CACHE": cache, "HF_HUB_OFFLINE": "1"})
    wanted = sum(part.float().sum().item() for part in want.parameters())
    trial.check(answer.returncode == 0 and json.loads(answer.stdout.split()[-1]) == wanted,
                f"{name}: from the cache, offline: {answer.stderr[-500:]}")


def streamed(trial, hub, name, *options, into):
    """A model from the hub to a program, without a store."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CAKE_", "HF_"))}
    sent = subprocess.run([trial.cake, "stream", name, *options], env=kept | {"HF_ENDPOINT": hub.endpoint}, stdout=into,
                          stderr=subprocess.PIPE, check=False)
    trial.check(sent.returncode == 0, f"cake stream {name} {' '.join(options)}: {sent.stderr.decode()[-1500:]}")


def a_streamed_model(trial, hub, name):
    folder, path, out = trial.path(name), trial.path(f"{name}-streamed.pt"), trial.path(f"{name}-untarred")
    shutil.copytree(folder, trial.path("shelf", "team", name))
    auto = transformers.AutoModelForCausalLM
    want = auto.from_pretrained(folder)
    original = {}
    for file in glob.glob(os.path.join(folder, "*.safetensors")):
        original.update(safetensors.torch.load_file(file))

    with open(path, "wb") as file:
        streamed(trial, hub, f"team/{name}", "--format", "fast", into=file)
    archive.read(path)
    for what, state in {"mapped": torch.load(path, mmap=True, weights_only=True), "read": torch.load(path)}.items():
        trial.check(state.keys() == original.keys(), f"{name}, streamed, {what}: other names")
        for key, tensor in original.items():
            trial.check(state[key].dtype == tensor.dtype and state[key].shape == tensor.shape
                        and raw(state[key]) == raw(tensor), f"{name}, streamed, {what}: {key} is another")
    same_model(trial, want, torch_load.load(path)[0], f"{name}, streamed: torch_load.py")
    trial.works("verify", path)
    store = trial.path("store-streamed")
    trial.works("import", path, f"{name}-streamed", store=store)
    trial.exports(f"{name}-streamed", folder, store=store)

    with open(out + ".tar", "wb") as file:
        streamed(trial, hub, f"team/{name}", into=file)
    os.makedirs(out)
    trial.check(subprocess.run(["tar", "-x", "-C", out, "-f", out + ".tar"], check=False).returncode == 0, f"{name}: no tar")
    same_model(trial, want, auto.from_pretrained(out), f"{name}: from a streamed tar")


def main():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with Trial(sys.argv[1]) as trial:
        print(f"torch {torch.__version__}, safetensors {safetensors.__version__}, transformers {transformers.__version__}")
        loaded = every_type(trial)
        for name in MODELS:
            a_transformers_model(trial, name)
        os.makedirs(trial.path("shelf"))
        with tests_hub.Hub(sys.argv[2], trial.path("shelf")) as hub:
            for name in MODELS:
                a_streamed_model(trial, hub, name)
        print(f"{loaded} tensors of every dtype, {len(MODELS)} models of transformers")
        return trial.finish()


if __name__ == "__main__":
    sys.exit(main())
