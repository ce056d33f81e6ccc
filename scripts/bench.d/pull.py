#!/usr/bin/env python3
"""pulls over a line of 50 ms, 25 MB/s a connection, 200 or 400 MB/s in all, and over loopback, beside hf, aria2c and curl"""
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import timing
from clients import HF, environment
from slow_line import SlowHub
from timing import MIB, goal, line, median, middle, run, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "pull")
CAKE = os.environ.get("CAKE_BINARY")
TOOLS = os.environ["CAKE_BENCH_TOOLS"]
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")
ROUND_TRIP_MS, EACH, ALL = 50, 25_000_000, 200_000_000
FAST = 400_000_000  # a line that two cores hardly fill
Pulled = namedtuple("Pulled", "cost moved line_share")  # Cost, bytes over the line, part of what the line could carry


# --------------------------------------------------------------------------------------------------- the peers

class Cake:
    name = "cake"

    def version(self):
        return timing.peer_version([CAKE, "--version"])

    def env(self, hub, home):
        return environment(hub, HF_HOME=os.path.join(home, "hf"), XDG_CONFIG_HOME=os.path.join(home, "config"))

    def pull(self, hub, home, repository):
        return [CAKE, "--store", os.path.join(home, "store"), "pull", repository, "--quiet"]

    def got(self, hub, home, repository):
        out = os.path.join(home, "out")
        shutil.rmtree(out, ignore_errors=True)
        run([CAKE, "--store", os.path.join(home, "store"), "export", repository, "-o", out], env=self.env(hub, home))
        return out


class Lists:
    """Programs that are told the files; they get no digests and check none."""

    def env(self, hub, home):
        return environment(hub)

    def files(self, hub, home, repository):
        source = os.path.join(WORK, "root", repository)
        out = os.path.join(home, "got", repository)
        os.makedirs(out, exist_ok=True)
        return out, [(f"{hub.endpoint}/{repository}/resolve/main/{name}", name) for name in sorted(os.listdir(source))]

    def got(self, hub, home, repository):
        out = os.path.join(home, "got", repository)
        for name in os.listdir(out):
            if name.endswith(".aria2__temp"):  # what a kill of aria2c leaves beside a file that is whole
                os.remove(os.path.join(out, name))
        return out


class Aria2(Lists):
    name = "aria2c"

    def version(self):
        return timing.peer_version(["aria2c", "--version"])

    def pull(self, hub, home, repository):
        out, files = self.files(hub, home, repository)
        path = os.path.join(home, "list")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{url}\n  out={name}\n" for url, name in files)
        return ["aria2c", "-x16", "-s16", "-j2", "-i", path, "-d", out, "-q", "-c", "--file-allocation=falloc",
                "--allow-overwrite=true", "--auto-save-interval=1"]


class Curl(Lists):
    name = "curl"
    may_end = 0, 22  # asked to go on with a file that it has, it asks for what is behind the end: 416

    def version(self):
        version = timing.peer_version(["curl", "--version"])
        return version and version.split(" (")[0]

    def pull(self, hub, home, repository):
        out, files = self.files(hub, home, repository)
        path = os.path.join(home, "list")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f'url = "{url}"\noutput = "{out}/{name}"\n' for url, name in files)
        return ["curl", "-sSfL", "-Z", "--parallel-immediate", "--parallel-max", "16", "-C", "-", "-K", path]


PEERS = (Cake(), HF(), Aria2(), Curl())


# ------------------------------------------------------------------------------------------------------- the runs

def fresh(name="home"):
    home = os.path.join(WORK, name)
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    return home


def over_line(peer, hub, home, repository):
    """One pull, and what the line saw of it."""
    before, _ = hub.look()
    cost = run(peer.pull(hub, home, repository), env=peer.env(hub, home))
    ended = time.monotonic()
    after, first = hub.look()
    moved = after - before
    return Pulled(cost, moved, moved / ALL / (ended - first) if first else 0)


def compare(peer, hub, home, repository):
    if wrong := timing.first_difference(os.path.join(WORK, "root", repository), peer.got(hub, home, repository)):
        sys.exit(f"error: what {peer.name} pulled of {repository} is not what is there: {wrong}")


def rounds_of(peers, hub, rounds, memory):
    """{peer: [(base, tuned), …]}, the programs taking turns."""
    taken = {peer.name: [] for peer in peers}
    for number in range(rounds):
        turn = number % len(peers)
        for peer in peers[turn:] + peers[:turn]:
            say(f"line, round {number + 1} of {rounds}: {peer.name}")
            timing.ready_memory(memory)
            home = fresh()
            taken[peer.name].append(tuple(over_line(peer, hub, home, name) for name in ("bench/base", "bench/tuned")))
            if number == 0:
                compare(peer, hub, home, "bench/base")
                compare(peer, hub, home, "bench/tuned")
    return taken


def interrupted(peer, hub, size, kills, seed):
    """Kills at seeded random moments of what is delivered, then one run to the end. Gives bytes delivered in all."""
    home = fresh()
    start, _ = hub.look()
    moments = sorted(random.Random(seed).uniform(0.01, 0.99) for _ in range(kills))
    for moment in moments:
        child = subprocess.Popen(peer.pull(hub, home, "bench/base"), env=peer.env(hub, home), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        while child.poll() is None and hub.look()[0] - start < moment * size:
            time.sleep(0.005)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    run(peer.pull(hub, home, "bench/base"), env=peer.env(hub, home), may_end=getattr(peer, "may_end", (0,)))
    compare(peer, hub, home, "bench/base")
    time.sleep(0.2)  # the line counts what it could not deliver when it sees the connection end
    return hub.look()[0] - start


def base_alone(peers, root, rounds, memory, where, *rates):
    """{peer: [Cost, …]} of pulls of the base over a line of these rates, or over loopback without any."""
    taken = {peer.name: [] for peer in peers}
    with SlowHub(TOOLS, root, *rates) as hub:
        for number in range(rounds):
            turn = number % len(peers)
            for peer in peers[turn:] + peers[:turn]:
                say(f"{where}, round {number + 1} of {rounds}: {peer.name}")
                timing.ready_memory(memory)
                home = fresh()
                taken[peer.name].append(run(peer.pull(hub, home, "bench/base"), env=peer.env(hub, home)))
    return taken


def stages(root, size):
    """{stage: CPU s/GiB} of one pull over loopback, by where perf finds the processor; {} where it may not look."""
    perf = shutil.which("perf")
    if not perf:
        return {}
    say("loopback, once more, watched by perf")
    with SlowHub(TOOLS, root) as hub:
        timing.ready_memory(size + size // 4)
        home, peer = fresh(), Cake()
        data = os.path.join(home, "perf.data")
        done = subprocess.run([perf, "record", "-q", "-F", "500", "-o", data, *peer.pull(hub, home, "bench/base")],
                              env=peer.env(hub, home), stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            return {}
        told = subprocess.run([perf, "report", "-i", data, "--stdio", "-q", "-F", "sample,dso,sym"],
                              capture_output=True, text=True, check=True).stdout
    found = dict.fromkeys(("hashing", "coding", "kernel, disk", "kernel, network", "the rest"), 0)
    for row in told.splitlines():
        words = row.split(None, 2)
        if len(words) < 3 or not words[0].isdigit():
            continue
        samples, where, symbol = int(words[0]), words[1], words[2]
        kernel = symbol.lstrip().startswith("[k]")
        if "libcrypto" in where or "libxxhash" in where:
            stage = "hashing"
        elif "libzstd" in where or re.search(r"cake_(split|merge|planes|delta|groups?|codes?)", symbol):
            stage = "coding"
        elif kernel:
            stage = "kernel, network" if re.search(r"tcp|skb|sock|_to_iter|net_|ip_|nf_|softirq", symbol) else "kernel, disk"
        else:
            stage = "the rest"
        found[stage] += samples
    return {stage: samples / 500 / (size / (1 << 30)) for stage, samples in found.items()}


# -------------------------------------------------------------------------------------------------------- the report

def report(peers, size, differing, capped, fast, free, resumed, kills):
    gib = size / (1 << 30)
    names = [peer.name for peer in peers]
    rows, goals = [], []

    def row(title, values, form, unit):
        for name, value in values.items():
            line(f"{title}, {name}", value, unit)
        rows.append([title, *(form.format(values[name]) if name in values else "–" for name in names)])

    def aim(title, *arguments):
        goals.append((title, *goal(title, *arguments)))

    base = {name: middle([pair[0].cost for pair in capped[name]]) for name in names}
    share = {name: median([pair[0].line_share for pair in capped[name]]) * 100 for name in names}
    tuned = {name: middle([pair[1].cost for pair in capped[name]]) for name in names}
    moved = {name: median([pair[1].moved for pair in capped[name]]) / 1e6 for name in names}
    full = {name: middle(fast[name]) for name in names}
    loop = {name: middle(free[name]) for name in names}
    per_gib = {name: cost.cpu / gib for name, cost in loop.items()}
    row("base over the line: wall s", {n: c.wall for n, c in base.items()}, "{:.2f}", "s")
    row("base over the line: % of what it carries", share, "{:.1f}", "%")
    row("base over the line: CPU s/GiB", {n: c.cpu / gib for n, c in base.items()}, "{:.2f}", "s")
    row("base over the line: peak MiB", {n: c.peak / MIB for n, c in base.items()}, "{:.0f}", "MiB")
    row("then one that shares three of four shards: wall s", {n: c.wall for n, c in tuned.items()}, "{:.2f}", "s")
    row("then one that shares three of four shards: MB moved", moved, "{:.0f}", "MB")
    row(f"killed {kills} times: % fetched twice", {n: (b - size) / size * 100 for n, b in resumed.items()}, "{:.2f}", "%")
    row(f"base over a line of {FAST // 1_000_000} MB/s: wall s", {n: c.wall for n, c in full.items()}, "{:.2f}", "s")
    row("loopback: wall s", {n: c.wall for n, c in loop.items()}, "{:.2f}", "s")
    row("loopback: CPU s/GiB", per_gib, "{:.2f}", "s")
    row("loopback: peak MiB", {n: c.peak / MIB for n, c in loop.items()}, "{:.0f}", "MiB")
    if "cake" in names:
        aim("base: part of what the line carries", share["cake"], 95, "%", True)
        if "aria2c" in names:
            aim("base: time, against aria2c's", base["cake"].wall / base["aria2c"].wall, 1, "x")
            aim(f"base at {FAST // 1_000_000} MB/s: time, against aria2c's", full["cake"].wall / full["aria2c"].wall, 1.4, "x")
        aim("second repository: moved, against what differs", moved["cake"] * 1e6 / differing, 1.01, "x")
        aim(f"killed {kills} times: fetched twice", (resumed["cake"] - size) / size * 100, 1, "%")
        if "hf" in names:
            aim("loopback: time, against hf's", loop["cake"].wall / loop["hf"].wall, 0.65, "x")
            line("loopback: CPU, against hf's", per_gib["cake"] / per_gib["hf"], "x")
        aim("loopback: processor seconds a GiB", per_gib["cake"], 2.6, "s")
        aim("peak memory", max(c.peak for c in (base["cake"], loop["cake"])) / MIB, 256, "MiB")
    return timing.table([f"{size / (1 << 30):.3g} GiB in four shards", *names], rows), goals


def main():
    args = timing.asked(__doc__, rounds=3, peers=("cake", "hf", "aria2c", "curl"))
    peers = [peer for peer in PEERS if peer.name in args.only]
    versions = {peer.name: peer.version() for peer in peers}
    for name in [name for name, version in versions.items() if version is None]:
        sys.exit(f"error: {name} is not installed")

    size, kills = (64 * MIB, 4) if args.quick else (2048 * MIB, 20)
    root = os.path.join(WORK, "root")
    if os.path.exists(root) and not os.path.exists(os.path.join(root, f"of-{size}")):
        shutil.rmtree(root)
    say("making two repositories, or finding them")
    subprocess.run([os.environ["CAKE_BENCH_PYTHON"], os.path.join(here, "lib", "shards.py"), root, str(size)], check=True)
    with open(os.path.join(root, f"of-{size}"), "w", encoding="ascii"):
        pass
    base, tuned = (os.path.join(root, "bench", name) for name in ("base", "tuned"))
    total = timing.size_of_files(base)
    differing = sum(os.path.getsize(os.path.join(tuned, name)) for name in os.listdir(tuned)
                    if not os.path.samefile(os.path.join(tuned, name), os.path.join(base, name)))
    memory = total + total // 4

    print(f"machine: {timing.machine(WORK)}")
    print("versions: " + "; ".join(f"{name}: {version}" for name, version in versions.items()))
    print(f"line: {ROUND_TRIP_MS} ms, {EACH / 1e6:.0f} MB/s a connection, {ALL / 1e6:.0f} or {FAST / 1e6:.0f} MB/s in all; no slow start")
    line("base", total / 1e6, "MB")
    with SlowHub(TOOLS, root, ROUND_TRIP_MS, EACH, ALL) as hub:
        capped = rounds_of(peers, hub, args.rounds, memory)
        resumed = {}
        for peer in peers:
            say(f"killed {kills} times: {peer.name}")
            resumed[peer.name] = interrupted(peer, hub, total, kills, seed=1)
    fast = base_alone(peers, root, args.rounds, memory, "fast line", ROUND_TRIP_MS, EACH, FAST)
    free = base_alone(peers, root, args.rounds, memory, "loopback")
    text, goals = report(peers, total, differing, capped, fast, free, resumed, kills)
    spent = stages(root, total) if any(peer.name == "cake" for peer in peers) else {}
    for stage, seconds in spent.items():
        line(f"loopback, cake: {stage}", seconds, "s/GiB")
    shutil.rmtree(os.path.join(WORK, "home"), ignore_errors=True)
    if args.write:
        notes = (f"{timing.runs(args.rounds)}, the programs taking turns. The line: {ROUND_TRIP_MS} ms a round trip, "
                 f"{EACH / 1e6:.0f} MB/s a connection, {ALL / 1e6:.0f} MB/s in all (and once {FAST / 1e6:.0f}), without slow start.")
        if spent:
            notes += (" Where perf finds cake's processor seconds for each GiB over loopback: "
                      + ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in spent.items()) + ".")
        timing.write_table(PAGE, "pull", WORK, versions.values(), notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
