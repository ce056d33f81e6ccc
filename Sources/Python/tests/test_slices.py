import random
import warnings

import numpy
import pytest

from cake import _tensors

warnings.simplefilter("ignore")


def part(rng, length):
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randrange(-length, length)
    if kind == 1:
        return slice(None)
    ends = [rng.choice((None, rng.randrange(-length - 9, length + 9))) for _ in range(2)]
    return slice(*ends, rng.choice((None, 1, 2, 7, -1, -3)))


@pytest.mark.parametrize("piece", [64, 5000, 1 << 20])
def test_any_index_gives_what_numpy_gives(shelf, monkeypatch, piece):
    """Small limits lead through the ways of large tensors."""
    monkeypatch.setattr(_tensors, "PIECE", piece)
    monkeypatch.setattr(_tensors, "BLOCK", 2 * piece)
    rng = random.Random(piece)
    model = shelf.open("types")
    for name in ("F32.4", "U8.4", "I64.1", "F16.0", "F32.3"):
        tensor = model.tensors[name]
        whole = tensor.numpy()
        for _ in range(150):
            index = tuple(part(rng, length or 1) for length in whole.shape[:rng.randrange(whole.ndim + 1)])
            if rng.random() < 0.2:
                index = (*index[:1], Ellipsis)
            if rng.random() < 0.1:
                index = (*index, None)
            try:
                wanted = whole[index]
            except IndexError:
                with pytest.raises(IndexError):
                    tensor[index]
                continue
            got = tensor[index]
            assert got.dtype == wanted.dtype and got.shape == wanted.shape and got.tobytes() == wanted.tobytes(), (name, index)


def read_of(tensor, index, monkeypatch):
    """How many bytes the library was asked for."""
    asked = []
    read = tensor._model._read
    monkeypatch.setattr(tensor._model, "_read", lambda pieces, *rest: (asked.extend(pieces), read(pieces, *rest))[1])
    value = tensor[index]
    monkeypatch.undo()
    return value, sum(piece[2] for piece in asked)


def test_a_slice_reads_only_its_bytes(shelf, monkeypatch):
    tensor = shelf.open("team/base").tensors["layers.0.attention.q.weight"]
    whole = tensor.numpy()
    for index, size in ((slice(3, 5), 2 * 4096), (7, 4096), ((7, slice(1, 3)), 4), ((-1, -1), 2), (slice(5, 5), 0), (..., 1024 * 4096)):
        value, asked = read_of(tensor, index, monkeypatch)
        assert asked == size and value.tobytes() == whole[index].tobytes(), index


def test_large_rows_are_read_in_part(shelf, monkeypatch):
    tensor = shelf.open("team/base").tensors["layers.0.attention.q.weight"]
    monkeypatch.setattr(_tensors, "PIECE", 1024)
    limit = monkeypatch
    value, asked = read_of(tensor, (slice(0, 1024, 2), slice(0, 100)), limit)
    assert asked in (512 * 200, 1023 * 4096) and value.tobytes() == tensor.numpy()[0:1024:2, 0:100].tobytes()


def test_an_index_of_lists_and_masks_works(shelf):
    tensor = shelf.open("types").tensors["F32.4"]
    whole = tensor.numpy()
    for index in ([0, 2], numpy.array([1, 1]), whole[:, 0, 0] > 0, (slice(None), [1]), numpy.int64(1)):
        assert tensor[index].tobytes() == whole[index].tobytes()


def test_an_index_behind_the_end_is_an_index_error(shelf):
    tensor = shelf.open("types").tensors["F32.4"]
    for index in (4, -5, (0, 2), (0, 0, 0, 0), (slice(None), 9)):
        with pytest.raises(IndexError):
            tensor[index]


def test_a_slice_is_no_view_of_more(shelf):
    tensor = shelf.open("team/base").tensors["embed"]
    part = tensor[::50, :3]
    assert part.base is None or part.base.nbytes == part.nbytes
