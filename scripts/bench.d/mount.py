#!/usr/bin/env python3
"""a mounted model beside its plain files, and beside an export that is then read: in order, here and there, by safetensors"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import timing
from timing import MIB, goal, line, run, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "mount")
CAKE = os.environ.get("CAKE_BINARY")
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")
STORE, TOP = os.path.join(WORK, "store"), os.path.join(WORK, "models")
MODELS = ("base", "noise")
LOAD = """
import sys, time, safetensors, safetensors.torch, json
paths, first = sys.argv[2:], sys.argv[1] == "first"
began = time.monotonic()
if first:
    with safetensors.safe_open(paths[0], framework="pt") as opened:
        opened.get_tensor(next(iter(opened.keys()))).view(-1)[::2048].float().sum()
else:
    for path in paths:
        for tensor in safetensors.torch.load_file(path).values():
            tensor.view(-1)[::2048].float().sum()
print(json.dumps(time.monotonic() - began))
"""


def environment():
    return {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")} | {"CAKE_HOME": STORE}


def cake(*words, output=None):
    return run([CAKE, *words], env=environment(), output=output)


class Mounted:
    """A mount that has read nothing yet."""

    def __enter__(self):
        answer = subprocess.run([CAKE, "--json", "mount", TOP, "--detach"], env=environment(), capture_output=True, text=True, check=True)
        self.process = json.loads(answer.stdout)["process"]
        return self

    def __exit__(self, *_):
        cake("--quiet", "umount", TOP)

    def peak(self):
        with open(f"/proc/{self.process}/status", encoding="ascii") as file:
            return 1024 * int(re.search(r"VmHWM:\s*(\d+)", file.read())[1])


def files_of(model, size):
    folder = os.path.join(WORK, f"of-{size}", "bench", model)
    return folder, sorted(name for name in os.listdir(folder) if name.endswith(".safetensors"))


def prepare(size):
    made = os.path.join(WORK, f"of-{size}")
    subprocess.run([os.environ["CAKE_BENCH_PYTHON"], os.path.join(here, "lib", "shards.py"), made, str(size)], check=True)
    noise = os.path.join(made, "bench", "noise")
    if not os.path.exists(noise):
        # What no coder makes smaller: its layers are stored as they are.
        os.makedirs(noise)
        sys.path.insert(0, os.path.join(here, "..", "lib"))
        import safetensors_files as files
        each = 32 * MIB
        files.write_file(os.path.join(noise, "model.safetensors"), [
            (f"noise.{number}", "U8", (each,), lambda: os.urandom(each)) for number in range(max(1, size // each // 4))])
    shutil.rmtree(STORE, ignore_errors=True)
    for model in MODELS:
        cake("--quiet", "import", files_of(model, size)[0], f"bench/{model}")


def in_order(paths):
    began = time.monotonic()
    for path in paths:
        subprocess.run(["dd", f"if={path}", "of=/dev/null", "bs=1M", "status=none"], check=True)
    return time.monotonic() - began


def here_and_there(path, bytes_read):
    answer = subprocess.run(["fio", "--name=r", "--readonly", "--rw=randread", "--bs=4k", "--ioengine=mmap", "--randseed=7",
                             f"--io_size={bytes_read}", f"--filename={path}", "--output-format=json"],
                            capture_output=True, text=True, check=True)
    return json.loads(answer.stdout[answer.stdout.index("{"):])["jobs"][0]["read"]["runtime"] / 1000


def loaded(what, paths):
    answer = subprocess.run([os.environ["CAKE_BENCH_LOAD_PYTHON"], "-c", LOAD, what, *paths], capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def one_round(size, found, peaks):
    """Adds to {(what, where): seconds}. Each cold reading begins with empty caches and a new mount."""
    def note(what, where, seconds):
        found.setdefault((what, where), []).append(seconds)
    for model in MODELS:
        folder, names = files_of(model, size)
        plain = [os.path.join(folder, name) for name in names]
        mounted = [os.path.join(TOP, "bench", model, name) for name in names]
        for where, paths in (("plain", plain), ("mount", mounted)):
            timing.drop_caches()
            with Mounted() as server:
                note(f"{model}, in order, cold", where, in_order(paths))
                note(f"{model}, in order, again", where, in_order(paths))
                peaks.append(server.peak())
        if model == "noise":
            continue
        timing.drop_caches()
        note("base, in order, cold", "decoding alone", sum(cake("cat", f"bench/{model}", name).wall for name in names))
        out = os.path.join(WORK, "out")
        shutil.rmtree(out, ignore_errors=True)
        timing.drop_caches()
        began = time.monotonic()
        cake("--quiet", "export", f"bench/{model}", "-o", out)
        note("base, in order, cold", "export, then read", time.monotonic() - began + in_order([os.path.join(out, name) for name in names]))
        shutil.rmtree(out)
        for what, act in (("here and there, 4 KiB by mmap, cold", lambda paths: here_and_there(paths[0], size // 128)),
                          ("the first tensor, cold", lambda paths: loaded("first", paths)),
                          ("load_file, cold", lambda paths: loaded("all", paths))):
            for where, paths in (("plain", plain), ("mount", mounted)):
                timing.drop_caches()
                # Python's own files are not what is measured.
                loaded("first", plain[-1:])
                with Mounted() as server:
                    note(what, where, act(paths))
                    peaks.append(server.peak())


def main():
    args = timing.asked(__doc__, rounds=3)
    if not timing.drop_caches():
        sys.exit("error: only root can empty the caches, and that is what is measured")
    size = 128 * MIB if args.quick else 2048 * MIB
    os.makedirs(WORK, exist_ok=True)
    say("making models, or finding them, and importing them")
    prepare(size)
    found, peaks = {}, []
    for number in range(args.rounds):
        say(f"round {number + 1}")
        one_round(size, found, peaks)
    took = {key: statistics.median(values) for key, values in found.items()}
    places = ("plain", "mount", "decoding alone", "export, then read")
    whats = list(dict.fromkeys(what for what, _ in took))
    for (what, where), seconds in took.items():
        line(f"{what}: {where}", seconds, "s")

    def cell(what, where):
        values = found.get((what, where))
        return f"{statistics.median(values):.3f} ({min(values):.3f}–{max(values):.3f})" if values else ""
    text = timing.table(["seconds", *places], [[what, *(cell(what, where) for where in places)] for what in whats])

    def ratio(what, one, other):
        return took[what, one] / took[what, other]
    goals = [(title, *goal(title, *rest)) for title, *rest in (
        ("the first tensor", 1000 * took["the first tensor, cold", "mount"], 50, "ms"),
        ("coded, in order: speed against decoding alone", ratio("base, in order, cold", "decoding alone", "mount"), 0.8, "x", True),
        ("as it is, in order: speed against the plain file", ratio("noise, in order, cold", "plain", "mount"), 0.8, "x", True),
        ("coded, again: speed against the plain file", ratio("base, in order, again", "plain", "mount"), 0.95, "x", True),
        ("as it is, again: speed against the plain file", ratio("noise, in order, again", "plain", "mount"), 0.95, "x", True),
        ("load_file: speed against the plain file", ratio("load_file, cold", "plain", "mount"), 1.2, "x", True),
        ("peak memory of the mount", max(peaks) / MIB, 300, "MiB"))]
    if args.write:
        notes = (f"{size / (1 << 30):.3g} GiB of bf16 weights in four shards, and a quarter as much noise, which is stored as it is. "
                 f"{timing.runs(args.rounds)}, the least and the most in brackets; cold means empty caches and a new mount. The first tensor has 32 MiB.")
        timing.write_table(PAGE, "mount", WORK, [timing.peer_version([CAKE, "--version"])], notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
