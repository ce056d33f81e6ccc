"""Running a program and knowing what it took; goals, lines and tables. Standard library only.

A child's peak memory cannot come out lower than this process's own, because Linux counts the moment before exec; so this
stays small (about 20 MiB) and whatever needs numpy runs elsewhere.
"""
import argparse
import datetime
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections import namedtuple

MIB = 1 << 20
Cost = namedtuple("Cost", "wall cpu peak")  # seconds, seconds, bytes
failed_goals = []


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, cwd=None, env=None, output=None, settle=None, may_end=(0,)):
    """Runs to the end and gives its Cost. settle: a folder whose file system is synced, as part of the wall time."""
    started = time.monotonic()
    with open(output or os.devnull, "wb") as out, open(os.devnull, "rb") as nothing:
        child = subprocess.Popen(command, cwd=cwd, env=env, stdin=nothing, stdout=out, stderr=subprocess.PIPE)
        trouble = child.stderr.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stderr.close()
    if child.returncode not in may_end:
        tail = trouble.decode(errors="replace").strip()[-2000:]
        sys.exit(f"error: {' '.join(command)} ended with {child.returncode}\n{tail}")
    if settle:
        sync(settle)
    return Cost(time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def own_peak():
    """The most memory this process has had, in bytes: the floor of every peak it has measured."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def together(costs):
    """Several commands one after another, as one."""
    return Cost(sum(c.wall for c in costs), sum(c.cpu for c in costs), max(c.peak for c in costs))


def middle(costs):
    return Cost(*(statistics.median(values) for values in zip(*costs)))


def median(values):
    """One that was measured, also of an even number."""
    return sorted(values)[len(values) // 2]


def sync(folder):
    subprocess.run(["sync", "-f", folder], check=True)


def drop_caches():
    """Forgets what files hold. True when that was done, which only root may."""
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3\n")
        return True
    except OSError:
        return False


def ready_memory(size):
    """Has this much free memory that was in use a moment ago. A virtual machine hands unused memory back to its host, and
    fetching it again takes seconds a gigabyte (measured: 1.5 to 2.7), which would be counted against the next program that writes."""
    page, pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_AVPHYS_PAGES")
    touch = "import mmap, sys; mmap.mmap(-1, int(sys.argv[1]), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)"
    subprocess.run([sys.executable, "-c", touch, str(max(page, min(size, page * pages // 2)))], check=False)


def size_at_rest(folder):
    """Bytes of disk that the files of a folder take; one that has several names counts once."""
    seen, total = set(), 0
    for place, _, names in os.walk(folder):
        for name in names:
            info = os.lstat(os.path.join(place, name))
            if (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                total += info.st_blocks * 512
    return total


def size_of_files(folder):
    return sum(os.lstat(os.path.join(place, name)).st_size for place, _, names in os.walk(folder) for name in names)


def first_difference(one, other):
    """Nothing when two folders hold the same files with the same bytes; otherwise what differs first."""
    def files(root):
        return sorted(os.path.relpath(os.path.join(place, name), root) for place, _, names in os.walk(root) for name in names)
    left, right = files(one), files(other)
    if left != right:
        return f"files differ: {sorted(set(left) ^ set(right))[:3]}"
    for name in left:
        with open(os.path.join(one, name), "rb") as a, open(os.path.join(other, name), "rb") as b:
            while True:
                x, y = a.read(MIB), b.read(MIB)
                if x != y:
                    return f"{name} differs"
                if not x:
                    break
    return None


def line(name, value, unit):
    """One number, one line."""
    shown = f"{value:.0f}" if unit in ("B", "MiB") and value >= 100 else f"{value:.3g}" if value < 1000 else f"{value:.0f}"
    print(f"{name:<44} {shown:>8} {unit}", flush=True)


def goal(name, got, bound, unit, at_least=False):
    """Prints got, goal, met or missed; gives the cell for the table."""
    met = got >= bound if at_least else got <= bound
    if not met:
        failed_goals.append(name)
    sign, word = "≥" if at_least else "≤", "met" if met else "MISSED"
    print(f"{name:<44} {got:>8.3g} {unit:<4} goal {sign} {bound:g}: {word}", flush=True)
    return f"{got:.3g} {unit}", f"{sign} {bound:g} {unit}", word


def peer_version(command):
    if shutil.which(command[0]) is None:
        return None
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return (answer.stdout + answer.stderr).strip().split("\n")[0].strip("* ").split(", by")[0].split(" compiled")[0]


def machine(folder):
    """Processor, cores, memory, kernel, and the disk under a folder, in one line."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        if found := re.search(r"model name\s*: (.*)", file.read()):
            model = found[1].strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    device = os.stat(folder).st_dev
    kind = "disk of unknown kind"
    block = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
    for place in (block, os.path.join(os.path.realpath(block), "..")):
        try:
            with open(os.path.join(place, "queue", "rotational"), encoding="ascii") as file:
                kind = "rotating or virtual disk" if file.read().strip() == "1" else "solid-state disk"
                break
        except OSError:
            continue
    answer = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=False)
    system = {"ext2/ext3": "ext4"}.get(answer.stdout.strip(), answer.stdout.strip())
    return (f"{model}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB memory, "
            f"Linux {platform.release()}, {system} on a {kind}")


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def write_between_marks(path, mark, text):
    """Replaces what stands between <!-- bench:MARK --> and <!-- /bench:MARK -->."""
    start, end = f"<!-- bench:{mark} -->", f"<!-- /bench:{mark} -->"
    with open(path, encoding="utf-8") as file:
        page = file.read()
    if page.count(start) != 1 or page.count(end) != 1:
        sys.exit(f"error: {path} needs {start} and {end} once each, to say where the table goes")
    before, rest = page.split(start)
    after = rest.split(end)[1]
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(f"{before}{start}\n{text}\n{end}{after}")
    os.replace(path + ".part", path)


def asked(about, rounds, peers=("cake",), has_full=False):
    """What was typed behind a subject: quick, write, only (a list of peers), rounds. Ends where no peer of it is measured."""
    options = argparse.ArgumentParser(description=about)
    options.add_argument("--quick", action="store_true", help="smaller, and one round")
    if has_full:
        options.add_argument("--full", action="store_true", help="larger than usual")
    options.add_argument("--write", action="store_true", help="put the table on its page in docs")
    options.add_argument("--only", metavar="PEER,…", type=lambda text: text.split(","), default=list(peers))
    options.add_argument("--rounds", type=int)
    args = options.parse_args()
    if args.quick and args.write:
        sys.exit("error: a quick run is no measurement, so it is not written down; leave out --quick or --write")
    if not set(args.only) & set(peers):
        say(f"{os.path.basename(sys.argv[0]).removesuffix('.py')}: nothing to measure; its peers are {', '.join(peers)}")
        sys.exit(0)
    args.rounds = args.rounds or (1 if args.quick else rounds)
    return args


def runs(rounds):
    """How a table says how often each program ran."""
    return "One run of each" if rounds == 1 else f"Medians of {rounds} runs"


def write_table(path, mark, work, versions, notes, text, goals):
    """Puts a subject's table and goals on its page, with the machine and what was measured."""
    parts = [f"{datetime.date.today()} · {machine(work)} · " + "; ".join(versions), notes, text]
    if goals:
        parts.append(table(["goal", "got", "wanted", ""], goals))
    write_between_marks(path, mark, "\n\n".join(parts))


def tell_goals(goals):
    """The last line: what was missed, if anything was asked for."""
    if failed_goals:
        print(f"{len(failed_goals)} goals missed: {'; '.join(failed_goals)}")
    elif goals:
        print("all goals met")
