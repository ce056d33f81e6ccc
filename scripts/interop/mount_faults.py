"""What a lazy mount does when the hub, the disk or a process fails. Used by mount_lazy."""
import glob
import os
import random
import signal
import subprocess
import time

from mount_lazy import MIB, READERS, content, read, together

IO = "Input/output error"
CDN = {"at": "cdn", "ending": "big/model.safetensors"}


def within(trial, seconds, what, act):
    began = time.monotonic()
    result = act()
    took = time.monotonic() - began
    trial.check(took < seconds, f"{what} took {took:.1f} s, more than {seconds}")
    return result


def hub_faults(trial, stage, want):
    with stage.mount() as mounted:
        stage.hub.misbehave({"drip": 20_000_000}, **CDN)
        child = subprocess.Popen(["cmp", stage.weights, mounted.file])
        time.sleep(1)
        stage.restart()
        trial.check(child.wait(120) == 0, "the hub was killed and came again: cmp differs")
    with stage.mount(options=["--patience", "2s"]) as mounted:
        middle = 40 * MIB + MIB // 2
        early = read(mounted.file, 0, 4096, True)
        stage.hub.misbehave({"stall": 20_000}, **CDN)
        got = within(trial, 10, "a read of a stalled hub with --patience 2s", lambda: read(mounted.file, middle, 4096, True))
        trial.check(got == IO, f"a read of a stalled hub gave {got[:20]}")
        trial.check(read(mounted.file, 0, 4096, True) == early == want[:4096], "what is here cannot be read while the hub stalls")
        stage.hub.behave()
        # The request that was sent anew at once may have stalled too.
        got = [read(mounted.file, middle, 4096, True) for _ in range(2)][-1]
        trial.check(got == want[middle:middle + 4096], "a stalled request is not sent anew")
        trial.check("did not come within 2" in mounted.end(), f"no line of the late read: {mounted.errors}")
    with stage.mount(options=["--patience", "2s"]) as mounted:
        stage.hub.misbehave({"stall": 0}, **CDN)
        read(mounted.file, 0, 4096, True)
        stage.hub.behave()
        got = [read(mounted.file, 0, 4096, True) for _ in range(2)][-1]
        trial.check(got == want[:4096], f"a file whose header stalled: {got[:20]}, 4 s after the hub was well")
    for fault in ({"cut": 1000}, {"answer": 404}, {"shorter": 100}):
        with stage.mount(options=["--patience", "5s"]) as mounted:
            stage.hub.misbehave(fault, **CDN)
            got = within(trial, 12, f"a read with {fault}", lambda: read(mounted.file, 40 * MIB, 4096, True))
            trial.check(got in (IO, want[40 * MIB:40 * MIB + 4096]), f"{fault}: other bytes")
            stage.hub.behave()
            again = read(mounted.file, 40 * MIB, 4096, True)
            trial.check(again == want[40 * MIB:40 * MIB + 4096], f"after {fault}: {again[:20]}")
    with stage.mount() as mounted:
        stage.hub.misbehave({"flip": 30 * MIB}, **CDN)
        subprocess.run(["cat", mounted.file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        time.sleep(1)
        stage.hub.behave()
        trial.check(content(mounted.file) == want, "wrong bytes were not replaced")
        trial.check("does not match" in mounted.end(), f"no line of wrong bytes: {mounted.errors}")
    with stage.mount(options=["--patience", "2s"]) as mounted:
        stage.hub.misbehave("ignoreRange", {"drip": 8_000_000}, **CDN)
        deadline, got = time.monotonic() + 25, IO
        while got == IO and time.monotonic() < deadline:
            got = read(mounted.file, 40 * MIB, 4096)
        trial.check(got != IO, "a server that ignores ranges: a place that is 5 s away never comes with --patience 2s")


def waiting(trial, stage):
    """Who waits for a stalled hub can be killed, and Ctrl-C ends the mount."""
    ways = {"a page": [], "O_DIRECT": ["iflag=direct"]}
    for title, words in ways.items():
        with stage.mount(options=["--patience", "8s"]) as mounted:
            read(mounted.file, 0, 4096)
            stage.hub.misbehave({"stall": 20_000}, **CDN)
            child = subprocess.Popen(["dd", f"if={mounted.file}", "of=/dev/null", "bs=4096", "skip=9000", "count=1", *words], stderr=subprocess.DEVNULL)
            time.sleep(1)
            child.kill()
            within(trial, 1, f"the end of a killed reader ({title})", child.wait)
            stage.hub.behave()
    with stage.mount(options=["--patience", "30s"]) as mounted:
        stage.hub.misbehave({"stall": 20_000}, **CDN)
        child = subprocess.Popen(["cat", mounted.file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        mounted.child.send_signal(signal.SIGTERM)
        within(trial, 5, "the end of a mount with a reader that waits", lambda: mounted.child.wait(60))
        stage.hub.behave()
        child.wait()


def processes(trial, stage, want):
    """Kills, pulls, collections and other mounts beside readers."""
    def random_reads(mounted, count=200):
        places = [random.Random(number).randrange(len(want) - 70_000) for number in range(count)]
        return [place for place, same in zip(places, together(
            [lambda place=place: read(mounted.file, place, 70_000) == want[place:place + 70_000] for place in places])) if not same]

    store = trial.path("kept")
    mounted = stage.mount(store=store)
    stage.hub.misbehave({"drip": 4_000_000}, **CDN)
    readers = [subprocess.Popen(["cat", mounted.file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(READERS)]
    time.sleep(2)
    mounted.child.kill()
    trial.check(all(child.wait(10) != 0 for child in readers), "readers of a killed mount did not fail")
    again = trial.start("mount", mounted.top, "--lazy", "org/big", store=store)
    trial.check(again.stdout.readline().startswith("mounted"), "a killed mount cannot be mounted again")
    stage.hub.behave()
    trial.check(content(mounted.file) == want, "after a kill the file differs")
    again.terminate()
    again.communicate(timeout=30)

    with stage.mount() as mounted:
        pull = trial.start("pull", "org/big", store=mounted.store)
        trial.check(not random_reads(mounted), "reads beside a pull differ")
        trial.check(pull.wait(120) == 0, f"a pull beside readers: {pull.stderr.read()}")
        trial.check(not random_reads(mounted), "reads after a pull differ")
        trial.exports("org/big", os.path.dirname(stage.weights), store=mounted.store)
        collect = trial.start("gc", "--now", store=mounted.store)
        trial.check(not random_reads(mounted), "reads beside gc differ")
        trial.check(collect.wait(60) == 0, f"gc beside readers: {collect.stderr.read()}")
        with open(mounted.file, "rb") as opened:
            opened.read(1)
            trial.works("rm", "org/big", store=mounted.store)
            trial.works("gc", "--now", store=mounted.store)
            trial.check(opened.read() == want[1:], "an open file of a removed model differs")
        trial.check(not random_reads(mounted), "after rm the file is not downloaded again")

    with stage.mount() as one, stage.mount(store=one.store) as other:
        children = [subprocess.Popen(["cmp", stage.weights, mounted.file]) for mounted in (one, other) for _ in range(2)]
        trial.check(not any(child.wait(120) for child in children), "two mounts of one lazy model: cmp differs")
    store = trial.path("pulled")
    trial.works("pull", "org/big", store=store)
    ten = [stage.mount("org/big", store=store, lazy=False) for _ in range(10)]
    children = [subprocess.Popen(["cmp", stage.weights, mounted.file]) for mounted in ten]
    trial.check(not any(child.wait(120) for child in children), "ten mounts of one store: cmp differs")
    for mounted in ten:
        mounted.end()
    with stage.mount("org/many", options=["--verified"]) as mounted:
        folder = os.path.join(mounted.top, "org/many")
        content(folder + "/f7.json")
        time.sleep(2)
        trial.check(len(os.listdir(folder)) == 1100, f"after one verified read {len(os.listdir(folder))} of 1100 files are listed")


def damaged(trial, stage):
    """What was downloaded cannot be read any more."""
    with stage.mount() as mounted:
        read(mounted.file, 0, 4096, True)
        for part in glob.glob(mounted.store + "/incoming/*/[0-9]*"):
            os.truncate(part, 0)
        got = read(mounted.file, 64 << 10, 4096, True)
        trial.check(len(got) == 4096 or got == IO, f"a part that cannot be read: {got[:50]}")
        trial.check(os.path.exists(mounted.file), "a part that cannot be read ended the mount")


def full_disk(trial, stage, want):
    folder = trial.path("small")
    os.mkdir(folder)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m", "none", folder], capture_output=True, check=False).returncode != 0:
        print("skipped: a full disk (tmpfs cannot be mounted here)")
        return
    try:
        with stage.mount(store=folder + "/store") as mounted:
            done = subprocess.run(["cat", mounted.file], capture_output=True, check=False)
            trial.check(done.returncode != 0 and want.startswith(done.stdout) and len(done.stdout) > MIB, "a full disk: other bytes")
            trial.check(read(mounted.file, 0, 4096, True) == want[:4096], "a full disk: earlier bytes cannot be read")
            subprocess.run(["mount", "-o", "remount,size=200m", folder], check=True)
            trial.check(content(mounted.file) == want, "the file cannot be read after room was made")
            said = mounted.end()
            trial.check("No space left" in said and "cake gc" in said, f"the line of a full disk: {said}")
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False)


def faults(trial, stage):
    want = content(stage.weights)
    for act in (lambda: hub_faults(trial, stage, want), lambda: waiting(trial, stage), lambda: processes(trial, stage, want),
                lambda: damaged(trial, stage), lambda: full_disk(trial, stage, want)):
        stage.hub.behave()
        act()
