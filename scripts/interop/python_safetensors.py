"""A plugin of pytest: safetensors' own tests, but each file that they open is imported into a store and read by cake.safe_open."""
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading

import safetensors
import safetensors.numpy
import safetensors.torch

import cake

real = safetensors.safe_open
place = tempfile.TemporaryDirectory(prefix="cake-safetensors-")
counts = {"opened": 0, "refused": 0}
lock = threading.Lock()


def count(what):
    with lock:
        counts[what] += 1


def through_a_store(filename, framework="pt", device="cpu", **more):
    path = os.path.realpath(os.fspath(filename))
    if not os.path.exists(path):
        return real(filename, framework=framework, device=device, **more)
    # Tests in several threads have several files of one name.
    name = "m" + hashlib.sha256(f"{path}".encode()).hexdigest()[:16]
    store = os.path.join(place.name, "store")
    if not path.endswith(".safetensors"):  # cake goes by the name
        shutil.copy(path, os.path.join(place.name, name + ".safetensors"))
        path = os.path.join(place.name, name + ".safetensors")
    done = subprocess.run([os.environ["CAKE_BINARY"], "--store", store, "--quiet", "import", "--force", path, name], capture_output=True,
                          text=True, check=False)
    if done.returncode:
        count("refused")
        raise safetensors.SafetensorError(done.stderr.strip())
    count("opened")
    return cake.safe_open(name, framework=framework, device=device, store=store, **more)


def pytest_configure():
    for module in (safetensors, safetensors.torch, safetensors.numpy):
        module.safe_open = through_a_store


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"cake.safe_open: {counts['opened']} files opened through a store, {counts['refused']} refused by cake import")


def pytest_unconfigure():
    place.cleanup()
