"""What is simulated, as tables and as curves."""
import os
import re

import fleet
from fleet import Machines

RACK = 16


def span(seconds):
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 360_000 else f"{seconds / 86400:.0f} d"


def amount(size):
    if size >= 1e15:
        return f"{size / 1e15:.1f} PB"
    return f"{size / 1e12:.2f} TB" if size >= 1e12 else f"{size / 1e9:.0f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def row(words):
    return "| " + " | ".join(words) + " |\n"


def head(words):
    return row(words) + "|" + "---|" * len(words) + "\n"


def times(outcome):
    return [span(outcome.share(0.5)), span(outcome.share(0.99)), span(outcome.last)]


def ways(nodes, whole, rates, machines, seed):
    """(name, outcome) of a cold start: no server has the model."""
    order = fleet.owners(fleet.hosts(RACK), fleet.files(30))
    yield "no mirror", fleet.straight(nodes, whole, rates, machines, seed)
    for servers in (1, 4, 16):
        name = f"{servers} mirror{'s' if servers > 1 else ''}"
        yield name, fleet.mirrored(nodes, servers, whole, rates, machines, seed, arrives=whole)
    yield f"a ring of {RACK}", fleet.mirrored(nodes, RACK, whole, rates, machines, seed, arrives=whole, ring=order)


def cold(whole, rates, seed):
    text = head(["1,000 nodes, nothing is here yet", "uplink", "bytes from the Hub", "p50", "p99", "the last node"])
    for uplink in (1, 10, 100):
        for name, outcome in ways(1000, whole, rates, Machines(uplink=uplink), seed):
            text += row([name, f"{uplink} Gbit/s", amount(outcome.upstream), *times(outcome)])
    return text


def tunes(plans, rates, seed):
    """The mirrors have the model, the nodes have its base."""
    text = head(["1,000 nodes, the mirrors have it", "servers", "as", "bytes for each node", "p50", "p99", "the last node"])
    names = {"base": "the base", "all": "a tune of all tensors", "some": "of attention only", "few": "of the last 4 of 80 layers"}
    for model, name in names.items():
        plan = plans[model]
        for servers in (1, 4, 16):
            for layers in (False, True):
                needed = plan["layers"] if layers else plan["files"]
                plain = plan.get("needed", plan["files"])
                outcome = fleet.mirrored(1000, servers, needed, rates, Machines(), seed, layers=plain if layers else None)
                text += row([name, str(servers), "layers" if layers else "whole files", amount(needed), *times(outcome)])
    return text


def larger(whole, rates, seed):
    """Ten times and a hundred times the nodes: with the same servers, and with a server for every 60 nodes."""
    text = head(["nodes", "servers", "bytes from the Hub", "p50", "the last node", "what is full"])
    for nodes in (1000, 10_000, 100_000):
        for servers in sorted({RACK, nodes // 60}):
            order = fleet.owners(fleet.hosts(servers), fleet.files(30))
            outcome = fleet.mirrored(nodes, servers, whole, rates, Machines(), seed, arrives=whole, ring=order)
            text += row([f"{nodes:,}", f"one ring of {servers:,}", amount(outcome.upstream), span(outcome.share(0.5)),
                         span(outcome.last), outcome.full])
        if nodes > 1000:
            outcome = fleet.tiers(nodes, whole, rates, Machines(), seed)
            text += row([f"{nodes:,}", outcome.name, amount(outcome.upstream), span(outcome.share(0.5)), span(outcome.last),
                         outcome.full])
    return text


def curves(whole, rates, seed):
    lines = {}
    for nodes in (100, 1000, 10_000, 100_000):
        for name, outcome in ways(nodes, whole, rates, Machines(), seed):
            lines.setdefault(name, []).append((nodes, outcome.last / 60))
        lines.setdefault("rings in tiers", []).append((nodes, fleet.tiers(nodes, whole, rates, Machines(), seed).last / 60))
    return lines


def tables(plans, rates, figures, seed):
    whole, machines = plans["base"]["files"], Machines()
    said = (f"A node's line has 25 Gbit/s, every fourth node's 10; a server's has 100 Gbit/s, and the uplink 10 where nothing else is said. "
            f"Nodes have {machines.node_cores} cores for it, servers {machines.server_cores}. Nodes begin within {machines.spread:.0f} s. "
            f"Seed {seed}. From the benches: a mirror takes {figures['rebuild']:g} s of processor for a GiB of files that it rebuilds, "
            f"{figures['send']:g} for a GiB of packs, and {figures['bring']:g} for 2 GiB that it downloads; a node {figures['pull']:g} for 2 GiB of "
            f"layers and {figures['files']:g} for a GiB of files; a connection to the Hub carries {figures['connection']:g} MB/s; weights take "
            f"{figures['coded']:g} % as layers, and the delta of a trained tensor {figures['trained']:g} %.\n")
    text = said + "\n" + cold(whole, rates, seed) + "\n" + tunes(plans, rates, seed) + "\n" + larger(whole, rates, seed)
    return text, curves(whole, rates, seed)


def write(path, subject, text):
    """Between two marks of a page."""
    with open(path, encoding="utf-8") as page:
        old = page.read()
    marks = f"<!-- {subject} -->", f"<!-- /{subject} -->"
    new = re.sub(re.escape(marks[0]) + ".*?" + re.escape(marks[1]), lambda _: f"{marks[0]}\n{text}{marks[1]}", old, flags=re.S)
    with open(path + ".part", "w", encoding="utf-8") as page:
        page.write(new)
    os.replace(path + ".part", path)
