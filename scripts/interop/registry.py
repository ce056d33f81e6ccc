"""skopeo and oras against `cake serve`, with and without tokens: what they push comes back, and a model of the store is
copied as any artifact is."""
import hashlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import oras.client

cake, work = sys.argv[1], tempfile.mkdtemp(prefix="cake-registry-")
store = os.path.join(work, "store")
environment = {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")}
environment |= {"HOME": work, "REGISTRY_AUTH_FILE": os.path.join(work, "auth.json")}
done = 0


def run(*words, fails=False):
    result = subprocess.run(words, env=environment, capture_output=True, text=True)
    if (result.returncode != 0) != fails:
        sys.exit(f"error: {' '.join(words)} ended with {result.returncode}\n{result.stderr}")
    return result.stdout


def check(what, is_so):
    global done
    if not is_so:
        sys.exit(f"error: {what}: it is not so")
    done += 1
    print(f"ok: {what}")


def write(name, data):
    path = os.path.join(work, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return path


def serve(*options, folder=None):
    said = open(os.path.join(work, "said"), "w+")
    process = subprocess.Popen(
        [cake, "--store", folder or store, "serve", "--listen", "127.0.0.1:0", *options], env=environment,
        stdout=subprocess.DEVNULL, stderr=said)
    while process.poll() is None:
        said.seek(0)
        found = re.search(r"http://([^ ,]+:\d+),", said.read())
        if found:
            return process, found[1]
        time.sleep(0.02)
    sys.exit("error: cake serve ended")


def model():
    """A safetensors file of random bytes, large and small tensors."""
    tensors, at, body = {}, 0, b""
    for number, size in enumerate([3 << 20, 4096, 2 << 20, 100]):
        tensors[f"t{number}"] = {"dtype": "U8", "shape": [size], "data_offsets": [at, at + size]}
        at, body = at + size, body + os.urandom(size)
    header = json.dumps(tensors).encode()
    write("model/model.safetensors", len(header).to_bytes(8, "little") + header + body)
    write("model/config.json", b'{"architectures": ["Test"]}')
    run(cake, "--store", store, "--quiet", "import", os.path.join(work, "model"), "Team/Model@v1")


def blobs_are_right(folder):
    names = os.listdir(os.path.join(folder, "blobs", "sha256"))
    for name in names:
        with open(os.path.join(folder, "blobs", "sha256", name), "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != name:
                return False
    return len(names) > 4


def skopeo(host, credentials=None):
    to = ["--dest-creds", credentials] if credentials else []
    source = ["--src-creds", credentials] if credentials else []
    plain = ["--src-tls-verify=false"], ["--dest-tls-verify=false"]
    layout = os.path.join(work, "layout")
    shutil.rmtree(layout, ignore_errors=True)
    run("skopeo", "copy", "-q", *plain[0], *source, f"docker://{host}/team/model:v1", f"oci:{layout}:v1")
    check("skopeo copies a model of the store to a folder", blobs_are_right(layout))
    run("skopeo", "copy", "-q", *plain[1], *to, f"oci:{layout}:v1", f"docker://{host}/copies/model:v2")
    again = os.path.join(work, "again")
    shutil.rmtree(again, ignore_errors=True)
    run("skopeo", "copy", "-q", *plain[0], *source, f"docker://{host}/copies/model:v2", f"oci:{again}:v2")
    check("and back, under another name", blobs_are_right(again))
    run("skopeo", "copy", "-q", *plain[0], *plain[1], *source, *to, f"docker://{host}/team/model:v1",
        f"docker://{host}/mounted/model:v3")
    one = ["--tls-verify=false"] + (["--creds", credentials] if credentials else [])
    listed = json.loads(run("skopeo", "list-tags", *one, f"docker://{host}/team/model"))
    check("skopeo lists its tag", listed["Tags"] == ["v1"])
    raw = run("skopeo", "inspect", "--raw", *one, f"docker://{host}/mounted/model:v3")
    check("and shows what was mounted", json.loads(raw)["artifactType"] == "application/vnd.cake.model.v1")
    run("skopeo", "delete", *one, f"docker://{host}/mounted/model:v3")
    run("skopeo", "inspect", "--raw", *one, f"docker://{host}/mounted/model:v3", fails=True)
    check("and deletes it", True)


def orases(host, secret=None):
    path = write("notes/notes.txt", os.urandom(100_000))
    client = oras.client.OrasClient(hostname=host, insecure=True, auth_backend="basic" if secret else "token")
    if secret:
        client.auth.set_basic_auth("ci", secret)
    os.chdir(os.path.join(work, "notes"))
    pushed = client.push(target=f"{host}/team/notes:v1", files=["notes.txt"], disable_path_validation=True)
    check("oras pushes a file", pushed.status_code in (200, 201))
    out = os.path.join(work, "fetched")
    shutil.rmtree(out, ignore_errors=True)
    client.pull(target=f"{host}/team/notes:v1", outdir=out)
    with open(path, "rb") as one, open(os.path.join(out, "notes.txt"), "rb") as other:
        check("and fetches it", one.read() == other.read())
    check("and lists its tag", client.get_tags(f"{host}/team/notes") == ["v1"])


def full():
    """A disk that fills up in the middle of a push, which only root can make."""
    if os.geteuid() != 0:
        return print("left out: a disk that fills up, which needs root")
    small = os.path.join(work, "small")
    os.makedirs(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", small]).returncode != 0:
        return print("left out: a disk that fills up, which cannot be mounted here")
    try:
        server, host = serve("--push", folder=os.path.join(small, "store"))
        connection = http.client.HTTPConnection(host, timeout=60)

        def ask(method, address, body=None, headers={}):
            connection.request(method, address, body, headers)
            reply = connection.getresponse()
            return reply.status, reply.read(), reply.headers

        name = "sha256:" + hashlib.sha256(b"kept").hexdigest()
        check("a blob is pushed", ask("POST", f"/v2/a/blobs/uploads/?digest={name}", b"kept")[0] == 201)
        place = ask("POST", "/v2/a/blobs/uploads/", b"")[2]["Location"]
        # In chunks, whose length nobody announces.
        status, body, _ = ask("PATCH", place, (bytes(1 << 20) for _ in range(120)))
        check("a full disk is told", status == 507 and b"full" in body)
        check("a push that would not fit is refused", ask(
            "POST", f"/v2/a/blobs/uploads/?digest={name}", b"kept")[0] == 507)
        check("what was there is served", ask("GET", f"/v2/a/blobs/{name}")[1] == b"kept")
        check("and it is not ready for more", ask("GET", "/readyz")[0] == 503)
        check("when the upload is given up", ask("DELETE", place)[0] == 204)
        check("it is ready again", ask("GET", "/readyz")[0] == 200)
        server.terminate()
        server.wait()
    finally:
        subprocess.run(["umount", "-l", small])


try:
    full()
    model()
    server, host = serve("--push")
    skopeo(host)
    orases(host)
    server.terminate()
    server.wait()
    secret = run(cake, "--store", store, "serve", "token", "add", "ci", "--push=*").strip()
    server, host = serve("--push")
    run("skopeo", "list-tags", "--tls-verify=false", f"docker://{host}/team/model", fails=True)
    check("nobody is let in without a token", True)
    skopeo(host, f"ci:{secret}")
    orases(host, secret)
    print(f"{done} of {done}")
finally:
    if "server" in globals():
        server.terminate()
        server.wait()
    shutil.rmtree(work, ignore_errors=True)
