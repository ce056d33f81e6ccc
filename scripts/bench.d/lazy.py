#!/usr/bin/env python3
"""a model of 140 GB that is not here, mounted lazily over a line of 50 ms, 25 MB/s a connection, 200 MB/s in all"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import timing
from clients import environment
from slow_line import SlowHub
from timing import MIB, goal, line, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "lazy")
CAKE = os.environ.get("CAKE_BINARY")
TOOLS = os.environ["CAKE_BENCH_TOOLS"]
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")
ROUND_TRIP_MS, EACH, ALL = 50, 25_000_000, 200_000_000
TENSOR = 32 * MIB
MODEL = "bench/huge"
TOP = os.path.join(WORK, "models")
READ = """
import json, sys, time, torch, safetensors
path, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
began = time.monotonic()
with safetensors.safe_open(path, framework="pt") as opened:
    names = sorted(opened.keys())
    for name in names[first:first + count]:
        opened.get_tensor(name).view(-1)[::2048].float().sum()
print(json.dumps(time.monotonic() - began))
"""


def make(root, shards, tensors):
    """Sparse files: what they contain costs no disk."""
    folder = os.path.join(root, MODEL)
    done = os.path.join(root, f"of-{shards}-{tensors}")
    if not os.path.exists(done):
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(folder)
        for shard in range(shards):
            entries = {f"layers.{shard:02}.{number:04}": {"dtype": "BF16", "shape": [TENSOR // 2],
                                                       "data_offsets": [number * TENSOR, (number + 1) * TENSOR]} for number in range(tensors)}
            header = json.dumps(entries).encode()
            header += b" " * (-len(header) % 8)
            with open(os.path.join(folder, name_of(shard, shards)), "wb") as file:
                file.write(len(header).to_bytes(8, "little") + header)
                file.truncate(8 + len(header) + tensors * TENSOR)
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            file.write("{}\n")
        with open(done, "w", encoding="ascii"):
            pass
    return folder


def name_of(shard, shards):
    return f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"


class Mounted:
    """A lazy mount over an empty store."""

    def __init__(self, hub):
        home = os.path.join(WORK, "home")
        shutil.rmtree(home, ignore_errors=True)
        self.env = environment(hub, HF_HOME=os.path.join(home, "hf"), XDG_CONFIG_HOME=os.path.join(home, "config"),
                               CAKE_HOME=os.path.join(home, "store"))
        self.hub = hub

    def __enter__(self):
        began = time.monotonic()
        subprocess.run([CAKE, "--quiet", "mount", TOP, "--lazy", MODEL, "--detach"], env=self.env, check=True)
        self.took = time.monotonic() - began
        self.before = self.hub.moved()
        return self

    def __exit__(self, *_):
        subprocess.run([CAKE, "--quiet", "umount", TOP], env=self.env, check=True)

    def moved(self):
        return self.hub.moved() - self.before

    def read(self, shard, first, count):
        path = os.path.join(TOP, MODEL, shard)
        answer = subprocess.run([os.environ["CAKE_BENCH_LOAD_PYTHON"], "-c", READ, path, str(first), str(count)],
                                capture_output=True, text=True, check=True)
        return json.loads(answer.stdout)


def one_round(hub, folder, shards, found):
    def note(what, value):
        found.setdefault(what, []).append(value)
    with Mounted(hub) as mount:
        note("mount", mount.took)
        note("first", mount.read(name_of(0, shards), 0, 1))
        note("first moved", mount.moved() / TENSOR)
    began = time.monotonic()
    subprocess.run(["curl", "-sSfL", "-r", f"0-{TENSOR - 1}", "-o", "/dev/null", f"{hub.endpoint}/{MODEL}/resolve/main/{name_of(0, shards)}"], check=True)
    note("curl", time.monotonic() - began)
    with Mounted(hub) as mount:
        descriptor = os.open(os.path.join(TOP, MODEL, name_of(1, shards)), os.O_RDONLY)
        os.pread(descriptor, 4096, os.fstat(descriptor).st_size // 2 // 4096 * 4096)
        os.close(descriptor)
        note("page moved", mount.moved() / MIB)
    with Mounted(hub) as mount:
        note("eight", mount.read(name_of(0, shards), 0, 8))
        note("eight moved", mount.moved() / (8 * TENSOR))
    with Mounted(hub) as mount:
        path = os.path.join(folder, name_of(2, shards))
        size = os.path.getsize(path)
        took = mount.read(name_of(2, shards), 0, size // TENSOR)
        note("shard", took)
        note("shard moved", mount.moved() / size)
        note("share", size / took / ALL)


def main():
    args = timing.asked(__doc__, rounds=3)
    shards, tensors = (3, 8) if args.quick else (70, 60)
    os.makedirs(WORK, exist_ok=True)
    say("making the model, or finding it")
    folder = make(os.path.join(WORK, "root"), shards, tensors)
    total = sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))
    found = {}
    with SlowHub(TOOLS, os.path.join(WORK, "root"), ROUND_TRIP_MS, EACH, ALL) as hub:
        say("letting the hub hash it")
        hub.warm(MODEL)
        for number in range(args.rounds):
            say(f"round {number + 1} of {args.rounds}")
            one_round(hub, folder, shards, found)
    got = {what: statistics.median(values) for what, values in found.items()}
    for what, value in got.items():
        line(what, value, "")

    def cell(what, form):
        values = found[what]
        return f"{form(got[what])} ({form(min(values))}–{form(max(values))})"

    def seconds(value):
        return f"{value:.2f} s"

    def times(value):
        return f"{value:.3f}"
    rows = [["from `cake mount` to a folder that can be listed", cell("mount", seconds), ""],
            ["the first tensor, by `safe_open`", cell("first", seconds), cell("first moved", times)],
            ["the same bytes by curl, one connection", cell("curl", seconds), ""],
            ["eight tensors in the file's order", cell("eight", seconds), cell("eight moved", times)],
            ["all tensors of a shard in order", cell("shard", seconds), cell("shard moved", times)],
            ["a page of 4 KiB", "", cell("page moved", lambda value: f"{value:.2f} MiB")]]
    text = timing.table([f"{total / 1e9:.0f} GB in {shards} shards", "time", "bytes moved ÷ bytes read"], rows)
    goals = [(title, *goal(title, *rest)) for title, *rest in (
        ("the first tensor of 32 MiB", got["first"], 1, "s"),
        ("a page: bytes moved", got["page moved"], 1.1, "MiB"),
        ("eight tensors in order: bytes moved", got["eight moved"], 1.02, "x"),
        ("a shard in order: bytes moved", got["shard moved"], 1.02, "x"),
        ("a shard in order: share of the line", got["share"], 0.8, "x", True))]
    print(text)
    if args.write:
        notes = (f"The line: {ROUND_TRIP_MS} ms a round trip, {EACH / 1e6:.0f} MB/s a connection, {ALL / 1e6:.0f} MB/s in all. Tensors have 32 MiB; "
                 f"each row begins with an empty store and a new mount. {timing.runs(args.rounds)}, the least and the most in brackets.")
        timing.write_table(PAGE, "lazy", WORK, [timing.peer_version([CAKE, "--version"])], notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
