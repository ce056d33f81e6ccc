"""The real `cake serve --storage` on Ceph: ceph.py CAKE, with AWS_ENDPOINT_URL and keys in the environment, and a bucket `bucket`. cake, skopeo
and oras push and pull; two servers share a bucket, and one of them is killed in the middle of a push."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import safetensors_files
from beside import Beside

import oras.client

cake, work = os.path.realpath(sys.argv[1]), tempfile.mkdtemp(prefix="cake-ceph-")
kept = {name: value for name, value in os.environ.items() if not name.startswith("CAKE_") and name != "AWS_CA_BUNDLE"}
others = Beside(kept | {"HOME": work})
place = f"s3://bucket/interop-{os.getpid()}"
running = []


class Server:
    def __init__(self, name, *options):
        said = os.path.join(work, name)
        with open(said, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [cake, "serve", "--listen", "127.0.0.1:0", "--push", "--storage", place, "--cache", "1GB", *options],
                env=kept | {"HOME": work, "XDG_CACHE_HOME": os.path.join(work, name + "-cache")}, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=log)
        running.append(self.process)
        while self.process.poll() is None:
            with open(said, encoding="utf-8") as log:
                if found := re.search(r"http://([^ ,]+:\d+),", log.read()):
                    self.host = found[1]
                    return
            time.sleep(0.02)
        sys.exit("error: cake serve ended")


def own(store, *words):
    return [cake, "--store", os.path.join(work, store), *words, "--quiet"]


def model(name, megabytes):
    folder = os.path.join(work, name)
    os.makedirs(folder)
    count = megabytes // 4
    safetensors_files.write_file(
        os.path.join(folder, "model.safetensors"),
        [(f"layers.{number}.weight", "F32", (1024, 1024), lambda: os.urandom(4 << 20)) for number in range(count)])
    others.must(*own("maker", "import", folder, name))
    return folder


def same(host, name, folder, store):
    """Pulls into an empty store, exports, and compares."""
    out = os.path.join(work, "out")
    for old in (out, os.path.join(work, store)):
        shutil.rmtree(old, ignore_errors=True)
    others.must(*own(store, "pull", f"{host}/team/{name}:v1"))
    others.must(*own(store, "export", f"{host}/team/{name}:v1", "-o", out))
    with open(os.path.join(folder, "model.safetensors"), "rb") as one, open(os.path.join(out, "model.safetensors"), "rb") as other:
        return one.read() == other.read()


def skopeo(one, other):
    folder, copy = os.path.join(work, "image"), os.path.join(work, "copied")
    plain = ["skopeo", "copy", "-q", "--insecure-policy"]
    others.must(*plain, "--src-tls-verify=false", f"docker://{one.host}/team/small:v1", f"dir:{folder}")
    others.must(*plain, "--dest-tls-verify=false", f"dir:{folder}", f"docker://{other.host}/copied/small:v1")
    others.must(*plain, "--src-tls-verify=false", f"docker://{one.host}/copied/small:v1", f"dir:{copy}")
    names = sorted(os.listdir(folder))
    isSame = names == sorted(os.listdir(copy)) and all(
        open(os.path.join(folder, name), "rb").read() == open(os.path.join(copy, name), "rb").read() for name in names)
    others.check("skopeo pulls from one server, pushes to the other, and pulls the same", isSame)


def orases(one, other):
    folder, out = os.path.join(work, "notes"), os.path.join(work, "fetched")
    os.makedirs(folder)
    with open(os.path.join(folder, "notes.txt"), "wb") as file:
        file.write(os.urandom(3_000_000))
    os.chdir(folder)
    client = oras.client.OrasClient(hostname=one.host, insecure=True, auth_backend="token")
    client.push(target=f"{one.host}/team/notes:v1", files=["notes.txt"], disable_path_validation=True)
    client = oras.client.OrasClient(hostname=other.host, insecure=True, auth_backend="token")
    client.pull(target=f"{other.host}/team/notes:v1", outdir=out)
    with open("notes.txt", "rb") as left, open(os.path.join(out, "notes.txt"), "rb") as right:
        others.check("oras pushes to one server, and fetches the same from the other", left.read() == right.read())


def killed(one, other):
    """The push's client waits for the server that is killed; it is repeated at the other."""
    folder = model("large", 400)
    pushing = subprocess.Popen(own("maker", "push", "large", f"{one.host}/team/large:v1"), env=kept | {"HOME": work},
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while pushing.poll() is None:
        # A pack is on its way: it lies in a file without a name.
        held = subprocess.run(["ls", "-l", f"/proc/{one.process.pid}/fd"], capture_output=True, text=True, check=False).stdout
        if "(deleted)" in held:
            break
        time.sleep(0.002)
    one.process.send_signal(signal.SIGKILL)
    pushing.wait()
    others.check("a push to a server that is killed fails", pushing.returncode != 0, pushing.stderr.read())
    others.must("skopeo", "inspect", "--tls-verify=false", f"docker://{other.host}/team/large:v1", fails=True)
    others.check("and leaves no model at the other", True)
    others.must(*own("maker", "push", "large", f"{other.host}/team/large:v1"))
    others.check("repeated at the other, it is whole", same(other.host, "large", folder, "third"))
    again = Server("again", "--no-redirect")
    others.check("and at a server that begins then", same(again.host, "large", folder, "third"))
    listed = json.loads(others.must("skopeo", "list-tags", "--tls-verify=false", f"docker://{again.host}/team/large"))
    others.check("with its tag", listed["Tags"] == ["v1"])


def main():
    one, other = Server("one"), Server("other", "--no-redirect")
    folder = model("small", 8)
    others.must(*own("maker", "push", "small", f"{one.host}/team/small:v1"))
    for server, words in ((one, "by redirects"), (other, "through the server")):
        others.check(f"cake pulls from {'the same' if server is one else 'the other'} server what it pushed, {words}",
                     same(server.host, "small", folder, "user"))
    others.check("and from the bucket itself", same_from_bucket(folder))
    skopeo(one, other)
    orases(one, other)
    killed(one, other)
    print(f"{others.done} checks")


def same_from_bucket(folder):
    out = os.path.join(work, "out")
    shutil.rmtree(out)
    others.must(*own("direct", "pull", f"{place}/team/small:v1"))
    others.must(*own("direct", "export", f"{place}/team/small:v1", "-o", out))
    with open(os.path.join(folder, "model.safetensors"), "rb") as one, open(os.path.join(out, "model.safetensors"), "rb") as other:
        return one.read() == other.read()


try:
    main()
finally:
    for process in running:
        if process.poll() is None:
            process.terminate()
        process.wait()
    shutil.rmtree(work, ignore_errors=True)
