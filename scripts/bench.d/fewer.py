#!/usr/bin/env python3
"""pulls of fine-tunes beside their base: plain, by samples, by Xet's chunks, from a mirror, and with hf, over a line of 200 MB/s"""
import contextlib
import os
import shutil
import subprocess
import sys

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import clients
import timing
import tunes
from servers import Served
from slow_line import SlowHub, SlowLine
from timing import MIB, goal, line, middle, run, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "fewer")
CAKE = os.environ.get("CAKE_BINARY")
TOOLS = os.environ["CAKE_BENCH_TOOLS"]
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")
ROUND_TRIP_MS, EACH, ALL = 50, 25_000_000, 200_000_000
MIRROR_MS, MIRROR_RATE = 1, 1_000_000_000
HOME = os.path.join(WORK, "home")
WAYS = {"plain": (["--no-probe"], "1"), "samples": ([], "1"), "chunks": (["--no-probe"], "0")}


def environment(hub, **more):
    return clients.environment(hub, HF_HOME=os.path.join(HOME, "hf"), XDG_CONFIG_HOME=os.path.join(HOME, "config"), **more)


def cake(*words):
    return [CAKE, "--store", os.path.join(HOME, "store"), *words]


def forget(name, hub):
    subprocess.run(cake("rm", name, "--quiet"), env=environment(hub), check=False, capture_output=True)
    run(cake("gc", "--grace", "0s", "--quiet"), env=environment(hub))


def check(name, hub, root):
    out = os.path.join(HOME, "out")
    shutil.rmtree(out, ignore_errors=True)
    run(cake("export", name, "-o", out, "--quiet"), env=environment(hub))
    if wrong := timing.first_difference(os.path.join(root, name), out):
        sys.exit(f"error: what cake pulled of {name} is not what is there: {wrong}")
    shutil.rmtree(out)


def measured(command, env, *lines):
    """Its cost, and all bytes that came over the lines for it."""
    before = sum(line.moved() for line in lines)
    cost = run(command, env=env)
    return cost, sum(line.moved() for line in lines) - before


class Mirror:
    """`cake serve` with the base and its tunes, at the end of a short line."""

    def __init__(self, hub):
        store = os.path.join(HOME, "mirror")
        for name in ("bench/base", *(f"bench/tuned-{part}" for part in tunes.PARTS)):
            run([CAKE, "--store", store, "pull", name, "--quiet"], env=environment(hub))
        self.served = Served([CAKE, "--store", store], os.path.join(HOME, "said"))
        self.line = SlowLine(TOOLS, [self.served.endpoint.rsplit(":", 1)[1]], MIRROR_MS, MIRROR_RATE, MIRROR_RATE)
        self.endpoint = f"http://127.0.0.1:{self.line.ports[0]}"
        # Whoever asks first waits while packs are hashed: that is for the bench of registries.
        for part in tunes.PARTS:
            run(cake("pull", f"bench/tuned-{part}", "--mirror", self.endpoint, "--dry-run"), env=environment(hub))

    def end(self):
        self.line.end()
        self.served.end()


def main():
    args = timing.asked(__doc__, rounds=1, peers=("cake", "hf"))
    size = (128 if args.quick else 2048) * MIB
    root = os.path.join(WORK, "root")
    say("making a base and its tunes, or finding them")
    subprocess.run([os.environ["CAKE_BENCH_PYTHON"], os.path.join(here, "lib", "tunes.py"), root, str(size)], check=True)
    total = timing.size_of_files(os.path.join(root, "bench", "base"))
    versions = [timing.peer_version([CAKE, "--version"])]
    print(f"machine: {timing.machine(WORK)}")
    taken = {}
    shutil.rmtree(HOME, ignore_errors=True)
    os.makedirs(HOME)
    with SlowHub(TOOLS, root, ROUND_TRIP_MS, EACH, ALL, "--xet") as hub, contextlib.ExitStack() as ending:
        for part in (None, *tunes.PARTS):
            hub.warm("bench/" + ("base" if part is None else f"tuned-{part}"))
        say("the base")
        run(cake("pull", "bench/base", "--quiet"), env=environment(hub, HF_HUB_DISABLE_XET="0"))
        say("the mirror")
        mirror = Mirror(hub)
        ending.callback(mirror.end)
        for part in tunes.PARTS:
            name = f"bench/tuned-{part}"
            for number in range(args.rounds):
                for way, (options, disabled) in WAYS.items():
                    say(f"{part} % changed, {way}")
                    timing.ready_memory(total)
                    forget(name, hub)
                    env = environment(hub, HF_HUB_DISABLE_XET=disabled)
                    taken.setdefault((part, way), []).append(measured(cake("pull", name, "--quiet", *options), env, hub))
                    if number == 0:
                        check(name, hub, root)
                say(f"{part} % changed, from a mirror")
                timing.ready_memory(total)
                forget(name, hub)
                env = environment(hub, HF_HUB_DISABLE_XET="1")
                command = cake("pull", name, "--quiet", "--mirror", mirror.endpoint)
                taken.setdefault((part, "mirror"), []).append(measured(command, env, hub, mirror.line))
                if number == 0:
                    check(name, hub, root)
                if "hf" in args.only:
                    say(f"{part} % changed, hf")
                    timing.ready_memory(total)
                    shutil.rmtree(os.path.join(HOME, "hf"), ignore_errors=True)
                    env = environment(hub, HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_PROGRESS_BARS="1")
                    taken.setdefault((part, "hf"), []).append(measured([clients.HF.program, "download", name, "--quiet"], env, hub))
            forget(name, hub)
    text, goals = report(size, taken)
    shutil.rmtree(HOME, ignore_errors=True)
    if args.write:
        notes = (f"{timing.runs(args.rounds)}. The line: {ROUND_TRIP_MS} ms a round trip, {EACH / 1e6:.0f} MB/s a connection, "
                 f"{ALL / 1e6:.0f} MB/s in all; to the mirror {MIRROR_MS} ms and {MIRROR_RATE / 1e6:.0f} MB/s. "
                 "MB are all bytes that came over both, questions and headers included.")
        timing.write_table(PAGE, "fewer", WORK, versions, notes, text, goals)
    timing.tell_goals(goals)


def report(size, taken):
    ways = [*WAYS, "mirror", "hf"]
    rows, goals = [], []
    cost = {key: middle([one for one, _ in runs]) for key, runs in taken.items()}
    moved = {key: sorted(bytes_ for _, bytes_ in runs)[len(runs) // 2] for key, runs in taken.items()}
    for part in tunes.PARTS:
        for title, value, form in ((f"{part} % changed: wall s", lambda k: cost[k].wall, "{:.2f}"),
                                   (f"{part} % changed: MB moved", lambda k: moved[k] / 1e6, "{:.1f}")):
            found = {way: value((part, way)) for way in ways if (part, way) in taken}
            for way, number in found.items():
                line(f"{title}, {way}", number, "s" if title.endswith("s") else "MB")
            rows.append([title, *(form.format(found[way]) if way in found else "–" for way in ways)])

    def aim(title, *arguments):
        goals.append((title, *goal(title, *arguments)))

    for part in tunes.PARTS[:-1]:
        changed = tunes.bytes_changed(size, part)
        over = {way: (moved[part, way] - changed * factor) / 1e6 for way, factor in (("chunks", 1.01), ("samples", 1.02))}
        aim(f"{part} % changed, by chunks: moved beyond 1.01 of what changed", over["chunks"], 2, "MB")
        aim(f"{part} % changed, by samples: moved beyond 1.02 of what changed", over["samples"], 4, "MB")
    for part in tunes.PARTS:
        over = (moved[part, "mirror"] - tunes.bytes_changed(size, part)) / 1e6
        aim(f"{part} % changed, from a mirror: moved beyond what changed", over, 2, "MB")
    for way in ("samples", "chunks"):
        aim(f"100 % changed, by {way}: bytes against plain", moved[100, way] / moved[100, "plain"], 1.02, "x")
        aim(f"100 % changed, by {way}: time against plain", cost[100, way].wall / cost[100, "plain"].wall, 1.02, "x")
    if (5, "hf") in taken:
        for way in ("samples", "chunks"):
            aim(f"5 % changed, by {way}: times as fast as hf", cost[5, "hf"].wall / cost[5, way].wall, 10, "x", True)
    return timing.table(["beside a base of 2 GiB", *ways], rows), goals


if __name__ == "__main__":
    main()
