#!/usr/bin/env python3
"""Writes every model of a store as plain files, without cake: read_store.py STORE DIR [NAME…].

docs/layout.md and docs/codec.md, read by a program of its own. It needs no index and no other derived file, only names, manifests,
objects and packs, and the zstd command. Each file is compared with its SHA-256. Slow, and meant to be read."""
import hashlib
import os
import shutil
import struct
import sys
import tempfile
from urllib.parse import unquote

import read_object


def frame_end(data, at):
    """Where the zstd frame that begins there ends."""
    magic, length = struct.unpack_from("<II", data, at)
    if magic >> 4 == 0x184D2A5:
        return at + 8 + length
    assert magic == 0xFD2FB528, f"no frame at byte {at}"
    descriptor = data[at + 4]
    is_single = descriptor >> 5 & 1
    at += 5 + (not is_single) + (0, 1, 2, 4)[descriptor & 3] + (is_single, 2, 4, 8)[descriptor >> 6]
    while True:
        block = int.from_bytes(data[at:at + 3], "little")
        at += 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
        if block & 1:
            return at + (4 if descriptor & 4 else 0)


def objects_of_pack(path):
    """The layer, offset and length of each object: it ends with its seek table."""
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at < len(data):
        start, layer, magic = at, data[at + 32:at + 64].hex(), 0
        while magic != 0x184D2A5E:
            magic, = struct.unpack_from("<I", data, at)
            at = frame_end(data, at)
        yield layer, start, at - start


class Store:
    def __init__(self, root):
        self.root, self.packed = root, {}
        with open(self.path("cake.store"), encoding="ascii") as file:
            assert file.read() == "cake store 1\n", "a store of another version"
        for name in sorted(os.listdir(self.path("packs"))):
            for layer, start, length in objects_of_pack(self.path("packs", name)):
                self.packed[layer] = (self.path("packs", name), start, length)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def object(self, layer, folder):
        """The path of a file with the object alone."""
        alone = self.path("objects", layer[:2], layer)
        if os.path.exists(alone):
            return alone
        path, start, length = self.packed[layer]
        with open(path, "rb") as file, open(os.path.join(folder, layer), "wb") as copy:
            file.seek(start)
            copy.write(file.read(length))
        return copy.name

    def layer(self, layer):
        with tempfile.TemporaryDirectory() as folder:
            path = self.object(layer, folder)
            with open(path, "rb") as file:
                head = file.read(96)
            base = self.object(head[64:96].hex(), folder) if head[16] & 1 else None
            return read_object.read(path, base)[1]

    def names(self):
        for name in sorted(os.listdir(self.path("names"))):
            with open(self.path("names", name), encoding="utf-8") as file:
                lines = dict(line.split(" ", 1) for line in file.read().split("\n")[1:] if line)
            yield unquote(name), lines["manifest"]

    def write(self, manifest, folder):
        """A file line names its SHA-256, size and path; under it stand its layers."""
        with open(self.path("manifests", manifest), encoding="utf-8") as file:
            lines = file.read().split("\n")
        assert lines[0] == "cake manifest 1", "a manifest of another version"
        out = wanted = None
        for line in lines[1:] + ["file"]:
            words = line.split(" ")
            if words[0] == "file":
                if out:
                    out.close()
                    with open(out.name, "rb") as file:
                        assert hashlib.sha256(file.read()).hexdigest() == wanted, f"{out.name} is wrong"
                if len(words) > 1:
                    wanted, path = words[1], os.path.join(folder, unquote(words[3]))
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    out = open(path, "wb")
            elif line and words[1] != "0":
                out.write(self.layer(words[0]))
        # A signature of these files, by the first of the keys.
        signatures = self.path("signatures")
        for name in sorted(os.listdir(signatures) if os.path.isdir(signatures) else ()):
            if name.startswith(manifest + "."):
                shutil.copyfile(os.path.join(signatures, name), os.path.join(folder, "model.sig"))
                break


def main():
    store = Store(sys.argv[1])
    for name, manifest in store.names():
        if len(sys.argv) == 3 or name in sys.argv[3:]:
            store.write(manifest, os.path.join(sys.argv[2], name))
            print(name)


if __name__ == "__main__":
    main()
