"""Models that cake serve shows and cake push sends in other tools' shapes, read by skopeo, podman, buildah, containerd and oras; and
the config of ModelPack, checked with its schema."""
import hashlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

import jsonschema
import oras.client

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "lib"))
from beside import Beside  # noqa: E402

cake, work = sys.argv[1], tempfile.mkdtemp(prefix="cake-shapes-views-")
environment = {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")}
environment |= {"HOME": work, "XDG_CONFIG_HOME": f"{work}/config", "XDG_RUNTIME_DIR": f"{work}/run", "CAKE_HOME": f"{work}/store",
                "REGISTRY_AUTH_FILE": f"{work}/auth.json", "BUILDAH_ISOLATION": "chroot"}
# podman takes no longer path than 50 characters for it.
short = tempfile.mkdtemp(prefix="v")
containers = ["--root", f"{work}/containers", "--runroot", short, "--storage-driver", "vfs"]
children = []
tools = Beside(environment)
run, check = tools.must, tools.check

# modelpack/model-spec, schema/config-schema.json at d78bf32, in short.
TEXTS = {"type": "array", "items": {"type": "string"}}
WORDS = {"type": "array", "items": {"enum": ["text", "image", "audio", "video", "embedding", "other"]}}
SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["descriptor", "config", "modelfs"],
    "properties": {
        "descriptor": {
            "type": "object", "additionalProperties": False,
            "properties": {
                "createdAt": {"type": "string", "format": "date-time"}, "authors": TEXTS, "vendor": {"type": "string"},
                "family": {"type": "string"}, "name": {"type": "string", "minLength": 1}, "version": {"type": "string"},
                "title": {"type": "string"}, "description": {"type": "string"}, "docURL": {"type": "string"},
                "sourceURL": {"type": "string"}, "datasetsURL": TEXTS, "revision": {"type": "string"}, "licenses": TEXTS}},
        "config": {
            "type": "object", "additionalProperties": False,
            "properties": {
                "architecture": {"type": "string"}, "format": {"type": "string"},
                "paramSize": {"type": "string", "pattern": "^[0-9]+(\\.[0-9])?[KkMmBbTtQq]$"},
                "precision": {"type": "string", "pattern": "^[a-z0-9_]+(,[a-z0-9_]+)*$"},
                "quantization": {"type": "string"},
                "capabilities": {
                    "type": "object", "additionalProperties": False,
                    "properties": {
                        "inputTypes": WORDS, "outputTypes": WORDS, "knowledgeCutoff": {"type": "string", "format": "date-time"},
                        "reasoning": {"type": "boolean"}, "toolUsage": {"type": "boolean"}, "reward": {"type": "boolean"},
                        "languages": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]{2}$"}}}}}},
        "modelfs": {
            "type": "object", "additionalProperties": False, "required": ["type", "diffIds"],
            "properties": {
                "type": {"const": "layers"},
                "diffIds": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}}}}}}


def path(*parts):
    return os.path.join(work, *parts)


def safetensors(size, seed):
    data = hashlib.shake_256(seed.encode()).digest(size)
    header = json.dumps({"w": {"dtype": "BF16", "shape": [size // 2], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


FILES = {
    "config.json": b'{"model_type": "llama", "num_attention_heads": 2}\n', "README.md": b"---\nlicense: mit\n---\n# m\n",
    "model-00001-of-00002.safetensors": safetensors(20 << 20, "one"), "model-00002-of-00002.safetensors": safetensors(1 << 20, "two"),
    "empty.txt": b"", "sub/folder/tokenizer.json": b"{}\n", "n" * 120 + ".json": b"1\n", "na\u00efve.txt": "\u00e9\n".encode(),
}


def write(folder):
    for name, data in FILES.items():
        os.makedirs(os.path.dirname(path(folder, name)), exist_ok=True)
        with open(path(folder, name), "wb") as file:
            file.write(data)
    return path(folder)


def is_model(folder):
    """Whether the folder holds the model's files and no others."""
    result = subprocess.run(["diff", "-r", path("m"), folder], capture_output=True, text=True)
    return result.returncode == 0, result.stdout + result.stderr


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start(words, port):
    # docker-registry takes REGISTRY_… for its configuration.
    own = {key: value for key, value in environment.items() if not key.startswith("REGISTRY_")}
    child = subprocess.Popen(words, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    children.append(child)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return child
        except OSError:
            if child.poll() is not None:
                sys.exit(f"error: {words[0]} ended\n{child.stderr.read()}")
            time.sleep(0.05)


def get(host, address):
    request = urllib.request.Request(f"http://{host}/v2/{address}", headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def skopeo(source, target, *options):
    run("skopeo", "copy", "-q", "--insecure-policy", "--src-tls-verify=false", "--dest-tls-verify=false", *options, source, target)


def modelpack(host, other):
    manifest = get(host, "org/m/manifests/latest-modelpack")
    config = json.loads(get(host, f"org/m/blobs/{json.loads(manifest)['config']['digest']}"))
    jsonschema.validate(config, SCHEMA)
    check("the config of ModelPack fits its schema", config["config"] == {
        "architecture": "transformer", "format": "safetensors", "paramSize": "11.0M", "precision": "bfloat16"}, json.dumps(config))
    skopeo(f"docker://{host}/org/m:latest-modelpack", f"docker://{other}/org/m:mp")
    check("skopeo copies ModelPack byte for byte", get(other, "org/m/manifests/mp") == manifest)
    place = tempfile.mkdtemp(dir=work)
    skopeo(f"docker://{host}/org/m:latest-modelpack", f"oci-archive:{place}/mp.tar:mp")
    oras.client.OrasClient(insecure=True).pull(target=f"{host}/org/m:latest-modelpack", outdir=f"{place}/oras")
    check("oras pulls the files of ModelPack", *is_model(f"{place}/oras"))
    run(cake, "push", "org/m", f"{other}/own/m:mp", "--as", "modelpack", "--quiet")
    check("cake push --as modelpack sends what cake serve shows", get(other, "own/m/manifests/mp") == manifest)


def tar_layers(folder):
    """The layers of an image in an OCI layout, unpacked one over the other by GNU tar."""
    with open(os.path.join(folder, "index.json"), encoding="utf-8") as file:
        named = json.load(file)["manifests"][0]["digest"]
    def blob(name):
        return os.path.join(folder, "blobs", *name.split(":"))
    with open(blob(named), encoding="utf-8") as file:
        manifest = json.load(file)
    out = tempfile.mkdtemp(dir=work)
    for layer in manifest["layers"]:
        run("tar", "-C", out, "-xf", blob(layer["digest"]))
    return manifest, out


def image(host, other):
    manifest = get(host, "org/m/manifests/latest-image")
    skopeo(f"docker://{host}/org/m:latest-image", f"docker://{other}/org/m:kept", "--preserve-digests")
    check("skopeo --preserve-digests keeps the image byte for byte", get(other, "org/m/manifests/kept") == manifest)
    layout = tempfile.mkdtemp(dir=work)
    skopeo(f"docker://{host}/org/m:latest-image", f"oci:{layout}:m")
    packed, out = tar_layers(layout)
    check("skopeo without it packs the layers", all(layer["mediaType"].endswith("+gzip") for layer in packed["layers"]))
    check("tar unpacks what skopeo copied", *is_model(os.path.join(out, "models")))
    run(cake, "push", "org/m", f"{other}/own/m:image", "--as", "image", "--quiet")
    check("cake push --as image sends what cake serve shows", get(other, "own/m/manifests/image") == manifest)
    for place, tag in ((host, "org/m:latest-image"), (other, "own/m:image")):
        for tool in ("podman", "buildah"):
            if not shutil.which(tool):
                print(f"left out: {tool} is not here")
                continue
            run(tool, *containers, "pull", "-q", "--tls-verify=false", f"{place}/{tag}")
            if tool == "podman":
                mounted = run(tool, *containers, "image", "mount", f"{place}/{tag}").strip()
                check(f"podman mounts {tag}", *is_model(os.path.join(mounted, "models")))
                run(tool, *containers, "image", "unmount", f"{place}/{tag}")
            else:
                name = run(tool, *containers, "from", "--tls-verify=false", f"{place}/{tag}").strip()
                mounted = run(tool, *containers, "mount", name).strip()
                check(f"buildah mounts {tag}", *is_model(os.path.join(mounted, "models")))
                run(tool, *containers, "rm", name)


def containerd(host):
    if not shutil.which("containerd") or not shutil.which("ctr"):
        print("left out: containerd is not here")
        return
    home = tempfile.mkdtemp(dir=work)
    address = f"{home}/sock"
    with open(f"{home}/config.toml", "w", encoding="utf-8") as file:
        file.write(f'version = 2\nroot = "{home}/root"\nstate = "{home}/state"\n'
                   f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n  address = "{address}"\n')
    child = subprocess.Popen(["containerd", "-c", f"{home}/config.toml"], env=environment, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    children.append(child)
    for _ in range(200):
        if os.path.exists(address) or child.poll() is not None:
            break
        time.sleep(0.05)
    if child.poll() is not None:
        print("left out: containerd does not run here")
        return
    ctr = ["ctr", "-a", address]
    name, place = f"{host}/org/m:latest-image", f"{home}/mount"
    os.makedirs(place)
    run(*ctr, "images", "pull", "--plain-http", "--snapshotter", "native", name)
    run(*ctr, "images", "mount", "--snapshotter", "native", name, place)
    try:
        check("containerd mounts the image", *is_model(os.path.join(place, "models")))
    finally:
        run(*ctr, "images", "unmount", place)
        child.send_signal(signal.SIGTERM)
        child.wait()


def on_a_base(other):
    """A base with a shell in it, as KServe's modelcar needs."""
    if not shutil.which("buildah") or not os.path.exists("/bin/busybox"):
        print("left out: buildah or a static busybox is not here")
        return
    name = run("buildah", *containers, "from", "scratch").strip()
    root = run("buildah", *containers, "mount", name).strip()
    os.makedirs(os.path.join(root, "bin"))
    for program in ("busybox", "sh", "ls", "cat"):
        shutil.copy("/bin/busybox", os.path.join(root, "bin", program))
    run("buildah", *containers, "config", "--env", "PATH=/bin", "--user", "0", name)
    run("buildah", *containers, "commit", "-q", "--tls-verify=false", name, f"docker://{other}/base/shell:v1")
    run("buildah", *containers, "rm", name)
    run(cake, "push", "org/m", f"{other}/own/m:car", "--as", "image", "--image-base", f"{other}/base/shell:v1", "--quiet")
    config = json.loads(get(other, f"own/m/blobs/{json.loads(get(other, 'own/m/manifests/car'))['config']['digest']}"))
    check("an image on a base keeps its environment", "PATH=/bin" in config["config"]["Env"], json.dumps(config))
    car = run("buildah", *containers, "from", "--tls-verify=false", f"{other}/own/m:car").strip()
    said = run("buildah", *containers, "run", car, "sh", "-c", "cat /models/config.json")
    check("a shell of the base reads the model", said == FILES["config.json"].decode(), said)
    run("buildah", *containers, "rm", car)


def within(host):
    """A copy beside the view: the registry that made the blobs has to be sent them."""
    skopeo(f"docker://{host}/org/m:latest-image", f"docker://{host}/org/copy:v1", "--preserve-digests")
    skopeo(f"docker://{host}/org/m:latest-image", f"docker://{host}/org/m:copy", "--preserve-digests")
    manifest = get(host, "org/m/manifests/latest-image")
    check("an image is copied within cake serve", get(host, "org/copy/manifests/v1") == manifest)
    check("an image is copied within its repository", get(host, "org/m/manifests/copy") == manifest)


def main():
    for folder in ("run", "config"):
        os.makedirs(path(folder))
    with open(path("auth.json"), "w", encoding="utf-8") as file:
        file.write("{}")
    write("m")
    run(cake, "import", path("m"), "org/m", "--quiet")
    port = free_port()
    with open(path("registry.yml"), "w", encoding="utf-8") as file:
        file.write(f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
                   f"storage:\n  filesystem: {{rootdirectory: {path('registry')}}}\n")
    start(["docker-registry", "serve", path("registry.yml")], port)
    other = f"127.0.0.1:{port}"
    for options in ([], ["--push"]):
        port = free_port()
        served = start([cake, "serve", "--port", str(port), "--views", "modelpack,image", *options], port)
        host = f"127.0.0.1:{port}"
        print(f"cake serve --views modelpack,image {' '.join(options)}")
        while "latest-image" not in json.loads(get(host, "org/m/tags/list"))["tags"]:
            time.sleep(0.05)
        modelpack(host, other)
        image(host, other)
        containerd(host)
        if options:
            within(host)
        served.send_signal(signal.SIGTERM)
        served.wait()
    on_a_base(other)
    print(f"{tools.done} checks passed")


try:
    main()
finally:
    for one in reversed(children):
        if one.poll() is None:
            one.send_signal(signal.SIGTERM)
            one.wait()
    for folder in (work, short):
        shutil.rmtree(folder, ignore_errors=True)
