#!/usr/bin/env python3
"""Prints a statement in a signed envelope, as DSSE 1 has it: envelope.py KEY STATEMENT"""
import base64
import json
import subprocess
import sys

TYPE = "application/vnd.in-toto+json"


def main():
    key, path = sys.argv[1:]
    with open(path, "rb") as file:
        payload = file.read()
    signed = b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(payload), payload)
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=signed, check=True, capture_output=True).stdout
    print(json.dumps({
        "payloadType": TYPE, "payload": base64.b64encode(payload).decode(),
        "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }))


if __name__ == "__main__":
    main()
