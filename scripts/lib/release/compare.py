#!/usr/bin/env python3
"""Says whether two releases have the same bytes, and if not, what differed when they were made: compare.py FOLDER FOLDER"""
import glob
import hashlib
import json
import os
import sys


def digests(folder):
    found = {}
    for path in sorted(glob.glob(os.path.join(folder, "cake*"))):
        name = os.path.basename(path)
        # A signature is another one each time.
        if not name.endswith((".intoto.jsonl", ".pub")):
            with open(path, "rb") as file:
                found[name] = hashlib.sha256(file.read()).hexdigest()
    return found


def circumstances(folder):
    """What a release was made with, by name."""
    [path] = glob.glob(os.path.join(folder, "*.provenance.json"))
    with open(path, encoding="utf-8") as file:
        definition = json.load(file)["predicate"]["buildDefinition"]
    found = dict(definition["internalParameters"]["tools"])
    for part in definition["resolvedDependencies"]:
        found[part["name"]] = part.get("uri") or json.dumps(part["digest"])
    return found


def main():
    one, other = sys.argv[1:]
    here, there = digests(one), digests(other)
    different = [name for name in sorted({*here, *there}) if here.get(name) != there.get(name)]
    if not different:
        return print(f"the same bytes: {len(here)} files")
    print("different: " + ", ".join(different))
    made, made_there = circumstances(one), circumstances(other)
    for name in sorted({*made, *made_there}):
        if made.get(name) != made_there.get(name):
            print(f"  {name}: {made.get(name)} here, {made_there.get(name)} there")
    sys.exit(1)


if __name__ == "__main__":
    main()
