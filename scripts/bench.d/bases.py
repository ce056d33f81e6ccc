#!/usr/bin/env python3
"""how well bases are found among 200 models that do not say what they were made from"""
import json
import os
import shutil
import subprocess
import sys

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import timing
from timing import goal, line, run, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "bases")
CAKE = os.environ.get("CAKE_BINARY")
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")
ARCHITECTURES = (5, 1)


def choices(parents, architectures):
    """What an import is told of a model's base, by the way."""
    bases = sum(not found for found in parents)
    return {
        "found": lambda model: [],
        "told": lambda model: ["--base", f"m{parents[model][0]:05d}"],
        "another of the same shape": lambda model: ["--base", f"m{(parents[model][0] + architectures) % bases:05d}"],
        "none": lambda model: ["--no-delta"],
    }


def fill(way, told, parents, models, store):
    """Imports all; gives what the models that have a base cost and what they added."""
    shutil.rmtree(store, ignore_errors=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")} | {"CAKE_HOME": store}
    costs, before = [], 0
    for model, found in enumerate(parents):
        if found and not before:
            before = timing.size_at_rest(store)
        words = [CAKE, "--quiet", "import", os.path.join(models, f"{model:05d}"), f"m{model:05d}"]
        cost = run(words + (told(model) if found else ["--no-delta"]), env=environment)
        if found:
            costs.append(cost)
    subprocess.run([CAKE, "--quiet", "verify"], env=environment, check=True)
    added = timing.size_at_rest(store) - before
    line(f"{way}: bytes that tunes add", added / 1e6, "MB")
    return timing.together(costs), added


def main():
    args = timing.asked(__doc__, rounds=1)
    count = 40 if args.quick else 200
    os.makedirs(WORK, exist_ok=True)
    rows, goals = [], []
    for architectures in ARCHITECTURES:
        say(f"making models of {architectures} architectures")
        folder = os.path.join(WORK, f"models-{architectures}-{count}")
        maker = os.path.join(here, "lib", "lineages.py")
        subprocess.run([os.environ["CAKE_BENCH_PYTHON"], maker, folder, str(count), str(architectures)], check=True)
        with open(os.path.join(folder, "parents.json"), encoding="utf-8") as file:
            parents = json.load(file)
        tunes = [model for model, found in enumerate(parents) if found]
        plain = sum(timing.size_of_files(os.path.join(folder, f"{model:05d}")) for model in tunes)
        found = {}
        for way, told in choices(parents, architectures).items():
            cost, added = fill(way, told, parents, folder, os.path.join(WORK, "store"))
            found[way] = added
            rows.append([architectures, way, f"{added / 1e6:.1f}", f"{added / plain:.3f}",
                         f"{1000 * cost.cpu / len(tunes):.0f}", f"{cost.peak / timing.MIB:.0f}"])
        title = f"tunes in {architectures} architectures: size, against those whose first base is told"
        goals.append((title, *goal(title, found["found"] / found["told"], 1.02, "x")))
    shutil.rmtree(os.path.join(WORK, "store"))
    text = timing.table(["architectures", "base", "MB added", "of the size", "CPU ms an import", "peak MiB"], rows)
    print(text)
    if args.write:
        notes = (f"{count} models of 26 bf16 tensors: {count - len(tunes)} bases, and {len(tunes)} models made from them, a third of "
                 "these with renamed tensors and a third with half of their tensors from a second base. Sizes are those of the latter.")
        timing.write_table(PAGE, "bases", WORK, [timing.peer_version([CAKE, "--version"])], notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
