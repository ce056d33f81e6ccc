import os
import signal
import threading

import pytest

import cake
from cake import _command


def test_ls_and_diff_give_the_json_of_the_commands(shelf):
    assert {"team/base", "team/tune", "tied"} <= {row["name"] for row in cake.ls(store=shelf.store)}
    assert [row["name"] for row in cake.ls("team/*", store=shelf.store)] == ["team/base", "team/tune"]
    assert cake.diff("team/base", "team/tune", store=shelf.store)["counts"]["changed"] == 3


@pytest.mark.parametrize("act, kind", [
    (lambda store: cake.diff("no", "team/base", store=store), cake.NotFound),
    (lambda store: cake.ls(store=store, no_such_option=True), cake.Invalid),
    (lambda store: cake.push("no", "localhost:1/a:b", store=store), cake.CakeError)])
def test_a_failure_is_an_exception(shelf, act, kind):
    with pytest.raises(kind) as caught:
        act(shelf.store)
    assert isinstance(caught.value, cake.CakeError) and str(caught.value)


def test_options_become_words():
    assert _command._words({"no_delta": True, "force": False, "base": None, "include": ["*.json", "a"], "max_workers": 3}) == [
        "--no-delta", "--include=*.json", "--include=a", "--max-workers=3"]


def program(tmp_path, monkeypatch, text, by="/bin/bash"):
    path = tmp_path / "cake"
    path.write_text(f"#!{by}\n{text}")
    path.chmod(0o755)
    monkeypatch.setenv("CAKE_BINARY", str(path))


def test_events_are_told_and_the_result_is_given(tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, """echo '{"event":"progress","bytes_done":1,"bytes_total":2}' >&2; echo noise >&2; echo '[{"words":"'"$*"'"}]'""")
    told = []
    assert cake.pull("org/name", revision="v1", store="/s", progress=told.append, base="b") == [
        {"words": "pull --json --store=/s --base=b -- org/name@v1"}]
    assert told == [{"event": "progress", "bytes_done": 1, "bytes_total": 2}]


def test_an_error_has_its_kind_and_its_fix(tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, """echo '{"error":{"kind":"network","status":13,"what":"no line","fix":"look"}}' >&2; exit 13""")
    with pytest.raises(cake.System, match="no line\nfix: look") as caught:
        cake.pull("org/name")
    assert caught.value.kind == "network"


def test_a_program_without_json_is_an_error_with_its_words(tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, "echo broken >&2; exit 1")
    with pytest.raises(cake.System, match="broken"):
        cake.ls()
    monkeypatch.setenv("CAKE_BINARY", "/no/such/cake")
    with pytest.raises(cake.System, match="fix: "):
        cake.ls()


def test_ctrl_c_ends_the_child(tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, """import pathlib, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
print('{"event":"progress"}', file=sys.stderr, flush=True)
signal.sigwait([signal.SIGINT])
pathlib.Path(__file__).with_name("end").write_text("ended\\n")
sys.exit(130)
""", by="/usr/bin/python3")

    def press(_):
        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        cake.pull("org/name", progress=press)
    assert (tmp_path / "end").read_text() == "ended\n"


def test_a_script_called_cake_is_not_taken_for_the_program(tmp_path, monkeypatch):
    (tmp_path / "cake").write_text("#!/usr/bin/python3\n")
    (tmp_path / "cake").chmod(0o755)
    monkeypatch.delenv("CAKE_BINARY", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_command._library, "beside", lambda name: "/no/" + name)
    with pytest.raises(cake.System, match="no cake program"):
        _command.binary()
