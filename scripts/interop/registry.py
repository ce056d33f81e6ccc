"""skopeo and oras against `cake serve`, with and without tokens: what they push comes back, and a model of the store is
copied as any artifact is. Then the examples of docs/registry.md: behind nginx, over TLS, and the systemd unit."""
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
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
        found = re.search(r"https?://([^ ,]+:\d+),", said.read())
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
        # In chunks of unannounced length.
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


def certificate():
    """One that vouches for itself, for this machine."""
    folder = os.path.join(work, "tls")
    os.makedirs(folder, exist_ok=True)
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=DNS:localhost,DNS:registry.example,IP:127.0.0.1", "-keyout", os.path.join(folder, "key.pem"),
        "-out", os.path.join(folder, "full-chain.pem"))
    return folder


def example(first):
    """The block of docs/registry.md that begins with this text."""
    with open(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../docs/registry.md")) as page:
        for block in page.read().split("```")[1::2]:
            if block.lstrip("\n").startswith(first):
                return block
    sys.exit(f"error: docs/registry.md has no example that begins with {first}")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def cakes(place, store, what):
    """Over TLS: refused while no certificate is trusted, requested with `https://` on this machine, pushed and pulled."""
    trusting = environment | {"SSL_CERT_FILE": os.path.join(work, "tls", "full-chain.pem")}

    def own(*words, known=trusting):
        return subprocess.run([cake, "--store", store, *words], env=known, capture_output=True, text=True)

    name = f"https://{place}/team/over-tls:v1"
    stranger = own("push", "Team/Model@v1", name, known=environment)
    check(f"{what}: an untrusted certificate is refused", stranger.returncode == 13)
    plain = own("push", "Team/Model@v1", f"{place}/team/over-tls:v1")
    check(f"{what}: cake never falls back from TLS, or to it", plain.returncode != 0)
    pushed = own("push", "Team/Model@v1", name)
    if pushed.returncode:
        print(pushed.stderr)
    check(f"{what}: a model is pushed over TLS", pushed.returncode == 0)
    user = os.path.join(work, "user")
    shutil.rmtree(user, ignore_errors=True)
    pulled = subprocess.run([cake, "--store", user, "pull", name], env=trusting, capture_output=True, text=True)
    check(f"{what}: and pulled", pulled.returncode == 0)
    check(f"{what}: and listed", own("ls-remote", f"https://{place}").stdout.split()[-1].endswith("team/over-tls"))


def behind_nginx():
    """The page's example, but for what only this machine has: ports and the place of the certificate."""
    folder, port, behind = certificate(), free_port(), store + "-behind"
    process, host = serve("--push", "--host-name", "registry.example", folder=behind)
    text = example("server {").replace("listen 443", f"listen 127.0.0.1:{port}").replace("/etc/nginx", folder)
    text = text.replace("127.0.0.1:5111", host)
    # This machine's name for it: the example's does not exist.
    text = text.replace("$host", "registry.example")
    temporary = "".join(f"{kind}_temp_path {work}/{kind}; " for kind in
                        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    path = write("nginx.conf", (
        f"worker_processes 1; daemon off; pid {work}/nginx.pid; error_log {work}/nginx.log; "
        f"events {{}} http {{ access_log off; {temporary} {text} }}").encode())
    nginx = subprocess.Popen(["nginx", "-c", path, "-p", work], stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        cakes(f"127.0.0.1:{port}", store, "behind nginx")
        large = os.urandom(48 << 20)
        name = "sha256:" + hashlib.sha256(large).hexdigest()
        trusted = ssl.create_default_context(cafile=os.path.join(folder, "full-chain.pem"))
        connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=trusted)
        connection.request("POST", f"/v2/a/blobs/uploads/?digest={name}", large)
        reply = connection.getresponse()
        reply.read()
        check("behind nginx: a large blob goes through at once", reply.status == 201)
    finally:
        nginx.terminate()
        nginx.wait()
        process.terminate()
        process.wait()


def over_tls():
    folder = certificate()
    process, host = serve("--push", "--tls-certificate", os.path.join(folder, "full-chain.pem"), "--tls-key",
                          os.path.join(folder, "key.pem"), folder=store + "-tls")
    try:
        cakes(host, store, "cake's own TLS")
    finally:
        process.terminate()
        process.wait()


def unit():
    """systemd's own reader understands the unit, and finds nothing to say."""
    if not shutil.which("systemd-analyze"):
        return print("left out: the unit, since there is no systemd-analyze")
    path = write("cake.service", example("[Unit]").replace("/usr/local/bin/cake", cake).encode())
    said = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True)
    # Whether the machine has the user is not the unit's matter.
    wrong = [line for line in (said.stdout + said.stderr).splitlines() if "cake.service" in line]
    if wrong:
        print("\n".join(wrong))
    check("systemd understands the unit", said.returncode == 0 and not wrong)


try:
    full()
    model()
    unit()
    over_tls()
    behind_nginx()
    server, host = serve("--push")
    skopeo(host)
    orases(host)
    server.terminate()
    server.wait()
    secret = run(cake, "--store", store, "serve", "token", "add", "ci", "--push=*").strip()
    server, host = serve("--push")
    run("skopeo", "list-tags", "--tls-verify=false", f"docker://{host}/team/model", fails=True)
    check("a client without a token is refused", True)
    skopeo(host, f"ci:{secret}")
    orases(host, secret)
    print(f"{done} of {done}")
finally:
    if "server" in globals():
        server.terminate()
        server.wait()
    shutil.rmtree(work, ignore_errors=True)
