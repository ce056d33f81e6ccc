"""Odd and ordinary models go into a store and come back; the reference package and zstd judge what cake wrote.

Started by safetensors-read, which provides the packages.
"""
import hashlib
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import numpy
import safetensors
import safetensors.numpy
import safetensors_files as files
from trial import Trial, bf16_like

SEED = 20


def raw_file(path, head, data):
    with open(path, "wb") as file:
        file.write(len(head).to_bytes(8, "little") + head + data)


def known_types():
    """The types that this version of the package reads, of those the format has had so far."""
    known = []
    for dtype in files.BITS:
        try:
            safetensors.deserialize(files.header([("t", dtype, (8,))]) + bytes(files.tensor_size(dtype, (8,))))
            known.append(dtype)
        except Exception as trouble:  # the package has one error type for everything
            print(f"the package does not read {dtype}, left out: {trouble}")
    return known


def content(seed, dtype, shape):
    size = files.tensor_size(dtype, shape)
    return random.Random(seed).randbytes(size) if dtype != "BOOL" else bytes(random.Random(seed).choices((0, 1), k=size))


def entry(seed, name, dtype, shape):
    return name, dtype, shape, lambda: content(seed, dtype, shape)


def every_type(folder):
    """Each type in several shapes, in the order of the reference writer and against it."""
    shapes = ((), (8,), (0,), (3, 0, 5), (4, 2, 16), (1, 1, 1, 1, 8))
    entries = [entry(f"{dtype}{number}", f"{dtype}.{number}", dtype, shape)
               for dtype in reversed(known_types()) for number, shape in enumerate(shapes)
               if (files.BITS[dtype] * max(1, numpy.prod(shape))) % 8 == 0]
    files.write_file(os.path.join(folder, "model.safetensors"), entries, {"format": "pt"})
    files.write_file(os.path.join(folder, "backwards.safetensors"), entries[::-1])


def written_by_the_package(folder):
    rng = numpy.random.default_rng(SEED)
    tensors = {f"layer.{number}.{kind.__name__}": rng.integers(0, 100, (7, number + 1)).astype(kind)
               for number, kind in enumerate((numpy.float64, numpy.float32, numpy.float16, numpy.int64, numpy.int32,
                                              numpy.int16, numpy.int8, numpy.uint8, numpy.uint16, numpy.bool_))}
    safetensors.numpy.save_file(tensors, os.path.join(folder, "model.safetensors"), {"format": "np", "note": "ä 漢字 🍰"})


def nothing_in_it(folder):
    raw_file(os.path.join(folder, "none.safetensors"), b"{}", b"")
    raw_file(os.path.join(folder, "only-metadata.safetensors"), b'{"__metadata__":{"a":"b"}}  ', b"")
    files.write_file(os.path.join(folder, "empty.safetensors"), [entry(0, "nil", "F32", (0, 4)), entry(1, "none", "U8", (0,))])
    open(os.path.join(folder, "empty.txt"), "wb").close()


def odd_headers(folder):
    """Legal, and not what the reference writer would have written."""
    a, b, c = content(1, "F32", (3,)), content(2, "BOOL", (5,)), content(3, "I64", (2,))
    fields = {"z.last": '{"dtype":"I64","shape":[2],"data_offsets":[17,33]}',
              "a.first": '{"data_offsets":[5,17],"shape":[3],"dtype":"F32"}',
              "m": '{ "shape" : [ 5 ] , "dtype" : "BOOL" , "data_offsets" : [ 0 , 5 ] }'}
    meta = '"__metadata__":{"z":"1","a":"\\u0041\\n","":"empty key"}'
    lines = [f'"{name}":{value}' for name, value in fields.items()]
    headers = {
        "order": "{" + ",".join(lines) + "}",
        "metadata-in-the-middle": "{" + ",".join([lines[0], meta, *lines[1:]]) + "}",
        "metadata-last": "{" + ",".join([*lines, meta]) + "}",
        "metadata-empty": '{"__metadata__":{},' + ",".join(lines) + "}",
        "spread-out": "{\n  " + ",\n\t".join(lines) + "\r\n}",
        "padded-odd": "{" + ",".join(lines) + "}" + " \t\n\r" * 3 + " ",
        "padded-a-lot": "{" + ",".join(lines) + "}" + " " * 5000,
        "escaped-name": "{" + ",".join([lines[0].replace("z.last", "\\u007a\\/\\u00e9\\ud83c\\udf70"), *lines[1:]]) + "}",
        "long-name": "{" + ",".join([lines[0].replace("z.last", "n" * 3000), *lines[1:]]) + "}",
        "more-fields": "{" + ",".join([lines[0].replace('"shape"', '"extra":[1,{"b":null}],"shape"'), *lines[1:]]) + "}",
    }
    for name, head in headers.items():
        raw_file(os.path.join(folder, name + ".safetensors"), head.encode(), b + a + c)


def equal_tensors(folder):
    """Tied weights, the same bytes under other names, types and files, and two that differ in one bit."""
    data = bf16_like(SEED, 1 << 20)
    flipped = data[:-1] + bytes([data[-1] ^ 1])
    shape = (512, 1024)
    files.write_file(os.path.join(folder, "a.safetensors"), [
        ("embed", "BF16", shape, lambda: data), ("head", "BF16", shape, lambda: data),
        ("other", "BF16", shape, lambda: flipped)])
    files.write_file(os.path.join(folder, "b.safetensors"), [
        ("as.f16", "F16", shape, lambda: data), ("as.f32", "F32", (512, 512), lambda: data),
        ("as.u8", "U8", (1 << 20,), lambda: data)], {"format": "pt"})


def large_tensors(folder):
    """Over several pieces, of odd length, once noise, once weights, once all zero."""
    length = (24 << 20) + 1
    files.write_file(os.path.join(folder, "model.safetensors"), [
        ("noise", "U8", (length,), lambda: random.Random(1).randbytes(length)),
        ("weights", "BF16", (length - 1,), lambda: bf16_like(2, 2 * (length - 1))),
        ("zero", "F64", ((length - 1) // 8,), lambda: bytes(length - 1))])


def sharded(folder):
    entries = [("w.%d" % n, "BF16", (256, 256), lambda n=n: bf16_like(n, 131072)) for n in range(40)]
    files.write_sharded(folder, entries, 1 << 20)
    files.write_text_files(folder, {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 8000,
                                    "hidden_size": 256}, 8000)
    os.mkdir(os.path.join(folder, "1_Pooling"))
    files.write_json(os.path.join(folder, "1_Pooling", "config.json"), {"pooling_mode_mean_tokens": True})
    with open(os.path.join(folder, "tokenizer.model"), "wb") as file:
        file.write(random.Random(3).randbytes(3_000_001) + b"again" * 200_000)
    with open(os.path.join(folder, "README.md"), "wb") as file:
        file.write(b"# no newline at the end, and a byte that is not UTF-8: \xff")
    index = os.path.join(folder, "model.safetensors.index.json")
    with open(index, encoding="utf-8") as file:
        stale = json.load(file)
    stale["weight_map"]["gone"] = "model-00099-of-00099.safetensors"
    files.write_json(index, stale)


def snapshot_of_links(folder):
    """As the Hub's client keeps it: names in a snapshot are links to blobs, a large one called by its SHA-256."""
    repository = os.path.join(folder, "models--team--linked")
    blobs, snapshot = os.path.join(repository, "blobs"), os.path.join(repository, "snapshots", "5e3a" * 10)
    os.makedirs(blobs)
    os.makedirs(snapshot)
    weights = os.path.join(blobs, "weights")
    files.write_file(weights, [entry(9, "w", "F32", (64, 64))], {"format": "pt"})
    with open(weights, "rb") as file:
        named = os.path.join(blobs, hashlib.sha256(file.read()).hexdigest())
    os.rename(weights, named)
    files.write_json(os.path.join(blobs, "2c3d" * 10), {"model_type": "bert"})
    for name, blob in (("model.safetensors", os.path.basename(named)), ("config.json", "2c3d" * 10)):
        os.symlink(os.path.join("..", "..", "blobs", blob), os.path.join(snapshot, name))
    return snapshot


CASES = (every_type, written_by_the_package, nothing_in_it, odd_headers, equal_tensors, large_tensors, sharded,
         snapshot_of_links)


def open_with_the_package(trial, original, exported):
    """Every way the package has of reading gives the same for both. Gives the number of tensors."""
    with open(original, "rb") as file:
        want = dict(safetensors.deserialize(file.read()))
    with open(exported, "rb") as file:
        got = dict(safetensors.deserialize(file.read()))
    what = "/".join(exported.split(os.sep)[-2:])
    trial.check(want == got, f"{what}: the package reads other tensors from the exported file")
    with safetensors.safe_open(original, "numpy") as a, safetensors.safe_open(exported, "numpy") as b:
        trial.check(a.metadata() == b.metadata(), f"{what}: other metadata")
        trial.check(sorted(a.keys()) == sorted(b.keys()) == sorted(want), f"{what}: other names")
        for name in b.keys():
            piece = b.get_slice(name)
            trial.check((piece.get_dtype(), list(piece.get_shape())) == (want[name]["dtype"], list(want[name]["shape"])),
                        f"{what}: {name} has another type or shape")
            try:
                expected = a.get_tensor(name)
            except Exception:  # a type that numpy does not have; its bytes were compared above
                continue
            trial.check(b.get_tensor(name).tobytes() == expected.tobytes(), f"{what}: {name} has other values")
    return len(want)


def zstd_reads_all(trial):
    """Every object at rest is a standard zstd file. An index is no object."""
    found = [os.path.join(place, name) for part in ("objects", "packs")
             for place, _, names in os.walk(os.path.join(trial.store, part)) for name in names
             if not name.endswith(".index")]
    trial.check(bool(found), "no object files in the store")
    for at in range(0, len(found), 200):
        answer = subprocess.run(["zstd", "-q", "-t", *found[at:at + 200]], capture_output=True, text=True, check=False)
        trial.check(answer.returncode == 0, f"zstd -t: {answer.stderr.strip()[-1500:]}")
    return len(found)


def main():
    with Trial(sys.argv[1]) as trial:
        print(f"safetensors {safetensors.__version__}, numpy {numpy.__version__}, seed {SEED}")
        models, tensors, opened = {}, 0, 0
        for make in CASES:
            name = make.__name__.replace("_", "-")
            folder = trial.path("models", name)
            os.makedirs(folder)
            models[name] = make(folder) or folder  # a case may put its model deeper
            trial.works("import", models[name], name)
        alone = trial.path("alone")
        os.mkdir(alone)
        files.write_file(os.path.join(alone, "one.safetensors"), [entry(5, "w", "F16", (33, 3))])
        trial.works("import", os.path.join(alone, "one.safetensors"), "alone")
        models["alone"] = alone
        for name, folder in models.items():
            out = trial.path("out", name)
            trial.works("export", name, "-o", out)
            trial.same(folder, out, f"export of {name}")
            for file in sorted(os.listdir(out)) if os.path.isdir(out) else ():
                if file.endswith(".safetensors"):
                    tensors += open_with_the_package(trial, os.path.join(folder, file), os.path.join(out, file))
                    opened += 1
        objects = zstd_reads_all(trial)
        trial.works("verify")
        for name in ("large-tensors", "sharded"):
            trial.works("rm", name)
        trial.works("gc", after="rm")
        for name in models.keys() - {"large-tensors", "sharded"}:
            trial.exports(name, models[name], after="rm and gc of others")
        zstd_reads_all(trial)
        trial.works("verify", after="gc")
        print(f"{len(models)} models, {opened} files opened with the package, {tensors} tensors, {objects} object files")
        return trial.finish()


if __name__ == "__main__":
    sys.exit(main())
