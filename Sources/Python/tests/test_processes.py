import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading

import pytest

import cake
from cake import _reading

here = os.path.dirname(os.path.realpath(__file__))
NAMES = ("embed", "layers.0.attention.q.weight", "scale")


def digests(model):
    import hashlib
    return [hashlib.sha256(model.tensors[name].read()).hexdigest() for name in NAMES]


def in_child(act):
    """True if `act` was true in a forked child."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if act() else 1)
        except BaseException as trouble:
            print(trouble, file=sys.stderr)
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_fork_before_the_model_is_opened_reads(shelf):
    wanted = digests(shelf.open("team/tune"))
    assert in_child(lambda: digests(shelf.open("team/tune")) == wanted)


def test_a_fork_after_the_model_was_opened_reads(shelf):
    model = shelf.open("team/tune")
    wanted, tensor = digests(model), model.tensors["embed"]
    assert in_child(lambda: digests(model) == wanted and tensor[:1].nbytes == 2000)
    assert in_child(lambda: in_child(lambda: digests(model) == wanted))
    assert digests(model) == wanted


def test_a_fork_while_other_threads_read_is_safe(shelf):
    model = shelf.open("team/tune")
    wanted, stop, wrong = digests(model), threading.Event(), []

    def read():
        while not stop.is_set():
            if digests(model) != wanted:
                wrong.append(1)
    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert all(in_child(lambda: digests(model) == wanted) for _ in range(10))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong and digests(model) == wanted


def test_a_child_that_ends_leaves_the_model_of_its_parent(shelf):
    model = shelf.open("team/tune")
    wanted = digests(model)

    def close():
        model.close()
        gc.collect()
        return True
    assert in_child(close) and digests(model) == wanted


def of_pool(model):
    return digests(model)


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_workers_of_either_kind_read(shelf, way):
    model = shelf.open("team/tune")
    wanted = digests(model)
    with multiprocessing.get_context(way).Pool(2) as pool:
        assert pool.map(of_pool, [model] * 4) == [wanted] * 4


def test_four_threads_read_at_once(shelf):
    model = shelf.open("team/tune")
    wanted, got = {name: data for name, (_, _, data) in shelf.wanted["team/tune"].items()}, []

    def read():
        got.append({name: array.tobytes() for name, array in model.numpy(threads=2).items()} == wanted)
    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [True] * 4


def endless(call):
    """A read that ends when it is cancelled."""
    while not call.cancel.value:
        threading.Event().wait(0.001)
    return 5


def test_ctrl_c_cancels_a_long_read_and_is_raised():
    def press():
        while not _reading._running:
            pass
        os.kill(os.getpid(), signal.SIGINT)
    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        _reading.interruptible(endless, 1 << 40, None)
    presser.join()
    assert not _reading._running


def interrupt_at(step):
    """Raises KeyboardInterrupt in this thread at the step with this number from now, as a signal's handler would. True in the answer: it did."""
    told = []

    def trace(frame, event, argument):
        nonlocal step
        frame.f_trace_opcodes = True
        if event == "opcode":
            step -= 1
            if step < 0 and not told:
                told.append(True)
                raise KeyboardInterrupt
        return trace
    sys.settrace(trace)
    return told


def test_ctrl_c_between_any_two_steps_leaves_no_read_and_no_lock():
    calls = []

    def read(call):
        calls.append(call)
        return 0
    for step in range(1 << 20):
        try:
            told = interrupt_at(step)
            _reading.interruptible(read, 1 << 40, None)
            raised = False
        except KeyboardInterrupt:
            raised = True
        finally:
            sys.settrace(None)
        assert raised == bool(told)
        if not told:
            break
    assert step > 30 and all(call.wait(60) for call in calls)


def test_a_read_that_goes_on_keeps_its_memory_and_model(shelf):
    import weakref
    model = shelf.open("team/base")
    handle, started, go = weakref.ref(model._handle), threading.Event(), threading.Event()

    def slow(call, handle=model._handle):
        started.set()
        go.wait()
        return 0
    thread = threading.Thread(target=_reading.interruptible, args=(slow, 1, model._handle))
    thread.start()
    started.wait()
    del model, slow
    gc.collect()
    assert handle() is not None
    go.set()
    thread.join()


@pytest.mark.parametrize("code", [
    # The interpreter ends while a daemon thread reads.
    "threading.Thread(target=lambda: _reading.interruptible(endless, 1, None), daemon=True).start()",
    # The main thread ends while its own read goes on.
    "_thread.start_new_thread(_reading._perform, (call, endless, None)); _reading._running.add(call)",
])
def test_the_interpreter_ends_while_a_read_goes_on(code):
    script = ("import os, sys, threading, _thread; sys.path[:0] = [sys.argv[1], sys.argv[2]]\nfrom cake import _reading\n"
              "begun = threading.Event()\n"
              "def endless(call):\n    begun.set()\n    while not call.cancel.value: threading.Event().wait(.001)\n"
              "    os.write(1, b'cancelled\\n')\n    return 5\n"
              f"call = _reading._Call()\n{code}\nbegun.wait()\nprint('end', flush=True)")
    done = subprocess.run([sys.executable, "-c", script, os.path.join(here, ".."), here], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "end\ncancelled\n"), done.stderr


def test_a_cancelled_read_is_an_error_of_its_own(shelf):
    from cake import _library
    call = _reading._Call()
    call.cancel.value = 1
    model = shelf.open("team/tune")
    memory = bytearray(4 << 20)
    import ctypes
    number = model.tensors["layers.0.attention.q.weight"]._number
    piece = (_library.Read * 1)((number, 0, len(memory), ctypes.addressof(ctypes.c_char.from_buffer(memory))))
    status = _library.library().cake_model_read(model._now().pointer, piece, 1, 0, 0, ctypes.byref(call.cancel), ctypes.byref(call.error))
    with pytest.raises(cake.Cancelled):
        _library.check(status, call.error)
