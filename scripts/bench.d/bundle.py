#!/usr/bin/env python3
"""models into a bundle and out of it, with cake save and load, beside tar and skopeo copy oci-archive: of the same files"""
import os
import shutil
import subprocess
import sys

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
sys.path.insert(0, here)
import timing
from push import MODELS, as_artifact
from timing import MIB, goal, line, middle, run, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "bundle")
CAKE = os.environ.get("CAKE_BINARY")
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")
# A base and a tune of its last quarter.
BOTH = MODELS[:2]


class Cake:
    name = "cake"

    def __init__(self, home, root):
        self.store, self.bundle, self.there = (os.path.join(home, name) for name in ("store", "bundle.tar", "there"))
        if not os.path.exists(self.store):
            for model in MODELS:
                run([CAKE, "--store", self.store, "import", os.path.join(root, model), model, "--quiet"])

    def clear(self):
        shutil.rmtree(self.there, ignore_errors=True)

    def save(self, models):
        return [[CAKE, "--store", self.store, "save", *models, "-o", self.bundle, "--force", "--quiet"]]

    def load(self, models):
        return [[CAKE, "--store", self.there, "load", self.bundle, "--quiet"]]

    def got(self, model):
        out = os.path.join(WORK, "out")
        shutil.rmtree(out, ignore_errors=True)
        run([CAKE, "--store", self.there, "export", model, "-o", out, "--quiet"])
        return out


class Tar:
    name = "tar"

    def __init__(self, home, root):
        self.root, self.bundle, self.there = root, os.path.join(home, "bundle.tar"), os.path.join(home, "there")

    def clear(self):
        shutil.rmtree(self.there, ignore_errors=True)
        os.makedirs(self.there)

    def save(self, models):
        return [["tar", "-cf", self.bundle, "-C", self.root, *models]]

    def load(self, models):
        return [["tar", "-xf", self.bundle, "-C", self.there]]

    def got(self, model):
        return os.path.join(self.there, model)


class Skopeo:
    name = "skopeo"

    def __init__(self, home, root):
        self.home, self.bundle, self.there = home, os.path.join(home, "bundles"), os.path.join(home, "there")
        for model in MODELS:
            as_artifact(os.path.join(root, model), os.path.join(home, "from-" + model))

    def clear(self):
        shutil.rmtree(self.there, ignore_errors=True)
        os.makedirs(self.there)

    def save(self, models):
        shutil.rmtree(self.bundle, ignore_errors=True)
        os.makedirs(self.bundle)
        return [["skopeo", "copy", "-q", "--insecure-policy", "--dest-oci-accept-uncompressed-layers", f"dir:{self.home}/from-{model}",
                 f"oci-archive:{self.bundle}/{model}.tar:v1"] for model in models]

    def load(self, models):
        return [["skopeo", "copy", "-q", "--insecure-policy", f"oci-archive:{self.bundle}/{model}.tar:v1",
                 f"dir:{self.there}/{model}"] for model in models]

    def got(self, model):
        return None


def bundle_size(place):
    return os.path.getsize(place) if os.path.isfile(place) else timing.size_of_files(place)


def measure(peer, root, home, rounds):
    """By what was done: the cost. By what was saved: the bytes."""
    costs, sizes = {}, {}
    for _ in range(rounds):
        for what, models in (("one", BOTH[:1]), ("both", BOTH)):
            peer.clear()
            timing.sync(home)
            costs.setdefault(("save", what), []).append(timing.together([run(words, settle=home) for words in peer.save(models)]))
            sizes[what] = bundle_size(peer.bundle)
            costs.setdefault(("load", what), []).append(timing.together([run(words, settle=home) for words in peer.load(models)]))
        for model in BOTH:
            if out := peer.got(model):
                if wrong := timing.first_difference(os.path.join(root, model), out):
                    sys.exit(f"error: what {peer.name} loaded of {model} is not what was saved: {wrong}")
    peer.clear()
    return {key: middle(all_costs) for key, all_costs in costs.items()}, sizes


def main():
    args = timing.asked(__doc__, rounds=3, peers=("cake", "tar", "skopeo"))
    size = (256 if args.quick else 2048) * MIB
    root = os.path.join(os.environ["CAKE_BENCH_DIR"], "family-" + str(size // MIB))
    subprocess.run([os.environ["CAKE_BENCH_PYTHON"], os.path.join(here, "lib", "family.py"), root, "--bytes", str(size)]
                   + ([] if args.quick else ["--hidden", "2048"]), check=True)
    os.makedirs(WORK, exist_ok=True)
    versions, found = [], {}
    for kind in (Cake, Tar, Skopeo):
        command = [CAKE, "--version"] if kind is Cake else [kind.name, "--version"]
        if kind.name not in args.only or not command[0] or not (version := timing.peer_version(command)):
            continue
        versions.append(version)
        say(f"{kind.name}: saving and loading, {args.rounds} times")
        home = os.path.join(WORK, f"{kind.name}-{size // MIB}")
        os.makedirs(home, exist_ok=True)
        found[kind.name] = measure(kind(home, root), root, home, args.rounds)
    rows, goals = [], []
    for name, (costs, sizes) in found.items():
        for (what, models), cost in costs.items():
            line(f"{name} {what} {models}: time", cost.wall, "s")
            rows.append((name, what, models, f"{cost.wall:.2f} s", f"{cost.cpu:.2f} s", f"{cost.peak / MIB:.0f} MiB",
                         f"{sizes[models] / MIB:.0f} MiB" if what == "save" else ""))
    if "cake" in found:
        costs, sizes = found["cake"]
        for other in ("tar", "skopeo"):
            if other not in found:
                continue
            for what in ("save", "load"):
                name = f"{what} of both, of {other}'s time"
                goals.append((name, *goal(name, costs[what, "both"].wall / found[other][0][what, "both"].wall, 1, "x")))
            name = f"bundle of both, of {other}'s bytes"
            goals.append((name, *goal(name, sizes["both"] / found[other][1]["both"], 0.75, "x")))
        peak = max(cost.peak for cost in costs.values()) / MIB
        goals.append(("peak memory", *goal("peak memory", peak, 300, "MiB")))
    if args.write:
        text = timing.table(["program", "what", "models", "time", "processor", "peak", "bytes of the bundle"], rows)
        notes = (f"{timing.runs(args.rounds)}, with warm caches, and synced: a base (one), and with it a tune of its last quarter (both).")
        timing.write_table(PAGE, "bundle", WORK, [version for version in versions if version], notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
