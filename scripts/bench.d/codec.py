#!/usr/bin/env python3
"""how layers are coded, in memory, by one thread and by two, beside zipnn, zstd and BitX"""
import json
import os
import subprocess
import sys

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import timing
from timing import MIB, goal, line, say

WORK = os.environ["CAKE_BENCH_DIR"]
TOOLS = os.environ["CAKE_BENCH_TOOLS"]
PYTHON = os.environ["CAKE_BENCH_CODEC_PYTHON"]
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")


def told(command, parts=1):
    """What as many processes at once say, each of its part of the tensors."""
    running = [subprocess.Popen([argument.replace("{part}", f"{part}/{parts}") for argument in command],
                                stdout=subprocess.PIPE, text=True) for part in range(parts)]
    answers = [process.communicate()[0] for process in running]
    for process in running:
        if process.returncode:
            sys.exit(f"error: {' '.join(command)} ended with {process.returncode}")
    return [json.loads(answer) for answer in answers]


def speed(answers, step, program=None):
    """MB/s of all of them together."""
    return sum(answer["plain"] / (answer[program] if program else answer)[step] for answer in answers if answer["plain"]) / 1e6


def families(quick):
    """(name, folder of models, one of them the base): the made-up one, and those in $CAKE_BENCH_MODELS."""
    made = os.path.join(WORK, "codec-quick" if quick else "codec")
    say("making the family, or taking the one that is here")
    size, hidden = (64 * MIB, 512) if quick else (1 << 30, 2048)
    subprocess.run([PYTHON, os.path.join(here, "lib", "codec_models.py"), made, str(size), str(hidden)], check=True)
    found = [("made-up bf16", made)]
    given = os.environ.get("CAKE_BENCH_MODELS")
    if given:
        found += [(f"{os.path.basename(given.rstrip('/'))} {name}", os.path.join(given, name))
                  for name in sorted(os.listdir(given))]
    return [(name, folder) for name, folder in found
            if os.path.exists(os.path.join(folder, "base", "model.safetensors"))]


class Family:
    def __init__(self, name, folder, rounds):
        self.name, self.rounds = name, str(rounds)
        path = {model: os.path.join(folder, model, "model.safetensors") for model in sorted(os.listdir(folder))}
        base = path.pop("base")
        say(f"{name}: base")
        (self.base,), (self.peers,) = self.cake(1, base), self.peer(1, base)
        self.base_two, self.peers_two = self.cake(2, base), self.peer(2, base)
        self.deltas, self.deltas_two = {}, {}
        for model, file in path.items():
            if os.path.exists(file):
                say(f"{name}: {model}")
                (cake,), (peer,) = self.cake(1, file, base), self.peer(1, file, base)
                self.deltas[model] = cake | peer
                self.deltas_two[model] = self.cake(2, file, base)

    def cake(self, parts, *paths):
        return told([os.path.join(TOOLS, "codec"), *paths, self.rounds, "{part}"], parts)

    def peer(self, parts, *paths):
        return told([PYTHON, os.path.join(here, "lib", "codec_peers.py"), self.rounds, "{part}", *paths], parts)

    def standalone_rows(self):
        steps = ("encode", "decode")

        def row(name, one, two, program=None):
            stored = (one[program] if program else one)["stored"]
            return [self.name, name, f"{100 * stored / one['plain']:.2f}",
                    *(f"{speed(answers, step, program):.0f}" for answers in ([one], two) for step in steps)]
        rows = [row("cake", self.base, self.base_two)]
        rows += [row(name, self.peers, self.peers_two, name) for name in ("zipnn", "zstd -1", "zstd -3")]
        one, two = (f"{speed(answers, 'sha256'):.0f}" for answers in ([self.base], self.base_two))
        return rows + [[self.name, "SHA-256", "", one, "", two, ""]]

    def delta_rows(self):
        rows = []
        for model, entry in self.deltas.items():
            plain = entry["plain"]
            share = entry["stored"] / plain
            rows.append([self.name, model, f"{plain / 1e6:.0f}", f"{100 * share:.2f}", f"{100 * entry['bitx'] / plain:.2f}",
                         f"{entry['stored'] / entry['bitx']:.3f}",
                         f"{100 * entry['transforms'].get('5', 0) / entry['stored']:.0f}",
                         *(f"{plain / entry[step] / 1e6:.0f}" for step in ("choose", "encode", "decode")),
                         *(f"{speed(self.deltas_two[model], step):.0f}" for step in ("encode", "decode")),
                         *(f"{entry['sha256'] / entry[step]:.2f}" for step in ("encode", "decode"))])
        return rows

    def goals(self):
        found = []

        def ask(name, *rest):
            found.append((f"{self.name}: {name}", *goal(f"{self.name}: {name}", *rest)))
        cake, zipnn = self.base, self.peers["zipnn"]
        ask("size against zipnn's", cake["stored"] / zipnn["stored"], 1.002, "x")
        ask("encoding speed against zipnn's", zipnn["encode"] / cake["encode"], 1.4, "x", True)
        ask("decoding speed against zipnn's", zipnn["decode"] / cake["decode"], 0.9, "x", True)
        ask("encoding against SHA-256", cake["sha256"] / cake["encode"], 0.7, "x", True)
        ask("decoding against SHA-256", cake["sha256"] / cake["decode"], 1.3, "x", True)
        for model, entry in self.deltas.items():
            ask(f"{model}, encoding against SHA-256", entry["sha256"] / entry["encode"], 0.25, "x", True)
            ask(f"{model}, decoding against SHA-256", entry["sha256"] / entry["decode"], 0.4, "x", True)
        if self.deltas and "bf16" in self.name:
            ratios = [entry["stored"] / entry["bitx"] for entry in self.deltas.values()]
            stored, bitx = (sum(entry[key] for entry in self.deltas.values()) for key in ("stored", "bitx"))
            ask("deltas against BitX, the worst", max(ratios), 0.6, "x")
            ask("deltas against BitX, summed", stored / bitx, 0.53, "x")
            alone = self.peers["zstd -3"]["stored"]
            ask("family against BitX", (cake["stored"] + stored) / (alone + bitx), 0.8, "x")
        if "fp32" in self.name and "lora" in self.deltas:
            entry = self.deltas["lora"]
            ask("lora, of the changed bytes", 100 * entry["stored"] / entry["plain"], 10, "%")
        return found


def main():
    args = timing.asked(__doc__, rounds=5)
    print(f"machine: {timing.machine(WORK)}")
    found = [Family(name, folder, args.rounds) for name, folder in families(args.quick)]
    alone = timing.table(["model", "program", "% of its size", "encode MB/s", "decode MB/s", "two: encode", "two: decode"],
                         [row for family in found for row in family.standalone_rows()])
    deltas = timing.table(["family", "model", "changed MB", "cake %", "BitX %", "÷ BitX",
                           "of low rank %", "choose MB/s", "encode MB/s", "decode MB/s", "two: encode", "two: decode",
                           "encode ÷ SHA-256", "decode ÷ SHA-256"], [row for family in found for row in family.delta_rows()])
    print(alone, deltas, sep="\n\n")
    for family in found:
        line(f"{family.name}: encoding with the comparison", family.base["plain"] / family.base["checked"] / 1e6, "MB/s")
    goals = [entry for family in found for entry in family.goals()]
    if args.write:
        versions = [timing.peer_version([os.environ["CAKE_BINARY"], "--version"]), "zipnn 0.5.4",
                    f"zstd {found[0].peers['zstd']} (Python's)"]
        notes = (f"In memory, by one thread, and by two at once that have every other tensor each; of {args.rounds} rounds the shortest, for each piece of cake's and each tensor of the others'. "
                 "Choosing a form, and finding the factors of a low rank, is timed once and "
                 "apart. BitX is xor with the base, byte planes and zstd -3; its family's base is zstd -3.")
        timing.write_table(PAGE, "codec", WORK, versions, notes, f"{alone}\n\n{deltas}", goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
