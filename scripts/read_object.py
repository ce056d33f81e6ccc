#!/usr/bin/env python3
"""Reads an object of cake without cake: read_object.py OBJECT [BASE-OBJECT] writes the layer's plain bytes to standard output.

docs/layout.md and docs/codec.md, read by a program of its own: every transform is here. Needs the zstd command and nothing
else. Slow, and meant to be read."""
import hashlib
import struct
import subprocess
import sys

RUN = 256


def frames_of(data):
    """The first frame's fields, and the decoded frames of each piece."""
    magic, length = struct.unpack_from("<II", data)
    assert magic == 0x184D2A5C and data[8:12] == b"cake" and data[12] == 1, "not an object of cake"
    transform, piece_bits, per_piece, flags = data[13:17]
    size, = struct.unpack_from("<Q", data, 24)
    rest = data[64:8 + length]
    header = {"transform": transform, "piece": 1 << piece_bits, "size": size, "layer": data[32:64],
              "base": rest[:32] if flags & 1 else None, "parameters": list(rest[32:] if flags & 1 else rest)}
    count, descriptor, footer = struct.unpack_from("<IBI", data, len(data) - 9)
    assert footer == 0x8F92EAB1 and descriptor == 0, "no seek table"
    table = struct.iter_unpack("<II", data[len(data) - 9 - 8 * count:len(data) - 9])
    at, frames = 0, []
    for stored, plain in table:
        frames.append((data[at:at + stored], plain))
        at += stored
    frames = frames[1:]  # the first frame is the header
    return header, [frames[i:i + per_piece] for i in range(0, len(frames), per_piece)]


def rewritten(frames):
    found = subprocess.run(["zstd", "-dcq"], input=b"".join(f for f, _ in frames), stdout=subprocess.PIPE, check=True).stdout
    assert len(found) == sum(plain for _, plain in frames), "a frame of another size"
    return found


def elements(data, width):
    return [int.from_bytes(data[i:i + width], "little") for i in range(0, len(data) // width * width, width)]


def merged(planes, width, count):
    """Elements from planes, one behind the other."""
    return [sum(planes[k * count + i] << 8 * k for k in range(width)) for i in range(count)]


def packed(numbers, width):
    return b"".join(number.to_bytes(width, "little") for number in numbers)


def ordered(x, bits):
    return x ^ (1 << bits) - 1 if x >> bits - 1 else x | 1 << bits - 1


def unordered(x, bits):
    return x & ~(1 << bits - 1) if x >> bits - 1 else x ^ (1 << bits) - 1


def add(value, base, bits, floats):
    difference = -(value >> 1) - 1 if value & 1 else value >> 1
    if not floats:
        return base + difference & (1 << bits) - 1
    return unordered(ordered(base, bits) + difference & (1 << bits) - 1, bits)


def bit_fields(data, width, count):
    number = int.from_bytes(data, "little")
    return [number >> width * i & (1 << width) - 1 for i in range(count)]


def grouped(data, base, width, fraction):
    whole = len(base) // width * width
    runs = (whole + RUN - 1) // RUN
    flags = data[:(runs + 7) // 8]
    changed = [run for run in range(runs) if flags[run // 8] >> run % 8 & 1]
    kept = elements(b"".join(base[run * RUN:min((run + 1) * RUN, whole)] for run in changed), width)
    exponents = [(x & (1 << 8 * width - 1) - 1) >> fraction for x in kept]
    members = {e: [] for e in sorted(set(exponents))}
    for index, exponent in enumerate(exponents):
        members[exponent].append(index)
    at = len(flags) + len(members)
    modes = dict(zip(members, data[len(flags):at]))
    bits = lambda e: {0: 0, 1: 2, 2: 4}.get(modes[e], 8)  # of a code
    low = lambda e: max(modes[e] - 16, 0)
    size = lambda count, bits: (count * bits + 7) // 8
    tail = len(base) - whole
    low_at = len(data) - tail - sum(size(len(m), low(e)) for e, m in members.items())
    escapes_at = at + sum(size(len(m), bits(e)) for e, m in members.items())
    escapes = iter(merged(data[escapes_at:low_at], width, (low_at - escapes_at) // width))
    for exponent, indexes in members.items():
        count, b, s = len(indexes), bits(exponent), low(exponent)
        codes = bit_fields(data[at:at + size(count, b)], b, count)
        lows = bit_fields(data[low_at:low_at + size(count, s)], s, count)
        at, low_at = at + size(count, b), low_at + size(count, s)
        for index, code, under in zip(indexes, codes, lows):
            escaped = b and code == (1 << b) - 1 and not (b == 8 and s == 8 * (width - 1))
            kept[index] = add(next(escapes) if escaped else code << s | under, kept[index], 8 * width, True)
    assert next(escapes, None) is None, "escapes that nobody asked for"
    plain, fresh, at = bytearray(base), packed(kept, width), 0
    for run in changed:
        end = min((run + 1) * RUN, whole)
        plain[run * RUN:end] = fresh[at:at + end - run * RUN]
        at += end - run * RUN
    plain[whole:] = data[len(data) - tail:] if tail else b""
    return bytes(plain)


def undone(header, data, base):
    transform, parameters = header["transform"], header["parameters"]
    if transform == 0:
        return data
    if transform == 2:
        return grouped(data, base, *parameters)
    width = parameters[0]
    count, bits = len(data) // width, 8 * width
    tail = data[count * width:]
    numbers = merged(data, width, count)
    if transform == 1:
        return packed(((x >> 1 | x << bits - 1) & (1 << bits) - 1 for x in numbers), width) + tail
    pairs = zip(numbers, elements(base, width))
    if transform == 3:
        return packed((add(x, b, bits, parameters[1]) for x, b in pairs), width) + tail
    assert transform == 4, f"transform {transform} is unknown"
    return packed((x ^ b for x, b in pairs), width) + tail


def read(path, base_path=None):
    with open(path, "rb") as file:
        header, pieces = frames_of(file.read())
    base = b""
    if header["base"]:
        of_base, base = read(base_path)
        assert of_base["layer"] == header["base"] and not of_base["base"], "not the base"
    size = header["piece"]
    plain = b"".join(undone(header, rewritten(piece), base[i * size:(i + 1) * size]) for i, piece in enumerate(pieces))
    assert hashlib.sha256(plain).digest() == header["layer"] and len(plain) == header["size"], "other bytes than its name says"
    return header, plain


if __name__ == "__main__":
    sys.stdout.buffer.write(read(*sys.argv[1:])[1])
