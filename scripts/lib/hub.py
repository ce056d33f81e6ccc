"""The tests' hub as a program of its own: started, asked for its log, told to misbehave, and ended."""
import json
import os
import subprocess
import urllib.request


class Hub:
    def __init__(self, binary, root, *options):
        self.child = subprocess.Popen([binary, root, *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        told = json.loads(self.child.stdout.readline())
        self.endpoint, self.cdn, self.xet = told["endpoint"], told["cdn"], told.get("xet")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()

    def ask(self, method, path, value=None):
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(self.endpoint + path, data=body, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as answer:
            return answer.read()

    def log(self):
        return [json.loads(line) for line in self.ask("GET", "/_log").decode().splitlines()]

    def forget(self):
        self.ask("DELETE", "/_log")

    def misbehave(self, *acts, **when):
        self.ask("POST", "/_misbehave", {"when": when, "do": list(acts)})

    def behave(self):
        self.ask("DELETE", "/_misbehave")


def write(root, repository, files):
    for path, data in files.items():
        place = os.path.join(root, repository, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(data)
