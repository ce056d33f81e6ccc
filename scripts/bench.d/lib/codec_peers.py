#!/usr/bin/env python3
"""What zipnn, zstd and BitX make of a model's tensors, on one thread, as JSON: codec_peers.py ROUNDS PART/PARTS MODEL [BASE]

Of PARTS, from 0 on, each has every PARTS-th tensor. Beside a base, of the tensors that differ. BitX is what the ZipLLM paper calls so: xor with the base, byte planes, zstd -3."""
import json
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np
import zipnn
import zstandard

WIDTHS = {"BF16": 2, "F16": 2, "F32": 4}
KINDS = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}


def tensors_of(path):
    data = np.memmap(path, np.uint8, "r")
    length = int.from_bytes(data[:8].tobytes(), "little")
    header = json.loads(data[8:8 + length].tobytes())
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] in WIDTHS:
            start, end = entry["data_offsets"]
            yield name, entry["dtype"], tuple(entry["shape"]), data[8 + length + start:8 + length + end]


class Timed:
    """Bytes in and out, and the shortest of a few rounds for each tensor."""

    def __init__(self, rounds):
        self.rounds, self.stored, self.pack, self.unpack = rounds, 0, 0.0, 0.0

    def add(self, plain, pack, unpack):
        packs, unpacks = [], []
        for _ in range(self.rounds):
            started = time.perf_counter()
            packed = pack(plain)
            middle = time.perf_counter()
            back = unpack(packed)
            packs.append(middle - started)
            unpacks.append(time.perf_counter() - middle)
        assert bytes(back) == plain, "a peer that loses data"
        self.stored += len(packed)
        self.pack += min(packs)
        self.unpack += min(unpacks)

    def told(self):
        return {"stored": self.stored, "encode": self.pack, "decode": self.unpack}


def bitx(plain, base, width):
    mixed = np.bitwise_xor(plain, base)
    whole = len(mixed) // width * width
    squeeze = zstandard.ZstdCompressor(level=3).compress
    return sum(len(squeeze(mixed[:whole].reshape(-1, width)[:, plane].tobytes())) for plane in range(width))


def main(rounds, part, path, base_path=None):
    part, parts = map(int, part.split("/"))
    peers = {name: Timed(rounds) for name in ("zipnn", "zstd -1", "zstd -3")}
    base = {name: (dtype, shape, data) for name, dtype, shape, data in tensors_of(base_path)} if base_path else {}
    plain_bytes = bitx_bytes = 0
    for number, (name, dtype, shape, data) in enumerate(tensors_of(path)):
        if not len(data) or number % parts != part:
            continue
        if base_path:
            if np.array_equal(data, base[name][2]):
                continue
            plain_bytes += len(data)
            bitx_bytes += bitx(data, base[name][2], WIDTHS[dtype])
            continue
        plain = data.tobytes()
        plain_bytes += len(plain)
        packer = zipnn.ZipNN(bytearray_dtype=KINDS[dtype], threads=1)
        # zipnn changes what it is given
        peers["zipnn"].add(plain, lambda given: bytes(packer.compress(bytearray(given))), packer.decompress)
        for level in (1, 3):
            peers[f"zstd -{level}"].add(plain, zstandard.ZstdCompressor(level=level).compress,
                                        zstandard.ZstdDecompressor().decompress)
    told = {"plain": plain_bytes, "bitx": bitx_bytes} if base_path else \
        {"plain": plain_bytes, **{name: peer.told() for name, peer in peers.items()}}
    print(json.dumps(told | {"zstd": ".".join(map(str, zstandard.ZSTD_VERSION))}))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
