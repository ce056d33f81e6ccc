"""Flows over shared links, from event to event: each link is shared fairly (max-min), and nothing is sent before it is there."""

EVER = float("inf")


class Link:
    """What passes through it, times what it costs there, is at most its capacity a second."""

    def __init__(self, name, capacity):
        self.name, self.capacity, self.passed = name, capacity, 0.0


class Flow:
    """`count` equal transfers. ways: {link: what a byte costs on it}. source: a Store whose bytes each passes on. fills: the
    stores that get its bytes, and how many of these flows each of them gets."""

    def __init__(self, name, count, needed, ways, start=0.0, most=None, source=None, fills=()):
        self.name, self.count, self.needed, self.ways, self.start = name, count, needed, ways, start
        self.most, self.source, self.fills = EVER if most is None else most, source, list(fills)
        self.got = self.rate = 0.0
        self.end = None

    def runs(self, now):
        return self.end is None and self.start <= now + 1e-9


class Store:
    """The bytes that have arrived at a place, and how fast they come."""

    def __init__(self, here=0.0):
        self.here, self.rate = here, 0.0


def share(flows, caps):
    """Max-min fair rates: all grow alike until a link or a flow's own limit is full."""
    left, users = {}, {}
    for flow in flows:
        for link, cost in flow.ways.items():
            left.setdefault(link, link.capacity)
            users[link] = users.get(link, 0.0) + cost * flow.count
    waiting, level = set(flows), 0.0
    for flow in flows:
        flow.rate = 0.0
    while waiting:
        step = min([left[link] / used for link, used in users.items() if used > 1e-12], default=EVER)
        step = min(step, min(caps[flow] for flow in waiting) - level)
        level += max(step, 0.0)
        for link, used in users.items():
            left[link] -= used * step
        full = {link for link, used in users.items() if used > 1e-12 and left[link] <= 1e-9 * link.capacity}
        done = [flow for flow in waiting if caps[flow] <= level * (1 + 1e-12) or not full.isdisjoint(flow.ways)]
        for flow in done:
            flow.rate = level
            waiting.discard(flow)
            for link, cost in flow.ways.items():
                users[link] -= cost * flow.count
        if not done:
            break


def run(flows, stores, grain=1e-3):
    """Ends when every flow has ended, and returns the name of the link that was fullest. Events closer than `grain` of the time so
    far are one."""
    now = 0.0
    links = {link for flow in flows for link in flow.ways}
    while True:
        running = [flow for flow in flows if flow.runs(now)]
        later = [flow.start for flow in flows if flow.end is None and not flow.runs(now)]
        if not running:
            if not later:
                return max(links, key=lambda link: (link.passed / link.capacity, link.name)).name
            now = min(later)
            continue
        # A flow that has passed on all that is there goes no faster than more comes.
        caps = {flow: flow.most for flow in running}
        behind = [flow for flow in running if flow.source and flow.source.here - flow.got <= 1e-6 * flow.needed]
        for _ in range(3):
            share(running, caps)
            for store in stores:
                store.rate = 0.0
            for flow in running:
                for store, times in flow.fills:
                    store.rate += flow.rate * times
            for flow in behind:
                caps[flow] = min(flow.most, flow.source.rate)
            if not behind:
                break
        step = min([at - now for at in later], default=EVER)
        for flow in running:
            if flow.rate > 0:
                step = min(step, (flow.needed - flow.got) / flow.rate)
                if flow.source and flow.rate > flow.source.rate and flow not in behind:
                    step = min(step, (flow.source.here - flow.got) / (flow.rate - flow.source.rate))
        if step == EVER:
            raise RuntimeError(f"nothing moves at {now:.1f} s: {[flow.name for flow in running]}")
        step = max(step, grain * max(now, 1.0) if not later else min(grain * max(now, 1.0), min(later) - now))
        now += step
        for store in stores:
            store.here += store.rate * step
        for flow in running:
            for link, cost in flow.ways.items():
                link.passed += cost * flow.rate * flow.count * step
            flow.got = min(flow.got + flow.rate * step, flow.needed)
            if flow.source:
                flow.got = min(flow.got, flow.source.here)
            if flow.needed - flow.got <= 1e-6 * flow.needed:
                flow.end = now
