"""One point of the simulation beside the real programs: 16 pullers and four mirrors, each in a network namespace of its own with a
slow line (veth, tbf). The lines are so slow that the processors have little to do: their load is said."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import fleet
import report

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PULLERS, MIRRORS, FILES, EACH = 16, 4, 12, 2_000_000
# Megabits a second.
UPLINK, SERVER, NODE = 18, 30, 15
# What a frame of Ethernet carries beside its heads.
PAYLOAD = 1448 / 1514
PORT = 5111


def shell(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(words)}: {done.stdout.strip()}\nfix: run it as root, with ip and tc of iproute2")
    return done.stdout


class Net:
    """Namespaces on one bridge, each behind a line of its own."""

    def __init__(self):
        self.mark, self.places = f"cs{os.getpid()}", []

    def begin(self):
        self.inside("bridge", create=True)
        self.say("bridge", "ip", "link", "add", "lan", "type", "bridge")
        self.say("bridge", "ip", "link", "set", "lan", "up")

    def inside(self, place, create=False):
        if create:
            shell("ip", "netns", "add", f"{self.mark}-{place}")
            self.places.append(place)
            self.say(place, "ip", "link", "set", "lo", "up")
        return ["ip", "netns", "exec", f"{self.mark}-{place}"]

    def say(self, place, *words):
        shell(*self.inside(place), *words)

    def add(self, place, address, megabits):
        self.inside(place, create=True)
        near, far = f"{self.mark}-{place}", f"v-{place}"
        shell("ip", "link", "add", "line0", "netns", near, "type", "veth", "peer", "name", far, "netns", f"{self.mark}-bridge")
        self.say(place, "ip", "address", "add", f"{address}/16", "dev", "line0")
        for where, name in ((place, "line0"), ("bridge", far)):
            self.say(where, "tc", "qdisc", "add", "dev", name, "root", "tbf", "rate", f"{megabits}mbit", "burst", "16k", "limit", "256k")
            self.say(where, "ip", "link", "set", name, "up")
        self.say("bridge", "ip", "link", "set", far, "master", "lan")

    def end(self):
        for place in self.places:
            subprocess.run(["ip", "netns", "delete", f"{self.mark}-{place}"], check=False)


def busy():
    """Ticks of all processors: those that worked, and all."""
    with open("/proc/stat", encoding="ascii") as text:
        ticks = [int(word) for word in text.readline().split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


class Run:
    def __init__(self, net, cake, folder, ring):
        self.net, self.cake, self.folder, self.ring, self.running = net, cake, folder, ring, []

    def start(self, place, words, home, **said):
        environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        environment.update(HOME=home, CAKE_HOME=os.path.join(home, "store"))
        one = subprocess.Popen([*self.net.inside(place), *words], env=environment, stdin=subprocess.DEVNULL, **said)
        self.running.append(one)
        return one

    def serve(self):
        hosts = [f"10.77.1.{number + 1}:{PORT}" for number in range(MIRRORS)]
        for number in range(MIRRORS):
            home = os.path.join(self.folder, f"mirror{number}")
            os.makedirs(home)
            more = []
            if self.ring:
                secret = os.path.join(home, "ring")
                with open(secret, "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                    file.write("a secret of one run".replace(" ", "-"))
                more = ["--peers", ",".join(hosts), "--peer-token-file", secret]
            with open(os.path.join(home, "said"), "w", encoding="utf-8") as said:
                self.start(f"m{number}", [self.cake, "serve", "--listen", f"0.0.0.0:{PORT}", "--upstream", f"http://10.77.0.1:{PORT}", *more],
                           home, stdout=subprocess.DEVNULL, stderr=said)
        for number, host in enumerate(hosts):
            wanted = f"cake_mirror_peers {MIRRORS - 1}\n" if self.ring else "cake_"
            while wanted not in self.ask(f"m{number}", f"http://{host}/metrics"):
                time.sleep(0.1)
        return hosts

    def ask(self, place, url):
        return subprocess.run([*self.net.inside(place), "curl", "-s", "--noproxy", "*", url], stdout=subprocess.PIPE, check=False).stdout.decode()

    def pull(self, hosts):
        """Seconds until each puller has the model."""
        begun, waiting, ends = time.monotonic(), {}, []
        for number in range(PULLERS):
            home = os.path.join(self.folder, f"node{number}")
            os.makedirs(home)
            words = ["env", f"HF_ENDPOINT=http://{hosts[number % MIRRORS]}", self.cake, "pull", "org/model"]
            with open(os.path.join(home, "said"), "w", encoding="utf-8") as said:
                waiting[number] = self.start(f"n{number}", words, home, stdout=said, stderr=said)
        while waiting:
            time.sleep(0.02)
            for number in [number for number, one in waiting.items() if one.poll() is not None]:
                if waiting.pop(number).returncode:
                    with open(os.path.join(self.folder, f"node{number}", "said"), encoding="utf-8") as said:
                        sys.exit(f"error: a puller failed\n{said.read()}")
                ends.append(time.monotonic() - begun)
        return sorted(ends)

    def end(self):
        for one in self.running:
            if one.poll() is None:
                one.terminate()
        for one in self.running:
            one.wait()


def model(folder):
    place = os.path.join(folder, "hub", "org", "model")
    os.makedirs(place)
    for number in range(FILES):
        with open(os.path.join(place, f"part-{number:02}.bin"), "wb") as file:
            file.write(os.urandom(EACH))


def once(cake, hub, folder, ring):
    net, path = Net(), os.path.join(folder, "ring" if ring else "alone")
    os.makedirs(path)
    run = Run(net, cake, path, ring)
    try:
        net.begin()
        net.add("hub", "10.77.0.1", UPLINK)
        for number in range(MIRRORS):
            net.add(f"m{number}", f"10.77.1.{number + 1}", SERVER)
        for number in range(PULLERS):
            net.add(f"n{number}", f"10.77.2.{number + 1}", NODE)
        # The tests' hub listens on loopback alone; two relays stand at its address.
        log = os.path.join(path, "log")
        told = run.start("hub", [hub, os.path.join(folder, "hub"), "--port", "7001", "--cdn-port", "7002", "--large", "1000000",
                                 "--cdn-base", f"http://10.77.0.1:{PORT + 1}", "--log", log], path, stdout=subprocess.PIPE)
        told.stdout.readline()
        for port, target in ((PORT, 7001), (PORT + 1, 7002)):
            run.start("hub", [sys.executable, os.path.join(os.path.dirname(__file__), "relay.py"), str(port), str(target)], path)
        hosts, before = run.serve(), busy()
        ends = run.pull(hosts)
        after = busy()
        commit = json.loads(run.ask("hub", "http://127.0.0.1:7001/api/models/org/model"))["sha"]
        metrics = [run.ask(f"m{number}", f"http://{host}/metrics") for number, host in enumerate(hosts)]
        upstream = sum(int(re.search(r"cake_mirror_fetched_bytes_total (\d+)", text)[1]) for text in metrics)
        return ends, upstream, (after[0] - before[0]) / max(1, after[1] - before[1]), hosts, commit
    finally:
        run.end()
        net.end()


def foreseen(rates, ring, hosts, commit):
    machines = fleet.Machines(uplink=UPLINK * PAYLOAD / 1000, server=SERVER * PAYLOAD / 1000, node=NODE * PAYLOAD / 1000, slow=0,
                              server_cores=2, node_cores=2, spread=0)
    order = fleet.owners(hosts, [f"hf://org/model {commit} part-{number:02}.bin" for number in range(FILES)]) if ring else None
    return fleet.mirrored(PULLERS, MIRRORS, FILES * EACH, rates, machines, 1, arrives=FILES * EACH, ring=order), order


def check(cake, rates, writes):
    hub = shutil.which("hub", path=os.path.dirname(cake)) or sys.exit("error: there is no hub beside cake\nfix: swift build --product hub")
    text = report.head(["16 pullers, 4 mirrors", "", "bytes from the Hub", "p50", "the last node", "processors busy"])
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        model(folder)
        for ring in (False, True):
            ends, upstream, load, hosts, commit = once(cake, hub, folder, ring)
            said, order = foreseen(rates, ring, hosts, commit)
            name = f"a ring; they download {', '.join(map(str, order))} of {FILES} files" if ring else "each downloads all"
            text += report.row([name, "measured", report.amount(upstream), f"{ends[len(ends) // 2]:.1f} s", f"{ends[-1]:.1f} s", f"{load:.0%}"])
            text += report.row([name, "simulated", report.amount(said.upstream), f"{said.share(0.5):.1f} s", f"{said.last:.1f} s", ""])
            if abs(ends[-1] / said.last - 1) > 0.25:
                wrong.append(f"the last node took {ends[-1]:.1f} s, and {said.last:.1f} were foreseen")
            if abs(upstream / said.upstream - 1) > 0.02:
                wrong.append(f"{upstream:,} bytes came from the Hub, and {said.upstream:,.0f} were foreseen")
            if load > 0.5:
                wrong.append(f"the processors were busy for {load:.0%} of the time: the lines were not what decided")
    print(text)
    if writes:
        report.write(os.path.join(TOP, "docs", "scale.md"), "reality", text)
    if wrong:
        sys.exit("\n".join(f"error: {what}" for what in wrong))
