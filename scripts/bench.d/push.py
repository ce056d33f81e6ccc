#!/usr/bin/env python3
"""pushes to and pulls from docker-registry, of a model and of fine-tunes of it, beside skopeo moving the same files"""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import timing
from timing import MIB, goal, line, middle, run, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "push")
CAKE = os.environ.get("CAKE_BINARY")
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")
MODELS = ("base", "last", "full")


class Registry:
    """docker-registry on a port of its own choosing, with an empty folder."""

    def __init__(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        config = os.path.join(folder, "config.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("version: 0.1\nlog: {level: info}\nhttp: {addr: '127.0.0.1:0'}\nstorage:\n"
                       f"  delete: {{enabled: true}}\n  filesystem: {{rootdirectory: {folder}/data}}\n")
        self.data = os.path.join(folder, "data")
        self.child = subprocess.Popen(["docker-registry", "serve", config], stderr=subprocess.PIPE,
                                      stdout=subprocess.DEVNULL, text=True)
        for said in self.child.stderr:
            if "listening on 127.0.0.1:" in said:
                self.host = "127.0.0.1:" + said.split("listening on 127.0.0.1:")[1].split('"')[0]
                break
        # Nobody reads on; it is not to wait for that.
        subprocess.Popen(["cat"], stdin=self.child.stderr, stdout=subprocess.DEVNULL)

    def held(self):
        return timing.size_of_files(os.path.join(self.data, "docker", "registry", "v2", "blobs"))

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait()


def as_artifact(source, folder):
    """A model's files as skopeo's folder of blobs: each file one layer."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)

    def add(path):
        with open(path, "rb") as file:
            name = hashlib.file_digest(file, "sha256").hexdigest()
        if not os.path.exists(os.path.join(folder, name)):
            os.link(path, os.path.join(folder, name))
        return {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:" + name,
                "size": os.path.getsize(path)}

    layers = [add(os.path.join(source, name)) for name in sorted(os.listdir(source))]
    config = os.path.join(folder, "config")
    with open(config, "w", encoding="utf-8") as file:
        json.dump({"architecture": "amd64", "os": "linux",
                   "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}}, file)
    described = add(config) | {"mediaType": "application/vnd.oci.image.config.v1+json"}
    os.remove(config)
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                   "config": described, "layers": layers}, file)
    with open(os.path.join(folder, "version"), "w", encoding="utf-8") as file:
        file.write("Directory Transport Version: 1.1\n")


class Cake:
    name = "cake"

    def __init__(self, home):
        self.maker, self.user = os.path.join(home, "maker"), os.path.join(home, "user")

    def prepare(self, root):
        if not os.path.exists(self.maker):
            for model in MODELS:
                run([CAKE, "--store", self.maker, "import", os.path.join(root, model), model, "--quiet"])
        shutil.rmtree(self.user, ignore_errors=True)

    def push(self, host, model):
        return [CAKE, "--store", self.maker, "push", model, f"{host}/fam/{model}:v1", "--quiet"]

    def pull(self, host, model):
        return [CAKE, "--store", self.user, "pull", f"{host}/fam/{model}:v1", "--quiet"]

    def got(self, host, model):
        out = os.path.join(WORK, "out")
        shutil.rmtree(out, ignore_errors=True)
        run([CAKE, "--store", self.user, "export", f"{host}/fam/{model}:v1", "-o", out, "--quiet"])
        return out


class Skopeo:
    name = "skopeo"

    def __init__(self, home):
        self.home = home

    def prepare(self, root):
        for model in MODELS:
            as_artifact(os.path.join(root, model), os.path.join(self.home, "from-" + model))
            shutil.rmtree(os.path.join(self.home, "to-" + model), ignore_errors=True)

    def push(self, host, model):
        return ["skopeo", "copy", "-q", "--insecure-policy", "--dest-tls-verify=false",
                f"dir:{self.home}/from-{model}", f"docker://{host}/fam/{model}:v1"]

    def pull(self, host, model):
        return ["skopeo", "copy", "-q", "--insecure-policy", "--src-tls-verify=false",
                f"docker://{host}/fam/{model}:v1", f"dir:{self.home}/to-{model}"]

    def got(self, host, model):
        return None


def measure(peer, root, home, rounds):
    """By what was done: the costs, and the bytes that the registry has more, or that came."""
    costs, moved = {}, {}
    for _ in range(rounds):
        registry = Registry(os.path.join(home, "registry"))
        try:
            peer.prepare(root)
            timing.sync(home)
            for model in MODELS:
                before = registry.held()
                cost = run(peer.push(registry.host, model), settle=home)
                costs.setdefault(("push", model), []).append(cost)
                moved["push", model] = registry.held() - before
            for model in MODELS:
                costs.setdefault(("pull", model), []).append(run(peer.pull(registry.host, model), settle=home))
                if out := peer.got(registry.host, model):
                    if wrong := timing.first_difference(os.path.join(root, model), out):
                        sys.exit(f"error: what {peer.name} pulled of {model} is not what was pushed: {wrong}")
                    shutil.rmtree(out)
        finally:
            registry.end()
    return {key: middle(all_costs) for key, all_costs in costs.items()}, moved


def main():
    args = timing.asked(__doc__, rounds=3, peers=("cake", "skopeo"))
    size = (256 if args.quick else 2048) * MIB
    root = os.path.join(os.environ["CAKE_BENCH_DIR"], "family-" + str(size // MIB))
    subprocess.run([os.environ["CAKE_BENCH_PYTHON"], os.path.join(here, "lib", "family.py"), root, "--bytes", str(size)]
                   + ([] if args.quick else ["--hidden", "2048"]), check=True)
    os.makedirs(WORK, exist_ok=True)
    versions, found = [timing.peer_version(["docker-registry", "--version"])], {}
    for kind in (Cake, Skopeo):
        command = [CAKE, "--version"] if kind is Cake else ["skopeo", "--version"]
        if kind.name not in args.only or not command[0] or not (version := timing.peer_version(command)):
            continue
        versions.append(version)
        say(f"{kind.name}: pushing and pulling, {args.rounds} times")
        # A store that an earlier run filled with another family is not this one's.
        home = os.path.join(WORK, f"{kind.name}-{size // MIB}")
        os.makedirs(home, exist_ok=True)
        found[kind.name] = measure(kind(home), root, home, args.rounds)
    rows, goals = [], []
    for name, (costs, moved) in found.items():
        for (what, model), cost in costs.items():
            line(f"{name} {what} {model}: time", cost.wall, "s")
            if what == "push":
                line(f"{name} {what} {model}: bytes", moved[what, model] / MIB, "MiB")
            rows.append((name, what, model, f"{cost.wall:.2f} s", f"{cost.cpu:.2f} s", f"{cost.peak / MIB:.0f} MiB",
                         f"{moved[what, model] / MIB:.0f} MiB" if what == "push" else ""))
    if "cake" in found:
        costs, moved = found["cake"]
        name = "last: bytes pushed, of the base's"
        goals.append((name, *goal(name, moved["push", "last"] / moved["push", "base"], 0.2, "x")))
        # What was pushed of it is its deltas: what a pull fetches that has the base.
        name = "full: bytes pushed, of its own"
        goals.append((name, *goal(name, 100 * moved["push", "full"] / timing.size_of_files(os.path.join(root, "full")), 15, "%")))
        peak = max(cost.peak for cost in costs.values()) / MIB
        goals.append(("peak memory", *goal("peak memory", peak, 300, "MiB")))
    if len(found) == 2:
        for what in ("push", "pull"):
            ours, theirs = (found[name][0] for name in ("cake", "skopeo"))
            name = f"first {what}, of skopeo's time"
            goals.append((name, *goal(name, ours[what, "base"].wall / theirs[what, "base"].wall, 1, "x")))
            name = f"fine-tune's {what}, of skopeo's time"
            goals.append((name, *goal(name, ours[what, "last"].wall / theirs[what, "last"].wall, 0.2, "x")))
    if args.write:
        text = timing.table(["program", "what", "model", "time", "processor", "peak", "bytes the registry took"], rows)
        notes = (f"{timing.runs(args.rounds)}, over loopback, each to an empty registry: base, then a tune of its last quarter, "
                 "then one of every tensor.")
        timing.write_table(PAGE, "push", WORK, [version for version in versions if version], notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
