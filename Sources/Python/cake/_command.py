"""Commands of the `cake` program, with its JSON as the result."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from . import _errors, _library
from ._errors import System, with_fix
from ._progress import Progress, on_terminal

PathLike = Union[str, "os.PathLike[str]"]
Event = Dict[str, Any]
# How long an interrupted command may take to put its files in order.
PATIENCE = 10.0


def _is_program(path: str) -> bool:
    """Not the script that pip makes for `cake`, which would call itself."""
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF" and os.access(path, os.X_OK)
    except OSError:
        return False


def binary() -> str:
    named = os.environ.get("CAKE_BINARY")
    if named:
        return named
    if _is_program(_library.beside("cake")):
        return _library.beside("cake")
    for folder in os.get_exec_path():
        path = os.path.join(folder, "cake")
        if _is_program(path):
            return path
    raise System(with_fix("there is no cake program", "install cake, or set CAKE_BINARY to it"))


def _words(options: Dict[str, Any]) -> List[str]:
    """`no_delta=True, include=["*.json"]` as `--no-delta --include *.json`."""
    words: List[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if one is True:
                words.append(flag)
            elif one is not None and one is not False:
                words.append(f"{flag}={os.fspath(one) if hasattr(one, '__fspath__') else one}")
    return words


def _failure(status: int, error: Dict[str, Any], lines: Sequence[str]) -> _errors.CakeError:
    what = error.get("what") or "\n".join(lines) or f"cake ended with status {status}"
    kind = error.get("kind")
    message = with_fix(what, error["fix"]) if error.get("fix") else what
    return _errors.COMMAND_KINDS.get(str(kind), System)(message, kind)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Ctrl-C, and then harder: cake puts its files in order first."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if child.poll() is None:
            child.send_signal(number)
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                continue
            except KeyboardInterrupt:
                continue


def start(command: Sequence[str], stdout: Any, bufsize: int = -1) -> "subprocess.Popen[bytes]":
    """In a session of its own: a terminal's Ctrl-C reaches this process alone, which passes it on once."""
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, bufsize=bufsize,
                                start_new_session=True)
    except OSError as trouble:
        raise System(with_fix(f"cannot start {command[0]}: {trouble.strerror}", "set CAKE_BINARY to the cake program")) from None


class Said:
    """What a command with `--json` says on standard error: events, words, and at most one error."""

    def __init__(self) -> None:
        self.lines: List[str] = []
        self.error: Dict[str, Any] = {}

    def take(self, raw: bytes) -> Optional[Event]:
        """The line's event, if it is one and no error."""
        event = _event(raw)
        if event is None:
            self.lines.append(raw.decode(errors="replace").rstrip("\n"))
        elif "error" in event:
            self.error = event["error"]
        else:
            return event
        return None

    def failure(self, status: int) -> _errors.CakeError:
        return _failure(status, self.error, self.lines)


def call(words: Sequence[str], store: Optional[PathLike] = None, progress: Optional[Callable[[Event], Any]] = None,
         may_end: Sequence[int] = (0,)) -> Any:
    """Runs cake to its end, and gives its JSON. `progress` is called with each event of `cake --json`."""
    command = [binary(), words[0], "--json", *([f"--store={os.fspath(store)}"] if store is not None else []), *words[1:]]
    said = Said()
    bar = Progress(" ".join(words[:2]), 0) if progress is None and on_terminal() else None
    with tempfile.TemporaryFile() as out:
        child = start(command, out)
        assert child.stderr is not None
        try:
            for raw in child.stderr:
                event = said.take(raw)
                if event is None:
                    continue
                if progress:
                    progress(event)
                elif bar and event.get("bytes_total"):
                    bar.at(event.get("bytes_done", 0), event["bytes_total"], event.get("phase"))
            status = child.wait()
        except BaseException:
            _end(child)
            raise
        finally:
            child.stderr.close()
            if bar:
                bar.__exit__()
        out.seek(0)
        text = out.read().decode(errors="replace")
    if status not in may_end:
        raise said.failure(status)
    return json.loads(text) if text.strip() else None


def _event(raw: bytes) -> Optional[Event]:
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _at(name: str, revision: Optional[str]) -> str:
    return f"{name}@{revision}" if revision else name


def pull(name: str, revision: Optional[str] = None, store: Optional[PathLike] = None,
         progress: Optional[Callable[[Event], Any]] = None, **options: Any) -> Any:
    """Downloads a model from the Hub or a registry. Options are those of `cake pull`: base="name", include=["*.json"]."""
    return call(["pull", *_words(options), "--", _at(name, revision)], store, progress)


def push(name: str, to: str, store: Optional[PathLike] = None, progress: Optional[Callable[[Event], Any]] = None,
         **options: Any) -> Any:
    """Uploads a model to a registry."""
    return call(["push", *_words(options), "--", name, to], store, progress)


def diff(a: str, b: str, store: Optional[PathLike] = None, **options: Any) -> Any:
    """What differs between two models, as `cake diff --json` says it."""
    return call(["diff", *_words(options), "--", a, b], store)


def ls(*names: str, store: Optional[PathLike] = None, **options: Any) -> Any:
    """The models of the store, as `cake ls --json` lists them."""
    return call(["ls", *_words(options), "--", *names], store)


def main() -> None:
    """The program that pip puts on PATH: the binary of the wheel."""
    try:
        path = binary()
    except System as trouble:
        sys.exit(f"error: {trouble}")
    os.execv(path, ["cake", *sys.argv[1:]])
