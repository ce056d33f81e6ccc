"""A place to work in, a cake to try, and a count of what did not hold. For the scripts that try the real binary."""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile


class Trial:
    """Works in a folder of its own, which is gone afterwards whatever happens (unless kept)."""

    def __init__(self, cake, keep=False):
        self.cake = os.path.realpath(cake)
        if not os.access(self.cake, os.X_OK):
            sys.exit(f"error: {cake} is not a program\nfix: scripts/cake --version")
        self.keep, self.checks, self.violations, self.at_the_end = keep, 0, [], []
        self.place = tempfile.mkdtemp(prefix="cake-trial-")
        self.store = os.path.join(self.place, "store")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for action in self.at_the_end:
            action()
        if self.keep:
            print(f"kept: {self.place}")
        else:
            shutil.rmtree(self.place, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.place, *parts)

    def command(self, *arguments, store=None):
        return [self.cake, "--store", store or self.store, *arguments]

    def start(self, *arguments, store=None):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")}
        return subprocess.Popen(self.command(*arguments, store=store), env=kept, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")

    def call(self, *arguments, store=None, patience=600):
        """Runs to the end; gives (status, standard output, standard error). Still running after `patience` s is a violation."""
        child = self.start(*arguments, store=store)
        try:
            out, err = child.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            self.check(False, f"cake {' '.join(arguments)} was still running after {patience} s")
        return child.returncode, out, err

    def check(self, holds, what):
        self.checks += 1
        if not holds:
            self.violations.append(what)
            print(f"VIOLATION: {what}", flush=True)
        return holds

    def works(self, *arguments, after="", store=None):
        """The command ends with 0. Gives its standard output."""
        status, out, err = self.call(*arguments, store=store)
        what = f"cake {' '.join(arguments)}" + (f", after {after}," if after else "")
        self.check(status == 0, f"{what} ended with {status}: {(err or out).strip()[-1500:]}")
        return out

    def same(self, want, got, what):
        """Two folders hold the same files, links followed, and nothing else."""
        wrong = difference(want, got)
        return self.check(wrong is None, f"{what}: {wrong}")

    def exports(self, name, want, after="", store=None):
        """The model comes back bit for bit, into a folder of its own."""
        out = tempfile.mkdtemp(prefix="out-", dir=self.place)
        self.works("export", name, "-o", os.path.join(out, "model"), after=after, store=store)
        self.same(want, os.path.join(out, "model"), f"export of {name}" + (f" after {after}" if after else ""))
        shutil.rmtree(out, ignore_errors=True)

    def finish(self):
        print(f"{self.checks} checks, {len(self.violations)} violations")
        return 1 if self.violations else 0


def difference(want, got):
    def names(root):
        return sorted(os.path.relpath(os.path.join(place, name), root)
                      for place, _, found in os.walk(root, followlinks=True) for name in found)
    left, right = names(want), names(got)
    if left != right:
        return f"missing {sorted(set(left) - set(right))[:5]}, too many {sorted(set(right) - set(left))[:5]}"
    for name in left:
        with open(os.path.join(want, name), "rb") as a, open(os.path.join(got, name), "rb") as b:
            at = 0
            while True:
                x, y = a.read(1 << 20), b.read(1 << 20)
                if x != y:
                    near = next((i for i, (m, n) in enumerate(zip(x, y)) if m != n), min(len(x), len(y)))
                    return f"{name} differs at byte {at + near}"
                if not x:
                    break
                at += len(x)
    return None


def bf16_like(seed, size):
    """Bytes that compress like weights do: the high byte of each pair has few values."""
    rng = random.Random(seed)
    data = bytearray(rng.randbytes(size))
    table = bytes(60 + (value >> 4) % 4 + (value & 1) * 128 for value in range(256))
    data[1::2] = bytes(data[1::2]).translate(table)
    return bytes(data)
