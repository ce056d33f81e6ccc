"""What the benches measured, read from docs/performance.md: a simulation follows the next measurement."""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GIB = 2.0 ** 30
# What each figure is, and the words around it.
WANTED = {
    "rebuild": ("processor seconds a GiB of files that a mirror rebuilds", r"Warm, cake took ([\d.]+) s of processor a GiB"),
    "send": ("processor seconds a GiB of packs that a server sends", r"\| cake \| \d+ MiB/s \| ([\d.]+) s/GiB \|"),
    "bring": ("processor seconds for 2 GiB that a mirror downloads, until its clients have them",
              r"now [\d.]+ s, [\d.]+ times, with ([\d.]+) s"),
    "pull": ("processor seconds of a node that pulls 2 GiB as layers", r"\| cake \| pull \| base \| [\d.]+ s \| ([\d.]+) s"),
    "files": ("processor seconds a GiB of a node that downloads files",
              r"\| loopback: CPU s/GiB \| [\d.]+ \| ([\d.]+) \|"),
    "connection": ("MB/s of one connection to the Hub", r"carries ([\d.]+) MB/s on one connection"),
    "coded": ("% of bf16 weights that their layers take", r"\| made-up bf16 \| cake \| ([\d.]+) \|"),
    "trained": ("% of a trained tensor that its delta takes", r"\| made-up bf16 \| noise \| \d+ \| ([\d.]+) \|"),
}


def figures():
    """{name: number} in processor seconds a byte, bytes a second, and shares of 1."""
    with open(os.path.join(TOP, "docs", "performance.md"), encoding="utf-8") as page:
        text = page.read()
    found = {}
    for name, (what, pattern) in WANTED.items():
        match = re.search(pattern, text)
        if not match:
            sys.exit(f"error: docs/performance.md does not say any more: {what}\nfix: look for it in scripts/simulate.d/measured.py")
        found[name] = float(match[1])
    return {
        "rebuild": found["rebuild"] / GIB, "send": found["send"] / GIB, "bring": found["bring"] / (2 * GIB),
        "pull": found["pull"] / (2 * GIB), "files": found["files"] / GIB, "connection": found["connection"] * 1e6,
        "coded": found["coded"] / 100, "trained": found["trained"] / 100,
    }, found
