"""Validates manifests, those in fenced blocks of a page included. Run by scripts/interop/kubernetes."""
import os
import re
import sys

import kubernetes_validate
import yaml

folder, page, alerts = sys.argv[1:]
oldest = "1.33"
newest = kubernetes_validate.latest_version()
# Kinds of other projects: no schema of Kubernetes has them.
foreign = ("serving.kserve.io/",)
checks = failures = passed_over = 0


def check(what, document):
    global checks, failures, passed_over
    if document["apiVersion"].startswith(foreign):
        passed_over += 1
        return
    for version in (oldest, newest):
        checks += 1
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            failures += 1
            print(f"{what}, {version}: {error.message}")


for name in sorted(os.listdir(folder)):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        for document in yaml.safe_load_all(file):
            check(f"{name}: {document['kind']}", document)
with open(page, encoding="utf-8") as file:
    for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", file.read(), re.DOTALL)):
        document = yaml.safe_load(text)
        # Parts of a manifest are not checked.
        if "kind" in document:
            check(f"block {number + 1} of {os.path.basename(page)}", document)
with open(alerts, encoding="utf-8") as file:
    rules = [rule for group in yaml.safe_load(file)["groups"] for rule in group["rules"]]
    if not all({"alert", "expr", "labels"} <= set(rule) for rule in rules):
        failures += 1
        print("a rule of alerts.yaml lacks a member")
print(f"{checks} checks with {oldest} and {newest}, {failures} failures; {passed_over} kinds of other projects passed over")
sys.exit(1 if failures else 0)
