#!/usr/bin/env python3
"""a mounted model beside its plain files, and beside an export that is then read: in order, here and there, by safetensors"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import timing
from timing import MIB, goal, line, run, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "mount")
CAKE = os.environ.get("CAKE_BINARY")
PYTHON = os.environ["CAKE_BENCH_LOAD_PYTHON"]
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")
STORE, TOP = os.path.join(WORK, "store"), os.path.join(WORK, "models")
MODELS = ("base", "noise")
LOAD = """
import sys, time, safetensors, safetensors.torch, json
what, *paths = sys.argv[1:]
if what == "pretrained":
    import transformers
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    load = transformers.LlamaForCausalLM.from_pretrained
began = time.monotonic()
if what == "first":
    with safetensors.safe_open(paths[0], framework="pt") as opened:
        opened.get_tensor(next(iter(opened.keys()))).view(-1)[::2048].float().sum()
elif what == "pretrained":
    for tensor in load(paths[0]).parameters():
        tensor.detach().view(-1)[::2048].float().sum()
else:
    for path in paths:
        for tensor in safetensors.torch.load_file(path).values():
            tensor.view(-1)[::2048].float().sum()
print(json.dumps(time.monotonic() - began))
"""


def environment():
    return {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")} | {"CAKE_HOME": STORE}


def cake(*words, output=None):
    return run([CAKE, *words], env=environment(), output=output)


class SlowDisk:
    """Inside, this process and all that it starts read at most so many bytes a second from the disk."""

    RATE = 500_000_000
    WAYS = (("/sys/fs/cgroup/blkio", ":blkio:", "blkio.throttle.read_bps_device", ""), ("/sys/fs/cgroup", "0::", "io.max", "rbps="))

    def __init__(self):
        """Only root can do it, and not with every kernel."""
        number = os.stat(WORK).st_dev
        device = os.path.realpath(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
        if os.path.exists(os.path.join(device, "partition")):
            device = os.path.dirname(device)
        self.is_possible = False
        for top, mark, setting, rate in self.WAYS:
            self.group = os.path.join(top, "cake-bench")
            try:
                with open("/proc/self/cgroup", encoding="ascii") as file:
                    self.own = top + next(line.split(mark)[1].strip() for line in file if mark in line)
                with open(os.path.join(device, "dev"), encoding="ascii") as file:
                    limit = f"{file.read().strip()} {rate}{self.RATE}"
                os.makedirs(self.group, exist_ok=True)
                self.write(os.path.join(self.group, setting), limit)
            except (OSError, StopIteration):
                continue
            self.is_possible = True
            return

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def __enter__(self):
        self.write(os.path.join(self.group, "cgroup.procs"), str(os.getpid()))

    def __exit__(self, *_):
        self.write(os.path.join(self.own, "cgroup.procs"), str(os.getpid()))

    def end(self):
        if self.is_possible:
            os.rmdir(self.group)


class Mounted:
    """A mount that has read nothing yet."""

    def __enter__(self):
        answer = subprocess.run([CAKE, "--json", "mount", TOP, "--detach"], env=environment(), capture_output=True, text=True, check=True)
        self.process = json.loads(answer.stdout)["process"]
        return self

    def __exit__(self, *_):
        cake("--quiet", "umount", TOP)

    def peak(self):
        with open(f"/proc/{self.process}/status", encoding="ascii") as file:
            return 1024 * int(re.search(r"VmHWM:\s*(\d+)", file.read())[1])


def files_of(model, size):
    folder = os.path.join(WORK, f"of-{size}", "bench", model)
    return folder, sorted(name for name in os.listdir(folder) if name.endswith(".safetensors"))


def prepare(size):
    made = os.path.join(WORK, f"of-{size}")
    subprocess.run([os.environ["CAKE_BENCH_PYTHON"], os.path.join(here, "lib", "shards.py"), made, str(size)], check=True)
    noise = os.path.join(made, "bench", "noise")
    if not os.path.exists(noise):
        # What no coder makes smaller: its layers are stored as they are.
        os.makedirs(noise)
        sys.path.insert(0, os.path.join(here, "..", "lib"))
        import safetensors_files as files
        each = 32 * MIB
        files.write_file(os.path.join(noise, "model.safetensors"), [
            (f"noise.{number}", "U8", (each,), lambda: os.urandom(each)) for number in range(max(1, size // each // 4))])
    shutil.rmtree(STORE, ignore_errors=True)
    llama = os.path.join(made, "bench", "llama")
    if not os.path.exists(llama):
        of_torch = os.path.join(made, "of-torch")
        subprocess.run([PYTHON, os.path.join(here, "lib", "loading.py"), "make", of_torch, str(size // 4)], check=True)
        os.rename(os.path.join(of_torch, "model"), llama)
        shutil.rmtree(of_torch)
    for model in (*MODELS, "llama"):
        cake("--quiet", "import", files_of(model, size)[0], f"bench/{model}")


def in_order(paths):
    began = time.monotonic()
    for path in paths:
        subprocess.run(["dd", f"if={path}", "of=/dev/null", "bs=1M", "status=none"], check=True)
    return time.monotonic() - began


def here_and_there(path, bytes_read):
    answer = subprocess.run(["fio", "--name=r", "--readonly", "--rw=randread", "--bs=4k", "--ioengine=mmap", "--randseed=7",
                             f"--io_size={bytes_read}", f"--filename={path}", "--output-format=json"],
                            capture_output=True, text=True, check=True)
    return json.loads(answer.stdout[answer.stdout.index("{"):])["jobs"][0]["read"]["runtime"] / 1000


def loaded(what, paths):
    answer = subprocess.run([PYTHON, "-c", LOAD, what, *paths], capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def one_round(size, found, peaks, slow):
    """Adds to {(what, where): seconds}. Each cold reading begins with empty caches and a new mount."""
    def note(what, where, seconds):
        found.setdefault((what, where), []).append(seconds)
    for model in MODELS:
        folder, names = files_of(model, size)
        plain = [os.path.join(folder, name) for name in names]
        mounted = [os.path.join(TOP, "bench", model, name) for name in names]
        for where, paths in (("plain", plain), ("mount", mounted)):
            timing.drop_caches()
            with Mounted() as server:
                note(f"{model}, in order, cold", where, in_order(paths))
                note(f"{model}, in order, again", where, in_order(paths))
                peaks.append(server.peak())
        if model == "noise":
            continue
        timing.drop_caches()
        note("base, in order, cold", "decoding alone", sum(cake("cat", f"bench/{model}", name).wall for name in names))
        out = os.path.join(WORK, "out")
        shutil.rmtree(out, ignore_errors=True)
        timing.drop_caches()
        began = time.monotonic()
        cake("--quiet", "export", f"bench/{model}", "-o", out)
        note("base, in order, cold", "export, then read", time.monotonic() - began + in_order([os.path.join(out, name) for name in names]))
        shutil.rmtree(out)
    loads = (("here and there, 4 KiB by mmap, cold", "base", lambda _, paths: here_and_there(paths[0], size // 128)),
             ("the first tensor, cold", "base", lambda _, paths: loaded("first", paths)),
             ("load_file, cold", "base", lambda _, paths: loaded("all", paths)),
             ("from_pretrained, cold", "llama", lambda folder, _: loaded("pretrained", [folder])))
    for what, model, act in loads:
        cold(size, model, act, lambda where, seconds, what=what: note(what, where, seconds), peaks)
    if slow.is_possible:
        with slow:
            for what, model, act in loads[2:]:
                cold(size, model, act, lambda where, seconds, what=what: note(f"{what}, at 500 MB/s", where, seconds), peaks)


def cold(size, model, act, note, peaks):
    """The plain files, then the mounted ones."""
    plain, names = files_of(model, size)
    for where, folder in (("plain", plain), ("mount", os.path.join(TOP, "bench", model))):
        timing.drop_caches()
        # Python's own files are not what is measured.
        loaded("first", [os.path.join(files_of("base", size)[0], files_of("base", size)[1][-1])])
        with Mounted() as server:
            note(where, act(folder, [os.path.join(folder, name) for name in names]))
            peaks.append(server.peak())


def main():
    args = timing.asked(__doc__, rounds=3)
    if not timing.drop_caches():
        sys.exit("error: only root can empty the caches, and that is what is measured")
    size = 128 * MIB if args.quick else 2048 * MIB
    os.makedirs(WORK, exist_ok=True)
    say("making models, or finding them, and importing them")
    prepare(size)
    found, peaks, slow = {}, [], SlowDisk()
    if not slow.is_possible:
        say("the rate of this disk cannot be limited here: nothing is measured at 500 MB/s")
    for number in range(args.rounds):
        say(f"round {number + 1}")
        one_round(size, found, peaks, slow)
    slow.end()
    took = {key: statistics.median(values) for key, values in found.items()}
    places = ("plain", "mount", "decoding alone", "export, then read")
    whats = list(dict.fromkeys(what for what, _ in took))
    for (what, where), seconds in took.items():
        line(f"{what}: {where}", seconds, "s")

    def cell(what, where):
        values = found.get((what, where))
        return f"{statistics.median(values):.3f} ({min(values):.3f}–{max(values):.3f})" if values else ""
    text = timing.table(["seconds", *places], [[what, *(cell(what, where) for where in places)] for what in whats])

    def ratio(what, one, other):
        return took[what, one] / took[what, other]
    goals = [(title, *goal(title, *rest)) for title, *rest in (
        ("the first tensor", 1000 * took["the first tensor, cold", "mount"], 50, "ms"),
        ("coded, in order: speed against decoding alone", ratio("base, in order, cold", "decoding alone", "mount"), 0.8, "x", True),
        ("as it is, in order: speed against the plain file", ratio("noise, in order, cold", "plain", "mount"), 0.8, "x", True),
        ("coded, again: speed against the plain file", ratio("base, in order, again", "plain", "mount"), 0.95, "x", True),
        ("as it is, again: speed against the plain file", ratio("noise, in order, again", "plain", "mount"), 0.95, "x", True),
        *((f"{what}, at 500 MB/s: speed against the plain file", ratio(f"{what}, cold, at 500 MB/s", "plain", "mount"), 1.2, "x", True)
          for what in ("load_file", "from_pretrained") if slow.is_possible),
        ("peak memory of the mount", max(peaks) / MIB, 300, "MiB"))]
    if args.write:
        notes = (f"{size / (1 << 30):.3g} GiB of bf16 weights in four shards, and a quarter as much noise, which is stored as it is. "
                 f"{timing.runs(args.rounds)}, the least and the most in brackets; cold means empty caches and a new mount. The first tensor has 32 MiB; "
                 f"from_pretrained loads a Llama of {size / 4 / (1 << 30):.3g} GiB.")
        timing.write_table(PAGE, "mount", WORK, [timing.peer_version([CAKE, "--version"])], notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
