#!/usr/bin/env python3
"""a registry that is served: one large blob and many small ranges beside nginx; a model's first manifest; memory"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import timing
from servers import Nginx, Served
from timing import MIB, goal, line, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "registry")
CAKE = os.environ.get("CAKE_BINARY")
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")


def throughput(url):
    """Bytes a second of one connection, and how many GiB there were."""
    asked = subprocess.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{size_download} %{time_total}", url], check=True,
        capture_output=True, text=True).stdout.split()
    return float(asked[0]) / float(asked[1]), float(asked[0]) / (1 << 30)


def requests(url, size, seconds):
    """Ranges of 16 KiB a second, over 16 connections, and how many there were."""
    start = size // 2
    out = subprocess.run(
        ["ab", "-q", "-k", "-c", "16", "-t", str(seconds), "-n", "10000000", "-H", f"Range: bytes={start}-{start + 16383}",
         url], check=True, capture_output=True, text=True).stdout
    if not re.search(r"Failed requests:\s+0\b", out):
        sys.exit("error: ab saw failures\n" + out)
    return tuple(float(re.search(what + r":\s+([0-9.]+)", out)[1]) for what in ("Requests per second", "Complete requests"))


def spent(process):
    """Seconds of processor of a server and its own processes so far."""
    pids, total = [process.pid], 0
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as children:
        pids += children.read().split()
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as status:
            words = status.read().rsplit(")", 1)[1].split()
        total += int(words[11]) + int(words[12])
    return total / os.sysconf("SC_CLK_TCK")


def in_turn(rounds, servers, measure):
    """{server: (median of the rates, median of the processor seconds for each unit)}. measure: gives rate and units."""
    found = {name: [] for name in servers}
    for _ in range(rounds):
        for name, (server, url) in servers.items():
            before = spent(server.process)
            rate, units = measure(url)
            found[name].append((rate, (spent(server.process) - before) / units))
    return {name: tuple(timing.median(values) for values in zip(*one)) for name, one in found.items()}


def push(served, path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    name = "sha256:" + digest.hexdigest()
    begun = urllib.request.urlopen(urllib.request.Request(served.endpoint + "/v2/bench/blobs/uploads/", b"", method="POST"))
    subprocess.run(
        ["curl", "-sS", "-f", "-T", path, "-X", "PUT", "-H", "Content-Type: application/octet-stream",
         served.endpoint + begun.headers["Location"] + "?digest=" + name], check=True)
    return served.endpoint + "/v2/bench/blobs/" + name


def main():
    asked = timing.asked(__doc__, rounds=3)
    size, seconds = (256 * MIB, 2) if asked.quick else (2048 * MIB, 5)
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(os.path.join(WORK, "files"))
    blob = os.path.join(WORK, "files", "blob")
    with open(blob, "wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))
    served = Served([CAKE, "--store", os.path.join(WORK, "store")], os.path.join(WORK, "said"), "--push")
    nginx = Nginx(os.path.join(WORK, "files"), os.path.join(WORK, "nginx"))
    try:
        pushed = push(served, blob)
        servers = {"cake": (served, pushed), "nginx": (nginx, nginx.endpoint + "/blob")}
        say("large blob")
        large = in_turn(asked.rounds, servers, throughput)
        rates = {name: rate for name, (rate, _) in large.items()}
        for name, (rate, seconds_each) in large.items():
            line(f"large blob, {name}", rate / MIB, "MiB/s")
            line(f"large blob, {name}: processor", seconds_each, "s/GiB")
        name = "large blob: throughput against nginx"
        goals = [(name, *goal(name, rates["cake"] / rates["nginx"], 0.9, "x", at_least=True))]
        say("small ranges")
        small = in_turn(asked.rounds, servers, lambda url: requests(url, size, seconds))
        counts = {name: count for name, (count, _) in small.items()}
        for name, (count, seconds_each) in small.items():
            line(f"ranges of 16 KiB, {name}", count, "/s")
            line(f"ranges of 16 KiB, {name}: processor", seconds_each * 1e6, "µs")
        name = "ranges of 16 KiB: requests against nginx"
        goals.append((name, *goal(name, counts["cake"] / counts["nginx"], 0.9, "x", at_least=True)))
        rows = [(name, f"{rates[name] / MIB:.0f} MiB/s", f"{large[name][1]:.3f} s/GiB", f"{counts[name]:.0f} /s",
                 f"{small[name][1] * 1e6:.0f} µs") for name in rates]
        found = models(served, blob, size)
        name = "peak memory of the server"
        goals.append((name, *goal(name, served.peak() / MIB, 300, "MiB")))
        if asked.write:
            text = timing.table(["server", "a large blob", "processor", "ranges of 16 KiB", "processor of each"], rows) + "\n\n" + timing.table(
                ["a model of the store, never asked for", "", ""], found)
            versions = [timing.peer_version([CAKE, "--version"]), timing.peer_version(["nginx", "-v"])]
            notes = (f"A blob of {size >> 20} MiB that the kernel has in memory. {timing.runs(asked.rounds)}, the servers taking turns; "
                     "ranges over 16 connections of one client. Processor: the server's, user and system.")
            timing.write_table(PAGE, "registry", WORK, versions, notes, text, goals)
        timing.tell_goals(goals)
    finally:
        nginx.end()
        served.end()


def models(served, blob, size):
    """A model that was never requested: its manifest, then its packs."""
    say("a model of the store")
    folder = os.path.join(WORK, "model")
    os.makedirs(folder)
    tensors, count = {}, 32
    each = size // count
    for number in range(count):
        tensors[f"layers.{number}.weight"] = {
            "dtype": "U8", "shape": [each], "data_offsets": [number * each, (number + 1) * each]}
    header = json.dumps(tensors).encode()
    header += b" " * (-len(header) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file, open(blob, "rb") as source:
        file.write(len(header).to_bytes(8, "little") + header)
        shutil.copyfileobj(source, file, 1 << 20)
    subprocess.run([CAKE, "--store", os.path.join(WORK, "store"), "--quiet", "import", folder, "bench/model"], check=True)
    started = time.monotonic()
    manifest = json.load(urllib.request.urlopen(served.endpoint + "/v2/bench/model/manifests/latest"))
    first = time.monotonic() - started
    line("first manifest of a model", first, "s")
    started = time.monotonic()
    urllib.request.urlopen(served.endpoint + "/v2/bench/model/manifests/latest").read()
    again = 1000 * (time.monotonic() - started)
    line("the same again", again, "ms")
    packs = [one for one in manifest["layers"] if one["mediaType"] == "application/vnd.cake.pack.v1"]
    started, total = time.monotonic(), 0
    for pack in packs:
        url = f"{served.endpoint}/v2/bench/model/blobs/{pack['digest']}"
        subprocess.run(["curl", "-sS", "-f", "-o", "/dev/null", url], check=True)
        total += pack["size"]
    rate = total / (time.monotonic() - started) / MIB
    line("packs, one after another", rate, "MiB/s")
    return [("first manifest, for which the packs are hashed", f"{first:.2f}", "s"),
            ("the same again", f"{again:.1f}", "ms"), ("its packs, one after another", f"{rate:.0f}", "MiB/s")]


main()
