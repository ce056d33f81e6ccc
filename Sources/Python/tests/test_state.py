import mmap

import pytest

from cake import _state, _upload


def test_tied_tensors_share_and_constant_ones_do_not(shelf):
    arrays = shelf.open("tied").numpy()
    at = {name: array.ctypes.data for name, array in arrays.items()}
    assert at["a"] == at["b"] and len({at[name] for name in ("a", "c", "ones.a", "ones.b")}) == 4
    arrays["ones.a"][0] = 0
    assert arrays["ones.b"][0] != 0


def test_tensors_begin_where_vectors_may(shelf):
    assert all(array.ctypes.data % _state.ALIGNMENT == 0 for array in shelf.open("types").numpy().values() if array.size)


def test_progress_is_told_to_a_function(shelf):
    told = []
    shelf.open("team/base").numpy(progress=lambda done, total: told.append((done, total)))
    assert told and told[-1][0] == told[-1][1] and told == sorted(told)


def test_a_bar_is_drawn_on_a_terminal_alone(shelf, monkeypatch, capsys):
    from cake import _progress
    shelf.open("team/base").numpy()
    assert capsys.readouterr().err == ""
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    monkeypatch.setattr(_progress, "DELAY", -1)
    with _progress.Progress("loading m", 2_000_000) as bar:
        bar.add(1_000_000)
    assert "loading m  50% [##########          ] 1.0 MB of 2.0 MB" in capsys.readouterr().err


@pytest.mark.parametrize("data, item, equal", [(b"", 2, True), (b"ab", 2, True), (b"ab" * 700_000, 2, True),
                                               (b"ab" * 700_000 + b"ac", 2, False), (b"aaab", 1, False)])
def test_a_constant_is_one_whose_elements_are_all_equal(data, item, equal):
    assert _state.is_constant(memoryview(data), item) == equal


def test_a_ring_is_filled_with_every_byte_once():
    sizes = [5, 0, 1000, 64, 300, 1]
    fillings = _upload.plan(sizes, 256)
    seen = {number: bytearray(size) for number, size in enumerate(sizes)}
    for parts in fillings:
        ends = [0]
        for part in parts:
            assert part.place >= ends[-1] and part.place + part.length <= 256
            ends.append(part.place + part.length)
            for place in range(part.offset, part.offset + part.length):
                seen[part.tensor][place] += 1
    assert all(set(counts) <= {1} for counts in seen.values())


def test_an_arena_is_private_memory():
    memory = _state.private(0)
    assert len(memory) == 1 and isinstance(memory, mmap.mmap)
