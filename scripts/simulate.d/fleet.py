"""A fleet: nodes that pull a model through mirrors, through a ring of them, or from the Hub itself."""
import hashlib
import random

from flows import Flow, Link, Store, run

GBIT = 1e9 / 8


class Machines:
    """Lines in bytes a second, and cores."""

    def __init__(self, uplink=10, server=100, node=25, slow_node=10, slow=0.25, server_cores=32, node_cores=16, spread=60.0):
        self.uplink, self.server, self.node, self.slow_node = (rate * GBIT for rate in (uplink, server, node, slow_node))
        self.slow, self.server_cores, self.node_cores, self.spread = slow, server_cores, node_cores, spread


class Outcome:
    """upstream: bytes from the Hub; full: what was busiest while the nodes pulled."""

    def __init__(self, upstream, pulls, full):
        self.upstream, self.full = upstream, full
        self.ends = sorted((flow.end - flow.start, flow.count) for flow in pulls)
        self.nodes = sum(count for _, count in self.ends)

    def share(self, part):
        """The time after which that share of the nodes has the model."""
        left = part * self.nodes
        for time, count in self.ends:
            left -= count
            if left <= 1e-9:
                return time
        return self.ends[-1][0]

    @property
    def last(self):
        return self.ends[-1][0]


def owners(hosts, names):
    """How many of the names each host is first for, by the hash of Registry/Mirror/Peers/PeerRing.swift."""
    counts = [0] * len(hosts)
    for name in names:
        weights = [hashlib.sha256(f"{host}\n{name}".encode()).digest() for host in hosts]
        counts[max(range(len(hosts)), key=lambda number: weights[number])] += 1
    return counts


def hosts(count):
    return [f"10.0.{number // 250}.{number % 250}:5111" for number in range(count)]


def files(count):
    """The names by which a ring's order of a model's files is found."""
    return [f"hf://org/model commit model-{number + 1:05}-of-{count:05}.safetensors" for number in range(count)]


def groups(nodes, servers, machines, seed, waves=8):
    """[(server, start, line, count)]: nodes begin within the spread, and some of them have a slower line."""
    luck = random.Random(seed)
    starts = [0.0] + sorted(luck.uniform(0, machines.spread) for _ in range(waves - 1)) if machines.spread else [0.0]
    found, due, given = [], 0.0, 0
    for server in range(servers):
        for start in starts:
            for line, part in ((machines.node, 1 - machines.slow), (machines.slow_node, machines.slow)):
                due += nodes * part / (servers * len(starts))
                count = round(due) - given
                given += count
                if count:
                    found.append((server, start, line, count))
    return found


def straight(nodes, needed, rates, machines, seed):
    """Each node asks the Hub."""
    uplink, flows = Link("the uplink", machines.uplink), []
    for _, start, line, count in groups(nodes, 1, machines, seed):
        most = min(line, 8 * rates["connection"], machines.node_cores / rates["files"])
        flows.append(Flow("node", count, needed, {uplink: 1.0}, start, most))
    busiest = run(flows, [])
    return Outcome(nodes * needed, flows, busiest)


class Servers:
    """Servers that are alike: `count` in each of `rings`, of which each downloads `files` files for its ring."""

    def __init__(self, count, files, machines, rings=1):
        self.count, self.files, self.rings = count, files, rings
        self.out = Link("the lines out of servers", machines.server * count * rings)
        self.inward = Link("the lines into servers", machines.server * count * rings)
        self.cores = Link("the processors of servers", machines.server_cores * count * rings)
        self.store, self.own = Store(), Store()

    @property
    def all(self):
        return self.count * self.rings


def kinds(ring, machines, rings=1):
    """The servers of a ring by how many files they download for it."""
    return [Servers(ring.count(files), files, machines, rings) for files in sorted(set(ring))]


def arriving(servers, whole, rates, above, source=None, limit=None):
    """Flows by which every server gets the model: each its own files from above, and the others from peers."""
    files, flows = sum(kind.files * kind.count for kind in servers), []
    members = sum(kind.count for kind in servers)
    for kind in servers:
        if kind.files == 0:
            continue
        part = whole * kind.files / files
        flows.append(Flow("up", kind.all, part, {above: 1.0, kind.inward: 1.0, kind.cores: rates["bring"]}, most=limit,
                          source=source, fills=[(kind.own, 1), (kind.store, 1)]))
        for other in servers:
            # Of its own kind there are the others.
            near = other.count - (1 if other is kind else 0)
            if near == 0 or members == 1:
                continue
            flows.append(Flow("peer", kind.all * near, part, {
                kind.out: 1.0, kind.cores: rates["send"], other.inward: 1.0, other.cores: rates["bring"]},
                source=kind.own, fills=[(other.store, kind.count - (1 if other is kind else 0))]))
    return flows


def pulling(nodes, servers, needed, rates, machines, seed, layers=None):
    """Flows of nodes. layers: plain bytes of the layers that a node makes of what it gets."""
    cost = rates["send"] if layers else rates["rebuild"]
    work = rates["pull"] * layers / needed if layers else rates["files"]
    total, flows = sum(kind.all for kind in servers), []
    for kind in servers:
        for _, start, line, count in groups(nodes * kind.all / total, 1, machines, seed):
            flows.append(Flow("node", count, needed, {kind.out: 1.0, kind.cores: cost}, start,
                              min(line, machines.node_cores / work), source=kind.store))
    return flows


def most_of_transfers(rates):
    """24 files at once, each over eight connections."""
    return 24 * 8 * rates["connection"]


def mirrored(nodes, count, needed, rates, machines, seed, arrives=None, ring=None, layers=None):
    """Each node asks one of the servers. arrives: what they have to download first, None if they have it. ring: how many files
    each of them downloads for all; None if each downloads everything."""
    uplink = Link("the uplink", machines.uplink)
    servers = kinds(ring, machines) if ring else [Servers(1, 1, machines, rings=count)]
    flows = arriving(servers, arrives, rates, uplink, limit=most_of_transfers(rates)) if arrives else []
    for kind in servers:
        kind.store.here = 0.0 if arrives else needed
    pulls = pulling(nodes, servers, needed, rates, machines, seed, layers)
    busiest = run(flows + pulls, [store for kind in servers for store in (kind.store, kind.own)])
    return Outcome((arrives or 0) * (1 if ring else count), pulls, busiest)


def tiers(nodes, whole, rates, machines, seed, ring=16, each=60):
    """Rings of mirrors whose upstream is a ring of mirrors at the gate."""
    rings = max(1, round(nodes / each / ring))
    order = owners(hosts(ring), files(30))
    uplink = Link("the uplink", machines.uplink)
    gate, racks = kinds(order, machines), kinds(order, machines, rings)
    # A ring asks any server of the gate.
    above, there = Link("the lines out of the gate", machines.server * ring), Store()
    flows = arriving(gate, whole, rates, uplink, limit=most_of_transfers(rates))
    for flow in flows:
        if flow.name == "up":
            flow.fills.append((there, flow.count))
        else:
            flow.ways = {above if link in [kind.out for kind in gate] else link: cost for link, cost in flow.ways.items()}
    flows += arriving(racks, whole, rates, above, source=there)
    pulls = pulling(nodes, racks, whole, rates, machines, seed)
    busiest = run(flows + pulls, [there, *(store for kind in gate + racks for store in (kind.store, kind.own))])
    outcome = Outcome(whole, pulls, busiest)
    outcome.name = f"{rings:,} ring{'s' if rings > 1 else ''} of {ring}, a ring of {ring} at the gate"
    return outcome
