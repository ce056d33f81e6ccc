"""Ceph's object gateway as benches use it: empty at the beginning of each run, in memory. Standard library only."""
import json
import os
import subprocess

HERE = os.path.dirname(os.path.realpath(__file__))
SCRIPT = os.path.join(HERE, "..", "..", "services", "ceph")
BUCKET = "models"


class Ceph:
    """One monitor, one OSD in memory and a gateway. Its counters say which bytes it took and gave."""

    def __init__(self, folder, memory):
        self.folder = folder
        self.own = os.environ | {"CAKE_CEPH": folder, "CAKE_CEPH_MEMORY": str(memory)}
        self.say("down")
        said = dict(line.split("=", 1) for line in self.say("up").splitlines() if "=" in line)
        self.endpoint, self.key, self.secret = said["AWS_ENDPOINT_URL"], said["AWS_ACCESS_KEY_ID"], said["AWS_SECRET_ACCESS_KEY"]
        self.region = said["AWS_REGION"]
        self.say("bucket", BUCKET)

    def say(self, *words):
        return subprocess.run(["bash", SCRIPT, *words], env=self.own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              check=True).stdout

    def environment(self):
        """What a client needs to be let in, and nothing of the caller's about other storages."""
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("AWS_", "CAKE_")) and not name.lower().endswith("_proxy")}
        return kept | {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_REGION": self.region}

    def moved(self):
        """Bytes of values that came to the gateway, and that it gave, so far."""
        socket = os.path.join(self.folder, "run", "client.rgw.asok")
        told = subprocess.run(["ceph", "--admin-daemon", socket, "perf", "dump", "rgw"], stdout=subprocess.PIPE, check=True,
                              env=os.environ | {"CEPH_CONF": os.path.join(self.folder, "ceph.conf")}).stdout
        counts = json.loads(told)["rgw"]
        return counts["put_b"], counts["get_b"]

    def end(self):
        self.say("down")
