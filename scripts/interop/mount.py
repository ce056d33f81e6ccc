"""A store of small models is mounted, and real programs read them. Started by mount, which provides the packages."""
import concurrent.futures
import errno
import glob
import mmap
import os
import random
import subprocess
import sys

here = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(here, "..", "lib"), os.path.join(here, ".."), here]
import gguf
import load
import numpy
import safetensors
import safetensors.torch
import torch
import transformers
from trial import Trial, bf16_like

SEED = 18
THREADS = 64


def transformers_model(trial, name):
    folder = trial.path(name)
    load.MODELS[name]().save_pretrained(folder, max_shard_size="60KB")
    load.tokenizer().save_pretrained(folder)
    return folder


def large_model(trial, name, seed):
    """Several pieces a tensor, and a delta where the other one is here."""
    folder = trial.path(name)
    os.makedirs(folder)
    entries = []
    for number in range(4):
        data = bytearray(bf16_like(number, 6 << 20))
        rng = random.Random(seed)
        for _ in range(2000 if seed else 0):
            data[2 * rng.randrange(len(data) // 2)] ^= 1
        entries.append((f"layers.{number}.weight", "BF16", (3 << 10, 1 << 10), lambda data=bytes(data): data))
    load.files.write_file(os.path.join(folder, "model.safetensors"), entries, {"format": "pt"})
    load.files.write_json(os.path.join(folder, "config.json"), {"model_type": "none"})
    return folder


def gguf_model(trial, name):
    folder = trial.path(name)
    os.makedirs(folder)
    writer = gguf.GGUFWriter(os.path.join(folder, "model.gguf"), "llama")
    rng = numpy.random.default_rng(SEED)
    for number in range(6):
        writer.add_tensor(f"blk.{number}.weight", rng.standard_normal((256, 512), dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return folder


def refusals(mounted, file):
    """Each way to write, and what else has to fail: what is done, and the error number."""
    folder, missing = os.path.dirname(file), os.path.join(os.path.dirname(file), "missing")
    writing = {
        "open for write": lambda: os.open(file, os.O_WRONLY), "open for both": lambda: os.open(file, os.O_RDWR),
        "open and cut": lambda: os.open(file, os.O_WRONLY | os.O_TRUNC), "append": lambda: os.open(file, os.O_APPEND | os.O_WRONLY),
        "create": lambda: os.open(missing, os.O_CREAT | os.O_WRONLY), "mkdir": lambda: os.mkdir(missing),
        "rmdir": lambda: os.rmdir(folder), "unlink": lambda: os.unlink(file), "rename": lambda: os.rename(file, missing),
        "link": lambda: os.link(file, missing), "symlink": lambda: os.symlink("a", missing),
        "chmod": lambda: os.chmod(file, 0o777), "chown": lambda: os.chown(file, 1, 1), "utime": lambda: os.utime(file, (1, 1)),
        "truncate": lambda: os.truncate(file, 0), "mkfifo": lambda: os.mkfifo(missing),
        "setxattr": lambda: os.setxattr(file, "user.a", b"1"), "create at the top": lambda: os.mkdir(os.path.join(mounted, "x")),
    }
    other = {
        "a missing file": (errno.ENOENT, lambda: os.stat(missing)), "a missing model": (errno.ENOENT, lambda: os.listdir(mounted + "/no/no")),
        "a file as folder": (errno.ENOTDIR, lambda: os.stat(file + "/x")), "read of a folder": (errno.EISDIR, lambda: os.read(os.open(folder, os.O_RDONLY), 1)),
        "a list of a file": (errno.ENOTDIR, lambda: os.listdir(file)), "a name of 256 bytes": (errno.ENAMETOOLONG, lambda: os.stat(folder + "/" + "a" * 256)),
        "readlink of a file": (errno.EINVAL, lambda: os.readlink(file)), "a read before the start": (errno.EINVAL, lambda: os.lseek(os.open(file, os.O_RDONLY), -1, 0)),
    }
    return {title: (errno.EROFS, act) for title, act in writing.items()} | other


def errors(trial, mounted, file):
    table = refusals(mounted, file)
    for title, (wanted, act) in table.items():
        try:
            act()
            got = "nothing"
        except OSError as error:
            got = errno.errorcode[error.errno]
        trial.check(got == errno.errorcode[wanted], f"{title}: {got} instead of {errno.errorcode[wanted]}")
    return len(table)


def reads(trial, plain, mounted):
    """Any range, from many threads; by mmap, by sendfile, past the end."""
    with open(plain, "rb") as file:
        want = file.read()
    opened = os.open(mounted, os.O_RDONLY)
    rng = random.Random(SEED)
    ranges = [(rng.randrange(len(want)), rng.choice((1, 4096, 70_000, 3 << 20))) for _ in range(2000)]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        wrong = [place for place, same in zip(ranges, pool.map(
            lambda place: os.pread(opened, place[1], place[0]) == want[place[0]:sum(place)], ranges)) if not same]
    trial.check(not wrong, f"pread from {THREADS} threads: {wrong[:5]}")
    trial.check(os.pread(opened, 10, len(want) + 5) == b"", "a read behind the end has bytes")
    for kind in (mmap.MAP_SHARED, mmap.MAP_PRIVATE):
        with mmap.mmap(opened, 0, flags=kind, prot=mmap.PROT_READ) as view:
            trial.check(view[:] == want, f"mmap {kind} differs")
    with open(trial.path("sent"), "wb") as out:
        place = 0
        while count := os.sendfile(out.fileno(), opened, place, len(want) - place):
            place += count
    with open(trial.path("sent"), "rb") as sent:
        trial.check(sent.read() == want, "sendfile differs")
    os.close(opened)


def benchmark_reads(trial, path):
    for options in (["--rw=read", "--bs=1M"], ["--rw=randread", "--bs=4k", "--ioengine=mmap", "--io_size=8M"],
                    ["--rw=randread", "--bs=64k", "--direct=1", "--numjobs=8", "--io_size=8M"]):
        done = subprocess.run(["fio", "--name=read", "--readonly", f"--filename={path}", *options], capture_output=True,
                              text=True, check=False)
        trial.check(done.returncode == 0 and "err= 0" in done.stdout, f"fio {options}: {done.stdout[-300:]}{done.stderr[-300:]}")


def loaders(trial, name, folder, top):
    mounted = os.path.join(top, "team", name)
    want = {}
    for file in glob.glob(os.path.join(folder, "*.safetensors")):
        with safetensors.safe_open(file.replace(folder, mounted), framework="pt") as opened:
            plain = safetensors.torch.load_file(file)
            want |= plain
            trial.check(set(opened.keys()) == set(plain), f"{name}: safe_open has other names")
            trial.check(all(torch.equal(opened.get_tensor(key), plain[key]) for key in plain), f"{name}: safe_open differs")
    archive = os.path.join(top, ".fast", "team", name + ".pt")
    for turn in ("first", "second"):
        state = torch.load(archive, mmap=True, weights_only=True)
        trial.check(all(key in state and torch.equal(state[key], want[key]) for key in want), f"{name}: torch.load differs, {turn} time")
    trial.works("verify", archive)
    out = trial.path(name + ".pt")
    trial.works("export", f"team/{name}", "--format", "fast", "-o", out)
    with open(out, "rb") as one, open(archive, "rb") as other:
        trial.check(one.read() == other.read(), f"{name}: the archive is not that of an export")


def from_the_cache(trial, name, folder, top):
    script = ("import transformers, sys; model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1]);"
              "words = transformers.AutoTokenizer.from_pretrained(sys.argv[1]);"
              "print(words('the cake')['input_ids'], sum(p.float().sum().item() for p in model.parameters()))")
    said = []
    for model, env in ((folder, {}), (f"team/{name}", {"HF_HUB_CACHE": os.path.join(top, ".hf"), "HF_HUB_OFFLINE": "1"})):
        done = subprocess.run([sys.executable, "-c", script, model], capture_output=True, text=True, check=False, env=os.environ | env)
        trial.check(done.returncode == 0, f"from_pretrained({model}): {done.stderr[-500:]}")
        said.append(done.stdout.split("\n")[-2:])
    trial.check(said[0] == said[1], f"{name}: from the cache: {said}")


def main():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with Trial(sys.argv[1]) as trial:
        folders = {name: transformers_model(trial, name) for name in load.MODELS}
        folders |= {"base": large_model(trial, "base", 0), "tune": large_model(trial, "tune", 5), "words": gguf_model(trial, "words")}
        for name, folder in folders.items():
            if name != "tune":
                trial.works("import", folder, f"team/{name}")
        top = trial.path("models")
        trial.works("mount", top, "--detach")
        trial.at_the_end.append(lambda: trial.call("umount", top))
        trial.works("import", folders["tune"], "team/tune", after="the mount began")
        trial.check(sorted(os.listdir(top + "/team")) == sorted(folders), f"the folder has {os.listdir(top + '/team')}")
        for name, folder in folders.items():
            trial.same(folder, os.path.join(top, "team", name), f"{name}, mounted")
        count = errors(trial, top, os.path.join(top, "team/base/config.json"))
        reads(trial, folders["tune"] + "/model.safetensors", top + "/team/tune/model.safetensors")
        benchmark_reads(trial, top + "/team/base/model.safetensors")
        for name in [*load.MODELS, "base", "tune"]:
            loaders(trial, name, folders[name], top)
        for name in load.MODELS:
            from_the_cache(trial, name, folders[name], top)
        one, other = (gguf.GGUFReader(place + "/model.gguf") for place in (folders["words"], top + "/team/words"))
        trial.check([t.name for t in one.tensors] == [t.name for t in other.tensors]
                    and all((a.data == b.data).all() for a, b in zip(one.tensors, other.tensors)), "gguf differs")
        del one, other
        trial.works("rm", "team/words")
        trial.check("words" not in os.listdir(top + "/team"), "a removed model is still listed")
        status, _, err = trial.call("umount", top)
        trial.check(status == 0 and not os.path.ismount(top), f"umount ended with {status}: {err}")
        print(f"torch {torch.__version__}, safetensors {safetensors.__version__}, transformers {transformers.__version__}; "
              f"{len(folders)} models, {count} refusals")
        return trial.finish()


if __name__ == "__main__":
    sys.exit(main())
