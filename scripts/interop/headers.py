#!/usr/bin/env python3
"""Asks the reference library and cake for a verdict on the same safetensors files, and prints where they differ.

    python3 -m venv /tmp/interop && /tmp/interop/bin/pip install safetensors==0.8.0
    /tmp/interop/bin/python scripts/interop/headers.py .build/release/cake [--count 2000] [--seed 1] [--keep FOLDER]

Files are made from a seed: valid ones, ones with one rule broken, and ones with random injuries. One difference is
meant: cake refuses a tensor name or a key of __metadata__ that is given twice, where the library takes the last one.
Exit status: 0 when they agree on all else, 1 when they do not, 2 when they could not be asked.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

try:
    from safetensors import SafetensorError, deserialize
except ImportError:
    sys.exit("the safetensors package is missing: see the first lines of this file")

BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}
NAMES = ["a", "model.layers.0.weight", "", "\u00e9", "e\u0301", "\U0001f600", 'q"\\', "\x7f", "\n", "../x", "__meta__"]
# What may stand in JSON where something else was, by the text.
VALUES = [
    "null", "true", "0", "-0", "-1", "1.0", "1e2", "1E+400", "18446744073709551615", "18446744073709551616", '""', '"F32"',
    '{"F32":null}', "[]", "[0]", "[0,0]", "[0,0,0]", "{}", '{"a":{"b":[1,2,{"c":null}]}}', "NaN", "01", ".5", "'a'",
    '"\\ud83d\\ude00"', '"\\ud83d"', '"\\x"', '"\\u0000"', "[9223372036854775807,4,0]", "[0,9223372036854775807,4]",
    "[" * 125 + "]" * 125, "[" * 126 + "]" * 126,
]


def field_texts(rng, dtype, shape, begin, end):
    """The three fields of a tensor as JSON texts, by key."""
    return {
        "dtype": json.dumps(dtype),
        "shape": json.dumps(shape, separators=(",", ":")),
        "data_offsets": f"[{begin},{end}]",
    }


def valid(rng):
    """A header as a list of (key text, value), and the number of bytes of data. A value is a dict of texts, or a text."""
    members, offset = [], 0
    if rng.random() < 0.4:
        metadata = {rng.choice(NAMES) + str(index): rng.choice(NAMES) for index in range(rng.randrange(3))}
        members.append(('"__metadata__"', rng.choice([json.dumps(metadata), "null", "{}"])))
    for name in rng.sample(NAMES, rng.randrange(5)):
        dtype = rng.choice(list(BITS))
        shape = [rng.choice([0, 1, 2, 4, 8]) for _ in range(rng.randrange(4))]
        if BITS[dtype] < 8:
            shape.append(8)
        elements = 1
        for dimension in shape:
            elements *= dimension
        size = elements * BITS[dtype] // 8
        members.append((json.dumps(name), field_texts(rng, dtype, shape, offset, offset + size)))
        offset += size
    if rng.random() < 0.5:
        rng.shuffle(members)
    return members, offset


def break_one_rule(rng, members, data):
    """Changes a field, a member or the size of the data."""
    tensors = [index for index, (_, value) in enumerate(members) if isinstance(value, dict)]
    kind = rng.randrange(8)
    if kind == 0 or not tensors:
        return members, max(0, data + rng.choice([-1, 1, 8]))
    index = rng.choice(tensors)
    key, fields = members[index]
    fields = dict(fields)
    if kind in (1, 2):
        fields[rng.choice(list(fields))] = rng.choice(VALUES)
    elif kind == 3:
        del fields[rng.choice(list(fields))]
    elif kind == 4:
        fields[rng.choice(["extra", "d\\u0074ype", "shape ", "DTYPE"])] = rng.choice(VALUES)
    elif kind == 5:
        begin, end = json.loads(fields["data_offsets"])
        begin, end = rng.choice([(begin + 1, end + 1), (end, begin), (begin, end + 1), (0, end), (begin, 2**64 - 1)])
        fields["data_offsets"] = f"[{begin},{end}]"
    elif kind == 6:
        order = [fields["dtype"], fields["shape"], fields["data_offsets"]]
        value = "[" + ",".join(order[: rng.choice([2, 3, 3, 3])] + ["1"] * (rng.random() < 0.2)) + "]"
        return members[:index] + [(key, value)] + members[index + 1 :], data
    else:
        twice = rng.choice([members[index], ('"__metadata__"', "{}"), ('"\\u005f_metadata__"', "null")])
        return members + [twice], data
    return members[:index] + [(key, fields)] + members[index + 1 :], data


def text_of(rng, members):
    def space():
        return rng.choice(["", "", "", " ", "\n", "\t", "\r"])

    def value_of(value):
        if isinstance(value, str):
            return value
        return "{" + ",".join(f'"{key}":{text}' for key, text in value.items()) + "}"

    body = ("," + space()).join(f"{key}{space()}:{space()}{value_of(value)}" for key, value in members)
    return space() + "{" + body + space() + "}" + rng.choice(["", "", " ", "   ", "\n", "\0", "\f", "x", "{}"] + [""] * 8)


def injure(rng, data):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        if not data:
            break
        place = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[place] = rng.randrange(256)
        elif kind == 1:
            data[place] = rng.choice(b'{}[]",:0123456789\\ -e.u')
        elif kind == 2:
            del data[place]
        else:
            data.insert(place, data[place])
    return bytes(data)


def case(seed):
    """The bytes of one file."""
    rng = random.Random(seed)
    members, data = valid(rng)
    kind = rng.randrange(10)
    if 3 <= kind < 8:
        members, data = break_one_rule(rng, members, data)
    header = text_of(rng, members).encode("utf-8", "surrogatepass")
    if kind >= 8:
        header = injure(rng, header)
    length = len(header)
    if rng.random() < 0.03:
        length = rng.choice([0, length + 1, length + data + 1, 100_000_001, 2**63, 2**64 - 1, max(0, length - 1)])
    whole = struct.pack("<Q", length) + header + bytes(data)
    return whole[: rng.randrange(12)] if rng.random() < 0.01 else whole


def is_given_twice(whole):
    """Whether the header has a tensor name or a key of __metadata__ twice; only asked of what the library accepts."""
    length = struct.unpack("<Q", whole[:8])[0]
    twice = False

    def pairs(members):
        nonlocal twice
        counts = collections.Counter(key for key, _ in members)
        # In a tensor only dtype, shape and data_offsets may not repeat, and the library refuses that itself.
        fields = {"dtype", "shape", "data_offsets"}
        if any(count > 1 for count in counts.values()) and not fields <= set(counts):
            twice = True
        return dict(members)

    json.loads(whole[8 : 8 + length].decode(), object_pairs_hook=pairs)
    return twice


def library_verdict(whole):
    try:
        deserialize(whole)
        return True, ""
    except SafetensorError as error:
        return False, str(error)


def cake_verdict(cake, path):
    """Accepted, refused, or None with what went wrong."""
    run = subprocess.run(
        [cake, "inspect", "--json", str(path)], capture_output=True, timeout=60, env={**os.environ, "NO_COLOR": "1"})
    message = run.stderr.decode(errors="replace").strip()
    if run.returncode == 0:
        try:
            json.loads(run.stdout)
        except ValueError as error:
            return None, f"its --json is not JSON: {error}"
        return True, ""
    if run.returncode == 11:
        return False, message
    return None, f"exit status {run.returncode}: {message}"


def compare(cake, folder, seed):
    """None when they agree or differ as is meant, else a line that says how they differ."""
    whole = case(seed)
    path = folder / f"{seed}.safetensors"
    path.write_bytes(whole)
    wanted, reason = library_verdict(whole)
    got, message = cake_verdict(cake, path)
    if got == wanted:
        path.unlink()
        return wanted, None
    if got is False and wanted and is_given_twice(whole):
        path.unlink()
        return wanted, None
    library = "accepts" if wanted else f"refuses ({reason})"
    ours = {True: "accepts", False: f"refuses ({message})", None: message}[got]
    return wanted, f"case {seed}: the library {library}; cake {ours}\n    {whole[:400]!r}"


def main():
    parser = argparse.ArgumentParser(description="cake and the safetensors library, verdict by verdict")
    parser.add_argument("cake", help="the binary")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1, help="of the first case; the others follow")
    parser.add_argument("--keep", type=pathlib.Path, help="leave the files they differ on in this folder")
    options = parser.parse_args()
    if not os.access(options.cake, os.X_OK):
        print(f"{options.cake} is not a program: build it with swift build -c release --product cake", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        seeds = range(options.seed * 1_000_000, options.seed * 1_000_000 + options.count)
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            results = list(pool.map(lambda seed: compare(options.cake, folder, seed), seeds))
    differences = [line for _, line in results if line]
    for line in differences:
        print(line)
    accepted = sum(wanted for wanted, _ in results)
    print(f"{len(results)} headers, {accepted} of them valid to the library: {len(differences)} verdicts differ")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
