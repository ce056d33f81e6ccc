#!/usr/bin/env python3
"""a model loaded by the Python package, until every tensor was touched: beside load_file of a plain copy, export then load, and cp"""
import json
import os
import shutil
import statistics
import subprocess
import sys

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import mount
import timing
from timing import MIB, goal, line, run, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "python")
CAKE = os.environ.get("CAKE_BINARY")
LIBRARY = os.environ.get("CAKE_LIBRARY")
PYTHON = os.environ["CAKE_BENCH_PACKAGE_PYTHON"]
CODEC = os.path.join(os.environ["CAKE_BENCH_TOOLS"], "codec")
PAGE = os.path.join(here, "..", "..", "docs", "python.md")
PACKAGE = os.path.realpath(os.path.join(here, "..", "..", "Sources", "Python"))
LOADING = os.path.join(here, "lib", "python_loading.py")
STORE, OUT = os.path.join(WORK, "store"), "/dev/shm/cake-bench-python"
MODELS = {"base": "base", "tune": "full", "second tune": "last"}


def environment():
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")}
    return kept | {"CAKE_HOME": STORE, "CAKE_LIBRARY": LIBRARY, "CAKE_BINARY": CAKE, "PYTHONPATH": PACKAGE}


def python(*words):
    answer = subprocess.run([PYTHON, LOADING, *map(str, words)], env=environment(), capture_output=True, text=True, check=False)
    if answer.returncode:
        sys.exit(f"error: {' '.join(map(str, words))}\n{answer.stderr[-2000:]}")
    return json.loads(answer.stdout.splitlines()[-1])


def has(package):
    return subprocess.run([PYTHON, "-c", f"import {package}"], capture_output=True, check=False).returncode == 0


def folder_of(model, size):
    return os.path.join(WORK, f"of-{size}", MODELS[model])


def paths_of(model, size):
    folder = folder_of(model, size)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".safetensors")]


def prepare(size):
    width = ["--vocabulary", "4000", "--hidden", "512"] if size < 1 << 30 else []
    subprocess.run([os.environ["CAKE_BENCH_PYTHON"], os.path.join(here, "lib", "family.py"), os.path.join(WORK, f"of-{size}"),
                    "--bytes", str(size), *width], check=True)
    shutil.rmtree(STORE, ignore_errors=True)
    for model in MODELS:
        base = [] if model == "base" else ["--base", "bench/base"]
        run([CAKE, "--quiet", "import", folder_of(model, size), f"bench/{MODELS[model]}", *base], env=environment())
    large = os.path.join(WORK, f"large-{size}")
    if not os.path.exists(large):
        # One tensor as large as a model.
        sys.path.insert(0, os.path.join(here, "..", "lib"))
        import safetensors_files as files
        os.makedirs(large)
        part = os.urandom(64 * MIB)
        files.write_file(os.path.join(large, "model.safetensors"), [("large", "U8", (size // 4096, 4096), lambda: part * (size // len(part)))])
    run([CAKE, "--quiet", "import", large, "bench/large"], env=environment())


def ways(model, size):
    """{title: words of python_loading.py}."""
    paths, name = paths_of(model, size), f"bench/{MODELS[model]}"
    out = {"state_dict, 1 thread": ["state_dict", STORE, name, 1], "state_dict, 2 threads": ["state_dict", STORE, name, 2],
           "state_dict, 1 thread, no SHA-256": ["state_dict", STORE, name, 1, "no"],
           "state_dict, 2 threads, no SHA-256": ["state_dict", STORE, name, 2, "no"],
           "export to memory, then load": ["export", CAKE, STORE, name, OUT], "load_file of a plain copy": ["plain", *paths],
           "cp to memory, then load": ["copy", OUT, *paths]}
    if has("fastsafetensors"):
        out["fastsafetensors of a plain copy"] = ["fastsafetensors", *paths]
    if has("runai_model_streamer"):
        out["runai-model-streamer of a plain copy"] = ["runai", *paths]
    return out


def one(words):
    shutil.rmtree(OUT, ignore_errors=True)
    try:
        return python(*words)
    finally:
        shutil.rmtree(OUT, ignore_errors=True)


def rounds_of(size, rounds, found, peaks, slow):
    def note(what, state, answer):
        found.setdefault((what, state), []).append(answer["seconds"])
        if what[1].startswith("state_dict"):
            peaks.append(answer["peak"] - answer["bytes"])
    for number in range(rounds):
        say(f"round {number + 1}")
        for model in ("base", "tune"):
            for title, words in ways(model, size).items():
                one(words)
                note((model, title), "warm", one(words))
                timing.drop_caches()
                one(["nothing"])  # Python's own files are not what is measured
                note((model, title), "cold", one(words))
                if slow.is_possible and title in ("state_dict, 2 threads", "load_file of a plain copy"):
                    timing.drop_caches()
                    one(["nothing"])
                    with slow:
                        note((model, title), "cold, 500 MB/s", one(words))
        # A plain copy of a second tune comes from the disk; its base is in memory, because the first one was loaded.
        for title, state in (("state_dict, 2 threads", "base in memory"), ("load_file of a plain copy", "base in memory")):
            timing.drop_caches()
            one(ways("base", size)[title])
            if slow.is_possible:
                with slow:
                    note(("second tune", title), state, one(ways("second tune", size)[title]))


def decoding(model, size):
    """{threads: seconds of decoding in memory and nothing else, and with SHA-256}: a program for each thread, with its share of the tensors."""
    found = {}
    for threads in (1, 2):
        took = [[0, 0] for _ in range(threads)]
        for path, base in zip(paths_of(model, size), paths_of("base", size)):
            say(f"decoding alone: {os.path.basename(path)} of the {model}, {threads}")
            beside = [] if model == "base" else [base]
            running = [subprocess.Popen([CODEC, path, *beside, "1", f"{part}/{threads}"], stdout=subprocess.PIPE) for part in range(threads)]
            for part, child in zip(took, running):
                told = json.loads(child.communicate()[0])
                part[0] += told["decode"]
                part[1] += told["sha256"]
        found[threads] = max(part[0] for part in took), max(sum(part) for part in took)
    return found


def imports(rounds):
    """What `import cake` adds to an empty program."""
    took = {"": [], "import cake": []}
    for _ in range(10 * rounds + 1):
        for code, values in took.items():
            values.append(run([PYTHON, "-S", "-c", code], env=environment()).wall)
    return max(0.0, statistics.median(took["import cake"][1:]) - statistics.median(took[""][1:]))


def main():
    args = timing.asked(__doc__, rounds=3)
    if not timing.drop_caches():
        sys.exit("error: only root can empty the caches, and that is part of what is measured")
    if not LIBRARY or not os.path.exists(LIBRARY):
        sys.exit("error: there is no libcake.so\nfix: export CAKE_LIBRARY=/path/of/libcake.so")
    size = 128 * MIB if args.quick else 2048 * MIB
    os.makedirs(WORK, exist_ok=True)
    say("making models, or finding them, and importing them")
    prepare(size)
    mount.WORK = WORK  # where the disk is that is slowed down
    slow = mount.SlowDisk()
    if not slow.is_possible:
        say("the rate of this disk cannot be limited here: nothing is measured at 500 MB/s")
    found, peaks = {}, []
    try:
        rounds_of(size, args.rounds, found, peaks, slow)
    finally:
        slow.end()
    alone = {model: decoding(model, size) for model in ("base", "tune")}
    imported = imports(args.rounds)
    sliced = statistics.median(python("slices", STORE, "bench/large")["seconds"] for _ in range(args.rounds))
    stopped = [python("interrupted", STORE, "bench/full")["seconds"] for _ in range(args.rounds)]
    stopped = max((value for value in stopped if value is not None), default=None)
    report(args, size, found, peaks, slow, alone, imported, sliced, stopped)


def report(args, size, found, peaks, slow, alone, imported, sliced, stopped):
    took = {key: statistics.median(values) for key, values in found.items()}
    states = [state for state in ("warm", "cold", "cold, 500 MB/s", "base in memory") if any(key[1] == state for key in took)]
    rows = []
    for what in dict.fromkeys(key[0] for key in took):
        rows.append([*what, *(f"{took[what, state]:.3f} s" if (what, state) in took else "" for state in states)])
        for state in states:
            if (what, state) in took:
                line(f"{what[0]}, {what[1]}: {state}", took[what, state], "s")
    for model, threads in ((model, threads) for model in alone for threads in alone[model]):
        rows.append([model, f"decoding alone, {threads} {'thread' if threads == 1 else 'threads'}; with SHA-256",
                     "{:.3f} s; {:.3f} s".format(*alone[model][threads])] + [""] * (len(states) - 1))
    small = [["import cake", f"{1e3 * imported:.1f} ms"], [f"a slice of 1 MB of a tensor of {size / (1 << 30):.3g} GiB", f"{1e3 * sliced:.2f} ms"],
             ["Ctrl-C until KeyboardInterrupt, the longest", "too fast to interrupt" if stopped is None else f"{1e3 * stopped:.0f} ms"],
             ["peak memory above the tensors", f"{max(peaks) / MIB:.0f} MiB"]]
    text = timing.table(["model", "way", *states], rows) + "\n\n" + timing.table(["what", ""], small)

    def ratio(model, other, state, own="state_dict, 2 threads"):
        return took[(model, other), state] / took[(model, own), state]
    plain, export = "load_file of a plain copy", "export to memory, then load"
    wanted = [*((f"{model}, {title}: of the speed of decoding alone",
                 alone[model][threads][with_hash] / took[(model, f"state_dict, {title}"), "warm"], 0.9, "x", True)
                for model in ("base", "tune") for threads, word in ((1, "1 thread"), (2, "2 threads"))
                for with_hash, title in ((0, f"{word}, no SHA-256"), (1, word))),
              *((f"{model}, warm, 2 threads: times as fast as export, then load", ratio(model, export, "warm"), 1, "x", True)
                for model in ("base", "tune")),
              ("peak memory above the tensors", max(peaks) / MIB, 64, "MiB"), ("import cake", 1e3 * imported, 30, "ms"),
              ("a slice of 1 MB", 1e3 * sliced, 3, "ms")]
    if stopped is not None:
        wanted.append(("Ctrl-C", 1e3 * stopped, 300, "ms"))
    if slow.is_possible:
        wanted.append(("base, cold at 500 MB/s: times as fast as a plain copy", ratio("base", plain, "cold, 500 MB/s"), 1.2, "x", True))
        wanted.append(("second tune at 500 MB/s, base in memory: times as fast as a plain copy", ratio("second tune", plain, "base in memory"), 3, "x", True))
    goals = [(title, *goal(title, *rest)) for title, *rest in wanted]
    if args.write:
        notes = (f"{size / (1 << 30):.3g} GiB of bf16 in four shards; every tensor of the tune was trained on, and the last quarter of the layers of the second tune. "
                 f"{timing.runs(args.rounds)}, until a byte of every page was read. Cold means empty caches.")
        versions = [timing.peer_version([CAKE, "--version"]), subprocess.run(
            [PYTHON, "-c", "import torch, safetensors; print('torch', torch.__version__ + '; safetensors', safetensors.__version__)"],
            capture_output=True, text=True, check=True).stdout.strip()]
        timing.write_table(PAGE, "python", WORK, versions, notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
