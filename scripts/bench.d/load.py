#!/usr/bin/env python3
"""what exports load like: the archive beside safetensors and torch.save; export beside cp and zstd -d"""
import json
import os
import shutil
import statistics
import subprocess
import sys

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import timing
from timing import MIB, goal, line, middle, run, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "load")
CAKE = os.environ.get("CAKE_BINARY")
PYTHON = os.environ["CAKE_BENCH_LOAD_PYTHON"]
LOADING = os.path.join(here, "lib", "loading.py")
PAGE = os.path.join(here, "..", "..", "docs", "loading.md")
STORE = os.path.join(WORK, "store")


def environment():
    return {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")} | {"CAKE_HOME": STORE}


def python(*words):
    """What loading.py prints, read as JSON."""
    answer = subprocess.run([PYTHON, LOADING, *map(str, words)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1]) if answer.stdout else None


def prepare(size):
    mark = os.path.join(WORK, f"of-{size}")
    if not os.path.exists(mark):
        shutil.rmtree(WORK, ignore_errors=True)
        os.makedirs(WORK)
        say("making a model")
        python("make", WORK, size)
        with open(mark, "w", encoding="ascii"):
            pass
    for old in ("store", "zstd", "many.pt", "one.pt"):
        path = os.path.join(WORK, old)
        shutil.rmtree(path, ignore_errors=True)
        if os.path.exists(path):
            os.remove(path)
    say("importing it")
    for name in ("model", "noise"):
        run([CAKE, "import", os.path.join(WORK, name), name], env=environment())
    os.makedirs(os.path.join(WORK, "zstd"))
    run(["zstd", "-q", "-T2", "-r", os.path.join(WORK, "model"), "--output-dir-flat", os.path.join(WORK, "zstd")])


def exports(rounds, memory):
    """{what: [Cost, …]}: folders of files, warm, each until the disk has them."""
    out = os.path.join(WORK, "out")
    commands = {
        "cake export, stored as it is": [CAKE, "export", "noise", "-o", out + "/m"],
        "cp": ["cp", "-r", "--reflink=never", os.path.join(WORK, "noise"), out + "/m"],
        "cake export, coded": [CAKE, "export", "model", "-o", out + "/m"],
        "zstd -d": ["zstd", "-q", "-d", "-T2", "-r", os.path.join(WORK, "zstd"), "--output-dir-flat", out],
        "cake export --format fast, coded": [CAKE, "export", "model", "--format", "fast", "-o", out + "/m.pt"],
    }
    taken = {}
    for number in range(rounds + 1):
        for name, command in commands.items():
            shutil.rmtree(out, ignore_errors=True)
            os.makedirs(out)
            timing.ready_memory(memory)
            cost = run(command, env=environment(), settle=out)
            if number:  # the first time warms
                taken.setdefault(name, []).append(cost)
            elif name.startswith("cake") and "fast" not in name:
                source = os.path.join(WORK, "noise" if "as it is" in name else "model")
                if wrong := timing.first_difference(source, out + "/m"):
                    sys.exit(f"error: what cake gave back is not what it got: {wrong}")
    shutil.rmtree(out, ignore_errors=True)
    return {name: middle(costs) for name, costs in taken.items()}


def processes(rounds):
    """Whole processes, imports of torch and transformers and all."""
    ways = {"from_pretrained": os.path.join(WORK, "model"), "torch_load": os.path.join(WORK, "one.pt")}
    taken = {}
    for _ in range(rounds):
        for how, path in ways.items():
            taken.setdefault(how, []).append(run([PYTHON, LOADING, "process", how, path]))
    return {how: middle(costs) for how, costs in taken.items()}


def report(size, costs, hashed, loads, whole):
    rows, goals = [], []

    def aim(title, *arguments):
        goals.append((title, *goal(title, *arguments)))

    for name, cost in costs.items():
        line(f"{name}: wall", cost.wall, "s")
        rows.append([name, f"{size / cost.wall / 1e6:.0f} MB/s", f"{cost.cpu:.2f} s CPU", f"{cost.peak / MIB:.0f} MiB", ""])
    line("SHA-256 on both cores", hashed / 1e6, "MB/s")
    plain, copied = costs["cake export, stored as it is"], costs["cp"]
    bound = min(size / copied.wall, hashed)
    aim("export of layers stored as they are, against cp or SHA-256", size / plain.wall / bound, 0.8, "x", True)
    aim("export of coded layers, against zstd -d", costs["zstd -d"].wall / costs["cake export, coded"].wall, 1.2, "x", True)
    aim("export: peak memory", max(cost.peak for name, cost in costs.items() if "cake" in name) / MIB, 256, "MiB")
    first = timing.table(["writing", "speed", "work", "peak", ""], rows)

    took = {name: {state: statistics.median(times) for state, times in states.items()} for name, states in loads.items()}
    rows = []
    for name in (name for name in took if "every page" not in name):
        cells = [took[name]["warm"], took[name + ", every page"]["warm"], took[name]["cold"],
                 took[name + ", every page"]["cold"]]
        rows.append([name, *(f"{seconds * 1e3:.1f} ms" for seconds in cells)])
        line(f"{name}: warm", cells[0] * 1e3, "ms")
    second = timing.table(["loading", "warm", "and every page", "cold", "and every page"], rows)
    warm = {name: states["warm"] for name, states in took.items()}
    aim("archive of one storage, against torch.save, mapped",
        warm["archive of one storage, mapped"] / warm["torch.save, mapped"], 0.5, "x")
    aim("archive, against torch.save, mapped", warm["archive, mapped"] / warm["torch.save, mapped"], 0.85, "x")
    aim("archive, mapped: times as fast as torch.save, read", warm["torch.save, read"] / warm["archive, mapped"], 20, "x",
        True)
    aim("torch_load.py: times as fast as from_pretrained", warm["from_pretrained"] / warm["torch_load.py"], 1.8, "x", True)
    rows = [[how, f"{cost.wall:.2f} s", f"{cost.peak / MIB:.0f} MiB"] for how, cost in whole.items()]
    for how, cost in whole.items():
        line(f"{how}: the whole process", cost.wall, "s")
    third = timing.table(["a process, from start to end", "wall", "peak"], rows)
    return "\n\n".join((first, second, third)), goals


def main():
    args = timing.asked(__doc__, rounds=3)
    versions = [timing.peer_version([CAKE, "--version"]), timing.peer_version(["zstd", "--version"]), subprocess.run(
        [PYTHON, "-c", "import torch, safetensors, transformers as t; print('torch', torch.__version__ + '; safetensors',"
         " safetensors.__version__ + '; transformers', t.__version__)"], capture_output=True, text=True,
        check=True).stdout.strip()]
    prepare(64 * MIB if args.quick else 2048 * MIB)
    size = timing.size_of_files(os.path.join(WORK, "model"))
    print(f"machine: {timing.machine(WORK)}")
    print("versions: " + "; ".join(versions))
    line("model", size / 1e6, "MB")
    costs = exports(args.rounds, size + size // 4)
    for name, options in (("many.pt", []), ("one.pt", ["--one-storage"])):
        run([CAKE, "export", "model", "--format", "fast", *options, "-o", os.path.join(WORK, name)], env=environment(),
            settle=WORK)
    hashed = python("hash", 1 << 30)
    text, goals = report(size, costs, hashed, python("time", WORK, args.rounds), processes(args.rounds))
    if args.write:
        notes = (f"{size / (1 << 30):.2f} GiB of bf16 in four shards. {timing.runs(args.rounds)} of what writes, which ends when "
                 "the disk has it; loads are medians of five times as many, taking turns, after the imports. Cold means that "
                 "the kernel was asked to forget the files.")
        timing.write_table(PAGE, "load", WORK, versions, notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
