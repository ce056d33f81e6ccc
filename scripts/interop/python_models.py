"""Models go into a store, and torch, transformers, peft, datasets and vLLM's interface get them through the Python package.

Started by python, which provides the packages.
"""
import importlib.metadata
import json
import os
import sys
import types

here = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(here, "..", "lib"), os.path.join(here, ".."), here]
import datasets
import fsspec
import load
import peft
import safetensors
import safetensors.torch
import torch
import transformers
from trial import Trial, bf16_like

import cake
from cake import _upload
from cake import torch as cake_torch
from cake import transformers as cake_transformers


def equal(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and load.raw(one) == load.raw(other)


def plain(folder):
    state = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            state.update(safetensors.torch.load_file(os.path.join(folder, name)))
    return state


def same_state(trial, want, got, what):
    trial.check(want.keys() == got.keys(), f"{what}: other names: {sorted(want.keys() ^ got.keys())[:5]}")
    wrong = [name for name in want.keys() & got.keys() if not equal(want[name], got[name])]
    trial.check(not wrong, f"{what}: other values: {wrong[:5]}")
    return len(want)


class Ring:
    """Stands in for a CUDA device, which this machine may not have: the copies are done at once."""

    def slot(self, size):
        return torch.empty(size, dtype=torch.uint8)

    def send(self, copies):
        for target, source in copies:
            target.copy_(source)
        return types.SimpleNamespace(synchronize=lambda: None)

    def ready(self):
        pass


def every_way(trial, name, want):
    """Each way to all tensors of a model gives what safetensors gives."""
    model = cake.open(name, store=trial.store)
    count = 0
    for threads in (0, 1, 2):
        count += same_state(trial, want, model.state_dict(threads=threads), f"{name}: state_dict, {threads} threads")
    count += same_state(trial, want, model.state_dict(verify=False), f"{name}: state_dict, not compared")
    count += same_state(trial, want, model.state_dict(shared="interop"), f"{name}: state_dict, shared")
    count += same_state(trial, want, cake_torch.load_file(name, store=trial.store), f"{name}: load_file")
    count += same_state(trial, want, {key: tensor.torch() for key, tensor in model.tensors.items()}, f"{name}: one by one")
    for slot in (4096, 100_000, 64 << 20):
        count += same_state(trial, want, _upload.state(model, list(model.tensors.values()), torch.device("cpu"), 0, True, None, Ring(), slot),
                            f"{name}: through a ring of {slot}")
    with cake.safe_open(name, framework="pt", store=trial.store) as opened:
        count += same_state(trial, want, {key: opened.get_tensor(key) for key in opened.keys()}, f"{name}: safe_open")
        count += same_state(trial, want, opened.get_tensors(), f"{name}: safe_open at once")
        for key in opened.keys():
            piece = opened.get_slice(key)
            if want[key].ndim:
                rows = want[key].shape[0] // 2
                trial.check(equal(piece[:rows].contiguous(), want[key][:rows].contiguous()), f"{name}: rows of {key}")
    return count


def every_type(trial):
    load.every_type(trial)
    store = trial.store
    state = cake.open("types", store=store).state_dict()
    want = {}
    with safetensors.safe_open(os.path.join(trial.path("types"), "model.safetensors"), framework="pt") as opened:
        for key in opened.keys():
            try:
                want[key] = opened.get_tensor(key)
            except Exception:  # what torch has no dtype for
                trial.check(state[key].dtype == torch.uint8 and state[key].ndim == 1, f"{key} is no bytes")
    same_state(trial, want, {key: state[key] for key in want}, "every dtype")
    trial.check(state["tied.a"].data_ptr() == state["tied.b"].data_ptr(), "tied tensors do not share")
    trial.check(state["ones.a"].data_ptr() != state["ones.b"].data_ptr(), "tied by chance")
    return len(want)


def saving(trial):
    """save_file writes what safetensors writes, as the next version of a name."""
    torch.manual_seed(3)
    state = {"a": torch.randn(300, 40).to(torch.bfloat16), "b": torch.arange(7), "c": torch.randn(5, 6).t(), "d": torch.tensor(1.5),
             "e": torch.empty(0, 3), "f": torch.randn(16).to(torch.float8_e4m3fn)}
    os.environ["CAKE_BINARY"] = trial.cake
    for number, metadata in enumerate((None, {"format": "🍰"})):
        state["b"] = state["b"] + number
        cake_torch.save_file(state, "team/saved", metadata, store=trial.store)
        want = safetensors.torch.save({key: value.contiguous() for key, value in state.items()}, metadata)
        model = cake.open("team/saved", store=trial.store)
        trial.check(model.read("model.safetensors") == want, f"save_file, version {number}: another file than safetensors'")
        same_state(trial, safetensors.torch.load(want), model.state_dict(), f"save_file, version {number}")
    history = json.loads(trial.works("history", "team/saved", "--json"))
    trial.check(len(history[0]["versions"]) == 2, f"save_file: {history}")
    trial.check(not [name for name in os.listdir("/dev/shm") if name.startswith("cake-save-")], "save_file left a file")
    for bad in ("x", {"a": 1}, {"a": torch.sparse_coo_tensor(size=(2, 3))}):
        try:
            cake_torch.save_file(bad, "team/bad", store=trial.store)
            trial.check(False, f"save_file took {bad}")
        except cake.Invalid:
            trial.check(True, "")
    # Each tensor has a storage of its own: safetensors refuses to save others.
    safetensors.torch.save_file(cake.open("team/saved", store=trial.store).state_dict(), trial.path("again.safetensors"))


def a_model_of_transformers(trial, name):
    folder = trial.path(name)
    made = load.MODELS[name]()
    made.generation_config.temperature = 0.5
    made.generation_config.do_sample = True
    made.save_pretrained(folder, max_shard_size="60KB")
    load.tokenizer().save_pretrained(folder)
    trial.works("import", folder, f"team/{name}")
    tune = trial.path(name + "-tune")
    with torch.no_grad():
        for number, part in enumerate(made.parameters()):
            if number % 3 == 0:
                part.view(-1)[::7] *= 1.01
    made.save_pretrained(tune)
    trial.works("import", tune, f"team/{name}-tune", "--base", f"team/{name}")
    count = every_way(trial, f"team/{name}", plain(folder)) + every_way(trial, f"team/{name}-tune", plain(tune))
    auto = transformers.AutoModelForCausalLM
    for place, title in ((folder, name), (tune, name + "-tune")):
        want = auto.from_pretrained(place)
        loaded = cake.load(f"team/{title}", store=trial.store)
        ways = {"cake.load": loaded.model, "from_pretrained auto": cake_transformers.from_pretrained("auto", f"team/{title}", store=trial.store),
                "from_pretrained Class": cake_transformers.from_pretrained(type(want), f"team/{title}", store=trial.store),
                "from_pretrained AutoModel": cake_transformers.from_pretrained(auto, f"team/{title}", store=trial.store)}
        for what, got in ways.items():
            load.same_model(trial, want, got, f"{title}, {what}")
            trial.check(got.dtype == want.dtype and type(got) is type(want), f"{title}, {what}: {type(got)} of {got.dtype}")
            trial.check(got.generation_config.to_diff_dict() == want.generation_config.to_diff_dict(), f"{title}, {what}: another generation config")
        wide = cake_transformers.from_pretrained("auto", f"team/{title}", store=trial.store, dtype=torch.float32)
        load.same_model(trial, auto.from_pretrained(place, dtype=torch.float32), wide, f"{title}, in float32")
        if place == folder:
            trial.check(loaded.tokenizer("the cake")["input_ids"] == [3, 4] and bool(loaded.tokenizer.chat_template), f"{title}: another tokenizer")
        else:
            trial.check(loaded.tokenizer is None, f"{title}: a tokenizer from nowhere")
    return count


def an_adapter(trial):
    base = transformers.AutoModelForCausalLM.from_pretrained(trial.path("llama"))
    made = peft.get_peft_model(base, peft.LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "v_proj"]))
    with torch.no_grad():
        for name, part in made.named_parameters():
            if "lora" in name:
                part.normal_(0, 0.1)
    folder = trial.path("adapter")
    made.save_pretrained(folder)
    with open(os.path.join(folder, "adapter_config.json"), encoding="utf-8") as file:
        config = json.load(file)
    config["base_model_name_or_path"] = "team/llama"
    with open(os.path.join(folder, "adapter_config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    trial.works("import", folder, "team/adapter")
    want = peft.PeftModel.from_pretrained(transformers.AutoModelForCausalLM.from_pretrained(trial.path("llama")), folder).eval()
    got = cake.load("team/adapter", store=trial.store)
    load.same_model(trial, want, got.model, "adapter")
    trial.check(got.tokenizer is not None and isinstance(got.model, peft.PeftModel), "adapter: no tokenizer of its base")
    config["base_model_name_or_path"] = "team/nothing"
    with open(os.path.join(folder, "adapter_config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    trial.works("import", folder, "team/lost")
    refused(trial, cake.NotFound, "cake pull team/nothing", lambda: cake.load("team/lost", store=trial.store))


def refused(trial, kind, words, act):
    try:
        act()
        trial.check(False, f"not refused: {words}")
    except kind as trouble:
        trial.check(words in str(trouble), f"{trouble} does not say {words}")


def refusals(trial):
    """No pickle is opened, and no code of a model runs, unless the caller says so."""
    folder = trial.path("pickled")
    os.makedirs(folder)
    made = load.MODELS["gpt2"]()
    made.config.save_pretrained(folder)
    torch.save(made.state_dict(), os.path.join(folder, "pytorch_model.bin"))
    trial.works("import", folder, "team/pickled")
    refused(trial, cake.Invalid, "pytorch_model.bin", lambda: cake.load("team/pickled", store=trial.store))
    folder = trial.path("remote")
    made.save_pretrained(folder)
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    config |= {"architectures": ["MyModel"], "auto_map": {"AutoModelForCausalLM": "modeling_my.MyModel"}}
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    with open(os.path.join(folder, "modeling_my.py"), "w", encoding="utf-8") as file:
        file.write("import transformers\n\n\nclass MyModel(transformers.GPT2LMHeadModel):\n    pass\n")
    trial.works("import", folder, "team/remote")
    refused(trial, cake.Invalid, "trust_remote_code=True", lambda: cake.load("team/remote", store=trial.store))
    got = cake.load("team/remote", store=trial.store, trust_remote_code=True).model
    trial.check(type(got).__name__ == "MyModel", f"remote code: {type(got)}")
    load.same_model(trial, made, got, "remote code")


class Rows(torch.utils.data.Dataset):
    def __init__(self, model):
        self.tensor = model.tensors["rows"]

    def __len__(self):
        return len(self.tensor)

    def __getitem__(self, number):
        return self.tensor[number]


def workers(trial):
    folder = trial.path("rows")
    os.makedirs(folder)
    data = bf16_like(5, 64 * 2048)
    load.files.write_file(os.path.join(folder, "model.safetensors"), [("rows", "BF16", (64, 1024), lambda: data)])
    trial.works("import", folder, "rows")
    model = cake.open("rows", store=trial.store, framework="pt")
    want = model.tensors["rows"].torch()
    for way in ("fork", "spawn"):
        batches = torch.utils.data.DataLoader(Rows(model), batch_size=8, num_workers=2, multiprocessing_context=way)
        trial.check(equal(torch.cat(list(batches)), want), f"DataLoader with {way}: other rows")


def other_readers(trial):
    points = importlib.metadata.entry_points()
    trial.check("cake" in [point.name for point in points.select(group="fsspec.specs")], "no entry point of fsspec")
    trial.check("cake" in [point.name for point in points.select(group="vllm.general_plugins")], "no entry point of vLLM")
    folder = trial.path("set")
    os.makedirs(folder)
    with open(os.path.join(folder, "data.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps({"number": number}) + "\n" for number in range(100))
    trial.works("import", folder, "datasets/team/set")
    with fsspec.open("cake://datasets/team/set/data.jsonl", store=trial.store) as file:
        trial.check(len(file.readlines()) == 100, "fsspec.open reads other lines")
    datasets.config.HF_HUB_OFFLINE = False  # offline, datasets reads nothing that has a protocol
    rows = datasets.load_dataset("json", data_files="cake://datasets/team/set/data.jsonl", storage_options={"store": trial.store},
                                 cache_dir=trial.path("cache"), split="train")
    trial.check(rows["number"][:] == list(range(100)), "load_dataset reads other rows")


def vllm_interface(trial):
    """vLLM itself needs a GPU: these stand in for what the loader uses of it."""
    registry, base = types.ModuleType("vllm.model_executor.model_loader"), types.ModuleType("vllm.model_executor.model_loader.base_loader")
    made = {}

    class BaseModelLoader:
        def __init__(self, load_config):
            self.load_config = load_config

    base.BaseModelLoader = BaseModelLoader
    registry.register_model_loader = lambda name: lambda loader: made.setdefault(name, loader)
    sys.modules |= {registry.__name__: registry, base.__name__: base}
    from cake import vllm
    vllm.register()
    place = vllm.folder("team/llama", store=trial.store, into=trial.path("vllm"))
    trial.check("config.json" in os.listdir(place) and not [n for n in os.listdir(place) if n.endswith(".safetensors")], "vLLM's folder")
    got = {}
    loader = made["cake"](types.SimpleNamespace(model_loader_extra_config={"threads": 2}))
    config = types.SimpleNamespace(model=place, revision=None)
    loader.download_model(config)
    loader.load_weights(types.SimpleNamespace(load_weights=got.update), config)
    same_state(trial, plain(trial.path("llama")), got, "vLLM's loader")
    state = dict(vllm.weights(cake.open("team/llama", store=trial.store), batch=10_000))
    same_state(trial, plain(trial.path("llama")), state, "vLLM's loader, in batches")


def main():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    with Trial(sys.argv[1]) as trial:
        os.environ["HF_MODULES_CACHE"] = trial.path("modules")
        print(f"cake {cake.__version__}, torch {torch.__version__}, safetensors {safetensors.__version__}, "
              f"transformers {transformers.__version__}, peft {peft.__version__}, datasets {datasets.__version__}, fsspec {fsspec.__version__}")
        count = every_type(trial)
        for name in load.MODELS:
            count += a_model_of_transformers(trial, name)
        saving(trial)
        an_adapter(trial)
        refusals(trial)
        workers(trial)
        other_readers(trial)
        vllm_interface(trial)
        print(f"{count} tensors compared with those of safetensors")
        return trial.finish()


if __name__ == "__main__":
    sys.exit(main())
