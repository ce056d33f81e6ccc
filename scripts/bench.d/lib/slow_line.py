"""A hub, and lines to servers that are slower than loopback: for benches. Standard library only."""
import json
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "lib"))
import hub as hubs


class SlowLine:
    """To ports of this machine. Rates are bytes a second."""

    def __init__(self, tools, ports, round_trip_ms, each, everybody):
        maps = [word for port in ports for word in ("--map", f"0:{port}")]
        self.process = subprocess.Popen(
            [os.path.join(tools, "line"), *maps, "--round-trip-ms", str(round_trip_ms), "--each", str(each),
             "--all", str(everybody)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        told = json.loads(self.process.stdout.readline())
        self.control, self.ports = told["control"], told["ports"]

    def moved(self):
        """All bytes that clients got so far."""
        return sum(self.told()["down"])

    def told(self):
        with socket.create_connection(("127.0.0.1", self.control)) as asking:
            return json.loads(asking.makefile().read())

    def end(self):
        self.process.kill()
        self.process.wait()


class SlowHub:
    """The hub at the far end of a line. Rates are bytes a second; without them clients talk to the hub itself."""

    def __init__(self, tools, root, round_trip_ms=0, each=0, everybody=0, *options):
        self.hub = hubs.Hub(os.path.join(tools, "hub"), root, "--quota", "10000000", *options)
        self.line, self.endpoint = None, self.hub.endpoint
        if each or everybody or round_trip_ms:
            ports = [url.rsplit(":", 1)[1] for url in (self.hub.endpoint, self.hub.cdn, self.hub.xet) if url]
            self.line = SlowLine(tools, ports, round_trip_ms, each, everybody)
            self.endpoint = f"http://127.0.0.1:{self.line.ports[0]}"
            self.hub.ask("POST", "/_relay", f"http://127.0.0.1:{self.line.ports[1]}")
            if self.hub.xet:
                self.hub.ask("POST", "/_relay/xet", f"http://127.0.0.1:{self.line.ports[2]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.line:
            self.line.end()
        self.hub.__exit__()

    def warm(self, repository):
        """Lets the hub compute its answers about a repository before the clock runs."""
        self.hub.ask("GET", f"/api/models/{repository}/tree/main?recursive=true")

    def moved(self):
        """All bytes that clients got so far, of the hub and of its storage."""
        return self.line.moved()

    def look(self):
        """(bytes that large files' clients got so far, when the first of them came since the last look or 0)."""
        told = self.line.told()
        return told["down"][1], told["first"][1]
