"""Validates manifests, those in fenced blocks of a page included, and reads the workflows. Run by scripts/interop/kubernetes."""
import os
import re
import sys

import kubernetes_validate
import yaml

top, = sys.argv[1:]
folder, page, alerts, workflows = (os.path.join(top, name) for name in (
    "docs/kubernetes", "docs/kubernetes.md", "docs/operate/alerts.yaml", ".github/workflows"))
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
for name in sorted(os.listdir(workflows)):
    with open(os.path.join(workflows, name), encoding="utf-8") as file:
        jobs = yaml.safe_load(file)["jobs"]
    for job in jobs.values():
        lines = [step["run"] for step in job["steps"] if "run" in step]
        lines += job.get("strategy", {}).get("matrix", {}).get("run", [])
        for line in lines:
            # They run what a person can run here.
            for script in re.findall(r"(?:^|&& )((?:scripts|\.ci)/\S+)", line):
                checks += 1
                if not os.access(os.path.join(top, script), os.X_OK):
                    failures += 1
                    print(f"{name}: {script} is not here")
print(f"{checks} checks with {oldest} and {newest}, {failures} failures; {passed_over} kinds of other projects passed over")
sys.exit(1 if failures else 0)
