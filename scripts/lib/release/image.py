#!/usr/bin/env python3
"""Writes folders as the layers of an OCI image, in a tar that skopeo, podman and docker load.

    image.py --version VERSION --commit COMMIT --layer FOLDER… --out FILE

The same folders give the same image, byte for byte: names are sorted, and all dates are SOURCE_DATE_EPOCH.
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import tarfile
import time

USER = 65532
# Folders of the image that are not root's.
OWNED = {"var/lib/cake": (0o750, USER), "tmp": (0o1777, 0)}


def entry(name, path, epoch):
    info = tarfile.TarInfo(name)
    info.mtime = epoch
    info.mode, info.uid = 0o755, 0
    if os.path.islink(path):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, os.readlink(path), 0o777
    elif os.path.isdir(path):
        info.type = tarfile.DIRTYPE
        info.mode, info.uid = OWNED.get(name, (0o755, 0))
    else:
        info.size = os.path.getsize(path)
        info.mode = 0o755 if os.stat(path).st_mode & 0o100 else 0o644
    info.gid = info.uid
    return info


def layer_of(folder, epoch):
    """The layer as a tar, sorted."""
    names = []
    for root, folders, files in os.walk(folder):
        names += [os.path.relpath(os.path.join(root, name), folder) for name in folders + files]
    room = io.BytesIO()
    with tarfile.open(fileobj=room, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted(names):
            path = os.path.join(folder, name)
            info = entry(name, path, epoch)
            if info.isreg():
                with open(path, "rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info)
    return room.getvalue()


class Layout:
    def __init__(self, epoch):
        self.epoch, self.files = epoch, {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def blob(self, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        self.files[f"blobs/sha256/{digest}"] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def json(self, value):
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    def write(self, path):
        with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
            for name in sorted(self.files):
                info = tarfile.TarInfo(name)
                info.size, info.mtime, info.mode = len(self.files[name]), self.epoch, 0o644
                tar.addfile(info, io.BytesIO(self.files[name]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for word in ("version", "commit", "out"):
        parser.add_argument(f"--{word}", required=True)
    parser.add_argument("--layer", action="append", required=True)
    options = parser.parse_args()
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
    layout, layers, identities = Layout(epoch), [], []
    for folder in options.layer:
        plain = layer_of(folder, epoch)
        identities.append("sha256:" + hashlib.sha256(plain).hexdigest())
        packed = gzip.compress(plain, 9, mtime=0)
        layers.append(layout.blob(packed, "application/vnd.oci.image.layer.v1.tar+gzip"))
    labels = {
        "org.opencontainers.image.title": "cake", "org.opencontainers.image.version": options.version,
        "org.opencontainers.image.revision": options.commit, "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.created": created,
        "org.opencontainers.image.description": "cake serve: models for Hub clients, OCI clients and cake",
    }
    config = layout.blob(layout.json({
        "architecture": "amd64", "os": "linux", "created": created,
        "config": {
            "User": f"{USER}:{USER}", "Entrypoint": ["/usr/bin/cake"], "Cmd": ["serve", "--host", "0.0.0.0"],
            "Env": ["PATH=/usr/bin", "HOME=/var/lib/cake", "CAKE_HOME=/var/lib/cake"], "WorkingDir": "/var/lib/cake",
            "ExposedPorts": {"5111/tcp": {}}, "Volumes": {"/var/lib/cake": {}}, "StopSignal": "SIGTERM", "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": identities},
        "history": [{"created": created, "created_by": "scripts/release", "comment": text} for text in ("Debian's glibc and certificates", "cake")],
    }), "application/vnd.oci.image.config.v1+json")
    manifest = layout.blob(layout.json({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers,
        "annotations": labels,
    }), "application/vnd.oci.image.manifest.v1+json")
    # A tag has no plus sign.
    tag = options.version.replace("+", "-").replace("~", "-")
    # podman and containerd each read one of them as the name.
    name = f"localhost/cake:{tag}"
    manifest["annotations"] = {"org.opencontainers.image.ref.name": name, "io.containerd.image.name": name}
    manifest["platform"] = {"architecture": "amd64", "os": "linux"}
    layout.files["index.json"] = layout.json({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest]})
    # docker load before version 25 reads this, and no index.
    blob = lambda part: "blobs/sha256/" + part["digest"].removeprefix("sha256:")
    layout.files["manifest.json"] = layout.json([{"Config": blob(config), "RepoTags": [f"cake:{tag}"], "Layers": [blob(part) for part in layers]}])
    layout.write(options.out)


if __name__ == "__main__":
    main()
