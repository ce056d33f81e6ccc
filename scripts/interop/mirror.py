#!/usr/bin/env python3
"""Imports models, serves them, and has the real clients ask for them; compares byte for byte. mirror.py CAKE [through|tls]
With "through" they ask a server that has nothing and brings everything from the first; with "tls" they ask by HTTPS.

Started by mirror, which provides huggingface_hub in one release after the other, and last transformers.
"""
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

here = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(here, "..", "lib"), os.path.join(here, "..")]
import safetensors_files as files
from trial import Trial, difference

# What one process may take in memory while it serves.
MOST_MEMORY = 300 << 20


class Mirror:
    """A `cake serve` of the trial's store, or another, on a free port."""

    def __init__(self, trial, *words, store=None):
        self.child = trial.start("serve", "--listen", "127.0.0.1:0", *words, store=store)
        line = self.child.stderr.readline()
        found = re.search(r"https?://[^,\s]+", line)
        if not found:
            sys.exit(f"cake serve said: {line}{self.child.stderr.read()}")
        self.endpoint = found[0]
        # Somebody has to read the access log, or its pipe fills.
        self.log = open(trial.path(f"access-{self.child.pid}.log"), "w", encoding="utf-8")
        self.reader = subprocess.Popen(["cat"], stdin=self.child.stdout, stdout=self.log)

    def peak(self):
        with open(f"/proc/{self.child.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))

    def close(self):
        self.child.terminate()
        self.child.wait(60)
        self.reader.wait(60)
        self.log.close()


def tensors(rng, sizes):
    return [(f"layers.{number}.weight", "BF16", [size // 2], rng.randbytes(size)) for number, size in enumerate(sizes)]


def encode(all_tensors):
    return files.header([tensor[:3] for tensor in all_tensors]) + b"".join(tensor[3] for tensor in all_tensors)


def make(trial):
    """Models in folders, imported under the names that clients will ask for."""
    rng = random.Random(7)
    base = tensors(rng, [3_000_000, 7_000_002, 512, 4096, 2 << 20])
    tune = [(name, kind, shape, data if number % 2 else bytes(byte ^ (place % 4096 == 0) for place, byte in enumerate(data)))
            for number, (name, kind, shape, data) in enumerate(base)]
    card = b"---\nbase_model: org/other\nlicense: mit\ntags:\n- a\n---\n# A model\n"
    small = {"README.md": card, "config.json": b'{"a": 1}\n', "big.txt": rng.randbytes(1_200_000), "empty.txt": b"",
             "sub/deep/\u00fc \u00f6+x%20.txt": b"hello", "sub/one.bin": b"1" * 10}
    models = {
        "org/base": small | {"model.safetensors": encode(base)},
        "org/tune": {"config.json": b"{}", "model.safetensors": encode(tune)},
        "org/base@v1.0": {"config.json": b'{"a": 2}\n'},
        "org/base@refs/pr/1": {"config.json": b'{"a": 3}\n'},
        "many/files": {f"f{number:04}.json": b"%d" % number for number in range(1100)},
        "tiny": {"config.json": b"tiny"},
        "datasets/org/data": {"rows.csv": b"a,b\n", "rows.bin": rng.randbytes(5000)},
    }
    for name, content in models.items():
        folder = trial.path("models", name.replace("/", "-"))
        for path, data in content.items():
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with open(os.path.join(folder, path), "wb") as file:
                file.write(data)
        status, _, err = trial.call("import", folder, name)
        trial.check(status == 0, f"import of {name}: {err}")
    return models


def push(trial, endpoint):
    """A base and what differs little from it, out of a store of their own: a delta with its base, in packs."""
    place, maker = endpoint.removeprefix("http://") + "/pushed/tune", trial.path("maker")
    for name, tags in (("org/base", ["early"]), ("org/tune", ["v1", "latest"])):
        trial.works("import", trial.path("models", name.replace("/", "-")), name, store=maker)
        for tag in tags:
            trial.works("push", name, f"{place}:{tag}", store=maker)


def raises(trial, kind, what, action):
    try:
        action()
    except kind as error:
        trial.check(type(error) is kind, f"{what}: {type(error).__name__} instead of {kind.__name__}")
    except Exception as error:  # pylint: disable=broad-except
        trial.check(False, f"{what}: {type(error).__name__} instead of {kind.__name__}: {error}")
    else:
        trial.check(False, f"{what}: no error")


def try_client(trial, models):
    import huggingface_hub as hf
    from huggingface_hub import errors

    api, number = hf.HfApi(), iter(range(10_000))

    def home():
        return trial.path(f"cache-{next(number)}")

    def folder(name):
        return trial.path("models", name.replace("/", "-"))

    # whole repositories
    for name, options in (("org/base", {}), ("org/tune", {}), ("many/files", {}), ("tiny", {}), ("org/data", {"repo_type": "dataset"})):
        place = ("datasets/" if options else "") + name
        got = hf.snapshot_download(name, cache_dir=home(), **options)
        trial.check(difference(folder(place), got) is None, f"snapshot of {place} differs")
        local = hf.snapshot_download(name, local_dir=home(), **options)
        shutil.rmtree(os.path.join(local, ".cache"))
        trial.check(difference(folder(place), local) is None, f"local_dir of {place} differs")
    for revision in ("v1.0", "refs/pr/1"):
        got = hf.snapshot_download("org/base", revision=revision, cache_dir=home())
        trial.check(difference(folder(f"org/base@{revision}"), got) is None, f"snapshot of {revision} differs")

    # what was pushed
    for revision, name in (("early", "org/base"), ("v1", "org/tune"), ("latest", "org/tune"), ("main", "org/tune")):
        got = hf.snapshot_download("pushed/tune", revision=revision, cache_dir=home())
        trial.check(difference(folder(name), got) is None, f"snapshot of pushed/tune at {revision} differs")
    refs = api.list_repo_refs("pushed/tune")
    trial.check([b.name for b in refs.branches] == ["main"], "branches of what was pushed")
    trial.check(sorted(t.name for t in refs.tags) == ["early", "latest", "v1"], "tags of what was pushed")
    trial.check({m.id for m in api.list_models(author="pushed")} == {"pushed/tune"}, "list of what was pushed")

    # single files, and what a head says of them
    base = models["org/base"]
    for path, data in base.items():
        with open(hf.hf_hub_download("org/base", path, cache_dir=home()), "rb") as file:
            trial.check(file.read() == data, f"{path} differs")
    info = api.model_info("org/base")
    meta = hf.get_hf_file_metadata(hf.hf_hub_url("org/base", "model.safetensors"))
    digest = hashlib.sha256(base["model.safetensors"]).hexdigest()
    trial.check((meta.size, meta.etag, meta.commit_hash) == (len(base["model.safetensors"]), digest, info.sha), "a large file's metadata")
    meta = hf.get_hf_file_metadata(hf.hf_hub_url("org/base", "config.json"))
    trial.check((meta.size, meta.etag) == (9, hashlib.sha1(b"blob 9\0" + base["config.json"]).hexdigest()), "a small file's metadata")
    by_commit = hf.hf_hub_download("org/base", "config.json", revision=info.sha, cache_dir=home())
    with open(by_commit, "rb") as file:
        trial.check(file.read() == base["config.json"], "config.json by its commit differs")

    # what repositories say
    trial.check(sorted(s.rfilename for s in info.siblings) == sorted(base), "siblings differ")
    trial.check(info.card_data.base_model == "org/other" and "safetensors" in info.tags, "card of org/base")
    trial.check(info.private is False and info.gated is False, "access of org/base")
    blobs = {s.rfilename: s for s in api.model_info("org/base", files_metadata=True).siblings}
    trial.check(blobs["model.safetensors"].lfs.sha256 == digest and blobs["config.json"].lfs is None, "siblings' blobs")
    trial.check(api.model_info("org/base", expand=["sha", "gated"]).sha == info.sha, "expanded info")
    trial.check(api.dataset_info("org/data").id == "org/data", "info of a dataset")
    refs = api.list_repo_refs("org/base", include_pull_requests=True)
    trial.check(sorted(b.name for b in refs.branches) == ["main", "v1.0"], "branches")
    trial.check([p.ref for p in refs.pull_requests] == ["refs/pr/1"], "pull requests")
    trial.check(api.list_repo_commits("org/base")[0].commit_id == info.sha, "commits")
    tree = list(api.list_repo_tree("org/base", recursive=True))
    found = {entry.path: entry for entry in tree if isinstance(entry, hf.hf_api.RepoFile)}
    trial.check({path: entry.size for path, entry in found.items()} == {path: len(data) for path, data in base.items()}, "tree's files")
    trial.check({e.path for e in tree} - set(found) == {"sub", "sub/deep"}, "tree's folders")
    trial.check({e.path for e in api.list_repo_tree("org/base", "sub")} == {"sub/deep", "sub/one.bin"}, "tree of a folder")
    trial.check(len(list(api.list_repo_tree("many/files", expand=True))) == 1100, "tree in pages")
    paths = api.get_paths_info("org/base", ["config.json", "sub", "gone"], expand=True)
    trial.check([entry.path for entry in paths] == ["config.json", "sub"], "paths-info")
    trial.check({m.id for m in api.list_models(search="BASE")} == {"org/base"}, "search")
    trial.check({m.id for m in api.list_models(author="org")} == {"org/base", "org/tune"}, "models of an author")
    trial.check(len(list(api.list_models(limit=3))) == 3, "a few models")
    trial.check(api.file_exists("org/base", "config.json") and not api.file_exists("org/base", "gone"), "file_exists")
    trial.check(api.repo_exists("org/base") and not api.repo_exists("org/none"), "repo_exists")
    weights = api.get_safetensors_metadata("org/base")
    trial.check(set(weights.weight_map) == {f"layers.{index}.weight" for index in range(5)}, "safetensors metadata")
    trial.check(weights.parameter_count == dict(info.safetensors.parameters), "parameters")
    if hasattr(api, "auth_check"):
        api.auth_check("org/base")

    # errors
    raises(trial, errors.RepositoryNotFoundError, "missing", lambda: hf.snapshot_download("org/none", cache_dir=home()))
    raises(trial, errors.RevisionNotFoundError, "revision", lambda: hf.snapshot_download("org/base", revision="none", cache_dir=home()))
    raises(trial, errors.RevisionNotFoundError, "revision of a file", lambda: hf.hf_hub_download("org/base", "config.json", revision="none", cache_dir=home()))
    missing = getattr(errors, "RemoteEntryNotFoundError", errors.EntryNotFoundError)
    raises(trial, missing, "file", lambda: hf.hf_hub_download("org/base", "none.json", cache_dir=home()))
    raises(trial, missing, "tree of a missing folder", lambda: list(api.list_repo_tree("org/base", "none")))

    # the file system
    system = hf.HfFileSystem(skip_instance_cache=True)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for name in ("org/base", "org/tune", "pushed/tune"):
        data = models[name.replace("pushed", "org")]["model.safetensors"]
        with system.open(f"{name}/model.safetensors", "rb", block_size=1 << 18) as file:
            for _ in range(60):
                at, count = rng.randrange(len(data)), rng.randrange(1, 3_000_000)
                file.seek(at)
                trial.check(file.read(count) == data[at:at + count], f"{name} differs from {at} on (seed {seed})")
    trial.check(system.cat_file("org/base/big.txt", start=3, end=8) == base["big.txt"][3:8], "a piece of big.txt")
    trial.check(system.ls("org/base/sub", detail=False) == ["org/base/sub/deep", "org/base/sub/one.bin"], "ls")
    trial.check(system.cat_file("org/base@refs/pr/1/config.json") == b'{"a": 3}\n', "a request's file")
    trial.check(sorted(system.glob("org/base/*.safetensors")) == ["org/base/model.safetensors"], "glob")
    return f"huggingface_hub {hf.__version__}"


def try_registry(trial, registry):
    """A server that has nothing and brings what was pushed, as from any registry."""
    import huggingface_hub as hf
    mirror = Mirror(trial, "--upstream", "oci://" + registry.removeprefix("http://") + "/pushed", store=trial.path("third"))
    try:
        for revision, name in (("early", "org/base"), ("v1", "org/tune"), ("main", "org/tune")):
            got = hf.snapshot_download("tune", revision=revision, cache_dir=trial.path(f"registry-{revision}"), endpoint=mirror.endpoint)
            wrong = difference(trial.path("models", name.replace("/", "-")), got)
            trial.check(wrong is None, f"snapshot of tune at {revision} from a registry: {wrong}")
        refs = hf.HfApi(endpoint=mirror.endpoint).list_repo_refs("tune")
        trial.check(sorted(t.name for t in refs.tags) == ["early", "latest", "v1"], "tags of a registry")
        info = hf.HfApi(endpoint=mirror.endpoint).model_info("tune", files_metadata=True)
        trial.check(all(s.lfs is not None for s in info.siblings), "files of a registry go by their SHA-256")
    finally:
        mirror.close()


def try_transformers(trial):
    """A tiny model with random weights, saved in shards, loaded through the mirror as from the Hub."""
    import torch
    import transformers
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(3)
    config = transformers.LlamaConfig(vocab_size=320, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
                                      num_attention_heads=4, num_key_value_heads=2)
    want = transformers.LlamaForCausalLM(config)
    folder = trial.path("llama")
    want.save_pretrained(folder, max_shard_size="200KB")
    status, _, err = trial.call("import", folder, "team/llama")
    trial.check(status == 0, f"import of team/llama: {err}")
    got = transformers.AutoModelForCausalLM.from_pretrained("team/llama")
    pairs = dict(got.state_dict())
    trial.check(all(torch.equal(pairs[name], value) for name, value in want.state_dict().items()), "from_pretrained differs")
    words = torch.arange(12).reshape(1, 12)
    trial.check(torch.equal(want(words).logits, got(words).logits), "its logits differ")
    from huggingface_hub import hf_hub_download
    import safetensors.torch
    import json
    with open(hf_hub_download("team/llama", "model.safetensors.index.json"), encoding="utf-8") as file:
        shards = sorted(set(json.load(file)["weight_map"].values()))
    loaded = {}
    for shard in shards:
        loaded |= safetensors.torch.load_file(hf_hub_download("team/llama", shard))
    trial.check(len(shards) > 1 and all(torch.equal(pairs[name], value) for name, value in loaded.items()), "safetensors differ")
    return f"transformers {transformers.__version__}"


def try_full_disk(trial, upstream, models):
    """A mirror whose disk is full says so, gives what it has, and goes on when there is room. Only root can make one."""
    place = trial.path("small")
    os.makedirs(place)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", place]).returncode != 0:
        return print("left out: a full disk, which cannot be mounted here")
    mirror = Mirror(trial, "--upstream", upstream, store=os.path.join(place, "store"))

    def get(name, path="model.safetensors"):
        try:
            with urllib.request.urlopen(f"{mirror.endpoint}/{name}/resolve/main/{path}", timeout=600) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    try:
        want = {name: models[name]["model.safetensors"] for name in ("org/base", "org/tune")}
        trial.check(get("org/base") == (200, want["org/base"]), "a mirror brings a file to a small disk")
        with open(os.path.join(place, "filler"), "wb") as filler:
            room = os.statvfs(place)
            filler.write(bytes(room.f_bavail * room.f_frsize - (4 << 20)))
        status, body = get("org/tune")
        trial.check(status == 507 and b"full" in body, f"a full disk is told, not {status} {body[:80]}")
        trial.check(get("org/base") == (200, want["org/base"]), "what a mirror has it gives while its disk is full")
        os.remove(os.path.join(place, "filler"))
        trial.check(get("org/tune") == (200, want["org/tune"]), "a mirror goes on when its disk has room")
    finally:
        mirror.close()
        subprocess.run(["umount", "-l", place], check=True)


def certificate(trial):
    """One that this machine's address has for a day, and its key."""
    paths = trial.path("certificate.pem"), trial.path("key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                    "-subj", "/CN=mirror", "-addext", "subjectAltName=IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]],
                   check=True, capture_output=True)
    return paths


def main():
    with Trial(sys.argv[1]) as trial:
        for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING", "TRANSFORMERS"))]:
            del os.environ[name]
        models = make(trial)
        words = ["--push"]
        if sys.argv[2:] == ["tls"]:
            known, key = certificate(trial)
            words += ["--tls-certificate", known, "--tls-key", key]
            os.environ |= {"SSL_CERT_FILE": known, "REQUESTS_CA_BUNDLE": known}
        mirror = Mirror(trial, *words)
        trial.at_the_end.append(mirror.close)
        push(trial, mirror.endpoint)
        if sys.argv[2:] == ["through"]:
            try_full_disk(trial, mirror.endpoint, models)
            mirror = Mirror(trial, "--upstream", mirror.endpoint, store=trial.path("second"))
            trial.at_the_end.insert(0, mirror.close)
        os.environ |= {"HF_ENDPOINT": mirror.endpoint, "HF_HOME": trial.path("hf"), "HF_HUB_DISABLE_TELEMETRY": "1",
                       "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1,localhost"}
        tried = [try_client(trial, models)]
        if not sys.argv[2:]:
            try_registry(trial, mirror.endpoint)
        try:
            import transformers  # pylint: disable=unused-import
        except ImportError:
            pass
        else:
            tried.append(try_transformers(trial))
        peak = mirror.peak()
        trial.check(peak < MOST_MEMORY, f"it took {peak >> 20} MiB")
        print(", ".join(tried + sys.argv[2:]) + f", at most {peak >> 20} MiB while serving")
        return trial.finish()


if __name__ == "__main__":
    sys.exit(main())
