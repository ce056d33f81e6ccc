#!/usr/bin/env python3
"""Compares cake's BLAKE3 and Xet hashes with other people's on seeded files, and fetches from the tests' Xet server. xet.py HUB"""
import json
import os
import random
import subprocess
import sys
import tempfile

import blake3
import hf_xet

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import hub as hubs

KEY = b"whats the Elvish word for friend"
checks, violations = 0, []


def check(holds, what):
    global checks
    checks += 1
    if not holds:
        violations.append(what)
        print(f"VIOLATION: {what}", flush=True)


def make(rng, folder):
    """Files of every kind of length, and of content that repeats, is constant, or is neither."""
    lengths = [0, 1, 63, 64, 65, 1023, 1024, 1025, 8191, 8192, 8193, 131071, 131072, 131073, 5_000_000, 70_000_000]
    lengths += [rng.randrange(1 << rng.randrange(1, 23)) for _ in range(60)]
    paths = []
    for number, length in enumerate(lengths):
        kind = number % 4
        if kind == 0:
            data = rng.randbytes(length)
        elif kind == 1:
            run = rng.randbytes(rng.randrange(1, 300_000))
            data = (run * (length // len(run) + 1))[:length]
        elif kind == 2:
            data = bytes(length // 2) + rng.randbytes(length - length // 2)
        else:
            data = rng.randbytes(length).translate(bytes(byte % 3 for byte in range(256)))
        paths.append(os.path.join(folder, f"{number:03}"))
        with open(paths[-1], "wb") as file:
            file.write(data)
    return paths


def compare(hub, paths):
    options = [word for path in paths for word in ("--hash", path)]
    ours = [json.loads(line) for line in subprocess.run([hub, *options], check=True, capture_output=True).stdout.splitlines()]
    theirs = {path: info.hash for path, info in zip(paths, hf_xet.hash_files(paths), strict=True)}
    plain = subprocess.run(["b3sum", "--no-names", *paths], check=True, capture_output=True, text=True).stdout.split()
    keyed = [subprocess.run(["b3sum", "--no-names", "--keyed", path], input=KEY, check=True, capture_output=True).stdout.decode().strip()
             for path in paths]
    for path, mine, plain_sum, keyed_sum in zip(paths, ours, plain, keyed, strict=True):
        with open(path, "rb") as file:
            data = file.read()
        what = f"{os.path.basename(path)}, {len(data)} bytes"
        check(mine["blake3"] == blake3.blake3(data).hexdigest() == plain_sum, f"{what}: BLAKE3")
        check(mine["keyed"] == blake3.blake3(data, key=KEY).hexdigest() == keyed_sum, f"{what}: BLAKE3 with a key")
        check(mine["xet"] == theirs[path], f"{what}: {mine['xet']}, and {theirs[path]} by hf_xet")
        check(sum(size for _, size in mine["chunks"]) == len(data), f"{what}: its chunks are not all of it")


def fetch(hub, rng, folder):
    """Hugging Face's client gets models through reconstructions and xorbs, a fine-tune with chunks of its base among them."""
    root = os.path.join(folder, "root")
    base = rng.randbytes(9_000_000)
    tune = base[:3_000_000] + rng.randbytes(2_000_000) + base[5_000_000:]
    hubs.write(root, "org/base", {"model.safetensors": base, "config.json": b"{}"})
    hubs.write(root, "org/tune", {"model.safetensors": tune, "config.json": b"{}"})
    os.environ["HF_HOME"] = os.path.join(folder, "home")
    with hubs.Hub(hub, root, "--xet") as server:
        os.environ["HF_ENDPOINT"] = server.endpoint
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
        from huggingface_hub import snapshot_download
        for name, data in (("org/base", base), ("org/tune", tune)):
            place = snapshot_download(name)
            with open(os.path.join(place, "model.safetensors"), "rb") as file:
                check(file.read() == data, f"{name}: other bytes came")
        asked = [request["path"] for request in server.log() if request["at"] == "cas"]
        check(any("/reconstructions/" in path for path in asked), "the client asked for no reconstruction")
        check(any("/xorbs/" in path for path in asked), "the client fetched no xorb")
        check(not [request for request in server.log() if request["at"] == "cdn"], "the client fetched without Xet")


def main():
    rng = random.Random(41)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        compare(sys.argv[1], make(rng, folder))
        fetch(sys.argv[1], rng, folder)
    print(f"{checks} checks, {len(violations)} violations")
    sys.exit(1 if violations else 0)


main()
