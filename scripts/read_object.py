#!/usr/bin/env python3
"""Reads an object of cake without cake: read_object.py OBJECT [BASE-OBJECT] writes the layer's plain bytes to standard output.

docs/layout.md and docs/codec.md, read by a program of its own: every transform is here. Needs the zstd command and nothing
else. Slow, and meant to be read."""
import hashlib
import math
import struct
import subprocess
import sys
from itertools import compress


def cut(data, size):
    return [data[i:i + size] for i in range(0, len(data), size)]


def numbers(data, width):
    return [int.from_bytes(one, "little") for one in cut(data[:len(data) // width * width], width)]


def packed(values, width):
    return b"".join(value.to_bytes(width, "little") for value in values)


def merged(planes, width):
    """Elements from planes, one behind the other."""
    count = len(planes) // width
    return [int.from_bytes(planes[i:width * count:count], "little") for i in range(count)]


def ordered(x, bits):
    return x ^ (1 << bits) - 1 if x >> bits - 1 else x | 1 << bits - 1


def add(value, base, bits, floats):
    difference = -(value >> 1) - 1 if value & 1 else value >> 1
    total = (ordered(base, bits) if floats else base) + difference & (1 << bits) - 1
    return total if not floats else total ^ 1 << bits - 1 if total >> bits - 1 else total ^ (1 << bits) - 1


def rotated_planes(data, width):
    back = ((x >> 1 | x << 8 * width - 1) & (1 << 8 * width) - 1 for x in merged(data, width))
    return packed(back, width) + data[len(data) // width * width:]


def grouped(data, base, width, fraction):
    whole = len(base) // width * width
    tail, runs = len(base) - whole, cut(base[:whole], 256)
    flags = [data[run // 8] >> run % 8 & 1 for run in range(len(runs))]
    kept = numbers(b"".join(compress(runs, flags)), width)
    exponents = [(x & (1 << 8 * width - 1) - 1) >> fraction for x in kept]
    groups = {exponent: [] for exponent in sorted(set(exponents))}
    for index, exponent in enumerate(exponents):
        groups[exponent].append(index)
    at = (len(runs) + 7) // 8 + len(groups)
    modes = data[at - len(groups):at]
    # For each group its elements, the bits of a code, and low bits.
    groups = [(group, {0: 0, 1: 2, 2: 4}.get(mode, 8), max(mode - 16, 0)) for group, mode in zip(groups.values(), modes)]

    def fields(at, bits, count):
        size = (count * bits + 7) // 8
        number = int.from_bytes(data[at:at + size], "little")
        return [number >> bits * i & (1 << bits) - 1 for i in range(count)], at + size
    low_at = len(data) - tail - sum((len(group) * low + 7) // 8 for group, _, low in groups)
    escapes_at = at + sum((len(group) * bits + 7) // 8 for group, bits, _ in groups)
    escapes = iter(merged(data[escapes_at:low_at], width))
    for group, bits, low in groups:
        codes, at = fields(at, bits, len(group))
        lows, low_at = fields(low_at, low, len(group))
        for index, code, under in zip(group, codes, lows):
            escaped = bits and code == (1 << bits) - 1 and not (bits == 8 and low == 8 * (width - 1))
            kept[index] = add(next(escapes) if escaped else code << low | under, kept[index], 8 * width, True)
    assert next(escapes, None) is None, "escapes that nobody asked for"
    fresh = iter(cut(packed(kept, width), 256))
    plain = b"".join(next(fresh)[:len(run)] if flag else run for run, flag in zip(runs, flags))
    return plain + data[len(data) - tail:]


def rounded(x, form):
    """A double in fewer bits, as the bytes and as a double again."""
    try:
        data = struct.pack(form, x)
    except OverflowError:
        data = struct.pack(form, math.copysign(math.inf, x))
    return data, struct.unpack(form, data)[0]


def predicted(base, first, factors, width, fraction, rank, columns):
    result = []
    for place, b in enumerate(cut(base, width), first):
        # BF16 is the upper half of a float.
        value, = struct.unpack("<e" if fraction == 10 else "<f", b.rjust(4, b"\0") if fraction == 7 else b)
        if math.isfinite(value):
            row, column = divmod(place, columns)
            total = 0.0
            for k in range(rank):
                total += factors[rank * (columns + row) + k] * factors[k * columns + column]
            b, value = rounded(value + total, "<f")
            if fraction == 10:
                b, _ = rounded(value, "<e")
            elif fraction == 7:
                bits = int.from_bytes(b, "little")
                b = (bits + 0x7fff + (bits >> 16 & 1) >> 16).to_bytes(2, "little")
        result.append(b)
    return b"".join(result)


def undone(transform, parameters, data, base, first=0, factors=()):
    if transform in (0, 1):
        return rotated_planes(data, parameters[0]) if transform else data
    if transform == 5:
        shape = struct.unpack("<BBBI", parameters)
        base = predicted(base, first // shape[0], factors, *shape)
    if transform in (2, 5):
        return grouped(data, base, *parameters[:2])
    width = parameters[0]
    pairs = zip(merged(data, width), numbers(base, width))
    assert transform in (3, 4), f"transform {transform} is unknown"
    plain = (add(x, b, 8 * width, parameters[1]) if transform == 3 else x ^ b for x, b in pairs)
    return packed(plain, width) + data[len(data) // width * width:]


def read(path, base_path=None):
    with open(path, "rb") as file:
        data = file.read()
    magic, length = struct.unpack_from("<II", data)
    assert magic == 0x184D2A5C and data[8:13] == b"cake\1", "not an object of cake"
    transform, piece_bits, per_piece, has_base = data[13:17]
    size, layer, rest = int.from_bytes(data[24:32], "little"), data[32:64], data[64:8 + length]
    base, parameters = b"", rest[32:] if has_base else rest
    if has_base:
        of_base, base, base_has_base = read(base_path)
        assert of_base == rest[:32] and not base_has_base, "not the base"
    count, descriptor, footer = struct.unpack_from("<IBI", data, len(data) - 9)
    assert footer == 0x8F92EAB1 and descriptor == 0, "no seek table"
    at, frames = 0, []
    for stored, plain in struct.iter_unpack("<II", data[len(data) - 9 - 8 * count:len(data) - 9]):
        frames.append((data[at:at + stored], plain))
        at += stored

    def rewritten(frames):
        found = subprocess.run(["zstd", "-dcq"], input=b"".join(f for f, _ in frames), stdout=subprocess.PIPE, check=True).stdout
        assert len(found) == sum(plain for _, plain in frames), "a frame of another size"
        return found
    # The first frame is the header; those of factors, four to a piece, stand before the layer's.
    ahead = len(frames) - per_piece * -(-size // (1 << piece_bits))
    factors = b"".join(rotated_planes(rewritten(piece), 4) for piece in cut(frames[1:ahead], 4))
    factors = struct.unpack(f"<{len(factors) // 4}f", factors)
    plain = b""
    for piece in cut(frames[ahead:], per_piece):
        at = len(plain)
        plain += undone(transform, parameters, rewritten(piece), base[at:at + (1 << piece_bits)], at, factors)
    assert hashlib.sha256(plain).digest() == layer and len(plain) == size, "other bytes than its name says"
    return layer, plain, has_base


if __name__ == "__main__":
    sys.stdout.buffer.write(read(*sys.argv[1:])[1])
