import fcntl
import os
import subprocess
import sys

import pytest

import cake
from cake import _shared, _state

here = os.path.dirname(os.path.realpath(__file__))
@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """Not the real /dev/shm: another process of this user may have arenas there."""
    monkeypatch.setattr(_shared, "ROOT", str(tmp_path))
    return os.path.join(str(tmp_path), f"cake-{os.geteuid()}")


def arena_of(shelf, name="team/base"):
    return shelf.open(name).numpy(shared="weights")


def test_the_second_process_maps_what_the_first_decoded(shelf, monkeypatch):
    first = arena_of(shelf)
    monkeypatch.setattr(_state, "fill", None)
    second = arena_of(shelf)
    wanted = {name: data for name, (_, _, data) in shelf.wanted["team/base"].items()}
    assert {name: array.tobytes() for name, array in second.items()} == wanted == {n: a.tobytes() for n, a in first.items()}


def test_what_one_writes_the_others_do_not_see(shelf):
    first, second = arena_of(shelf), arena_of(shelf)
    before = second["embed"].tobytes()
    first["embed"][:] = 0
    assert second["embed"].tobytes() == before == arena_of(shelf)["embed"].tobytes()


def test_the_folder_and_the_files_are_of_this_user_alone(shelf, root):
    held = arena_of(shelf)
    assert os.stat(root).st_mode & 0o777 == 0o700
    assert [os.stat(os.path.join(root, name)).st_mode & 0o777 for name in os.listdir(root)] == [0o600]
    del held


@pytest.mark.parametrize("make", [
    lambda root: os.mkdir(root, 0o777) or os.chmod(root, 0o777), lambda root: os.symlink("/tmp", root),
    lambda root: open(root, "w").close()])
def test_a_folder_that_others_may_enter_is_refused(shelf, root, make):
    make(root)
    with pytest.raises(cake.System, match="fix: "):
        arena_of(shelf)


def test_a_link_under_the_name_is_not_followed(shelf, root, tmp_path):
    held = arena_of(shelf)
    name = os.listdir(root)[0]
    os.rename(os.path.join(root, name), tmp_path / "other")
    os.symlink(tmp_path / "other", os.path.join(root, name))
    with pytest.raises(OSError):
        arena_of(shelf)
    del held


def test_what_no_process_holds_the_next_open_removes(shelf, root):
    first = arena_of(shelf, "team/base")
    second = arena_of(shelf, "team/tune")
    assert len(os.listdir(root)) == 2
    name = next(name for name in os.listdir(root) if shelf.open("team/base").manifest[:16] in name)
    del first
    third = arena_of(shelf, "tied")
    assert len(os.listdir(root)) == 2 and name not in os.listdir(root)
    del second, third


def test_an_arena_whose_maker_ended_early_is_made_again(shelf, root, monkeypatch):
    fill = _state.fill

    def killed(*arguments):
        os._exit(9)
    child = os.fork()
    if child == 0:
        _state.fill = killed
        arena_of(shelf)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9 and len(os.listdir(root)) == 1
    assert _state.fill is fill
    assert arena_of(shelf)["scale"].tobytes() == shelf.wanted["team/base"]["scale"][2]


def test_a_failure_leaves_no_arena(shelf, root, monkeypatch):
    def fails(*arguments):
        raise cake.Damaged("no")
    monkeypatch.setattr(_state, "fill", fails)
    with pytest.raises(cake.Damaged):
        arena_of(shelf)
    assert os.listdir(root) == []


def test_a_full_disk_is_an_error_and_no_signal(shelf, root, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(cake.System, match="no room"):
        arena_of(shelf)
    assert os.listdir(root) == []


def test_two_processes_at_once_decode_once(shelf, root):
    script = f"import sys; sys.path.insert(0, {os.path.join(here, '..')!r})\nfrom cake import _shared, _state\n" \
             f"_shared.ROOT = {_shared.ROOT!r}\nfill = _state.fill\n" \
             "def told(*a):\n    print('decodes', flush=True); fill(*a)\n_state.fill = told\n" \
             f"import cake\nheld = cake.open('team/base', store={shelf.store!r}).numpy(shared='weights')\n" \
             "print(held['scale'].tobytes().hex(), flush=True); sys.stdin.read()"
    children = [subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = []
    for child in children:
        line = child.stdout.readline().strip()
        said.append(line)
        if line == "decodes":
            said.append(child.stdout.readline().strip())
    for child in children:
        child.communicate()
    wanted = shelf.wanted["team/base"]["scale"][2].hex()
    assert sorted(said) == sorted(["decodes", *[wanted] * 4])


def test_a_held_arena_is_locked(shelf, root):
    held = arena_of(shelf)
    with open(os.path.join(root, os.listdir(root)[0]), "rb+") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        del held
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".", "x" * 65, True])
def test_a_name_is_letters_and_digits(shelf, name):
    if name == "":
        assert shelf.open("types").numpy(shared=name)
        return
    with pytest.raises(cake.Invalid, match="fix: "):
        shelf.open("types").numpy(shared=name)
