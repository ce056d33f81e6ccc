#!/usr/bin/env python3
"""One load in a process of its own, for the bench of the Python package. Prints JSON.

    python_loading.py WAY ARGS…     {"seconds": …, "peak": bytes of this process, "bytes": …}
"""
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time


def touch(tensors):
    import torch
    size = 0
    for tensor in tensors:
        size += tensor.numel() * tensor.element_size()
        if tensor.numel():
            tensor.contiguous().view(torch.uint8).view(-1)[::4096].sum()
    return size


def state_dict(store, name, threads, verify="yes"):
    import cake
    return cake.open(name, store=store).state_dict(threads=int(threads), verify=verify == "yes").values()


def plain(*paths):
    import safetensors.torch
    return [tensor for path in paths for tensor in safetensors.torch.load_file(path).values()]


def nothing():
    """What every way needs is read from the disk; no model is."""
    from cake import _library, _state  # noqa: F401
    _library.library()
    return []


def export(binary, store, name, out):
    """The whole way of somebody without the package: export to memory, then load."""
    subprocess.run([binary, "--store", store, "--quiet", "export", name, "-o", out], check=True)
    return plain(*(os.path.join(out, file) for file in sorted(os.listdir(out)) if file.endswith(".safetensors")))


def copy(out, *paths):
    os.makedirs(out)
    subprocess.run(["cp", "--reflink=never", *paths, out], check=True)
    return plain(*(os.path.join(out, os.path.basename(path)) for path in paths))


def fastsafetensors(*paths):
    from fastsafetensors import SafeTensorsFileLoader, SingleGroup
    loader = SafeTensorsFileLoader(SingleGroup(), "cpu", nogds=True)
    loader.add_filenames({0: list(paths)})
    buffer = loader.copy_files_to_device()
    return [buffer.get_tensor(key) for key in buffer.key_to_rank_lidx]


def runai(*paths):
    from runai_model_streamer import SafetensorsStreamer
    out = []
    with SafetensorsStreamer() as streamer:
        streamer.stream_files(list(paths))
        for _, tensor in streamer.get_tensors():
            out.append(tensor.clone())
    return out


def slices(store, name):
    """The median of many slices of 1 MB at random places of the largest tensor."""
    import random
    import cake
    model = cake.open(name, store=store, framework="pt")
    tensor = max(model.tensors.values(), key=lambda one: one.nbytes)
    rows = max(1, (1 << 20) * tensor.shape[0] // tensor.nbytes)
    rng, took = random.Random(1), []
    for _ in range(60):
        first = rng.randrange(tensor.shape[0] - rows)
        began = time.monotonic()
        tensor[first:first + rows]
        took.append(time.monotonic() - began)
    return sorted(took[10:])[25]


def interrupted(store, name):
    """From Ctrl-C to KeyboardInterrupt, in the middle of a read."""
    import cake
    model = cake.open(name, store=store)
    pressed = []

    def press():
        time.sleep(0.1)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=press).start()
    try:
        model.state_dict()
    except KeyboardInterrupt:
        return time.monotonic() - pressed[0]
    return None


def own_peak():
    """The most memory that this process had. What getrusage says begins with what its parent had."""
    with open("/proc/self/status", encoding="ascii") as file:
        return 1024 * int(re.search(r"VmHWM:\s*(\d+)", file.read())[1])


WAYS = {"nothing": nothing, "state_dict": state_dict, "plain": plain, "export": export, "copy": copy, "fastsafetensors": fastsafetensors, "runai": runai}


def main():
    way, *words = sys.argv[1:]
    if way in ("slices", "interrupted"):
        import torch  # noqa: F401  (not what is measured)
        print(json.dumps({"seconds": {"slices": slices, "interrupted": interrupted}[way](*words)}))
        return
    import numpy  # noqa: F401
    import safetensors.torch  # noqa: F401
    import torch
    torch.empty(1).sum()
    before = own_peak()
    began = time.monotonic()
    tensors = list(WAYS[way](*words))
    size = touch(tensors)
    seconds = time.monotonic() - began
    print(json.dumps({"seconds": seconds, "peak": own_peak() - before, "bytes": size}))


if __name__ == "__main__":
    main()
