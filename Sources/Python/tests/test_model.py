import glob
import os
import pickle
import shutil

import numpy
import pytest

import cake


def test_every_dtype_comes_back_bit_for_bit(shelf):
    model = shelf.open("types")
    arrays = model.numpy()
    assert set(arrays) == set(shelf.wanted["types"])
    for name, (dtype, shape, data) in shelf.wanted["types"].items():
        tensor = model.tensors[name]
        assert (tensor.dtype, tensor.shape, tensor.nbytes) == (dtype, shape, len(data))
        assert arrays[name].tobytes() == tensor.numpy().tobytes() == tensor[...].tobytes() == tensor.read() == data, name


def test_shapes_are_those_of_the_header(shelf):
    arrays = shelf.open("types").numpy()
    for name, (dtype, shape, _) in shelf.wanted["types"].items():
        if dtype not in ("F4", "F6_E2M3", "F6_E3M2"):
            assert arrays[name].shape == shape, name


@pytest.mark.parametrize("name", ["team/base", "team/tune", "tied", "parts", "none"])
def test_tensors_of_a_family_are_those_that_were_imported(shelf, name):
    arrays = shelf.open(name).numpy()
    assert {key: value.tobytes() for key, value in arrays.items()} == {key: data for key, (_, _, data) in shelf.wanted[name].items()}


def test_bf16_without_ml_dtypes_says_that_it_is_bits(shelf, monkeypatch):
    from cake import _dtypes
    monkeypatch.setitem(__import__("sys").modules, "ml_dtypes", None)
    monkeypatch.setattr(_dtypes, "_warned", set())
    with pytest.warns(UserWarning, match="install ml_dtypes"):
        assert shelf.open("team/base").tensors["embed"][:1].dtype == numpy.uint16


def test_a_glob_and_a_regex_choose_tensors(shelf):
    model = shelf.open("team/base")
    chosen = model.glob("*.attention.*.weight")
    assert sorted(chosen) == [f"layers.{n}.attention.q.weight" for n in range(3)]
    assert sorted(chosen.numpy()) == sorted(chosen)
    assert sorted(model.regex(r"\.1\.")) == ["layers.1.attention.q.weight", "layers.1.norm.weight"]
    assert len(model.glob("nothing")) == 0 and model.glob("nothing").numpy() == {}


def test_files_come_back_whole_and_in_part(shelf):
    model = shelf.open("team/base")
    folder = os.path.join(shelf.place, "models", "team/base")
    assert sorted(model.files) == sorted(os.listdir(folder))
    for path, facts in model.files.items():
        with open(os.path.join(folder, path), "rb") as file:
            data = file.read()
        assert (facts.size, facts.here) == (len(data), True)
        assert model.read(path) == data and model.read(path, 1, 2) == data[1:3] and model.read(path, len(data)) == b""
    assert model.config["model_type"] == "llama" and model.tokenizer_files == ["tokenizer_config.json"]
    assert model.metadata("model.safetensors") == {"format": "pt"}
    assert shelf.open("tied").metadata("model.safetensors") is None and shelf.open("tied").config == {}


def test_a_print_says_what_it_is(shelf):
    said = str(shelf.open("team/tune"))
    for word in ("team/tune", "LlamaForCausalLM", "7.0 M parameters in 8 tensors, BF16, F32", "at rest", "shared with other models"):
        assert word in said
    assert repr(shelf.open("none")).startswith("none: no architecture")
    assert repr(shelf.open("team/base").tensors) == "<8 tensors of team/base: BF16, F32, 14.0 MB>"
    assert repr(shelf.open("team/base").tensors["embed"]) == "<embed: BF16 [700, 1000], 1.4 MB>"


def test_weights_in_folders_have_the_folder_in_their_names(shelf):
    model = shelf.open("parts")
    assert sorted(model.tensors) == ["unet/conv.weight", "vae/conv.weight"]
    assert model.tensors_in("vae")["conv.weight"].shape == (2, 4) == model.tensors_in("vae/model.safetensors")["conv.weight"].shape


def test_what_is_not_there_is_an_error_with_a_fix(shelf, tmp_path):
    model = shelf.open("team/base")
    for act in (lambda: shelf.open("team/nothing"), lambda: model.tensors["x"], lambda: model.read("x"), lambda: model.tensors_in("x"),
                lambda: cake.open("a", store=tmp_path / "no")):
        with pytest.raises(cake.NotFound, match="fix: "):
            act()
    assert "x" not in model.tensors and model.tensors.get("x") is None
    with pytest.raises(cake.Invalid):
        model.read("config.json", 5, 1 << 40)
    with pytest.raises(cake.Invalid):
        shelf.open("team/base", framework="tf")


def test_a_closed_model_reads_nothing(shelf):
    with shelf.open("team/base") as model:
        tensor = model.tensors["embed"]
    with pytest.raises(cake.Invalid, match="closed"):
        tensor[:1]


def test_a_pickled_model_is_the_same_model(shelf):
    model = pickle.loads(pickle.dumps(shelf.open("team/base")))
    assert (model.name, model.manifest) == ("team/base", shelf.open("team/base").manifest)
    assert model.tensors["scale"].read() == shelf.wanted["team/base"]["scale"][2]


def test_what_is_imported_while_a_model_is_open_is_there(shelf):
    held = shelf.open("team/base")
    shelf.has("later", [("x", "F32", (2,), b"\0\0\0\0\0\0\x80\x3f")], config={"model_type": "later"})
    later = shelf.open("later")
    assert later.complete and later.config == {"model_type": "later"} and later.numpy()["x"].tolist() == [0, 1]
    del held


def broken(shelf, tmp_path, act):
    """A copy of the store in which something happened to the objects of the largest layers."""
    store = str(tmp_path / "store")
    shutil.copytree(shelf.store, store, symlinks=True)
    found = [path for path in glob.glob(store + "/objects/**", recursive=True) if os.path.isfile(path)]
    assert found
    for path in found:
        os.chmod(path, 0o600)
        act(path)
    return cake.open("team/base", store=store)


def test_a_partial_model_says_what_is_not_there(shelf, tmp_path):
    model = broken(shelf, tmp_path, os.remove)
    missing = [name for name, tensor in model.tensors.items() if not tensor.here]
    assert "layers.0.attention.q.weight" in missing and "scale" not in missing
    for act in (model.numpy, model.tensors[missing[0]].numpy, lambda: model.tensors[missing[0]][:1], model.tensors[missing[0]].read):
        with pytest.raises(cake.Missing, match="partial|not in the store|missing"):
            act()
    assert model.tensors["scale"].read() == shelf.wanted["team/base"]["scale"][2]
    assert model.glob("*.norm.weight").numpy()


def flip(path):
    with open(path, "r+b") as file:
        size = file.seek(0, 2)
        file.seek(size // 2)
        byte = file.read(1)[0]
        file.seek(size // 2)
        file.write(bytes([byte ^ 1]))


def test_damage_is_found(shelf, tmp_path):
    model = broken(shelf, tmp_path, flip)
    with pytest.raises(cake.Damaged):
        model.numpy()
