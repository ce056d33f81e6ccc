#!/usr/bin/env python3
"""a registry in Ceph: pushes and pulls beside docker-registry on the same Ceph, and two servers beside one under 64 pullers"""
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import namedtuple

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import push
import servers
import timing
from ceph import BUCKET, Ceph
from servers import Served, Waited
from timing import MIB, goal, line, say

WORK = push.WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "scale-out")
CAKE = os.environ.get("CAKE_BINARY")
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")
MODELS = push.MODELS
MEMORY = 10 << 30
PULLERS = 64
CACHE = "4GB"
# Of one command: what it took, the server's processor, and the bytes to and from the storage.
Moved = namedtuple("Moved", "wall cpu served put got")


def cake_serve(ceph, number, *options):
    """A server with an empty cache of its own."""
    cache = os.path.join(WORK, f"cache-{number}")
    shutil.rmtree(cache, ignore_errors=True)
    return Served([CAKE], os.path.join(WORK, f"said-{number}"), "--push", "--storage", f"s3://{BUCKET}/registry", "--s3-endpoint",
                  ceph.endpoint, "--cache", CACHE, *options, env=ceph.environment() | {"XDG_CACHE_HOME": cache})


class DockerRegistry(Waited):
    """Debian's, with its S3 driver. spent: as Served has it."""

    spent = Served.spent

    def __init__(self, ceph, redirects):
        port, config = servers.free_port(), os.path.join(WORK, "config.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\nstorage:\n"
                       f"  s3: {{accesskey: {ceph.key}, secretkey: {ceph.secret}, region: {ceph.region}, regionendpoint: '{ceph.endpoint}',\n"
                       f"       bucket: {BUCKET}, secure: false, v4auth: true, rootdirectory: /registry}}\n"
                       f"  redirect: {{disable: {'false' if redirects else 'true'}}}\n")
        super().__init__(["docker-registry", "serve", config], port, env=ceph.environment(), stdout=subprocess.DEVNULL,
                         stderr=open(os.path.join(WORK, "said-docker"), "wb"))


def cake_serves(ceph, redirects):
    return cake_serve(ceph, 1, *([] if redirects else ["--no-redirect"]))


# A name for --only, the client, and the server.
SYSTEMS = {"cake": (push.Cake, cake_serves), "docker-registry": (push.Skopeo, DockerRegistry), "skopeo to cake": (push.Skopeo, cake_serves)}
PULL, THROUGH = "pull", "pull, no redirects"


def moving(name, root, costs):
    """One round of one system, with a storage that is empty. Its second server sends no client to the storage."""
    kind, begin = SYSTEMS[name]
    # A store that an earlier run filled with another family is not this one's.
    home = os.path.join(WORK, f"{kind.name}-{os.path.basename(root)}")
    os.makedirs(home, exist_ok=True)
    client, ceph = kind(home), Ceph(os.path.join(WORK, "ceph"), MEMORY)
    try:
        for redirects, whats in ((True, ("push", PULL)), (False, (THROUGH,))):
            server = begin(ceph, redirects)
            try:
                client.prepare(root)
                timing.sync(home)
                host = server.endpoint.removeprefix("http://")
                for what in whats:
                    for model in MODELS:
                        command = client.push(host, model) if what == "push" else client.pull(host, model)
                        before, spent = ceph.moved(), server.spent()
                        cost = timing.run(command, settle=home)
                        served, after = server.spent() - spent, ceph.moved()
                        costs.setdefault((name, what, model), []).append(
                            Moved(cost.wall, cost.cpu, served, after[0] - before[0], after[1] - before[1]))
                        if what != "push":
                            proved(client, host, root, home, model)
            finally:
                server.end()
    finally:
        ceph.end()


def proved(client, host, root, home, model):
    """What was pulled is what was pushed; then the disk gets its room back."""
    if out := client.got(host, model):
        if wrong := timing.first_difference(os.path.join(root, model), out):
            sys.exit(f"error: what {client.name} pulled of {model} is not what was pushed: {wrong}")
        shutil.rmtree(out)
    else:
        shutil.rmtree(os.path.join(home, "to-" + model))


def addresses(endpoint, repository):
    """Where the blobs of a pushed model are, and their sizes together."""
    with urllib.request.urlopen(f"{endpoint}/v2/{repository}/manifests/v1") as answer:
        manifest = json.load(answer)
    blobs = [manifest["config"], *manifest["layers"]]
    return [f"/v2/{repository}/blobs/{one['digest']}" for one in blobs], sum(one["size"] for one in blobs)


def pulling(endpoints, paths, size):
    """Seconds until each of the pullers has all blobs; they keep nothing."""
    begun, waiting = time.monotonic(), {}
    for number in range(PULLERS):
        base = endpoints[number % len(endpoints)]
        words = ["curl", "-sS", "-f", "--noproxy", "*", "-w", "%{size_download}\\n"]
        for path in paths:
            words += ["-o", os.devnull, base + path]
        waiting[number] = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    ends = []
    while waiting:
        time.sleep(0.01)
        for number in [number for number, one in waiting.items() if one.poll() is not None]:
            one = waiting.pop(number)
            ends.append(time.monotonic() - begun)
            got = sum(map(int, one.stdout.read().split()))
            if one.returncode or got != size:
                sys.exit(f"error: a puller ended with {one.returncode} and {got} of {size} bytes")
    return sorted(ends)


def fan(root, rounds):
    """{(servers, cold or warm): [(the middle puller's seconds, the last's, seconds of the servers' processors, bytes from the storage)]}"""
    one, store = os.path.join(WORK, "one"), os.path.join(WORK, "one-store")
    shutil.rmtree(one, ignore_errors=True)
    shutil.rmtree(store, ignore_errors=True)
    os.makedirs(one)
    name = min(name for name in os.listdir(os.path.join(root, "base")) if name.endswith(".safetensors"))
    os.link(os.path.join(root, "base", name), os.path.join(one, name))
    timing.run([CAKE, "--store", store, "import", one, "one", "--quiet"])
    found, ceph = {}, Ceph(os.path.join(WORK, "ceph"), MEMORY)
    try:
        server = cake_serve(ceph, 1)
        timing.run([CAKE, "--store", store, "push", "one", server.endpoint.removeprefix("http://") + "/fam/one:v1", "--quiet"])
        paths, size = addresses(server.endpoint, "fam/one")
        server.end()
        for _ in range(rounds):
            for count in (1, 2):
                running = [cake_serve(ceph, number, "--no-redirect") for number in range(1, count + 1)]
                try:
                    for state in ("cold", "warm"):
                        before, spent = ceph.moved(), sum(one.spent() for one in running)
                        ends = pulling([one.endpoint for one in running], paths, size)
                        found.setdefault((count, state), []).append(
                            (timing.median(ends), ends[-1], sum(one.spent() for one in running) - spent,
                             ceph.moved()[1] - before[1]))
                finally:
                    for server in running:
                        server.end()
    finally:
        ceph.end()
    return {key: tuple(timing.median(values) for values in zip(*runs)) for key, runs in found.items()}, size


def tell_moves(costs, root):
    """Rows, and goals beside docker-registry."""
    found = {key: Moved(*(timing.median(values) for values in zip(*runs))) for key, runs in costs.items()}
    rows, goals = [], []
    for (name, what, model), cost in found.items():
        line(f"{name}: {what} {model}", cost.wall, "s")
        rows.append((name, what, model, f"{cost.wall:.2f} s", f"{cost.cpu:.2f} s", f"{cost.served:.2f} s", f"{cost.put / MIB:.0f} MiB",
                     f"{cost.got / MIB:.0f} MiB"))
    if {"cake", "docker-registry"} <= {name for name, _, _ in found}:
        def beside(title, what, model, part, wanted, ours="cake"):
            got = getattr(found[ours, what, model], part) / getattr(found["docker-registry", what, model], part)
            goals.append((title, *goal(title, got, wanted, "x")))

        for what in ("push", PULL, THROUGH):
            beside(f"first {what}: of docker-registry's time", what, "base", "wall", 1)
            for model in MODELS[1:]:
                beside(f"{what} of {model}: of docker-registry's bytes", what, model, "put" if what == "push" else "got", 0.2)
        if ("skopeo to cake", "push", "base") in found:
            beside("first push by skopeo to cake: of docker-registry's time", "push", "base", "wall", 1, "skopeo to cake")
    return rows, goals


def tell_fan(found, size):
    rows, goals = [], []
    for (count, state), (middle, last, spent, got) in found.items():
        words = f"{count} server{'s' if count > 1 else ''}, {state}"
        line(f"{words}: the last of {PULLERS}", last, "s")
        rows.append((words, f"{middle:.2f} s", f"{last:.2f} s", f"{PULLERS * size / MIB / last:.0f} MiB/s", f"{spent:.2f} s",
                     f"{got / MIB:.0f} MiB"))
    for count in (1, 2):
        title = f"{count} server{'s' if count > 1 else ''}, cold: bytes from the storage, of the model's for each server"
        goals.append((title, *goal(title, found[count, "cold"][3] / size / count, 1.02, "x")))
    title = "warm: bytes from the storage, of the model's"
    goals.append((title, *goal(title, max(found[count, "warm"][3] for count in (1, 2)) / size, 0.01, "x")))
    for state in ("cold", "warm"):
        title = f"2 servers, {state}: of the time of 1 on the same two cores"
        goals.append((title, *goal(title, found[2, state][1] / found[1, state][1], 1.1, "x")))
    return rows, goals


def main():
    args = timing.asked(__doc__, rounds=3, peers=tuple(SYSTEMS))
    size = (128 if args.quick else 1024) * MIB
    os.makedirs(WORK, exist_ok=True)
    root = os.path.join(WORK, f"family-{size // MIB}")
    subprocess.run([os.environ["CAKE_BENCH_PYTHON"], os.path.join(here, "lib", "family.py"), root, "--bytes", str(size)]
                   + ([] if args.quick else ["--hidden", "2048"]), check=True)
    load = os.getloadavg()[0]
    costs = {}
    for number in range(args.rounds):
        for name in SYSTEMS:
            if name in args.only:
                say(f"{name}: round {number + 1} of {args.rounds}")
                moving(name, root, costs)
    rows, goals = tell_moves(costs, root)
    text = timing.table(["system", "what", "model", "time", "client's processor", "server's processor", "to the storage", "from the storage"], rows)
    if "cake" in args.only:
        say(f"{PULLERS} pullers")
        found, blobs = fan(root, args.rounds)
        more, wanted = tell_fan(found, blobs)
        goals += wanted
        text += "\n\n" + timing.table([f"{PULLERS} pullers of {blobs / MIB:.0f} MiB", "half of them", "the last", "together", "servers' processors",
                                       "from the storage"], more)
    if args.write:
        versions = [timing.peer_version(words) for words in
                    ([CAKE, "--version"], ["docker-registry", "--version"], ["skopeo", "--version"], ["radosgw", "--version"])]
        notes = (f"{timing.runs(args.rounds)}, the systems taking turns, each with an empty Ceph of its own: one monitor, one OSD in memory, one "
                 f"gateway, on the same two cores as servers and clients. Base, then a tune of its last quarter, then one of every tensor, of "
                 f"{size // MIB} MiB each. Load average before: {load:.1f}. Bytes are the gateway's own counts of values that it took and gave.")
        timing.write_table(PAGE, "scale-out", WORK, [version for version in versions if version], notes, text, goals)
    else:
        print(text)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
