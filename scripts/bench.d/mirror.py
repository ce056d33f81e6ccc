#!/usr/bin/env python3
"""a Hub's files from `cake serve`, which rebuilds them or fetches them first, beside olah and nginx: curl and hf"""
import json
import os
import shutil
import subprocess
import sys
import time

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "lib"))
import timing
from clients import HF, environment
from servers import Nginx, Olah, Served
from slow_line import SlowHub
from timing import MIB, goal, line, median, run, say

WORK = os.path.join(os.environ["CAKE_BENCH_DIR"], "mirror")
CAKE = os.environ.get("CAKE_BINARY")
TOOLS = os.environ["CAKE_BENCH_TOOLS"]
OLAH = os.environ["CAKE_BENCH_OLAH_PYTHON"]
PAGE = os.path.join(here, "..", "..", "docs", "performance.md")
NAME, GIGABIT, CROWD = "bench/base", 125_000_000, 64
SERVERS = ("the Hub", "cake", "olah", "nginx")
WARM, HF_WARM = "four curl, warm: MiB/s", "hf download, warm: s"
COLD_LINE, COLD, HF_COLD = "four curl, cold, 1 Gbit/s: s", "four curl, cold: s", "hf download, cold: s"


class Model:
    """What is asked for: a folder of four shards and three small files."""

    def __init__(self, size):
        self.root = os.path.join(os.environ["CAKE_BENCH_DIR"], f"shards-{size}")
        subprocess.run([os.environ["CAKE_BENCH_PYTHON"], os.path.join(here, "lib", "shards.py"), self.root, str(size)], check=True)
        self.folder = os.path.join(self.root, NAME)
        self.shards = sorted(name for name in os.listdir(self.folder) if name.endswith(".safetensors"))
        self.size = sum(os.path.getsize(os.path.join(self.folder, name)) for name in self.shards)

    def urls(self, server):
        way = NAME if isinstance(server, Nginx) else f"{NAME}/resolve/main"
        return [f"{server.endpoint}/{way}/{name}" for name in self.shards]


# ------------------------------------------------------------------------------------------------------ the clients

def together(commands, size):
    """Seconds until the last of several curl has what it asked for."""
    started = time.monotonic()
    running = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                env=environment()) for command in commands]
    told = [child.communicate()[0].split() for child in running]
    taken = time.monotonic() - started
    for child, sizes in zip(running, told):
        if child.returncode or not sizes:
            sys.exit(f"error: {' '.join(child.args)} ended with {child.returncode}")
    if (got := sum(int(word) for sizes in told for word in sizes)) != size:
        sys.exit(f"error: curl got {got} bytes of {size}")
    return taken


def curls(server, model):
    """Four curl, a shard each."""
    ask = ["curl", "-sfL", "-o", os.devnull, "-w", "%{size_download} "]
    return together([[*ask, url] for url in model.urls(server)], model.size)


def crowd(server, model, count):
    """Many clients that download all of it at once, each over four connections."""
    ask = ["curl", "-sfL", "-Z", "--parallel-immediate", "-w", "%{size_download} "]
    urls = [word for url in model.urls(server) for word in ("-o", os.devnull, url)]
    return together([ask + urls] * count, model.size * count)


def downloads(server, compared_with=None):
    """One hf download to an empty cache."""
    hf, home = HF(), fresh("hf")
    taken = run(hf.pull(server, home, NAME), env=hf.env(server, home)).wall
    if compared_with and (wrong := timing.first_difference(compared_with.folder, hf.got(server, home, NAME))):
        sys.exit(f"error: what hf got from {server.endpoint} is not what is there: {wrong}")
    shutil.rmtree(home)
    return taken


# ------------------------------------------------------------------------------------------------------ the servers

def fresh(name):
    home = os.path.join(WORK, name)
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    return home


def cake(store, *options):
    return Served([CAKE, "--store", store], os.path.join(WORK, "said"), *options, env=environment())


def empty(name, hub):
    """A mirror of this hub that has nothing yet."""
    home = fresh(f"cold-{name}")
    if name == "cake":
        return cake(os.path.join(home, "store"), "--upstream", hub.endpoint)
    return Olah(OLAH, home, hub.endpoint)


def ready(memory):
    """Before a measured write: no other writes are pending, and memory is there."""
    timing.sync(WORK)
    timing.ready_memory(memory)


def cold(name, hub, memory, client):
    """What a client takes while the server has nothing; the Hub itself always has it."""
    server = hub if name == "the Hub" else empty(name, hub)
    ready(memory)
    try:
        return client(server)
    finally:
        if server is not hub:
            server.end()
            shutil.rmtree(os.path.join(WORK, f"cold-{name}"))


def filled(names, model, hub):
    """Servers that have it, and were asked for it before: cake as layers, olah as it keeps what it fetched."""
    servers = {"the Hub": hub}
    if "nginx" in names:
        servers["nginx"] = Nginx(model.root, os.path.join(WORK, "nginx"))
    if "cake" in names:
        store = os.path.join(fresh("warm-cake"), "store")
        run([CAKE, "--store", store, "import", model.folder, NAME, "--quiet"], env=environment())
        servers["cake"] = cake(store)
    if "olah" in names:
        servers["olah"] = Olah(OLAH, fresh("warm-olah"), hub.endpoint)
    for server in servers.values():
        curls(server, model)
    return servers


# ---------------------------------------------------------------------------------------------------- what is measured

def in_turn(names, number):
    turn = number % len(names)
    return names[turn:] + names[:turn]


def note(taken, what, name, value):
    taken[what].setdefault(name, []).append(value)
    say(f"  {what} {value:.4g}")


def warm(servers, model, rounds, memory):
    """{what: {server: [one a round]}}, and the processor seconds that cake took for each GiB."""
    taken, spent = {WARM: {}, HF_WARM: {}}, []
    for number in range(rounds):
        for name in in_turn(list(servers), number):
            say(f"warm, round {number + 1} of {rounds}: {name}")
            server = servers[name]
            before = server.spent() if name == "cake" else 0
            note(taken, WARM, name, model.size / curls(server, model) / MIB)
            if name == "cake":
                spent.append((server.spent() - before) / (model.size / (1 << 30)))
            if name != "nginx":
                ready(memory)
                note(taken, HF_WARM, name, downloads(server, model if number == 0 else None))
    return taken, spent


def from_nothing(names, model, hub, slow, rounds, memory):
    taken = {COLD_LINE: {}, COLD: {}, HF_COLD: {}}
    # What is left of a line's time is enough to fetch memory in.
    ways = ((COLD_LINE, slow, 0, lambda server: curls(server, model)),
            (COLD, hub, memory, lambda server: curls(server, model)), (HF_COLD, hub, memory, downloads))
    for number in range(rounds):
        for name in in_turn(names, number):
            for what, upstream, room, client in ways:
                say(f"cold, round {number + 1} of {rounds}: {name}, {what}")
                note(taken, what, name, cold(name, upstream, room, client))
    return taken


def asked_by_many(model, hub, memory):
    """Seconds, bytes of files that the upstream sent, and the server's peak, of many clients that ask for a missing model."""
    say(f"cold: {CROWD} clients at once")
    hub.hub.forget()
    server = empty("cake", hub)
    ready(memory)
    seconds = crowd(server, model, CROWD)
    sent = sum(entry["sent"] for entry in hub.hub.log() if not entry["path"].startswith("/api/"))
    peak = server.peak()
    name = model.shards[-1]
    with open(os.path.join(model.folder, name), "rb") as want:
        asking = subprocess.Popen(["curl", "-sSfL", model.urls(server)[-1]], stdout=subprocess.PIPE, env=environment())
        same = subprocess.run(["cmp", "-s", "-", want.name], stdin=asking.stdout, check=False).returncode == 0
        asking.stdout.close()
        if asking.wait() or not same:
            sys.exit(f"error: {name} came back as something else")
    server.end()
    return seconds, sent, peak


def decoding(model, rounds):
    """MiB/s of decoding half of it and nothing else, by two programs at once that have every other tensor each."""
    say("decoding alone")
    plain, seconds = [0, 0], [0, 0]
    for name in model.shards[::2]:
        path = os.path.join(model.folder, name)
        running = [subprocess.Popen([os.path.join(TOOLS, "codec"), path, str(rounds), f"{part}/2"], stdout=subprocess.PIPE)
                   for part in range(2)]
        for part, child in enumerate(running):
            told = json.loads(child.communicate()[0])
            plain[part] += told["plain"]
            seconds[part] += told["decode"]
    return sum(size / taken for size, taken in zip(plain, seconds)) / MIB


# --------------------------------------------------------------------------------------------------------- the report

def report(names, taken, spent, alone, many, size):
    middle = {what: {name: median(values) for name, values in found.items()} for what, found in taken.items()}
    rows, goals = [], []
    for what, found in middle.items():
        title, unit = what.rsplit(": ", 1)
        for name in names:
            if name in found:
                line(f"{title}, {name}", found[name], unit)
        rows.append([what, *(f"{found[name]:.{0 if unit == 'MiB/s' else 2}f}" if name in found else "–" for name in names)])
    if "cake" not in names:
        return rows, goals

    def aim(title, *arguments):
        goals.append((title, *goal(title, *arguments)))

    line("decoding alone, on both cores", alone, "MiB/s")
    line("four curl, warm: cake's processor", median(spent), "s/GiB")
    if "nginx" in names:
        aim("four curl, warm: of nginx's rate with plain files", middle[WARM]["cake"] / middle[WARM]["nginx"], 0.75, "x", True)
        line("four curl, warm: against decoding and then sending as nginx does",
             middle[WARM]["cake"] * (1 / alone + 1 / middle[WARM]["nginx"]), "x")
    if "olah" in names:
        aim("four curl, warm: times olah's rate", middle[WARM]["cake"] / middle[WARM]["olah"], 2, "x", True)
    aim("four curl, warm: of decoding alone", middle[WARM]["cake"] / alone, 0.5, "x", True)
    aim("hf download, warm: time against the Hub's", middle[HF_WARM]["cake"] / middle[HF_WARM]["the Hub"], 1.1, "x")
    aim("four curl, cold, 1 Gbit/s: time against the Hub's", middle[COLD_LINE]["cake"] / middle[COLD_LINE]["the Hub"], 1.02, "x")
    aim("four curl, cold: time against the Hub's", middle[COLD]["cake"] / middle[COLD]["the Hub"], 1.02, "x")
    seconds, sent, peak = many
    line(f"{CROWD} clients, cold", seconds, "s")
    line(f"{CROWD} clients, cold: server's peak", peak / MIB, "MiB")
    aim(f"{CROWD} clients, cold: upstream bytes against its size", sent / size, 1.005, "x")
    aim(f"{CROWD} clients, cold: server's peak", peak / MIB, 300, "MiB")
    return rows, goals


def main():
    args = timing.asked(__doc__, rounds=3, peers=("cake", "olah", "nginx"))
    names = [name for name in SERVERS if name == "the Hub" or name in args.only]
    os.makedirs(WORK, exist_ok=True)
    say("making the model, or finding it")
    model = Model((256 if args.quick else 2048) * MIB)
    memory = model.size + model.size // 4
    tell_olah = "import importlib.metadata as m; print('olah', m.version('olah'))"
    versions = {"cake": timing.peer_version([CAKE, "--version"]) if "cake" in names else None,
                "olah": timing.peer_version([OLAH, "-c", tell_olah]), "nginx": timing.peer_version(["nginx", "-v"]),
                "hf": HF().version(), "curl": timing.peer_version(["curl", "--version"]).split(" (")[0]}
    versions = [version for name, version in versions.items() if version and (name in names or name in ("hf", "curl"))]
    print(f"machine: {timing.machine(WORK)}")
    print("versions: " + "; ".join(versions))
    alone = decoding(model, args.rounds) if "cake" in names else None
    with SlowHub(TOOLS, model.root) as hub, SlowHub(TOOLS, model.root, everybody=GIGABIT) as slow:
        servers = filled(names, model, hub)
        try:
            taken, spent = warm(servers, model, args.rounds, memory)
        finally:
            for name, server in servers.items():
                if server is not hub:
                    server.end()
        taken |= from_nothing([name for name in names if name != "nginx"], model, hub, slow, args.rounds, memory)
        many = asked_by_many(model, hub, memory) if "cake" in names else None
    rows, goals = report(names, taken, spent, alone, many, model.size)
    for name in ("warm-cake", "warm-olah", "cold-cake"):
        shutil.rmtree(os.path.join(WORK, name), ignore_errors=True)
    if args.write:
        notes = (f"{timing.runs(args.rounds)}, the servers taking turns, over loopback, what they have on disk in memory. Cold: the mirror "
                 "has nothing, and fetches from the Hub, a program of the tests', over loopback or a line of 1 Gbit/s.")
        if many:
            notes += (f" Decoding alone, on both cores: {alone:.0f} MiB/s. Warm, cake took {median(spent):.2f} s of processor a GiB. "
                      f"{CROWD} clients of a cake that had nothing: {many[0]:.1f} s, and {many[2] / MIB:.0f} MiB of memory at the most.")
        text = timing.table([f"{model.size / (1 << 30):.3g} GiB in four shards", *names], rows)
        timing.write_table(PAGE, "mirror", WORK, versions, notes, text, goals)
    timing.tell_goals(goals)


if __name__ == "__main__":
    main()
