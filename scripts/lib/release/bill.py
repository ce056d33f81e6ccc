#!/usr/bin/env python3
"""Writes what is in a release, and how it was made: a bill of materials (CycloneDX 1.5) and a statement (in-toto, SLSA provenance 1).

    bill.py --version V --commit C --table FILE --map FILE… --made FOLDER --sysroot FILE --image FILE --out FOLDER
            --artifact PARTS:FILE… [--tool NAME=VERSION…]

The linker's maps name each static library that was taken; the table says whose they are and under which licences. An archive that
the table does not know, or a licence that Debian's own text does not name, ends the release. PARTS are program, library and image.
"""
import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import uuid
import zlib

ARCHIVE = re.compile(r"[/ ]lib([\w+.-]+)\.a\(")
SWIFT = re.compile(r"(swift\w*|_?dispatch|BlocksRuntime)$")
NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


def stop(text):
    sys.exit(f"error: {text}")


def archives(path):
    """The names of the static libraries from which the linker took something."""
    found = set()
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            found.update(ARCHIVE.findall(line))
    return found


def pairs(path):
    with open(path, encoding="utf-8") as file:
        return dict(line.split() for line in file if line.strip())


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def said(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


class Bill:
    def __init__(self, options):
        with open(options.table, encoding="utf-8") as file:
            self.table = json.load(file)
        self.versions = pairs(os.path.join(options.made, "versions"))
        self.sysroot, self.image = pairs(options.sysroot), pairs(options.image)
        self.options = options
        self.swift = re.search(r"Swift version ([\d.]+)", said("swift", "--version")).group(1)
        program, library = (self.linked(path) for path in options.map)
        self.parts = {"program": program, "library": library, "image": {(name, self.image[name]) for name in self.image}}

    def linked(self, path):
        names = set()
        for archive in archives(path):
            name = "swift" if SWIFT.match(archive) else self.table["archives"].get(archive)
            if not name:
                stop(f"lib{archive}.a was linked, and {self.options.table} does not say whose it is")
            names.add(name)
        # The first and the last lines of every program are glibc's.
        return {(name, self.version(name)) for name in names | {"glibc"}}

    def version(self, name):
        if name == "swift":
            return self.swift
        if name in ("glibc", "gcc-10"):
            return self.sysroot[name]
        return self.versions[name]

    def component(self, name, version):
        known = self.table["components"].get(name)
        if not known:
            stop(f"{self.options.table} has no licence of {name}")
        if "file" in known:
            with open(os.path.join(self.options.made, "licences", known["file"]), encoding="utf-8", errors="replace") as file:
                if known["word"] not in file.read():
                    stop(f"the licence of {name} has changed: \"{known['word']}\" is not in it")
        is_debian = name != "swift"
        # A plus sign and a colon have a meaning in such an address.
        shown = version.replace("+", "%2B").replace(":", "%3A")
        address = f"pkg:deb/debian/{name}@{shown}?arch=source" if is_debian else f"pkg:generic/swift@{shown}"
        return {
            "type": "library", "bom-ref": f"{name}@{version}", "name": name, "version": version, "purl": address,
            "licenses": [{"expression": known["licence"]}],
        }

    def document(self, artifacts, created):
        parts = sorted(set().union(*self.parts.values()))
        cake = {
            "type": "application", "bom-ref": "cake", "name": "cake", "version": self.options.version,
            "licenses": [{"expression": "Apache-2.0"}],
            "properties": [{"name": "cake:commit", "value": self.options.commit}],
        }
        files = [{
            "type": "file", "bom-ref": name, "name": name, "hashes": [{"alg": "SHA-256", "content": digest}],
        } for name, digest, _ in artifacts]
        uses = [{"ref": name, "dependsOn": sorted({f"{a}@{v}" for part in using for a, v in self.parts[part]})}
                for name, _, using in artifacts]
        document = {
            "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "metadata": {"timestamp": created, "component": cake},
            "components": files + [self.component(name, version) for name, version in parts],
            "dependencies": [{"ref": "cake", "dependsOn": [name for name, _, _ in artifacts]}, *uses],
        }
        document["serialNumber"] = f"urn:uuid:{uuid.uuid5(NAMESPACE, json.dumps(document, sort_keys=True))}"
        return document

    def statement(self, subjects):
        materials = sorted(set().union(*self.parts.values()))
        clang = said(os.path.join(os.path.dirname(os.path.realpath(said("which", "swift").strip())), "clang"), "--version").splitlines()[0]
        system = re.search(r'PRETTY_NAME="(.*)"', open("/etc/os-release", encoding="utf-8").read()).group(1)
        tools = {"swift": said("swift", "--version").splitlines()[0], "clang": clang.split(" (")[0], "system": system}
        for package in ("dpkg", "gzip", "tar", "liblzma5"):
            tools[package] = said("dpkg-query", "-W", "-f=${Version}", package)
        # They pack the wheel and the image.
        tools |= {"python": sys.version.split()[0], "python's zlib": zlib.ZLIB_RUNTIME_VERSION}
        tools |= dict(text.split("=", 1) for text in self.options.tool)
        return {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "urn:cake:scripts/release:1",
                    "externalParameters": {"version": self.options.version},
                    "internalParameters": {"tools": tools, "sourceDateEpoch": int(os.environ["SOURCE_DATE_EPOCH"])},
                    "resolvedDependencies": [{"name": "cake", "digest": {"gitCommit": self.options.commit.rstrip("+")}}]
                    + [{"name": name, "uri": self.component(name, version)["purl"]} for name, version in materials],
                },
                "runDetails": {"builder": {"id": "urn:cake:scripts/release"}},
            },
        }


def write(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, sort_keys=True)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for word in ("version", "commit", "table", "made", "sysroot", "image", "out"):
        parser.add_argument(f"--{word}", required=True)
    parser.add_argument("--tool", action="append", default=[])
    for word in ("map", "artifact"):
        parser.add_argument(f"--{word}", action="append", required=True)
    options = parser.parse_args()
    bill = Bill(options)
    artifacts = []
    for text in options.artifact:
        parts, path = text.split(":", 1)
        artifacts.append((os.path.basename(path), sha256(path), parts.split(",")))
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"])))
    name = f"cake-{options.version}.cdx.json"
    path = os.path.join(options.out, name)
    write(path, bill.document(artifacts, created))
    subjects = [(name, digest) for name, digest, _ in artifacts] + [(name, sha256(path))]
    write(os.path.join(options.out, f"cake-{options.version}.provenance.json"), bill.statement(subjects))


if __name__ == "__main__":
    main()
