#!/usr/bin/env python3
"""Makes the wheel: setuptools makes one of the Python files and the metadata, and this adds the two binaries and licences.

    pack.py --project FOLDER --library FILE --program FILE --licences FOLDER --platform TAG --out FOLDER

The same files give the same wheel, byte for byte: entries are sorted, and have the date of SOURCE_DATE_EPOCH.
"""
import argparse
import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

# Linux as the maker, and a plain file with these rights.
REGULAR = 0o100000


def of_setuptools(project, folder):
    """The files of a wheel without binaries, by name."""
    copy = os.path.join(folder, "project")
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("tests", "__pycache__", "_lib", "build", "dist", "*.egg-info", ".*"))
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps",
                    "--no-build-isolation", "--wheel-dir", folder, copy], check=True)
    [path] = [name for name in os.listdir(folder) if name.endswith(".whl")]
    with zipfile.ZipFile(os.path.join(folder, path)) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}


def tagged(text, tag):
    text = re.sub(r"^Tag: .*\n", "", text, flags=re.M)
    text = re.sub(r"^Root-Is-Purelib: .*$", "Root-Is-Purelib: false", text, flags=re.M)
    return text.rstrip("\n") + f"\nTag: {tag}\n"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def line(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for word in ("project", "library", "program", "licences", "platform", "out"):
        parser.add_argument(f"--{word}", required=True)
    options = parser.parse_args()
    tag = f"py3-none-{options.platform}"
    with tempfile.TemporaryDirectory() as folder:
        files = of_setuptools(options.project, folder)
    [info] = {name.split("/")[0] for name in files if name.split("/")[0].endswith(".dist-info")}
    del files[f"{info}/RECORD"]
    files[f"{info}/WHEEL"] = tagged(files[f"{info}/WHEEL"].decode(), tag).encode()
    files["cake/_lib/libcake.so"], files["cake/_lib/cake"] = read(options.library), read(options.program)
    licences = sorted(os.listdir(options.licences))
    for name in licences:
        files[f"{info}/licenses/{name}"] = read(os.path.join(options.licences, name))
    lines = "".join(f"License-File: {name}\n" for name in licences).encode()
    files[f"{info}/METADATA"] = files[f"{info}/METADATA"].replace(b"Requires-Python:", lines + b"Requires-Python:", 1)
    record = f"{info}/RECORD"
    # RECORD last, as the format asks.
    names = sorted(files, key=lambda name: (name.startswith(info), name))
    files[record] = ("".join(line(name, files[name]) for name in names) + f"{record},,\n").encode()
    epoch = max(int(os.environ.get("SOURCE_DATE_EPOCH", "315532800")), 315532800)
    date = time.gmtime(epoch)[:6]
    os.makedirs(options.out, exist_ok=True)
    path = os.path.join(options.out, f"{info[:-len('.dist-info')]}-{tag}.whl")
    with zipfile.ZipFile(path + ".part", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for name in [*names, record]:
            entry = zipfile.ZipInfo(name, date)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = (REGULAR | (0o755 if name.startswith("cake/_lib/") else 0o644)) << 16
            wheel.writestr(entry, files[name])
    os.replace(path + ".part", path)
    print(path)


if __name__ == "__main__":
    main()
