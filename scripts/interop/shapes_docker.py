"""Docker's engine, in folders of its own, beside images of cake: `docker pull` of a view of `cake serve`, of an image that `cake push
--as image` sent, and `docker load` of a bundle; the files in a container are those of the model."""
import filecmp
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "lib"))
from beside import Beside  # noqa: E402

cake, work = sys.argv[1], tempfile.mkdtemp(prefix="cake-shapes-docker-")
environment = {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")}
environment |= {"HOME": work, "CAKE_HOME": f"{work}/store", "XDG_CONFIG_HOME": f"{work}/config"}
if not shutil.which("dockerd") or os.geteuid() != 0:
    print("passed over: docker's engine is not here, or may not be started")
    sys.exit(0)
children = []
tools = Beside(environment)
run, must, check = tools.run, tools.must, tools.check


def start(name, *words):
    log = open(f"{work}/{name}", "w")
    child = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
    children.append(child)
    return child


def said(name, word):
    """What a server says, when it has said the word."""
    while True:
        with open(f"{work}/{name}") as file:
            text = file.read()
        if word in text:
            return text
        if any(child.poll() is not None for child in children):
            sys.exit(f"error: a server ended\n{text}")
        time.sleep(0.1)


def make_model(folder):
    random.seed(1)
    header, data = {}, b""
    for layer in range(4):
        header[f"layers.{layer}.w"] = {"dtype": "BF16", "shape": [1000, 100], "data_offsets": [len(data), len(data) + 200_000]}
        data += random.randbytes(200_000)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    os.makedirs(f"{folder}/sub")
    with open(f"{folder}/model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)
    for path, text in {"config.json": '{"model_type":"llama"}\n', "sub/words.txt": "words\n"}.items():
        with open(f"{folder}/{path}", "w") as file:
            file.write(text)
    return folder


def docker(*words):
    return ("docker", "-H", f"unix://{work}/s", *words)


def has_model(image, title):
    container = must(*docker("create", image, "x")).strip()
    there = f"{work}/out-{container[:12]}"
    must(*docker("cp", f"{container}:/models", there))
    paths = ["config.json", "model.safetensors", "sub/words.txt"]
    _, differ, missing = filecmp.cmpfiles(f"{work}/m", there, paths, shallow=False)
    check(f"{title}: every file is the model's", not differ and not missing, f"{differ} {missing}")


try:
    start("engine", "dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs", "--data-root",
          f"{work}/data", "--exec-root", f"{work}/exec", "-p", f"{work}/pid", "-H", f"unix://{work}/s")
    said("engine", "API listen on")
    must(cake, "import", make_model(f"{work}/m"), "team/m")
    start("server", cake, "serve", "--push", "--views", "image", "--listen", "127.0.0.1:0")
    host = said("server", "://127.0.0.1:").split("http://")[1].split(",")[0].split()[0]
    must(cake, "push", "team/m", f"{host}/pushed/m:v1", "--as", "image")
    while "latest-image" not in must(cake, "tags", f"{host}/team/m"):
        time.sleep(0.1)
    for reference, title in [(f"{host}/team/m:latest-image", "a view of cake serve"), (f"{host}/pushed/m:v1", "an image of cake push")]:
        must(*docker("pull", "-q", reference))
        has_model(reference, f"docker pull of {title}")
    must(cake, "save", "team/m", "--as", "image", "-o", f"{work}/m.tar")
    loaded = must(*docker("load", "-i", f"{work}/m.tar"))
    check("docker load names the model", "localhost/team/m:latest" in loaded, loaded)
    has_model("localhost/team/m:latest", "docker load of a bundle")
    print(f"{tools.done} checks, docker {must('dockerd', '--version').split()[2].rstrip(',')}")
finally:
    for child in reversed(children):
        child.send_signal(signal.SIGTERM)
        child.wait()
    shutil.rmtree(work, ignore_errors=True)
