#!/usr/bin/env python3
"""Asks the tests' hub everything a huggingface_hub asks the real one, and compares byte for byte. hub_clients.py HUB"""
import os
import random
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import hub as hubs
from trial import difference

checks, violations = 0, []


def check(holds, what):
    global checks
    checks += 1
    if not holds:
        violations.append(what)
        print(f"VIOLATION: {what}", flush=True)


def raises(kind, what, action):
    try:
        action()
    except kind as error:
        check(type(error) is kind, f"{what}: {type(error).__name__} instead of {kind.__name__}")
    except Exception as error:  # pylint: disable=broad-except
        check(False, f"{what}: {type(error).__name__} instead of {kind.__name__}: {error}")
    else:
        check(False, f"{what}: no error")


def make(root):
    rng = random.Random(7)
    card = b"---\nbase_model: org/other\nlicense: mit\ntags:\n- a\n---\n# A model\n"
    base = {"README.md": card, "config.json": b'{"a": 1}\n', "model.safetensors": rng.randbytes(25_000_001),
            "big.txt": rng.randbytes(1_200_000), "empty.txt": b"", "sub/deep/ü ö+x%20.txt": b"hello", "sub/one.bin": b"1" * 10}
    hubs.write(root, "org/base", base)
    hubs.write(root, "org/base@v1.0", {"config.json": b'{"a": 2}\n'})
    hubs.write(root, "org/base@refs%2Fpr%2F1", {"config.json": b'{"a": 3}\n', "model.safetensors": rng.randbytes(70_000)})
    for name, settings in (("gated", b'{"gated": "auto"}'), ("private", b'{"private": true}'), ("off", b'{"disabled": true}')):
        hubs.write(root, f"org/{name}", {".hub.json": settings, "README.md": card, "config.json": b"{}",
                                        "model.safetensors": rng.randbytes(50_000)})
    hubs.write(root, "many/files", {f"f{number:03}.json": b"%d" % number for number in range(300)})
    hubs.write(root, "tiny", {"config.json": b"tiny"})
    hubs.write(root, "old", {".hub.json": b'{"movedTo": "org/base"}'})
    hubs.write(root, "datasets/org/data", {"rows.csv": b"a,b\n", "rows.bin": rng.randbytes(5000)})
    return base


def without_settings(folder):
    """The folder as a client is to see it."""
    copy = tempfile.mkdtemp(dir=os.environ["HF_HOME"])
    shutil.copytree(folder, os.path.join(copy, "x"), ignore=shutil.ignore_patterns(".hub.json"))
    return os.path.join(copy, "x")


def try_all(hub, root, base):
    import huggingface_hub as hf
    from huggingface_hub import errors
    api = hf.HfApi()
    other_home = lambda: tempfile.mkdtemp(dir=os.environ["HF_HOME"])

    # whole snapshots
    for repository, options in (("org/base", {}), ("many/files", {}), ("tiny", {}), ("org/data", {"repo_type": "dataset"})):
        place = ("datasets/" if options else "") + repository
        got = hf.snapshot_download(repository, **options)
        check(difference(os.path.join(root, place), got) is None, f"snapshot of {place} differs")
        local = hf.snapshot_download(repository, local_dir=other_home(), **options)
        shutil.rmtree(os.path.join(local, ".cache"))
        check(difference(os.path.join(root, place), local) is None, f"local_dir of {place} differs")
    for revision, folder in (("v1.0", "org/base@v1.0"), ("refs/pr/1", "org/base@refs%2Fpr%2F1")):
        got = hf.snapshot_download("org/base", revision=revision)
        check(difference(os.path.join(root, folder), got) is None, f"snapshot of {revision} differs")
    for name in ("gated", "private"):
        got = hf.snapshot_download(f"org/{name}", token="hf_good")
        check(difference(without_settings(os.path.join(root, "org", name)), got) is None, f"snapshot of org/{name} differs")
    hub.forget()
    hf.hf_hub_download("org/gated", "model.safetensors", token="hf_good", force_download=True)
    log = hub.log()
    check(any(r["at"] == "cdn" for r in log), "a large file does not come from the second origin")
    check(not any(r["at"] == "cdn" and r["authorization"] for r in log), "a token went to the second origin")

    # single files
    for path, data in base.items():
        with open(hf.hf_hub_download("org/base", path, cache_dir=other_home()), "rb") as file:
            check(file.read() == data, f"{path} differs")
    info = api.model_info("org/base")
    with open(hf.hf_hub_download("org/base", "config.json", revision=info.sha, cache_dir=other_home()), "rb") as file:
        check(file.read() == base["config.json"], "config.json by commit differs")
    with open(hf.hf_hub_download("old", "config.json", cache_dir=other_home()), "rb") as file:
        check(file.read() == base["config.json"], "a renamed repository does not lead on")
    meta = hf.get_hf_file_metadata(hf.hf_hub_url("org/base", "model.safetensors"))
    check(meta.size == 25_000_001 and len(meta.etag) == 64 and meta.commit_hash == info.sha, "metadata of a large file")
    check("X-Amz" not in meta.location and "Signature=" in meta.location, "a large file has no signed URL")
    meta = hf.get_hf_file_metadata(hf.hf_hub_url("org/base", "config.json"))
    check(meta.size == 9 and len(meta.etag) == 40 and meta.commit_hash == info.sha, "metadata of a small file")

    # what repositories say
    check(sorted(s.rfilename for s in info.siblings) == sorted(base), "siblings differ")
    check(info.card_data.base_model == "org/other" and "safetensors" in info.tags, "card of org/base")
    check(info.private is False and info.gated is False, "access of org/base")
    with_blobs = {s.rfilename: s for s in api.model_info("org/base", files_metadata=True).siblings}
    check(with_blobs["model.safetensors"].lfs.size == 25_000_001 and with_blobs["config.json"].lfs is None, "siblings' blobs")
    check(api.model_info("org/base", expand=["sha", "gated"]).sha == info.sha, "expanded info")
    check(api.model_info("org/gated").gated == "auto", "gate of org/gated")
    check(api.dataset_info("org/data").id == "org/data", "info of a dataset")
    refs = api.list_repo_refs("org/base", include_pull_requests=True)
    check([b.name for b in refs.branches] == ["main"] and refs.branches[0].target_commit == info.sha, "branches")
    check([t.name for t in refs.tags] == ["v1.0"] and [p.ref for p in refs.pull_requests] == ["refs/pr/1"], "tags and requests")
    check(api.list_repo_commits("org/base")[0].commit_id == info.sha, "commits")
    tree = list(api.list_repo_tree("org/base", recursive=True))
    files = {entry.path: entry for entry in tree if isinstance(entry, hf.hf_api.RepoFile)}
    folders = {entry.path for entry in tree if isinstance(entry, hf.hf_api.RepoFolder)}
    check({path: entry.size for path, entry in files.items()} == {path: len(data) for path, data in base.items()}, "tree's files")
    check(folders == {"sub", "sub/deep"}, "tree's folders")
    check(files["model.safetensors"].lfs.sha256 == with_blobs["model.safetensors"].lfs.sha256, "tree's digests")
    check({e.path for e in api.list_repo_tree("org/base", "sub")} == {"sub/deep", "sub/one.bin"}, "tree of a folder")
    check(len(list(api.list_repo_tree("many/files", expand=True))) == 300, "tree in pages")
    check(all(e.last_commit.oid == api.model_info("many/files").sha for e in api.list_repo_tree("many/files", expand=True)), "commits")
    found = api.get_paths_info("org/base", ["config.json", "sub", "gone"], expand=True)
    check([entry.path for entry in found] == ["config.json", "sub"], "paths-info")
    check({m.id for m in api.list_models(search="BASE")} == {"org/base"}, "search")
    check({m.id for m in api.list_models(author="org")} == {"org/base", "org/gated", "org/off"}, "models of an author")
    check(api.whoami(token="hf_good")["name"] == "tester", "whoami")
    check(hf.HfApi().file_exists("org/base", "config.json") and not hf.HfApi().file_exists("org/base", "gone"), "file_exists")
    check(not hf.HfApi().repo_exists("org/none"), "repo_exists")
    api.auth_check("org/gated", token="hf_good")

    # errors
    raises(errors.RepositoryNotFoundError, "missing, anonymous", lambda: hf.snapshot_download("org/none"))
    raises(errors.RepositoryNotFoundError, "missing, with token", lambda: hf.hf_hub_download("org/none", "x", token="hf_other"))
    raises(errors.RepositoryNotFoundError, "private, anonymous", lambda: hf.hf_hub_download("org/private", "config.json", cache_dir=other_home()))
    raises(errors.RepositoryNotFoundError, "private, other's token", lambda: api.model_info("org/private", token="hf_other"))
    raises(errors.RevisionNotFoundError, "revision", lambda: hf.snapshot_download("org/base", revision="none"))
    raises(errors.RevisionNotFoundError, "revision of a file", lambda: hf.hf_hub_download("org/base", "config.json", revision="none"))
    missing = getattr(errors, "RemoteEntryNotFoundError", errors.EntryNotFoundError)
    raises(missing, "file", lambda: hf.hf_hub_download("org/base", "none.json"))
    raises(missing, "tree of a missing folder", lambda: list(api.list_repo_tree("org/base", "none")))
    raises(errors.GatedRepoError, "gated, anonymous", lambda: hf.hf_hub_download("org/gated", "config.json", cache_dir=other_home()))
    raises(errors.GatedRepoError, "gated, bad token", lambda: hf.hf_hub_download("org/gated", "config.json", token="hf_bad", cache_dir=other_home()))
    raises(errors.GatedRepoError, "gated, other's token", lambda: hf.hf_hub_download("org/gated", "config.json", token="hf_other", cache_dir=other_home()))
    raises(errors.GatedRepoError, "auth-check", lambda: api.auth_check("org/gated", token="hf_other"))
    raises(errors.DisabledRepoError, "disabled", lambda: api.model_info("org/off"))
    raises(errors.HfHubHTTPError, "bad token", lambda: api.model_info("org/base", token="hf_bad"))
    for action in (lambda: api.whoami(token="hf_bad"), lambda: api.whoami(token=False)):
        try:
            action()
            check(False, "whoami without a good token: no error")
        except (errors.HfHubHTTPError, errors.LocalTokenNotFoundError, OSError, ValueError):
            check(True, "")
    hf.hf_hub_download("org/gated", "README.md", cache_dir=other_home())  # the card is open
    masked = {e.path: e for e in api.list_repo_tree("org/gated")}["model.safetensors"]
    check(masked.lfs.sha256 == "*" * 64, "digests behind a gate are shown")

    # the file system
    system = hf.HfFileSystem(skip_instance_cache=True)
    rng = random.Random(11)
    for path in ("model.safetensors", "big.txt", "config.json"):
        data = base[path]
        with system.open(f"org/base/{path}", "rb", block_size=1 << 18) as file:
            for _ in range(40):
                at, count = rng.randrange(len(data)), rng.randrange(1, 200_000)
                file.seek(at)
                if file.read(count) != data[at:at + count]:
                    check(False, f"{path} differs from {at} on")
        check(system.cat_file(f"org/base/{path}", start=3, end=8) == data[3:8], f"a piece of {path}")
    check(system.ls("org/base/sub", detail=False) == ["org/base/sub/deep", "org/base/sub/one.bin"], "ls")
    check(system.cat_file("org/base@refs/pr/1/config.json") == b'{"a": 3}\n', "a request's file")
    check(sorted(system.glob("org/base/*.safetensors")) == ["org/base/model.safetensors"], "glob")

    # a stalled download goes on where it stood
    hub.misbehave({"stall": 21_000_000}, at="cdn", ending="model.safetensors", times=1)
    with open(hf.hf_hub_download("org/base", "model.safetensors", cache_dir=other_home()), "rb") as file:
        check(file.read() == base["model.safetensors"], "a stalled download differs")
    ranges = [r["range"] for r in hub.log() if r["at"] == "cdn" and r["path"].endswith("base/model.safetensors")]
    check(any(r and r.startswith("bytes=") and r.endswith("-") for r in ranges), "a stalled download did not resume")
    return hf.__version__


def main():
    home = tempfile.mkdtemp(prefix="cake-hub-")
    root = os.path.join(home, "root")
    try:
        base = make(root)
        options = ["--token", "hf_good=tester:org/gated,org/private", "--token", "hf_other=other", "--page", "100",
                   "--quota", "100000", "--cdn-host", "localhost"]
        with hubs.Hub(sys.argv[1], root, *options) as hub:
            for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING"))]:
                del os.environ[name]
            os.environ |= {"HF_ENDPOINT": hub.endpoint, "HF_HOME": os.path.join(home, "hf"), "HF_HUB_DISABLE_XET": "1",
                           "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1,localhost", "HF_HUB_DOWNLOAD_TIMEOUT": "2"}
            os.makedirs(os.environ["HF_HOME"])
            version = try_all(hub, root, base)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(f"huggingface_hub {version}: {checks} checks, {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
