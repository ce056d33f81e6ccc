#!/usr/bin/env python3
"""models in other tools' shapes: an image that cake serve makes beside the same one in docker-registry; a fine-tune as ModelPack"""
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import timing
from push import Registry
from servers import Served
from timing import MIB, goal, line, middle, run, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "shapes")
CAKE = os.environ.get("CAKE_BINARY")
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")


def cake(store, *words):
    return [CAKE, "--store", store, *words, "--quiet"]


def skopeo(host, tag, folder):
    shutil.rmtree(folder, ignore_errors=True)
    return ["skopeo", "copy", "-q", "--insecure-policy", "--src-tls-verify=false", f"docker://{host}/bench/base:{tag}", f"dir:{folder}"]


def digest(host, tag):
    request = urllib.request.Request(f"http://{host}/v2/bench/base/manifests/{tag}", method="HEAD",
                                     headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
    with urllib.request.urlopen(request) as answer:
        return answer.headers["Docker-Content-Digest"]


def wait_for(host, tag):
    """Seconds until a view is there: its layers are hashed first."""
    started = time.monotonic()
    while True:
        with urllib.request.urlopen(f"http://{host}/v2/bench/base/tags/list") as answer:
            if tag in json.load(answer)["tags"]:
                return time.monotonic() - started
        time.sleep(0.05)


def prepare(root, size):
    """A store with the base and its fine-tune."""
    store = os.path.join(WORK, f"store-{size // MIB}")
    if not os.path.exists(os.path.join(store, "done")):
        shutil.rmtree(store, ignore_errors=True)
        for name in ("base", "tuned"):
            run(cake(store, "import", os.path.join(root, "bench", name), f"bench/{name}"))
        open(os.path.join(store, "done"), "w", encoding="ascii").close()
    # An earlier run's digests are not this one's.
    shutil.rmtree(os.path.join(store, "image-layers-1"), ignore_errors=True)
    return store


def pulls(served, host, rounds):
    """By the server: what skopeo took, warm; and cake serve's processor seconds for one pull."""
    places = {"cake serve": (served.endpoint.removeprefix("http://"), "latest-image"), "docker-registry": (host, "v1")}
    folder = os.path.join(WORK, "pulled")
    for place in places.values():
        run(skopeo(*place, folder))
    costs, spent = {name: [] for name in places}, []
    for _ in range(rounds):
        for name, place in places.items():
            command, before = skopeo(*place, folder), served.spent()
            timing.sync(WORK)
            costs[name].append(run(command))
            if name == "cake serve":
                spent.append(served.spent() - before)
    with open(os.path.join(folder, "manifest.json"), "rb") as file:
        layers = len(json.load(file)["layers"])
    shutil.rmtree(folder)
    return {name: middle(all_costs) for name, all_costs in costs.items()}, timing.median(spent), layers


def main():
    args = timing.asked(__doc__, rounds=3)
    size = (256 if args.quick else 2048) * MIB
    os.makedirs(WORK, exist_ok=True)
    root = os.path.join(WORK, f"of-{size}")
    subprocess.run([os.environ["CAKE_BENCH_PYTHON"], os.path.join(here, "lib", "shards.py"), root, str(size)], check=True)
    store = prepare(root, size)
    rows, goals, peaks = [], [], []

    def note(what, cost, more=""):
        line(f"{what}: time", cost.wall, "s")
        rows.append((what, f"{cost.wall:.2f} s", f"{cost.cpu:.2f} s", f"{cost.peak / MIB:.0f} MiB", more))

    def aim(name, got, bound, unit, **options):
        goals.append((name, *goal(name, got, bound, unit, **options)))

    say(f"hashing, pushing and pulling, {args.rounds} times")
    registry = Registry(os.path.join(WORK, "registry"))
    try:
        def push(model, tag, shape):
            before = registry.held()
            cost = run(cake(store, "push", f"bench/{model}", f"{registry.host}/bench/{model}:{tag}", "--as", shape), settle=WORK)
            moved = (registry.held() - before) / MIB
            peaks.append(cost.peak)
            return cost, moved

        served = Served([CAKE, "--store", store], os.path.join(WORK, "said"), "--views", "modelpack,image")
        try:
            endpoint = served.endpoint.removeprefix("http://")
            seconds = wait_for(endpoint, "latest-image")
            line("the first image's digests", seconds, "s")
            cost, moved = push("base", "v1", "image")
            note("push, as an image", cost, f"{moved:.0f} MiB")
            if digest(endpoint, "latest-image") != digest(registry.host, "v1"):
                sys.exit("error: the image that was pushed is not the one that is served")
            costs, spent, layers = pulls(served, registry.host, args.rounds)
            for name, cost in costs.items():
                note(f"skopeo's pull of the image, from {name}", cost,
                     f"{layers} layers" + (f"; the server {spent:.2f} s" if name == "cake serve" else ""))
            peaks.append(served.peak())
            line("cake serve: peak memory", served.peak() / MIB, "MiB")
        finally:
            served.end()
        cost, moved = push("base", "mp", "modelpack")
        note("push, as ModelPack", cost, f"{moved:.0f} MiB")
        cost, tuned = push("tuned", "mp", "modelpack")
        note("push of the fine-tune, as ModelPack", cost, f"{tuned:.0f} MiB")
        cost, again = push("tuned", "mp", "modelpack")
        note("the same again", cost, f"{again:.0f} MiB")
        target, said = os.path.join(WORK, "target"), os.path.join(WORK, "pulled.json")
        shutil.rmtree(target, ignore_errors=True)
        fetched = {}
        for model, what in (("base", "pull of the ModelPack, by cake"), ("tuned", "pull of the fine-tune, beside its base")):
            cost = run([CAKE, "--store", target, "pull", f"{registry.host}/bench/{model}:mp", "--json", "--quiet"], output=said)
            with open(said, encoding="utf-8") as file:
                fetched[model] = json.load(file)["bytes_fetched"] / MIB
            peaks.append(cost.peak)
            note(what, cost, f"{fetched[model]:.0f} MiB")
        shutil.rmtree(target)
    finally:
        registry.end()
    aim("image pulled, of docker-registry's speed", costs["docker-registry"].wall / costs["cake serve"].wall, 1, "x", at_least=True)
    aim("fine-tune's bytes, of its own", 100 * tuned * MIB / size, 30, "%")
    aim("fine-tune's bytes pulled, of its own", 100 * fetched["tuned"] * MIB / size, 30, "%")
    aim("peak memory", max(peaks) / MIB, 300, "MiB")
    if args.write:
        versions = [timing.peer_version(command) for command in
                    ([CAKE, "--version"], ["docker-registry", "--version"], ["skopeo", "--version"])]
        notes = (f"{timing.runs(args.rounds)}, over loopback, warm: a model of {size // MIB} MiB in four shards, and a fine-tune that differs "
                 f"in one. The digests of its image were made in {seconds:.1f} s, while the server answered.")
        text = timing.table(["what", "time", "processor", "peak", ""], rows)
        timing.write_table(PAGE, "shapes", WORK, [version for version in versions if version], notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
