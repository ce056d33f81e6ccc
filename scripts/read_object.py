#!/usr/bin/env python3
"""Reads an object of cake without cake: read_object.py OBJECT [BASE-OBJECT] writes the layer's plain bytes to standard output.

docs/layout.md and docs/codec.md, read by a program of its own: every transform is here. Needs the zstd command and nothing
else. Slow, and meant to be read."""
import hashlib
import io
import math
import struct
import subprocess
import sys
from itertools import compress


def cut(data, size):
    return [data[i:i + size] for i in range(0, len(data), size)]


def numbers(data, width):
    return struct.unpack(f"<{len(data) // width}{' BH I   Q'[width]}", data[:len(data) // width * width])


def packed(values, width):
    return struct.pack(f"<{len(values)}{' BH I   Q'[width]}", *values)


def woven(planes, width):
    """Elements whose bytes lie in planes. Those behind the last one stay."""
    data, count = bytearray(planes), len(planes) // width
    for k in range(width):
        data[k:width * count:width] = planes[k * count:(k + 1) * count]
    return bytes(data)


def rotated_planes(data, width):
    return packed([x >> 1 | (x & 1) << 8 * width - 1 for x in numbers(woven(data, width), width)], width) \
        + data[len(data) // width * width:]


def add(value, base, width, floats):
    """A zigzagged difference, added to a number or to a place in the order of floats."""
    sign, every = 1 << 8 * width - 1, (1 << 8 * width) - 1
    ordered = base ^ (every if base & sign else sign) if floats else base
    total = ordered + (-(value + 1 >> 1) if value & 1 else value >> 1) & every
    return total ^ (sign if total & sign else every) if floats else total


def grouped(data, base, width, fraction):
    tail = len(base) % width
    runs = cut(base[:len(base) - tail], 256)
    flags = [data[run // 8] >> run % 8 & 1 for run in range(len(runs))]
    kept = list(numbers(b"".join(compress(runs, flags)), width))
    groups = {}
    for index, x in enumerate(kept):
        groups.setdefault((x & (1 << 8 * width - 1) - 1) >> fraction, []).append(index)
    at = (len(runs) + 7) // 8 + len(groups)
    # For each group its elements, the bits of a code, and low bits.
    groups = [(groups[key], {0: 0, 1: 2, 2: 4}.get(mode, 8), max(mode - 16, 0))
              for key, mode in zip(sorted(groups), data[at - len(groups):at])]

    def fields(at, bits, count):
        end = at + (count * bits + 7) // 8
        number = int.from_bytes(data[at:end], "little")
        return [number >> bits * i & (1 << bits) - 1 for i in range(count)], end
    low_at = len(data) - tail - sum((len(group) * low + 7) // 8 for group, _, low in groups)
    escapes_at = at + sum((len(group) * bits + 7) // 8 for group, bits, _ in groups)
    escapes = iter(numbers(woven(data[escapes_at:low_at], width), width))
    for group, bits, low in groups:
        codes, at = fields(at, bits, len(group))
        lows, low_at = fields(low_at, low, len(group))
        for index, code, under in zip(group, codes, lows):
            escaped = bits and code == (1 << bits) - 1 and low < 8 * (width - 1)
            kept[index] = add(next(escapes) if escaped else code << low | under, kept[index], width, True)
    assert next(escapes, None) is None, "escapes that no code asked for"
    fresh = iter(cut(packed(kept, width), 256))
    return b"".join(next(fresh) if flag else run for run, flag in zip(runs, flags)) + data[len(data) - tail:]


def rounded(x, form):
    try:
        return struct.pack(form, x)
    except OverflowError:
        return struct.pack(form, math.copysign(math.inf, x))


def predicted(base, first, factors, width, fraction, rank, columns):
    result = cut(base, width)
    for index, b in enumerate(result):
        # BF16 is the upper half of a float.
        total, = struct.unpack("<e" if fraction == 10 else "<f", b.rjust(4, b"\0") if fraction == 7 else b)
        if math.isfinite(total):
            (row, column), product = divmod(first + index, columns), 0.0
            for k in range(rank):
                product += factors[rank * (columns + row) + k] * factors[k * columns + column]
            b = rounded(total + product, "<f")
            if fraction == 10:
                b = rounded(*struct.unpack("<f", b), "<e")
            elif fraction == 7:
                bits, = numbers(b, 4)
                b = packed([bits + 0x7fff + (bits >> 16 & 1) >> 16], 2)
            result[index] = b
    return b"".join(result)


def undone(transform, parameters, data, base, first=0, factors=()):
    if transform in (0, 1):
        return rotated_planes(data, parameters[0]) if transform else data
    if transform == 5:
        shape = struct.unpack("<BBBI", parameters)
        base = predicted(base, first // shape[0], factors, *shape)
    if transform in (2, 5):
        return grouped(data, base, *parameters[:2])
    assert transform in (3, 4), f"transform {transform} is unknown"
    width, pairs = parameters[0], zip(*(numbers(bytes, parameters[0]) for bytes in (woven(data, parameters[0]), base)))
    plain = [add(x, b, width, parameters[1]) if transform == 3 else x ^ b for x, b in pairs]
    return packed(plain, width) + data[len(plain) * width:]


def read(path, base_path=None):
    with open(path, "rb") as file:
        data = file.read()
    magic, length = struct.unpack_from("<II", data)
    assert magic == 0x184D2A5C and data[8:13] == b"cake\1", "not an object of cake"
    transform, piece_bits, per_piece, has_base = data[13:17]
    size, layer, parameters = int.from_bytes(data[24:32], "little"), data[32:64], data[64:8 + length]
    base = b""
    if has_base:
        of_base, base, base_has_base = read(base_path)
        assert of_base == parameters[:32] and not base_has_base, "not the base"
        parameters = parameters[32:]
    count, descriptor, footer = struct.unpack_from("<IBI", data, len(data) - 9)
    assert footer == 0x8F92EAB1 and descriptor == 0, "no seek table"
    held = [plain for _, plain in struct.iter_unpack("<II", data[len(data) - 9 - 8 * count:len(data) - 9])]
    frames = io.BytesIO(subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout)
    assert len(frames.getbuffer()) == sum(held), "frames of another size"
    # The first frame is the header; those of factors, four to a piece, stand before the layer's.
    ahead = count - per_piece * -(-size // (1 << piece_bits))
    factors = b"".join(rotated_planes(frames.read(sum(sizes)), 4) for sizes in cut(held[1:ahead], 4))
    factors, plain = struct.unpack(f"<{len(factors) // 4}f", factors), b""
    for sizes in cut(held[ahead:], per_piece):
        beside = base[len(plain):len(plain) + (1 << piece_bits)]
        plain += undone(transform, parameters, frames.read(sum(sizes)), beside, len(plain), factors)
    assert hashlib.sha256(plain).digest() == layer and len(plain) == size, "other bytes than its name says"
    return layer, plain, has_base


if __name__ == "__main__":
    sys.stdout.buffer.write(read(*sys.argv[1:])[1])
