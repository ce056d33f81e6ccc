"""Models that real tools pushed, pulled by cake: artifacts of oras-py in the forms of ModelPack, KitOps and Docker Model Runner;
images of buildah, podman and skopeo, with gzip, zstd and plain layers. In `cake serve` and in docker-registry. Each is exported
and compared byte for byte."""
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import oras.client

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "lib"))
from beside import Beside  # noqa: E402

cake, work = sys.argv[1], tempfile.mkdtemp(prefix="cake-shapes-intake-")
environment = {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")}
environment |= {
    "HOME": work, "XDG_CONFIG_HOME": f"{work}/config", "XDG_RUNTIME_DIR": f"{work}/run", "STORAGE_DRIVER": "vfs",
    "BUILDAH_ISOLATION": "chroot", "REGISTRY_AUTH_FILE": f"{work}/auth.json",
}
# podman takes no longer path than 50 characters.
runroot = tempfile.mkdtemp(prefix="cake-", dir="/tmp")
containers = ["--root", f"{work}/containers", "--runroot", runroot]
open(f"{work}/auth.json", "w").write("{}")
processes = []
tools = Beside(environment)
run, check = tools.must, tools.check


def write(name, data):
    path = os.path.join(work, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return path


def read(folder):
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def safetensors(*sizes):
    tensors, at, body = {}, 0, b""
    for number, size in enumerate(sizes):
        tensors[f"t{number}"] = {"dtype": "U8", "shape": [size], "data_offsets": [at, at + size]}
        at, body = at + size, body + os.urandom(size)
    header = json.dumps(tensors).encode()
    return len(header).to_bytes(8, "little") + header + body


files = {
    "model.safetensors": safetensors(3 << 20, 4096, 5 << 20, 100), "config.json": b'{"model_type": "llama"}\n',
    "sub/" + "long-" * 40 + "name.txt": b"a name that tar has no field for\n", "README.md": "# Größe\n".encode(),
    "na\u00efve.txt": b"5", "empty": b"",
}
for name, data in files.items():
    write(f"model/{name}", data)


def cake_serve():
    said = open(f"{work}/said", "w+")
    process = subprocess.Popen(
        [cake, "--store", f"{work}/served", "serve", "--push", "--listen", "127.0.0.1:0"], env=environment,
        stdout=subprocess.DEVNULL, stderr=said)
    processes.append(process)
    while process.poll() is None:
        said.seek(0)
        found = re.search(r"https?://([^ ,]+:\d+),", said.read())
        if found:
            return found[1]
        time.sleep(0.02)
    raise SystemExit("error: cake serve ended")


def docker_registry():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = write("registry.yml", f"""version: 0.1
storage:
  filesystem: {{rootdirectory: "{work}/docker-registry"}}
http: {{addr: "127.0.0.1:{port}"}}
""".encode())
    # It takes REGISTRY_AUTH_FILE for a setting of its own.
    own = {key: value for key, value in environment.items() if not key.startswith("REGISTRY_")}
    process = subprocess.Popen(
        ["docker-registry", "serve", config], env=own, stdout=subprocess.DEVNULL,
        stderr=open(f"{work}/registry-said", "w"))
    processes.append(process)
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"127.0.0.1:{port}"
        time.sleep(0.05)
    raise SystemExit("error: docker-registry ended\n" + open(f"{work}/registry-said").read())


def pulled(what, reference, kind, wanted=None, store=None):
    """In a store of its own, exported, compared, and pulled once more."""
    store = store or tempfile.mkdtemp(dir=work)
    seen = json.loads(run(cake, "--store", store, "--json", "inspect", reference))
    check(f"{what}: inspect calls it {kind}", (seen.get("shape") or {}).get("kind") == kind, seen)
    run(cake, "--store", store, "ls-remote", reference)
    run(cake, "--store", store, "pull", reference, "--dry-run")
    report = json.loads(run(cake, "--store", store, "--json", "pull", reference, "m"))
    check(f"{what}: pull says what it was", report["shape"] == kind, report)
    out = tempfile.mkdtemp(dir=work)
    run(cake, "--store", store, "export", "m", "-o", f"{out}/m")
    check(f"{what}: every byte is there", read(f"{out}/m") == (wanted or files))
    again = json.loads(run(cake, "--store", store, "--json", "pull", reference, "m"))
    check(f"{what}: a second pull downloads nothing", again["bytes_fetched"] == 0, again)
    run(cake, "--store", store, "verify")
    shutil.rmtree(out)
    return report


def push(reference, layers, config, config_type, annotations=None):
    """With oras-py: a layer is a path, a type and a filepath, or none."""
    notes = {path: {"org.cncf.model.filepath": name} for path, _, name in layers if name is not None}
    note_file = write("notes.json", json.dumps(notes).encode())
    config_file = write("config-blob.json", json.dumps(config).encode())
    client = oras.client.OrasClient(insecure=True)
    client.push(
        target=reference, files=[f"{path}:{kind}" for path, kind, _ in layers], disable_path_validation=True,
        manifest_config=f"{config_file}:{config_type}", annotation_file=note_file, manifest_annotations=annotations,
        quiet=True)


def digest(path):
    with open(path, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def archive(name, form, *coder):
    """A tar of the model's folder, by GNU tar, and coded by another program."""
    path = f"{work}/{name}"
    run("tar", f"--format={form}", "-cf", path, "-C", f"{work}/model", *sorted(os.listdir(f"{work}/model")))
    plain = digest(path)
    if coder:
        with open(path, "rb") as source, open(path + ".coded", "wb") as target:
            subprocess.run(coder, stdin=source, stdout=target, check=True)
        path += ".coded"
    return path, plain


def artifacts(host, where):
    prefix = "application/vnd.cncf.model."
    config = "application/vnd.cncf.model.config.v1+json"

    def kind(name):
        if name.endswith(".safetensors"):
            return "weight.v1.raw"
        return "doc.v1.raw" if name.endswith(".md") else "weight.config.v1.raw"

    def modelfs(digests):
        return {
            "descriptor": {"name": "m", "family": "llama"}, "config": {"format": "safetensors", "paramSize": "8.0M"},
            "modelfs": {"type": "layers", "diffIds": digests},
        }

    raw = [(f"{work}/model/{name}", prefix + kind(name), name) for name in files]
    push(f"{host}/mp/raw:v1", raw, modelfs([digest(path) for path, _, _ in raw]), config)
    pulled(f"ModelPack of files, {where}", f"{host}/mp/raw:v1", "modelpack")
    coders = [("", "gnu"), ("+gzip", "pax", "gzip", "-9"), ("+zstd", "gnu", "zstd", "-19", "-q")]
    for ending, form, *coder in coders:
        path, plain = archive(f"mp{ending}.tar", form, *coder)
        tag = f"{host}/mp/tar:{ending[1:] or 'plain'}"
        push(tag, [(path, f"{prefix}weight.v1.tar{ending}", "model")], modelfs([plain]), config)
        pulled(f"ModelPack, tar{ending}, {where}", tag, "modelpack")
    kit = {
        "manifestVersion": "1.0.0", "package": {"name": "kit"}, "model": {"name": "m", "path": "model.safetensors"},
    }
    for ending, form, *coder in coders:
        path, _ = archive(f"kit{ending}.tar", form, *coder)
        tag = f"{host}/kit/tar:{ending[1:] or 'plain'}"
        full = json.loads(json.dumps(kit))
        full["model"]["digest"] = digest(path)
        push(
            tag, [(path, f"application/vnd.kitops.modelkit.model.v1.tar{ending}", None)], full,
            "application/vnd.kitops.modelkit.config.v1+json")
        pulled(f"KitOps, tar{ending}, {where}", tag, "kitops")
    # An older ModelKit: the names begin at the folder around the path of its Kitfile.
    old = {"manifestVersion": "1.0.0", "model": {"path": "./weights/model"}}
    path, _ = archive("old.tar", "gnu", "gzip")
    push(
        f"{host}/kit/old:v1", [(path, "application/vnd.kitops.modelkit.model.v1.tar+gzip", None)], old,
        "application/vnd.kitops.modelkit.config.v1+json")
    pulled(
        f"KitOps, without digests, {where}", f"{host}/kit/old:v1", "kitops",
        {f"weights/{name}": data for name, data in files.items()})
    ai = "application/vnd.docker.ai."

    def docker(digests):
        return {
            "config": {"format": "safetensors", "parameters": "8M"}, "descriptor": {},
            "rootfs": {"type": "rootfs", "diff_ids": digests},
        }

    named = [
        (f"{work}/model/{name}", ai + ("safetensors" if name.endswith(".safetensors") else "model.file"), name)
        for name in files
    ]
    push(f"{host}/dmr/two:v1", named, docker([digest(path) for path, _, _ in named]), ai + "model.config.v0.2+json")
    pulled(f"Docker Model Runner 0.2, {where}", f"{host}/dmr/two:v1", "docker-model")
    folder, plain = archive("dmr.tar", "gnu")
    layers = [
        (f"{work}/model/model.safetensors", ai + "safetensors", None), (f"{work}/model/README.md", ai + "license", None),
        (f"{work}/model/config.json", ai + "chat.template.jinja", None),
    ]
    # oras writes a title for each, which is a name, too.
    one = {name: files[name] for name in ["README.md", "config.json", "model.safetensors"]}
    push(
        f"{host}/dmr/one:v1", layers, docker([digest(path) for path, _, _ in layers]), ai + "model.config.v0.1+json")
    pulled(f"Docker Model Runner 0.1, {where}", f"{host}/dmr/one:v1", "docker-model", one)
    push(f"{host}/dmr/dir:v1", [(folder, ai + "dir.tar", None)], docker([plain]), ai + "model.config.v0.1+json")
    pulled(f"Docker Model Runner 0.1 with a folder, {where}", f"{host}/dmr/dir:v1", "docker-model")


def images(host, where):
    def buildah(*words):
        return run("buildah", *containers, *words).strip()

    container = buildah("from", "scratch")
    buildah("copy", container, f"{work}/model", "/models")
    buildah("commit", "-q", "--format", "oci", container, "m:oci")
    buildah("commit", "-q", "--format", "docker", container, "m:docker")
    plain = ["push", "--tls-verify=false"]
    for name, *options in [("gzip",), ("plain", "--disable-compression"), ("zstd", "--compression-format", "zstd")]:
        buildah(*plain, *options, "m:oci", f"docker://{host}/img/m:{name}")
        pulled(f"image of buildah, {name}, {where}", f"{host}/img/m:{name}", "image")
    buildah(*plain, "--format", "v2s2", "m:docker", f"docker://{host}/img/m:docker")
    pulled(f"docker image of buildah, {where}", f"{host}/img/m:docker", "image")
    run(
        "skopeo", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--dest-compress-format", "zstd", "--format", "oci",
        f"docker://{host}/img/m:plain", f"docker://{host}/img/skopeo:v1")
    pulled(f"image that skopeo copied, {where}", f"{host}/img/skopeo:v1", "image")
    # Whiteouts: a file and a folder of the layer below are gone, another is replaced.
    child = buildah("from", "--pull-never", "m:oci")
    root = buildah("mount", child)
    os.remove(f"{root}/models/README.md")
    shutil.rmtree(f"{root}/models/sub")
    with open(f"{root}/models/config.json", "w") as file:
        file.write("{}")
    buildah("umount", child)
    buildah("commit", "-q", child, "m:child")
    buildah(*plain, "m:child", f"docker://{host}/img/m:child")
    left = {name: data for name, data in files.items() if name != "README.md" and not name.startswith("sub/")}
    pulled(f"image with whiteouts, {where}", f"{host}/img/m:child", "image", left | {"config.json": b"{}"})
    # A list: this machine's entry.
    buildah("manifest", "create", "list")
    buildah("manifest", "add", "--tls-verify=false", "list", f"docker://{host}/img/m:gzip")
    buildah("manifest", "push", "--all", "--tls-verify=false", "list", f"docker://{host}/img/m:list")
    pulled(f"list of buildah, {where}", f"{host}/img/m:list", "image")
    write("podman/Containerfile", b"FROM scratch\nCOPY model /models\n")
    shutil.copytree(f"{work}/model", f"{work}/podman/model", dirs_exist_ok=True)
    run("podman", *containers, "build", "-q", "-t", "p:v1", f"{work}/podman")
    run("podman", *containers, "push", "-q", "--tls-verify=false", "p:v1", f"docker://{host}/img/podman:v1")
    pulled(f"image of podman, {where}", f"{host}/img/podman:v1", "image")
    buildah("rm", "-a")
    buildah("rmi", "-a", "-f")


def between(one, two):
    """cake copy leaves shapes as they are; a fine-tune downloads what is new."""
    run(cake, "copy", f"{one}/mp/raw:v1", f"{two}/copied/raw:v1")
    same = [run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{place}") for place in
            [f"{one}/mp/raw:v1", f"{two}/copied/raw:v1"]]
    check("cake copy leaves a ModelPack as it is", same[0] == same[1])
    check("cake tags lists them", "v1" in run(cake, "tags", f"{two}/copied/raw").split())
    said = run(cake, "verify", f"{two}/copied/raw:v1", fails=True)
    check("cake verify says what to do with a ModelPack", "cake pull" in said, said)
    store = f"{work}/tune"
    pulled("before a fine-tune", f"{one}/mp/raw:v1", "modelpack", store=store)
    data = bytearray(files["model.safetensors"])
    start = 8 + int.from_bytes(data[:8], "little")
    data[start:start + (3 << 20)] = os.urandom(3 << 20)
    tuned = write("tuned/model.safetensors", bytes(data))
    prefix = "application/vnd.cncf.model."
    layers = [(tuned, prefix + "weight.v1.raw", "model.safetensors"),
              (f"{work}/model/config.json", prefix + "weight.config.v1.raw", "config.json")]
    push(f"{one}/mp/tune:v1", layers, {"modelfs": {"type": "layers", "diffIds": [digest(path) for path, _, _ in layers]}},
         "application/vnd.cncf.model.config.v1+json")
    report = json.loads(run(cake, "--store", store, "--json", "pull", f"{one}/mp/tune:v1", "tune"))
    check("a fine-tune downloads a part of its file", report["bytes_fetched"] < len(data) // 2, report)
    run(cake, "--store", store, "export", "tune", "-o", f"{work}/tune-out")
    check("the fine-tune is right", read(f"{work}/tune-out")["model.safetensors"] == bytes(data))


try:
    places = [(cake_serve(), "cake serve"), (docker_registry(), "docker-registry")]
    for host, where in places:
        artifacts(host, where)
    between(places[0][0], places[1][0])
    if shutil.which("buildah") and shutil.which("podman"):
        for host, where in places:
            images(host, where)
    else:
        print("buildah and podman are not installed: images of theirs were not tried")
    print(f"{tools.done} checks passed")
finally:
    for process in processes:
        process.send_signal(signal.SIGTERM)
        process.wait()
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(runroot, ignore_errors=True)
