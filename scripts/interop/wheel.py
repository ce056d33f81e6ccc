#!/usr/bin/env python3
"""What a wheel must be able to do in a Python without other packages. scripts/interop/wheel runs it, with the wheel installed.

    wheel.py CAKE FOLDER [--system-certificates]

CAKE is the command that the wheel put on PATH. FOLDER has host.pem, host.key and root.pem for localhost. With
--system-certificates the root is where this system keeps such files, and nothing tells cake about it.
"""
import hashlib
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time

import cake
from cake import _library

TENSORS = {"a.weight": (512, 1024), "b.weight": (64, 96), "c.bias": (7,)}


def write_model(folder, seed, near=None):
    """bf16 weights, as safetensors; `near` is another model of which few numbers differ. Gives the bytes of each tensor."""
    rng, header, data, at = random.Random(seed), {}, {}, 0
    for name, shape in TENSORS.items():
        count = 1
        for length in shape:
            count *= length
        if near:
            bits = bytearray(near[name])
            for place in rng.sample(range(count), max(1, count // 50)):
                bits[place * 2] ^= 1
        else:
            bits = bytearray(rng.getrandbits(8) if place % 2 == 0 else 60 + rng.getrandbits(2) for place in range(count * 2))
        data[name] = bytes(bits)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + count * 2]}
        at += count * 2
    text = json.dumps(header).encode()
    os.makedirs(folder)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(data.values()))
    with open(os.path.join(folder, "config.json"), "w") as file:
        file.write("{}\n")
    return data


class Wheel:
    def __init__(self, program, certificates, of_the_system):
        self.program, self.certificates, self.of_the_system = program, certificates, of_the_system
        self.place = tempfile.mkdtemp(prefix="cake-wheel-")
        self.store, self.checks = os.path.join(self.place, "store"), 0

    def run(self, *words, store=None, fails=False, **variables):
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith(("HF_", "CAKE_", "SSL_CERT")) and not key.lower().endswith("_proxy")}
        done = subprocess.run([self.program, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                              env=kept | {"HOME": self.place, "CAKE_HOME": store or self.store} | variables)
        assert fails or done.returncode == 0, f"cake {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def check(self, holds, what):
        self.checks += 1
        assert holds, what

    def serving(self, *words):
        child = subprocess.Popen([self.program, "--store", self.store, "serve", "--listen", "127.0.0.1:0", "--json", *words],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        seen = []
        for line in child.stdout:
            seen.append(line)
            for word in line.replace('"', " ").replace(",", " ").split():
                if word.startswith(("http://127.0.0.1:", "https://127.0.0.1:", "https://localhost:")):
                    return child, word.rstrip("/.")
        raise AssertionError(f"cake serve ended: {''.join(seen)}")

    def pulls(self, *served, **variables):
        """A second store gets the model from a server that this one runs."""
        child, url = self.serving(*served)
        try:
            other = os.path.join(self.place, f"other-{self.checks}")
            url = url.replace("https://127.0.0.1", "https://localhost")
            if not variables and not self.of_the_system and served:
                refused = self.run("pull", "org/tune", store=other, fails=True, HF_ENDPOINT=url)
                self.check(refused.returncode == 13 and "SSL_CERT_FILE" in refused.stderr, refused.stderr)
                return
            self.run("pull", "org/tune", store=other, HF_ENDPOINT=url, **variables)
            self.run("verify", store=other)
            with cake.open("org/tune", store=other) as model:
                self.check(model.tensors["a.weight"].read() == self.tune["a.weight"], f"pulled from {url} with {variables}")
        finally:
            child.terminate()
            self.check(child.wait(30) == 0, "cake serve ends with 0 after SIGTERM")
            child.stdout.close()

    def all(self):
        start = time.perf_counter()
        _library.library()
        print(f"libcake: loaded in {1000 * (time.perf_counter() - start):.1f} ms")
        self.check(self.run("--version").stdout.startswith("cake "), "cake --version")
        base = write_model(os.path.join(self.place, "base"), 1)
        self.tune = write_model(os.path.join(self.place, "tune"), 2, near=base)
        self.run("import", os.path.join(self.place, "base"), "org/base")
        self.run("import", os.path.join(self.place, "tune"), "org/tune", "--base", "org/base")
        listed = json.dumps(json.loads(self.run("ls", "--json").stdout))
        self.check("org/base" in listed and "org/tune" in listed, "cake ls --json")
        for name, wanted in (("org/base", base), ("org/tune", self.tune)):
            with cake.open(name, store=self.store) as model:
                for tensor, data in wanted.items():
                    self.check(model.tensors[tensor].read() == data, f"{tensor} of {name}")
        self.run("export", "org/tune", "-o", os.path.join(self.place, "copy"))
        digests = {hashlib.sha256(open(os.path.join(self.place, where, "model.safetensors"), "rb").read()).digest()
                   for where in ("tune", "copy")}
        self.check(len(digests) == 1, "cake export")
        self.pulls()
        served = ("--tls-certificate", os.path.join(self.certificates, "host.pem"),
                  "--tls-key", os.path.join(self.certificates, "host.key"))
        self.pulls(*served)
        if not self.of_the_system:
            self.pulls(*served, SSL_CERT_FILE=os.path.join(self.certificates, "root.pem"))
            self.pulls(*served, SSL_CERT_DIR=os.path.join(self.certificates, "folder"))
        print(f"{self.checks} checks hold: Python {platform.python_version()}, {' '.join(platform.libc_ver())}")


if __name__ == "__main__":
    Wheel(sys.argv[1], sys.argv[2], "--system-certificates" in sys.argv[3:]).all()
