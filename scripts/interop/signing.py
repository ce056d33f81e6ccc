"""OpenSSF's model-signing beside cake, for each curve: what one signs, the other verifies; both refuse a changed file, a
file too many, a file too few, another key and another payload."""
import base64
import json
import os
import pty
import select
import shutil
import sys
import tempfile
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "lib"))
from beside import Beside  # noqa: E402

cake, work = sys.argv[1], tempfile.mkdtemp(prefix="cake-signing-")
environment = {key: value for key, value in os.environ.items() if not key.startswith("CAKE_")}
environment |= {"HOME": work, "XDG_CONFIG_HOME": os.path.join(work, "config"), "CAKE_HOME": os.path.join(work, "store")}
files = {
    "config.json": b'{"model_type": "llama"}\n', "a-b": b"1", "a.d/x": b"2", "a/b": b"3", "empty": b"",
    "sub/.gitignore": b"signed\n", ".gitattributes": b"*.bin filter=lfs\n", ".hidden": b"4", "weights.bin": bytes(300_000),
    "na\u00efve name.txt": b"5",
}
tools = Beside(environment)
run, must, check = tools.run, tools.must, tools.check


def path(*parts):
    return os.path.join(work, *parts)


def write(folder, changes=None):
    shutil.rmtree(path(folder), ignore_errors=True)
    for name, data in (files | (changes or {})).items():
        if data is None:
            continue
        os.makedirs(os.path.dirname(path(folder, name)), exist_ok=True)
        with open(path(folder, name), "wb") as file:
            file.write(data)
    return path(folder)


def tool(*words):
    return run(sys.executable, "-m", "model_signing", *words)


def accepts(result):
    return result.returncode == 0, result.stdout + result.stderr


def refuses(result):
    # A refusal has words; a crash does not count.
    said = result.stdout + result.stderr
    return result.returncode != 0 and "Traceback" not in said, said


def on_terminal(typed, *words):
    """What a command said, and its exit status, where a person types one line."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(words[0], words, environment)
    said, sent = b"", False
    while True:
        # Typed when the terminal has stopped to show it, which also drops what was typed before.
        if not sent and b"(not shown)" in said and not termios.tcgetattr(terminal)[3] & termios.ECHO:
            sent = os.write(terminal, typed.encode() + b"\n") > 0
        if not select.select([terminal], [], [], 0.05)[0]:
            continue
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.decode(errors="replace")


def key(name, curve):
    must("openssl", "ecparam", "-genkey", "-name", curve, "-noout", "-out", path(name))
    must("openssl", "pkey", "-in", path(name), "-pubout", "-out", path(name + ".pub"))


def by_tool(folder, signature, public, *more):
    return tool("verify", "key", folder, "--signature", signature, "--public_key", public, *more)


def by_cake(name, public, *more):
    return run(cake, "verify", name, "--key", public, "--signature", *more)


changes = {
    "a changed file": {"a/b": b"4"}, "a file too many": {"extra.bin": b"x"}, "a file too few": {"a.d/x": None},
    "an empty file too few": {"empty": None},
}
must(cake, "import", write("model"), "org/model")
for what, change in changes.items():
    must(cake, "import", write("wrong-" + what.replace(" ", "-"), change), what.replace(" ", "-"))

for curve in ["prime256v1", "secp384r1", "secp521r1"]:
    key(curve, curve)
    key("other", curve)
    private, public, other = path(curve), path(curve + ".pub"), path("other.pub")

    # cake signs, model-signing verifies.
    must(cake, "sign", "org/model", "--key", private)
    out = path("out-" + curve)
    must(cake, "export", "org/model", "-o", out)
    signature = os.path.join(out, "model.sig")
    check(f"{curve}: model-signing verifies what cake signed and exported", *accepts(by_tool(out, signature, public)))
    moved = path("moved.sig")
    shutil.copy(signature, moved)
    check(f"{curve}: and with the signature elsewhere", *accepts(by_tool(path("model"), moved, public)))
    for what, change in changes.items():
        check(f"{curve}: model-signing refuses {what}", *refuses(by_tool(write("changed", change), moved, public)))
    check(f"{curve}: model-signing accepts a file too many when told to", *accepts(
        by_tool(write("changed", {"extra.bin": b"x"}), moved, public, "--ignore_unsigned_files")))
    check(f"{curve}: model-signing refuses another key", *refuses(by_tool(out, signature, other)))

    # model-signing signs, cake verifies.
    theirs = path("theirs.sig")
    signed = tool("sign", "key", path("model"), "--signature", theirs, "--private_key", private)
    check(f"{curve}: model-signing signs", *accepts(signed))
    check(f"{curve}: cake verifies what model-signing signed", *accepts(by_cake("org/model", public, theirs)))
    for what in changes:
        check(f"{curve}: cake refuses {what}", *refuses(by_cake(what.replace(" ", "-"), public, theirs)))
    check(f"{curve}: cake accepts a file too many when told to", *accepts(
        by_cake("a-file-too-many", public, theirs, "--ignore-unsigned-files")))
    check(f"{curve}: cake refuses another key", *refuses(by_cake("org/model", other, theirs)))
    with open(theirs) as file:
        bundle = json.load(file)
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b"config.json", b"c0nfig.json")
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    with open(path("bent.sig"), "w") as file:
        json.dump(bundle, file)
    check(f"{curve}: cake refuses another payload", *refuses(by_cake("org/model", public, path("bent.sig"))))
    check(f"{curve}: model-signing refuses another payload", *refuses(by_tool(path("model"), path("bent.sig"), public)))

    # A folder that ships its signature, as on a Hub.
    shipped = write("shipped")
    must(sys.executable, "-m", "model_signing", "sign", "key", shipped, "--signature", os.path.join(shipped, "model.sig"),
         "--private_key", private)
    must(cake, "import", shipped, "shipped-" + curve)
    check(f"{curve}: cake verifies a model by its own model.sig", *accepts(by_cake("shipped-" + curve, public)))
    must(cake, "export", "shipped-" + curve, "-o", path("back-" + curve))
    check(f"{curve}: model-signing verifies it after an export", *accepts(
        by_tool(path("back-" + curve), path("back-" + curve, "model.sig"), public)))

# An encrypted key, whose password a person types: it is not shown.
must("openssl", "pkcs8", "-topk8", "-in", path("prime256v1"), "-passout", "pass:open sesame", "-out", path("locked"))
for typed, status in [("open sesame", 0), ("close sesame", 2)]:
    ended, said = on_terminal(typed, cake, "sign", "org/model", "--key", path("locked"))
    check(f"cake asks for a password, and ends with {status}", ended == status and typed not in said, said)

# One file, which model-signing signs without its name.
single = path("single")
os.makedirs(single)
shutil.copy(path("model", "weights.bin"), single)
must(cake, "import", single, "single")
must(sys.executable, "-m", "model_signing", "sign", "key", os.path.join(single, "weights.bin"), "--signature",
     path("single.sig"), "--private_key", path("prime256v1"))
check("cake verifies one file that was signed without its name", *accepts(
    by_cake("single", path("prime256v1.pub"), path("single.sig"))))
check("and refuses it of a model of more files", *refuses(
    by_cake("org/model", path("prime256v1.pub"), path("single.sig"))))

# Certificates: a root, a department, and a person who signs.
def certify(name, authority=None, *extensions):
    key(name, "prime256v1")
    with open(path("extensions"), "w") as file:
        file.write("\n".join(["[v]", "subjectKeyIdentifier=hash", *extensions]))
    must("openssl", "req", "-new", "-key", path(name), "-subj", f"/CN={name}", "-out", path("request"))
    signer = ["-CA", path(authority + ".pem"), "-CAkey", path(authority), "-CAcreateserial"] if authority else [
        "-signkey", path(name)]
    must("openssl", "x509", "-req", "-in", path("request"), "-days", "30", "-extfile", path("extensions"), "-extensions", "v",
         "-out", path(name + ".pem"), *signer)


may_certify = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]
certify("root", None, *may_certify)
certify("stranger", None, *may_certify)
certify("department", "root", *may_certify)
certify("person", "department", "keyUsage=critical,digitalSignature")
certify("clerk", "department", "keyUsage=critical,keyEncipherment")
for name in ["person", "clerk"]:
    must(sys.executable, "-m", "model_signing", "sign", "certificate", path("model"), "--signature", path(name + ".sig"),
         "--private_key", path(name), "--signing_certificate", path(name + ".pem"), "--certificate_chain", path("department.pem"))
for name, trusted, is_right in [("person", "root", True), ("person", "stranger", False), ("clerk", "root", False)]:
    judge, word = (accepts, "accept") if is_right else (refuses, "refuse")
    check(f"cake {word}s the certificate of {name} under {trusted}", *judge(run(
        cake, "verify", "org/model", "--signature", path(name + ".sig"), "--certificate", path(trusted + ".pem"))))
    theirs = tool("verify", "certificate", path("model"), "--signature", path(name + ".sig"), "--certificate_chain",
                  path(trusted + ".pem"))
    check(f"model-signing {word}s it, too", (theirs.returncode == 0) == is_right, theirs.stdout + theirs.stderr)

shutil.rmtree(work)
print(f"{tools.done} checks")
