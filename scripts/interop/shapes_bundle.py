"""Bundles of cake save, read by skopeo, oras, ctr and podman, and what skopeo makes of them, read by cake load. Then save and load
in a pipe, and sizes beside tar and skopeo."""
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "lib"))
from beside import Beside  # noqa: E402

cake, work = sys.argv[1], tempfile.mkdtemp(prefix="cake-shapes-bundle-")
environment = {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")}
environment |= {"HOME": work, "XDG_CONFIG_HOME": os.path.join(work, "config"), "CAKE_HOME": os.path.join(work, "store"),
                "CAKE": cake}
tools = Beside(environment)
check = tools.check
# podman takes no longer path than 50 bytes.
short = tempfile.mkdtemp(prefix="cake-", dir="/tmp")
podman = ["podman", "--root", os.path.join(work, "podman"), "--runroot", short, "--storage-driver", "vfs"]


def path(*parts):
    return os.path.join(work, *parts)


def run(*words, store=None):
    return tools.run(*words, more={"CAKE_HOME": path(store)} if store else None)


def must(*words, store=None):
    return tools.must(*words, more={"CAKE_HOME": path(store)} if store else None)


def floats(count, seed):
    """bf16 numbers around 0, as weights are."""
    numbers = random.Random(seed)
    return bytearray(b"".join(struct.pack("<f", numbers.gauss(0, 0.02))[2:] for _ in range(count)))


def write(name, weights):
    os.makedirs(path(name), exist_ok=True)
    header, place = {}, 0
    for number, data in enumerate(weights):
        header[f"layers.{number}.weight"] = {"dtype": "BF16", "shape": [len(data) // 128, 64], "data_offsets": [place, place + len(data)]}
        place += len(data)
    text = json.dumps(header).encode()
    with open(path(name, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(weights))
    with open(path(name, "config.json"), "w", encoding="utf-8") as file:
        json.dump({"model_type": "llama", "name": name}, file)


def same(name, store, stored=None):
    shutil.rmtree(path("out"), ignore_errors=True)
    must(cake, "export", stored or name, "-o", path("out"), store=store)
    return subprocess.run(["diff", "-r", path(name), path("out")]).returncode == 0


def serve():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = subprocess.Popen([cake, "--store", path("registry"), "serve", "--push", "--port", str(port)], env=environment,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return child, f"127.0.0.1:{port}"
        time.sleep(0.05)
    sys.exit("error: cake serve did not start")


def containerd():
    """One of its own, and how to ask it."""
    os.makedirs(path("containerd"), exist_ok=True)
    with open(path("containerd", "config.toml"), "w", encoding="utf-8") as file:
        file.write(f'version = 2\nroot = "{path("containerd", "root")}"\nstate = "{path("containerd", "state")}"\n'
                   f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{path("containerd", "socket")}"\n')
    daemon = subprocess.Popen(["containerd", "--config", path("containerd", "config.toml")], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    ctr = ["ctr", "--address", path("containerd", "socket")]
    for _ in range(100):
        if run(*ctr, "version").returncode == 0:
            return daemon, ctr
        time.sleep(0.1)
    daemon.terminate()
    sys.exit("error: containerd did not start")


base = [floats(1 << 19, seed) for seed in range(6)]
tune = [bytearray(data) for data in base]
for data in tune[4:]:
    for place in range(0, len(data), 40):
        data[place] ^= 1
write("base", base)
write("tune", tune)
must(cake, "import", path("base"), "base")
must(cake, "import", path("tune"), "team/tune", "--base", "base")
must(cake, "save", "base", "-o", path("base.tar"))
must(cake, "save", "base", "team/tune", "-o", path("both.tar"))
must(cake, "save", "base", "-o", path("layout") + "/")
with tarfile.open(path("both.tar")) as tar:
    names = tar.getnames()
    index = json.load(tar.extractfile("index.json"))
check("Python's tarfile reads it: " + ", ".join(names[:2]), names[:2] == ["oci-layout", "index.json"] and len(index["manifests"]) == 2)
check("GNU tar reads it", len(must("tar", "-tf", path("both.tar")).split()) == len(names))
digest = {entry["annotations"]["io.containerd.image.name"]: entry["digest"] for entry in index["manifests"]}
check("its names: " + ", ".join(digest), set(digest) == {"localhost/base:latest", "localhost/team/tune:latest"})

server, host = serve()
try:
    copy = ["skopeo", "copy", "-q", "--insecure-policy"]
    told = must("skopeo", "inspect", "--raw", f"oci-archive:{path('base.tar')}")
    check("skopeo inspects it", "application/vnd.cake.model.v1" in told, told)
    must(*copy, "--dest-tls-verify=false", f"oci-archive:{path('base.tar')}", f"docker://{host}/fam/base:v1")
    must(*copy, "--dest-tls-verify=false", f"oci-archive:{path('both.tar')}:team/tune:latest", f"docker://{host}/fam/tune:v1")
    must(*copy, "--dest-tls-verify=false", f"oci:{path('layout')}:latest", f"docker://{host}/fam/layout:v1")
    for name, model in (("base", "base"), ("tune", "tune"), ("layout", "base")):
        must(cake, "pull", f"{host}/fam/{name}:v1", store="pulled-" + name)
        check(f"skopeo copies it to a registry, and cake pulls {name} from there",
              same(model, "pulled-" + name, f"{host}/fam/{name}:v1"))
    found = must("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{host}/fam/tune:v1")
    with tarfile.open(path("both.tar")) as tar:
        blob = digest["localhost/team/tune:latest"].replace("sha256:", "blobs/sha256/")
        check("its manifest stays byte for byte", tar.extractfile(blob).read().decode() == found)
    must(*copy, "--src-tls-verify=false", f"docker://{host}/fam/tune:v1", f"oci-archive:{path('skopeo.tar')}:v1")
    told = must(cake, "load", path("skopeo.tar"), store="from-skopeo")
    check("cake loads what skopeo wrote", same("tune", "from-skopeo", "team/tune"), told)
    must(*copy, "--src-tls-verify=false", f"docker://{host}/fam/base:v1", f"oci:{path('skopeo-layout')}:v1")
    must(cake, "load", path("skopeo-layout"), store="from-layout")
    check("and its folder", same("base", "from-layout"))
    piped = subprocess.run([cake, "load", "-"], stdin=open(path("skopeo.tar"), "rb"), env=environment | {"CAKE_HOME": path("x")},
                           capture_output=True, text=True)
    check("from a pipe it says what to do", piped.returncode == 1 and "write it to a file, and load that" in piped.stderr, piped.stderr)

    from oras.client import OrasClient
    from oras.layout import Layout
    client = OrasClient(hostname=host, insecure=True)
    Layout(path("layout")).push_to_registry(client, f"{host}/fam/oras:v1")
    must(cake, "pull", f"{host}/fam/oras:v1", store="pulled-oras")
    check("oras pushes the folder, and cake pulls it", same("base", "pulled-oras", f"{host}/fam/oras:v1"))
finally:
    server.terminate()
    server.wait()

if shutil.which("podman"):
    told = run(*podman, "load", "-i", path("base.tar"))
    check("podman load refuses a model, which is no image", told.returncode != 0 and "runroot" not in told.stderr, told.stderr)
if shutil.which("ctr") and shutil.which("containerd"):
    daemon, ctr = containerd()
    try:
        must(*ctr, "images", "import", "--no-unpack", path("both.tar"))
        listed = must(*ctr, "images", "ls")
        check("ctr imports both under their names", all(name in listed and digest[name] in listed for name in digest), listed)
    finally:
        daemon.terminate()
        daemon.wait()

for store, line in (("piped", '"$CAKE" save base team/tune -o - | "$CAKE" --store "$0" load -'),
                    ("split", '"$CAKE" save base team/tune -o "$0.tar" --split 9MB && cat "$0".tar.* | "$CAKE" --store "$0" load -'),
                    ("listed", '"$CAKE" save base -o - | "$CAKE" --store "$0" load - && "$CAKE" --store "$0" have | '
                               '"$CAKE" save team/tune -o "$0.tar" --not-in - && "$CAKE" --store "$0" load "$0.tar"')):
    result = subprocess.run(["bash", "-o", "pipefail", "-c", line, path(store)], env=environment, capture_output=True, text=True)
    check(f"{store}: {line}", result.returncode == 0 and same("base", store) and same("tune", store, "team/tune"), result.stderr)

must(cake, "save", "base", "-o", path("image.tar"), "--as", "image")
must(cake, "save", "base", "-o", path("modelpack.tar"), "--as", "modelpack")
image = json.loads(must(cake, "save", "base", "-o", path("image") + "/", "--as", "image", "--json"))
check("a folder of an image has its name", image["image_name"] == "localhost/base:latest", str(image))
for kind, archive in (("oci-archive", "image.tar"), ("docker-archive", "image.tar"), ("oci-archive", "modelpack.tar")):
    folder = path(f"{kind}-{archive}")
    must("skopeo", "copy", "-q", "--insecure-policy", f"{kind}:{path(archive)}", f"dir:{folder}")
    check(f"skopeo copies {kind}:{archive}", os.path.exists(os.path.join(folder, "manifest.json")))
for archive in ("image.tar", "modelpack.tar"):
    must(cake, "load", path(archive), store="of-" + archive)
    check(f"cake load takes {archive}", same("base", "of-" + archive))


def holds_base(folder):
    return subprocess.run(["diff", "-r", path("base"), os.path.join(folder, "models")]).returncode == 0


if shutil.which("podman"):
    must(*podman, "load", "-i", path("image.tar"))
    check("podman load keeps its name", "localhost/base" in must(*podman, "images"))
    if os.geteuid() == 0:
        check("podman mounts it", holds_base(must(*podman, "image", "mount", "localhost/base:latest").strip()))
        must(*podman, "image", "umount", "-a")
    piped = subprocess.run(["bash", "-o", "pipefail", "-c", '"$CAKE" save base -o - --as image | "$@"', "-", *podman, "load"],
                           env=environment, capture_output=True, text=True)
    check("podman load reads it from a pipe", piped.returncode == 0, piped.stderr)
if shutil.which("ctr") and shutil.which("containerd"):
    daemon, ctr = containerd()
    try:
        must(*ctr, "images", "import", "--snapshotter", "native", path("image.tar"))
        os.makedirs(path("mounted"))
        must(*ctr, "images", "mount", "--snapshotter", "native", "localhost/base:latest", path("mounted"))
        check("ctr imports and mounts it", holds_base(path("mounted")))
        must("umount", path("mounted"))
    finally:
        daemon.terminate()
        daemon.wait()

plain = sum(os.path.getsize(path(name, file)) for name in ("base", "tune") for file in os.listdir(path(name)))
must("tar", "-cf", path("plain.tar"), "-C", work, "base", "tune")
sizes = {"the files": plain, "tar of the files": os.path.getsize(path("plain.tar")), "cake save": os.path.getsize(path("both.tar")),
         "skopeo's archive of the fine-tune": os.path.getsize(path("skopeo.tar")), "cake save --not-in base": os.path.getsize(path("listed.tar"))}
for name, size in sizes.items():
    print(f"{name}: {size / 1e6:.1f} MB")
check("a bundle is smaller than a tar of the files", sizes["cake save"] < 0.6 * sizes["tar of the files"])
shutil.rmtree(work)
shutil.rmtree(short)
print(f"{tools.done} checks passed")
