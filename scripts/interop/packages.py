#!/usr/bin/env python3
"""Parts of scripts/interop/packages.

    packages.py papers DIST           check the bill of materials and the statement
    packages.py model FOLDER          make a small model
    packages.py unpack IMAGE FOLDER   unpack an image's layers
    packages.py words|user IMAGE      what the image runs, and as whom
    packages.py measure DIST ROOT     print sizes and start-up times; ROOT is the unpacked image
"""
import base64
import glob
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time


def one(dist, pattern):
    [path] = glob.glob(os.path.join(dist, pattern))
    return path


def read(path, mode="r"):
    with open(path, mode) as file:
        return file.read()


def papers(dist):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    text = read(one(dist, "*.cdx.json"))
    wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    assert wrong is None, wrong
    bill = json.loads(text)
    refs = {part["bom-ref"] for part in bill["components"]} | {"cake"}
    for row in bill["dependencies"]:
        assert row["ref"] in refs and refs.issuperset(row["dependsOn"]), row
    libraries = [part for part in bill["components"] if part["type"] == "library"]
    assert all(part["version"] and part["licenses"] for part in libraries)
    statement = read(one(dist, "*.provenance.json"), "rb")
    for subject in json.loads(statement)["subject"]:
        digest = hashlib.sha256(read(os.path.join(dist, subject["name"]), "rb")).hexdigest()
        assert digest == subject["digest"]["sha256"], subject
    for path in glob.glob(os.path.join(dist, "*.intoto.jsonl")):
        envelope = json.loads(read(path))
        payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
        assert payload == statement
        with tempfile.NamedTemporaryFile() as signature:
            signature.write(base64.b64decode(envelope["signatures"][0]["sig"]))
            signature.flush()
            signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
            subprocess.run(["openssl", "dgst", "-sha256", "-verify", one(dist, "*.pub"), "-signature", signature.name],
                           input=signed, check=True, stdout=subprocess.DEVNULL)
    print(f"{len(libraries)} libraries with versions and licences, CycloneDX 1.5")


def model(folder):
    rng, count = random.Random(7), 1 << 20
    header = {f"layers.{layer}.weight": {"dtype": "BF16", "shape": [1024, 1024], "data_offsets": [layer * 2 * count, (layer + 1) * 2 * count]}
              for layer in range(8)}
    text = json.dumps(header).encode()
    os.makedirs(folder)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _ in range(8):
            low, high = rng.randbytes(count), bytes(60 + (byte & 3) for byte in rng.randbytes(count))
            both = bytearray(2 * count)
            both[0::2], both[1::2] = low, high
            file.write(both)
    with open(os.path.join(folder, "config.json"), "w") as file:
        file.write("{}\n")


class Image:
    def __init__(self, path):
        self.tar = tarfile.open(path)
        [entry] = self.json("index.json")["manifests"]
        self.manifest = self.blob(entry)
        self.config = self.blob(self.manifest["config"])

    def json(self, name):
        return json.load(self.tar.extractfile(name))

    def name(self, part):
        return "blobs/sha256/" + part["digest"].removeprefix("sha256:")

    def blob(self, part):
        data = self.tar.extractfile(self.name(part)).read()
        assert "sha256:" + hashlib.sha256(data).hexdigest() == part["digest"] and len(data) == part["size"]
        return json.loads(data)

    def unpack(self, folder):
        os.makedirs(folder)
        for layer in self.manifest["layers"]:
            subprocess.run(["tar", "-xz", "--numeric-owner", "-C", folder], input=self.tar.extractfile(self.name(layer)).read(), check=True)


def milliseconds(words, rounds=51):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        times.append(1000 * (time.perf_counter() - start))
    return f"{statistics.median(times):.1f} ms"


def size(path):
    return f"{os.path.getsize(path) / 1e6:.1f} MB"


def measure(dist, root):
    with tempfile.TemporaryDirectory() as folder:
        tarball, package, wheel, image = (one(dist, name) for name in ("*.tar.gz", "*.deb", "*.whl", "*-image-amd64.tar"))
        subprocess.run(["tar", "-xzf", tarball, "-C", folder], check=True)
        [program] = glob.glob(os.path.join(folder, "cake-*", "bin", "cake"))
        subprocess.run(["dpkg-deb", "--extract", package, os.path.join(folder, "deb")], check=True)
        venv = os.path.join(folder, "venv")
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([os.path.join(venv, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", wheel], check=True)
        [inside] = glob.glob(os.path.join(venv, "lib", "python3*", "site-packages", "cake", "_lib", "cake"))
        unpacked = sum(os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(root) for name in names
                       if not at.startswith((os.path.join(root, "proc"), os.path.join(root, "dev"))))
        rows = [
            ("tarball", size(tarball), size(program) + " (the program)", milliseconds([program, "--version"])),
            ("package", size(package), "", milliseconds([os.path.join(folder, "deb", "usr", "bin", "cake"), "--version"])),
            ("wheel, `cake` on PATH", size(wheel), "", milliseconds([os.path.join(venv, "bin", "cake"), "--version"])),
            ("wheel, `cake/_lib/cake`", "", "", milliseconds([inside, "--version"])),
            ("image, with chroot", size(image), f"{unpacked / 1e6:.1f} MB (all files)",
             milliseconds(["chroot", "--userspec=65532:65532", root, "/usr/bin/cake", "--version"])),
            ("beside them: /bin/true", "", "", milliseconds(["/bin/true"])),
        ]
        print("| what | size | unpacked | start-up |\n|---|---|---|---|")
        for row in rows:
            print("| " + " | ".join(row) + " |")


def main():
    what, *rest = sys.argv[1:]
    if what in ("words", "user"):
        config = Image(rest[0]).config["config"]
        return print(config["User"] if what == "user" else " ".join(config["Entrypoint"] + config["Cmd"]))
    if what == "unpack":
        return Image(rest[0]).unpack(rest[1])
    {"papers": papers, "model": model, "measure": measure}[what](*rest)


if __name__ == "__main__":
    main()
