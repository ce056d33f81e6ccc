#!/usr/bin/env python3
"""models into a store and out of it, beside restic, zstd and cp; start-up; very many tensors"""
import os
import shutil
import statistics
import subprocess
import sys

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import timing
from timing import MIB, goal, line, middle, run, say, together

WORK = os.environ["CAKE_BENCH_DIR"]
CAKE = os.environ.get("CAKE_BINARY")
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")
MODELS = ("base", "last", "full", "reshard")


def environment(**more):
    """What a person's shell has, without the settings of cake and restic it might hold."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CAKE_", "RESTIC_"))}
    return kept | more


def make(*what):
    """Elsewhere: see many_models."""
    subprocess.run([sys.executable, os.path.join(here, "lib", "many_models.py"), *map(str, what)], check=True)


# --------------------------------------------------------------------------------------------------- the peers

class Cake:
    name = "cake"

    def version(self):
        return timing.peer_version([CAKE, "--version"])

    def prepare(self, home):
        pass

    def env(self, home):
        return environment(CAKE_HOME=os.path.join(home, "store"))

    def keep(self, family, home):
        return [[CAKE, "--store", os.path.join(home, "store"), "import", model, model] for model in MODELS]

    def give(self, home, out):
        return [[CAKE, "--store", os.path.join(home, "store"), "export", model, "-o", os.path.join(out, model)]
                for model in MODELS]


class Restic:
    """The key is derived anew by each command (restic's own choice); making the repository is not timed."""
    name = "restic"

    def version(self):
        return timing.peer_version(["restic", "version"])

    def env(self, home):
        return environment(RESTIC_PASSWORD="bench", RESTIC_REPOSITORY=os.path.join(home, "store"),
                           RESTIC_CACHE_DIR=os.path.join(home, "cache"))

    def prepare(self, home):
        run(["restic", "-q", "init", "--repository-version", "2"], env=self.env(home))

    def keep(self, family, home):
        return [["restic", "-q", "backup", "--compression", "auto", *MODELS]]

    def give(self, home, out):
        return [["restic", "-q", "restore", "latest", "--target", out]]


class Zstd:
    name = "zstd"

    def version(self):
        return timing.peer_version(["zstd", "--version"])

    def env(self, home):
        return environment()

    def prepare(self, home):
        os.makedirs(os.path.join(home, "store"))

    def keep(self, family, home):
        return [["zstd", "-q", "-T2", "-1", "-r", *MODELS, "--output-dir-mirror", os.path.join(home, "store")]]

    def give(self, home, out):
        return [["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", os.path.join(home, "store"),
                 "zstd", "-q", "-d", "-r", *MODELS, "--output-dir-mirror", out]]


class Copy:
    name = "cp"

    def version(self):
        return timing.peer_version(["cp", "--version"])

    def env(self, home):
        return environment()

    def prepare(self, home):
        os.makedirs(os.path.join(home, "store"))

    def keep(self, family, home):
        return [["cp", "-r", "--reflink=never", *MODELS, os.path.join(home, "store")]]

    def give(self, home, out):
        return [["cp", "-r", "--reflink=never", *(os.path.join(home, "store", model) for model in MODELS), out]]


PEERS = (Cake(), Restic(), Zstd(), Copy())


# ------------------------------------------------------------------------------------- a family, in and out again

def read_all(folder):
    """So that a warm run finds everything in memory."""
    for place, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(place, name), "rb", buffering=0) as file:
                while file.read(MIB):
                    pass


def timed(commands, cold, source, cwd, env, settle, memory):
    """Commands one after another, and then the wait until the disk has it all, in the last one's wall time."""
    if cold:
        timing.drop_caches()
    else:
        read_all(source)
        os.sync()
    timing.ready_memory(memory)
    costs = [run(command, cwd=cwd, env=env, settle=settle if command is commands[-1] else None) for command in commands]
    return together(costs)


def family_rounds(peers, family, rounds, cold_rounds, memory):
    """{(peer, "in" or "out", "warm" or "cold"): [Cost, …]} and {peer: bytes at rest}."""
    taken, rest = {}, {}
    for number in range(rounds + cold_rounds):
        cold = number >= rounds
        state = "cold" if cold else "warm"
        turn = number % len(peers)
        for peer in peers[turn:] + peers[:turn]:  # another one first each time
            home, out = os.path.join(WORK, "home"), os.path.join(WORK, "out")
            for old in (home, out):
                shutil.rmtree(old, ignore_errors=True)
                os.makedirs(old)
            peer.prepare(home)
            say(f"round {number + 1} of {rounds + cold_rounds}, {state}: {peer.name}")
            cost = timed(peer.keep(family, home), cold, family, family, peer.env(home), home, memory)
            taken.setdefault((peer.name, "in", state), []).append(cost)
            rest[peer.name] = timing.size_at_rest(os.path.join(home, "store"))
            cost = timed(peer.give(home, out), cold, os.path.join(home, "store"), family, peer.env(home), out, memory)
            taken.setdefault((peer.name, "out", state), []).append(cost)
            if number == 0:
                for model in MODELS:
                    if wrong := timing.first_difference(os.path.join(family, model), os.path.join(out, model)):
                        sys.exit(f"error: what {peer.name} gave back of {model} is not what it got: {wrong}")
            shutil.rmtree(home)
            shutil.rmtree(out)
            os.sync()
    return taken, rest


def report_family(peers, taken, rest, raw):
    heads = ["2 GiB family" if raw > 1 << 30 else f"{raw // MIB} MiB family", *(peer.name for peer in peers)]
    others = [peer.name for peer in peers if peer.name != "cake"]
    with_cake = len(others) < len(peers)
    if with_cake:
        heads += [f"{name} ÷ cake" for name in others]
    rows, goals = [], []

    def row(title, values, form, unit):
        for name, value in values.items():
            line(f"{title}, {name}", value, unit)
        cells = [form.format(values[peer.name]) for peer in peers]
        if with_cake:
            cells += [f"{values[name] / values['cake']:.2f}" if values["cake"] else "–" for name in others]
        rows.append([title, *cells])

    for way, verb in (("in", "import"), ("out", "export")):
        for state in ("warm", "cold"):
            costs = {peer.name: middle(taken[peer.name, way, state])
                     for peer in peers if (peer.name, way, state) in taken}
            if not costs:
                continue
            row(f"{verb}, {state}: wall s", {n: c.wall for n, c in costs.items()}, "{:.2f}", "s")
            row(f"{verb}, {state}: CPU s", {n: c.cpu for n, c in costs.items()}, "{:.2f}", "s")
            row(f"{verb}, {state}: peak MiB", {n: c.peak / MIB for n, c in costs.items()}, "{:.0f}", "MiB")
            if "cake" in costs and "restic" in costs:
                name = f"{verb}, {state}: times as fast as restic"
                wanted = 3 if way == "in" else 2
                goals.append((name, *goal(name, costs["restic"].wall / costs["cake"].wall, wanted, "x", True)))
            if way == "out" and "cake" in costs and "cp" in costs:
                name = f"{verb}, {state}: time, against cp's and a sync"
                goals.append((name, *goal(name, costs["cake"].wall / costs["cp"].wall, 1.25, "x")))
            if "cake" in costs:
                name = f"{verb}, {state}: peak memory"
                goals.append((name, *goal(name, costs["cake"].peak / MIB, 256, "MiB")))
    row("size at rest MB", {n: b / 1e6 for n, b in rest.items()}, "{:.0f}", "MB")
    if "cake" in rest and "restic" in rest:
        name = "size at rest against restic's"
        goals.append((name, *goal(name, rest["cake"] / rest["restic"], 1, "x")))
    return timing.table(heads, rows), goals


# ------------------------------------------------------------------------------------------ one model, by its parts

def made_with_numpy(script, *what):
    """Elsewhere: numpy's memory would be counted against whatever is measured."""
    subprocess.run([os.environ["CAKE_BENCH_PYTHON"], os.path.join(here, "lib", script), *map(str, what)], check=True)


def one_model(size, rounds):
    """A model in four shards in and out again, beside what the same takes with zstd and openssl; the first two goals."""
    made = os.path.join(WORK, f"shards-{size}")
    made_with_numpy("shards.py", made, size)
    model, home, out = (os.path.join(*parts) for parts in ((made, "bench", "base"), (WORK, "home"), (WORK, "out")))
    shards = sorted(os.path.join(model, name) for name in os.listdir(model) if name.endswith(".safetensors"))
    store, packed = os.path.join(home, "store"), os.path.join(home, "packed")
    hashing = ["openssl", "dgst", "-sha256", *shards]
    ways = {
        "cake": ([[CAKE, "--store", store, "import", model, "model"]], [[CAKE, "--store", store, "export", "model", "-o", out]]),
        "zstd -1, SHA-256 twice": (
            [["zstd", "-q", "-T2", "-1", *shards, "--output-dir-flat", packed], hashing, hashing],
            [["sh", "-c", 'exec zstd -q -d "$1"/*.zst --output-dir-flat "$2"', "sh", packed, out]]),
    }
    taken = {}
    for number in range(rounds):
        for name in list(ways)[::1 if number % 2 else -1]:
            for old in (home, out):
                shutil.rmtree(old, ignore_errors=True)
            for new in (packed, out):
                os.makedirs(new)
            say(f"one model, round {number + 1} of {rounds}: {name}")
            for way, source, target in ((0, model, home), (1, home, out)):
                cost = timed(ways[name][way], False, source, WORK, environment(), target, size + size // 4)
                taken.setdefault((name, way), []).append(cost)
            for shard in shards if number == 0 else []:
                if subprocess.run(["cmp", "-s", shard, os.path.join(out, os.path.basename(shard))], check=False).returncode:
                    sys.exit(f"error: what {name} gave back of {shard} is not what it got")
    for old in (home, out):
        shutil.rmtree(old)
    names = list(ways)
    rows, goals = [], []
    for way, verb in enumerate(("import", "export")):
        costs = {name: middle(taken[name, way]) for name in names}
        for what, value in (("wall s", lambda c: f"{c.wall:.2f}"), ("CPU s", lambda c: f"{c.cpu:.2f}"),
                            ("peak MiB", lambda c: f"{c.peak / MIB:.0f}")):
            rows.append([f"{verb}: {what}", *(value(costs[name]) for name in names)])
        peer = names[1] if way == 0 else "zstd -d"
        what = f"{verb} of a model in four shards: time, against {peer}"
        goals.append((what, *goal(what, costs["cake"].wall / costs[names[1]].wall, 1, "x")))
    return timing.table([f"{size / (1 << 30):.3g} GiB in four shards", *names], rows), goals


def large_tensor(size):
    """What one tensor takes of memory, by itself and beside a base."""
    made, home, out = (os.path.join(WORK, name) for name in (f"large-{size}", "home", "out"))
    made_with_numpy("large_tensor.py", made, size)
    for old in (home, out):
        shutil.rmtree(old, ignore_errors=True)
        os.makedirs(old)
    env = environment(CAKE_HOME=os.path.join(home, "store"))
    commands = [("import", "base", [CAKE, "import", os.path.join(made, "base"), "base"]),
                ("import", "tuned", [CAKE, "import", os.path.join(made, "tuned"), "tuned"]),
                ("export", "tuned", [CAKE, "export", "tuned", "-o", os.path.join(out, "tuned")])]
    goals = []
    for verb, model, command in commands:
        cost = run(command, env=env)
        what = f"{verb} of one tensor of {size // MIB} MiB, {'beside its base' if model == 'tuned' else 'alone'}: peak memory"
        goals.append((what, *goal(what, cost.peak / MIB, 66, "MiB")))
    if wrong := timing.first_difference(os.path.join(made, "tuned"), os.path.join(out, "tuned")):
        sys.exit(f"error: the exported tensor is not what was imported: {wrong}")
    for old in (home, out):
        shutil.rmtree(old)
    return goals


# --------------------------------------------------------------------------------------------------------- start-up

def repeated(command, times, env):
    run(command, env=env)
    return statistics.median(run(command, env=env).wall for _ in range(times)) * 1000


def start_up(count, tensors, times):
    home, made = os.path.join(WORK, "home"), os.path.join(WORK, "tiny")
    for old in (home, made):
        shutil.rmtree(old, ignore_errors=True)
        os.makedirs(old)
    env = environment(CAKE_HOME=os.path.join(home, "store"))
    line("/bin/true, as a floor", repeated(["/bin/true"], times, env), "ms")
    name = "cake --version"
    goals = [(name, *goal(name, repeated([CAKE, "--version"], times, env), 15, "ms"))]
    make("tiny", made, count, tensors)
    for model in sorted(os.listdir(made)):
        run([CAKE, "import", os.path.join(made, model), model], env=env)
    name = f"cake ls, {count} models of {tensors} tensors"
    goals.append((name, *goal(name, repeated([CAKE, "ls"], times, env), 50, "ms")))
    shutil.rmtree(home)
    shutil.rmtree(made)
    return goals


# --------------------------------------------------------------------------------------------------- many tensors

def many_tensors(tensors, size, times):
    home = os.path.join(WORK, "home")
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    env = environment(CAKE_HOME=os.path.join(home, "store"))
    goals = []

    def measured(name, command, bound):
        cost = middle([run(command, env=env) for _ in range(times)])
        goals.append((name, *goal(name, cost.wall, bound, "s")))
        name += ", peak memory"
        goals.append((name, *goal(name, cost.peak / MIB, 256, "MiB")))

    sparse = os.path.join(home, "sparse.safetensors")
    make("sparse", sparse, tensors, size)
    measured(f"cake inspect, {os.path.getsize(sparse) / 1e9:.0f} GB file of {tensors} tensors", [CAKE, "inspect", sparse], 1)
    names = []
    for model, changed in (("wide-a", False), ("wide-b", True)):
        path = os.path.join(home, model + ".safetensors")
        make("wide", path, tensors, int(changed))
        cost = run([CAKE, "import", path, model], env=env, settle=home)
        names.append(model)
        what = f"cake import, {'a second model of ' if changed else ''}{tensors} small tensors"
        goals.append((what, *goal(what, cost.wall, 5 if changed else 20, "s")))
        what += ", peak memory"
        goals.append((what, *goal(what, cost.peak / MIB, 256, "MiB")))
    measured(f"cake ls, two models of {tensors} tensors", [CAKE, "ls"], 1)
    measured(f"cake diff, two models of {tensors} tensors", [CAKE, "diff", *names], 1)
    shutil.rmtree(home)
    return goals


# --------------------------------------------------------------------------------------------------------- the run

def main():
    args = timing.asked(__doc__, rounds=3, peers=("cake", "restic", "zstd", "cp"))
    peers = [peer for peer in PEERS if peer.name in args.only]
    versions = {peer.name: peer.version() for peer in peers}
    for name in [name for name, version in versions.items() if version is None]:
        sys.exit(f"error: {name} does not run\nfix: scripts/cake --version" if name == "cake" else f"error: {name} is not installed")

    family = os.path.join(WORK, "family-quick" if args.quick else "family")
    shape = ["--bytes", str(24 * MIB), "--vocabulary", "4000", "--hidden", "256"] if args.quick else []
    say("making the family, or checking the one that is here")
    subprocess.run([os.environ["CAKE_BENCH_PYTHON"], os.path.join(here, "lib", "family.py"), family, *shape], check=True)
    with open(os.path.join(family, "SHA256SUMS"), encoding="utf-8") as file:
        identity = file.read()
    raw = timing.size_of_files(family) - len(identity.encode())
    can_drop = timing.drop_caches()
    cold_rounds = args.rounds if can_drop else 0

    print(f"machine: {timing.machine(WORK)}")
    print("versions: " + "; ".join(f"{name}: {version}" for name, version in versions.items()))
    caches = "dropped before each cold run" if can_drop else "not dropped (only root may), so there are no cold runs"
    print(f"caches: {caches}")
    line("family", raw / 1e6, "MB")
    taken, rest = family_rounds(peers, family, args.rounds, cold_rounds, raw + raw // 4)
    text, goals = report_family(peers, taken, rest, raw)
    if "cake" in args.only and "zstd" in args.only:
        one, more = one_model(64 * MIB if args.quick else 2 << 30, args.rounds)
        text += "\n\n" + one
        goals += more
    if "cake" in args.only:
        goals += large_tensor(64 * MIB if args.quick else 1 << 30)
        goals += start_up(*((20, 50, 15) if args.quick else (100, 300, 50)))
        goals += many_tensors(*((5000, 400 * 10**9, 1) if args.quick else (90_000, 400 * 10**9, 5)))
    if args.write:
        notes = (f"{timing.runs(args.rounds)}, the programs taking turns; wall time ends when the file system has been "
                 f"synced. Caches were {caches}, and memory was touched before every run. Peaks under "
                 f"{timing.own_peak() // MIB + 1} MiB are not told apart.")
        timing.write_table(PAGE, "store", WORK, versions.values(), notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
