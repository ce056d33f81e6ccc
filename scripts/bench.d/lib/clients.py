"""The Hub's clients, as benches start them. Standard library only."""
import os

import timing

PYTHON = os.environ.get("CAKE_BENCH_HUB_PYTHON", "python3")


def environment(hub=None, **more):
    """What a person's shell has, without settings of the programs measured, and the Hub that they are to ask."""
    kept = {key: value for key, value in os.environ.items()
            if not key.startswith(("CAKE_", "HF_", "HUGGING")) and not key.lower().endswith("_proxy")}
    return kept | ({"HF_ENDPOINT": hub.endpoint} if hub else {}) | {"HF_HUB_DISABLE_TELEMETRY": "1"} | more


class HF:
    """Its Xet path is off: the hub that is asked has none."""
    name = "hf"
    program = os.path.join(os.path.dirname(PYTHON), "hf")

    def version(self):
        tell = "import importlib.metadata as m; print('huggingface_hub', m.version('huggingface_hub'))"
        return timing.peer_version([PYTHON, "-c", tell])

    def env(self, hub, home):
        return environment(hub, HF_HOME=os.path.join(home, "hf"), HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_PROGRESS_BARS="1")

    def pull(self, hub, home, repository):
        return [self.program, "download", repository, "--quiet"]

    def got(self, hub, home, repository):
        base = os.path.join(home, "hf", "hub", "models--" + repository.replace("/", "--"), "snapshots")
        return os.path.join(base, os.listdir(base)[0])
