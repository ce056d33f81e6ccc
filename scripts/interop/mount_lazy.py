"""Models of a hub are mounted with --lazy: read by real programs, and while the hub, the disk or a process fails. Started by mount."""
import concurrent.futures
import mmap
import os
import random
import shutil
import subprocess
import sys
import time

here = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(here, "..", "lib"), os.path.join(here, ".."), here]
import hub as hubs
import load
import safetensors
import safetensors.torch
import torch
import transformers
from trial import Trial

MIB = 1 << 20
READERS = 16


class Stage:
    """A hub with its models, and lazy mounts of them."""

    def __init__(self, trial, tool):
        self.trial, self.tool, self.root, self.mounts = trial, tool, trial.path("hub"), []
        self.weights = os.path.join(self.root, "org/big/model.safetensors")
        large(os.path.dirname(self.weights), 8, 8 * MIB)
        large(os.path.join(self.root, "org/more"), 4, 5 * MIB + 12_345)
        hubs.write(self.root, "org/many", {f"f{number}.json": b"{%d}\n" % number for number in range(1100)})
        small = os.path.join(self.root, "org/llama")
        load.MODELS["llama"]().save_pretrained(small, max_shard_size="60KB")
        load.tokenizer().save_pretrained(small)
        self.hub = hubs.Hub(tool, self.root, "--quota", "10000000")
        os.environ["HF_ENDPOINT"] = self.hub.endpoint
        trial.at_the_end.append(self.end)

    def end(self):
        for mounted in self.mounts:
            mounted.end()
        self.hub.__exit__()

    def restart(self):
        """The hub is killed, and begins again at the same ports."""
        ports = [url.rsplit(":", 1)[1] for url in (self.hub.endpoint, self.hub.cdn)]
        self.hub.__exit__()
        time.sleep(1)
        self.hub = hubs.Hub(self.tool, self.root, "--quota", "10000000", "--port", ports[0], "--cdn-port", ports[1])

    def sent(self, ending=".safetensors"):
        """Bytes of files that the hub sent since it forgot its log."""
        return sum(line.get("sent", 0) for line in self.hub.log() if line["at"] == "cdn" and line["path"].endswith(ending))

    def mount(self, *names, store=None, **options):
        self.hub.behave()
        self.hub.forget()
        mounted = Mounted(self, names or ("org/big",), store or self.trial.path(f"store-{len(self.mounts)}"), **options)
        self.mounts.append(mounted)
        return mounted


class Mounted:
    def __init__(self, stage, names, store, options=(), lazy=True):
        self.trial, self.store = stage.trial, store
        self.top = self.trial.path(f"mount-{len(stage.mounts)}")
        self.child = self.trial.start("mount", self.top, *(["--lazy"] if lazy else []), *names, *options, store=store)
        self.said = self.child.stdout.readline()
        self.trial.check(self.said.startswith("mounted"), f"mount of {names}: {self.said}")
        self.file = os.path.join(self.top, "org/big/model.safetensors")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Gives what it said to people."""
        if self.child.poll() is None:
            self.child.terminate()
        try:
            _, self.errors = self.child.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.trial.check(False, f"the mount at {self.top} did not end within 30 s")
            self.errors = self.child.communicate()[1]
        except ValueError:
            pass
        if os.path.ismount(self.top):
            subprocess.run(["umount", "--lazy", self.top], check=False)
        return self.errors


def large(folder, count, size):
    os.makedirs(folder)
    entries = [(f"t{number}", "U8", (size,), lambda number=number: random.Random(number).randbytes(size)) for number in range(count)]
    load.files.write_file(os.path.join(folder, "model.safetensors"), entries, {"format": "pt"})
    load.files.write_json(os.path.join(folder, "config.json"), {"model_type": "none"})


def content(path):
    with open(path, "rb") as file:
        return file.read()


def read(path, place, count, direct=False):
    """Bytes of a file, or the name of the error."""
    opened = os.open(path, os.O_RDONLY | (os.O_DIRECT if direct else 0))
    try:
        with mmap.mmap(-1, max(count, 4096)) as room:
            return bytes(room[:os.preadv(opened, [memoryview(room)[:count]], place)])
    except OSError as error:
        return os.strerror(error.errno)
    finally:
        os.close(opened)


def together(acts):
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        return [future.result() for future in [pool.submit(act) for act in acts]]


def programs(trial, stage):
    want = content(stage.weights)
    with stage.mount() as mounted:
        with safetensors.safe_open(mounted.file, framework="pt") as opened:
            tensor = opened.get_tensor("t3").clone()
        plain = safetensors.torch.load_file(stage.weights)
        trial.check(torch.equal(tensor, plain["t3"]), "one tensor by safe_open differs")
        time.sleep(0.5)
        first = stage.sent()
        trial.check(first <= 8 * MIB + 34 * MIB, f"one tensor of 8 MiB: {first} bytes were sent")
        state = safetensors.torch.load_file(mounted.file)
        trial.check(all(torch.equal(state[key], plain[key]) for key in plain), "load_file differs")
        time.sleep(0.5)
        trial.check(stage.sent() <= len(want) + 4096, f"all of a file of {len(want)} bytes: {stage.sent()} were sent")
    with stage.mount() as mounted:
        read(mounted.file, 50 * MIB + 4096, 4096)
        time.sleep(0.5)
        trial.check(stage.sent() <= MIB + (64 << 10) + 4096, f"one page: {stage.sent()} bytes were sent")
    with stage.mount() as mounted:
        both = [subprocess.Popen(["cmp", stage.weights, mounted.file]) for _ in range(2)]
        trial.check([child.wait() for child in both] == [0, 0], "two programs at once: cmp differs")
        trial.check(stage.sent() <= len(want) + 4096, f"two programs at once: {stage.sent()} bytes of {len(want)} were sent")
    with stage.mount() as mounted:
        places = [(random.Random(number).randrange(len(want)), random.Random(~number).choice((1, 4096, 70_000))) for number in range(500)]
        got = together([lambda place=place: read(mounted.file, *place) == want[place[0]:sum(place)] for place in places])
        trial.check(all(got), f"pread by 64 threads: {got.count(False)} differ")
        direct = together([lambda place=place: read(mounted.file, place, 4096, True) == want[place:place + 4096]
                           for place in range(0, len(want) - 4096, MIB + 4096)])
        trial.check(all(direct), f"O_DIRECT: {direct.count(False)} differ")
        with open(mounted.file, "rb") as file, mmap.mmap(file.fileno(), 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ) as view:
            trial.check(view[:] == want, "mmap differs")
    with stage.mount() as mounted, open(trial.path("sent"), "wb") as out, open(mounted.file, "rb") as file:
        place = 0
        while count := os.sendfile(out.fileno(), file.fileno(), place, 4 * MIB):
            place += count
        trial.check(content(out.name) == want, "sendfile differs")
    for tool in (["cp", "-r"], ["rsync", "-a"]):
        if not shutil.which(tool[0]):
            print(f"skipped: this machine has no {tool[0]}")
            continue
        with stage.mount("org/big", "org/more", "org/llama") as mounted:
            copy = trial.path("copy-" + tool[0])
            trial.check(subprocess.run([*tool, mounted.top + "/", copy], check=False).returncode == 0, f"{tool} failed")
            for name in ("big", "more", "llama"):
                trial.same(os.path.join(stage.root, "org", name), os.path.join(copy, "org", name), f"{tool} of {name}")
    script = ("import transformers, sys; model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1]);"
              "print(sum(p.float().sum().item() for p in model.parameters()))")
    with stage.mount("org/llama") as mounted:
        said = []
        for model, env in ((os.path.join(stage.root, "org/llama"), {}), ("org/llama", {"HF_HUB_CACHE": mounted.top + "/.hf"})):
            done = subprocess.run([sys.executable, "-c", script, model], capture_output=True, text=True, check=False,
                                  env=os.environ | {"HF_HUB_OFFLINE": "1"} | env)
            trial.check(done.returncode == 0, f"from_pretrained({model}): {done.stderr[-500:]}")
            said.append(done.stdout.split("\n")[-2:])
        trial.check(said[0] == said[1], f"transformers from the cache: {said}")


def main():
    from mount_faults import faults
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_HUB_CACHE"):
        os.environ.pop(name, None)
    with Trial(sys.argv[1]) as trial:
        stage = Stage(trial, sys.argv[2])
        programs(trial, stage)
        faults(trial, stage)
        return trial.finish()


if __name__ == "__main__":
    sys.exit(main())
