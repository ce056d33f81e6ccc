"""cake.stream beside a Hub of the tests. CAKE_HUB names its program; without it these tests are left out."""
import os

import numpy
import pytest

import cake
from hub import Hub
from conftest import content, weights

HUB = os.environ.get("CAKE_HUB")
pytestmark = pytest.mark.skipif(not HUB, reason="CAKE_HUB names no hub")


@pytest.fixture(scope="module")
def hub(shelf, tmp_path_factory):
    root = str(tmp_path_factory.mktemp("hub"))
    shards = {}
    for number in range(3):
        entries = [(f"{number}.w", "BF16", (300, 1000), weights(number, 600_000)), (f"{number}.scalar", "F32", (), content(number, 4)),
                   (f"{number}.none", "F16", (0, 4), b"")]
        path = shelf.add("many", entries, file=f"model-{number}.safetensors")
        shards.update({name: data for name, _, _, data in entries})
    os.makedirs(os.path.join(root, "team"))
    for name, made in (("many", path), ("one", shelf.add("one", [("w", "F32", (100, 1000), content(7, 400_000))])),
                       ("empty", shelf.add("empty", []))):
        os.symlink(made, os.path.join(root, "team", name))
    with Hub(HUB, root) as hub:
        hub.shards, hub.root = shards, root
        os.environ["HF_ENDPOINT"] = hub.endpoint
        yield hub
        del os.environ["HF_ENDPOINT"]


def bits(array):
    return numpy.ascontiguousarray(array).tobytes()


def test_gives_every_tensor_of_every_file_in_the_order_of_their_bytes(hub):
    got = [(name, bits(array)) for name, array in cake.stream("hf://team/many", framework="np")]
    assert dict(got) == hub.shards
    assert [name for name, _ in got if name.endswith(".w")] == ["0.w", "1.w", "2.w"]


def test_gives_the_tensors_of_one_file_and_of_a_file_without_any(hub):
    (name, array), = cake.stream("team/one", framework="np")
    assert (name, array.shape, bits(array)) == ("w", (100, 1000), content(7, 400_000))
    assert list(cake.stream("hf://team/empty", framework="np")) == []


@pytest.mark.parametrize("verify", ["tensor", "file"])
def test_keeps_back_the_end_of_a_file_whose_hash_is_wrong(hub, verify):
    hub.misbehave({"flip": 1200}, ending="model-1.safetensors")
    came = []
    try:
        with pytest.raises(cake.Damaged):
            for name, _ in cake.stream("hf://team/many", framework="np", verify=verify):
                came.append(name)
    finally:
        hub.behave()
    assert {name for name in came if name[0] == "0"} == {"0.w", "0.scalar", "0.none"}
    # The tensor that ends in the last 64 KiB of its file, and all that come after it.
    assert [name for name in came if name[0] != "0"] == []


def test_says_what_is_wrong_with_a_name_that_the_hub_does_not_have(hub):
    with pytest.raises(cake.NotFound, match="fix: "):
        list(cake.stream("hf://team/nothing", framework="np"))


def test_ends_its_program_when_the_caller_wants_no_more(hub):
    tensors = cake.stream("hf://team/many", framework="np")
    next(tensors)
    child = tensors.gi_frame.f_locals["source"].child
    tensors.close()
    assert child.returncode is not None


@pytest.mark.parametrize("header", [b"[]", b"{", b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
                                    b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
                                    b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}',
                                    b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}',
                                    b'{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}'])
def test_refuses_a_header_that_lies(header):
    from cake._stream import entries
    with pytest.raises(cake.Damaged):
        entries(header, 8, "model.safetensors")
