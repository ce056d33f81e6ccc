#!/usr/bin/env python3
"""what a command costs in a store of 10 to 5,000 models: import, ls, df, gc, and serve while an import runs"""
import http.client
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import plot
import timing
from servers import Served
from timing import MIB, goal, line, run, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "scale")
CAKE = os.environ.get("CAKE_BINARY")
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")
PICTURE = os.path.join(here, "..", "..", "docs", "scale.svg")
MODELS, STORE = os.path.join(WORK, "models"), os.path.join(WORK, "store")
# Made besides the models that fill the store, for measured imports.
NEW = 12
# What a size is measured for, and what it may cost at 1,000 models: seconds, or MiB.
GOALS = {"import": 0.1, "import --no-delta": 0.1, "ls": 0.2, "df": 0.3, "gc --dry-run": 1, "gc": 3, "serve: start": 0.3,
         "serve: list": 0.02, "serve: search": 0.02, "serve: tree": 0.02}
PEAK = 256


def environment():
    return {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")} | {"CAKE_HOME": STORE}


def cake(*words, output=None):
    return run([CAKE, *words], env=environment(), output=output)


def model(number):
    return os.path.join(MODELS, f"model-{number:05d}")


def name(number):
    return f"bench/model-{number:05d}"


def bring(numbers, *options):
    """Imports models, one command each."""
    return [cake("--quiet", "import", model(number), name(number), *options) for number in numbers]


def take_away(count):
    """The store as it was: the same number of models, and nothing of the others."""
    here = subprocess.run([CAKE, "ls", "-q"], env=environment(), stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    if more := [found for found in here if found >= name(count)]:
        cake("--quiet", "rm", "--force", *more)
    cake("--quiet", "gc", "--grace", "0s")


def ask(endpoint, path):
    """Seconds until an answer is here, over a connection of its own."""
    host, port = endpoint.removeprefix("http://").split(":")
    started = time.monotonic()
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200 or not body:
        sys.exit(f"error: {path} was answered with {answer.status}")
    return time.monotonic() - started


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def serving(count, new, requests):
    """The server's start, the slowest answers but one in a hundred while models are imported, and its peak."""
    started = time.monotonic()
    served = Served([CAKE, "--store", STORE], os.path.join(WORK, "said"))
    begun = time.monotonic() - started
    paths = {"list": "/api/models?limit=100", "search": f"/api/models?search=model-{count // 2:05d}",
             "tree": f"/api/models/{name(count // 2)}/tree/main"}
    took, over = {kind: [] for kind in paths}, threading.Event()

    def importing():
        while not over.is_set():
            for number in new:
                if not over.is_set():
                    bring([number], "--force")

    worker = threading.Thread(target=importing)
    try:
        for path in paths.values():
            ask(served.endpoint, path)
        worker.start()
        for _ in range(requests):
            for kind, path in paths.items():
                took[kind].append(ask(served.endpoint, path))
            time.sleep(0.01)
        peak = served.peak()
    finally:
        over.set()
        if worker.is_alive():
            worker.join()
        served.end()
    return {"serve: start": begun} | {f"serve: {kind}": percentile(values, 0.99) for kind, values in took.items()}, peak


def measure(count, rounds, requests):
    """{what: seconds} in a store of this many models, and the most memory that a command took."""
    new = list(range(count, count + NEW))
    wall, peaks = {}, []

    def note(what, costs):
        wall[what] = statistics.median(cost.wall for cost in costs)
        peaks.extend(cost.peak for cost in costs)

    half = NEW // 2
    note("import", bring(new[:half]))
    note("import --no-delta", bring(new[half:], "--no-delta"))
    for what in ("ls", "df"):
        # The first is after a change of the store, as a person's is; all of them count.
        note(what, [cake(what) for _ in range(rounds)])
    cake("--quiet", "rm", "--force", *map(name, new[:half]))
    note("gc --dry-run", [cake("gc", "--dry-run", "--grace", "0s") for _ in range(rounds)])
    note("gc", [cake("gc", "--grace", "0s")])
    served, peak = serving(count, new[:half], requests)
    wall |= served
    take_away(count)
    return wall, max([*peaks, peak])


def sizes_of(args):
    if args.quick:
        return (5, 10, 20)
    return (10, 100, 400, 1000, 5000) if args.full else (10, 100, 400, 1000)


def empty_store(rounds):
    """What imports take beside one model of another architecture: the first import also makes the store's folders."""
    costs = {"import": [], "import --no-delta": []}
    for number in range(rounds):
        for what, options in (("import", []), ("import --no-delta", ["--no-delta"])):
            shutil.rmtree(STORE, ignore_errors=True)
            bring([number + 1], "--no-delta")
            costs[what] += bring([number], *options)
    shutil.rmtree(STORE, ignore_errors=True)
    return {what: statistics.median(cost.wall for cost in found) for what, found in costs.items()}


def report(alone, found):
    """Rows of the table, the goals, and the curves."""
    sizes = list(found)
    shown = min(sizes, key=lambda size: abs(size - 1000))
    rows, goals = [], []
    for what, bound in GOALS.items():
        rows.append([what, *(f"{1000 * found[size][0][what]:.0f} ms" for size in sizes)])
        got, title = found[shown][0][what], f"{what}, {shown} models"
        if what in alone:
            got, title = got - alone[what], f"{what}, {shown} models, above an empty store's"
        goals.append((title, *goal(title, got, bound, "s")))
    rows.append(["peak memory", *(f"{found[size][1] / MIB:.0f} MiB" for size in sizes)])
    title = f"peak memory, {shown} models"
    goals.append((title, *goal(title, found[shown][1] / MIB, PEAK, "MiB")))
    lines = {what: [(size, max(1000 * found[size][0][what], 0.1)) for size in sizes] for what in GOALS}
    return timing.table(["one command", *(f"{size:,} models" for size in sizes)], rows), goals, lines


def main():
    args = timing.asked(__doc__, rounds=3, has_full=True)
    sizes = sizes_of(args)
    os.makedirs(WORK, exist_ok=True)
    say("making models")
    generator = os.path.join(here, "lib", "many_families.py")
    subprocess.run([sys.executable, generator, MODELS, "0", str(sizes[-1] + NEW)], check=True)
    alone = empty_store(args.rounds)
    for what, seconds in alone.items():
        line(f"{what} into an empty store", 1000 * seconds, "ms")
    found, filled = {}, 0
    for size in sizes:
        say(f"filling the store to {size} models")
        bring(range(filled, size))
        filled = size
        found[size] = measure(size, args.rounds, 30 if args.quick else 300)
        for what, seconds in found[size][0].items():
            line(f"{size} models: {what}", 1000 * seconds, "ms")
    text, goals, lines = report(alone, found)
    print(text)
    title = "What one command takes, by the number of models in the store"
    target = PICTURE if args.write else os.path.join(WORK, "scale.svg")
    plot.curves(target, title, "models of 290 tensors", "ms", lines)
    say(f"drawn: {os.path.relpath(target)}")
    if args.write:
        notes = (f"{sizes[-1]:,} models of 290 bf16 tensors of 400 B to 2 kB, in families of 20 of five architectures. Medians of "
                 f"{args.rounds} runs, of imports of {NEW // 2}; answers of the server are the slowest but one in a hundred of 300, "
                 "while a model is imported again and again.\n\n"
                 f"Alone, an import takes {1000 * alone['import']:.0f} ms.\n\n![{title}](scale.svg)")
        timing.write_table(PAGE, "scale", WORK, [timing.peer_version([CAKE, "--version"])], notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
