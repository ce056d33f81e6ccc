import warnings

import pytest

import cake

warnings.simplefilter("ignore")


def test_it_reads_as_safetensors_does(shelf):
    wanted = shelf.wanted["team/base"]
    with cake.safe_open("team/base", framework="np", store=shelf.store) as opened:
        assert opened.keys() == sorted(wanted) and opened.metadata() == {"format": "pt"}
        assert opened.offset_keys() == list(wanted)
        for name, (dtype, shape, data) in wanted.items():
            assert opened.get_tensor(name).tobytes() == data
            piece = opened.get_slice(name)
            assert (piece.get_dtype(), piece.get_shape()) == (dtype, list(shape))
            assert piece[:].tobytes() == data if shape else piece[()].tobytes() == data
        assert {name: array.tobytes() for name, array in opened.get_tensors().items()} == {name: w[2] for name, w in wanted.items()}
        with pytest.raises(cake.NotFound, match="nothing"):
            opened.get_tensor("nothing")
    with pytest.raises(cake.Invalid, match="not open"):
        opened.keys()


@pytest.mark.parametrize("word", ["vae/model.safetensors", "vae"])
def test_it_opens_one_file_or_folder_of_a_model(shelf, word):
    for name in (f"parts/{word}", f"cake://parts/{word}"):
        with cake.safe_open(name, "np", store=shelf.store) as opened:
            assert opened.keys() == ["conv.weight"] and opened.get_tensor("conv.weight").shape == (2, 4)


def test_a_slice_behind_the_end_is_refused(shelf):
    with cake.safe_open("types", "np", store=shelf.store) as opened:
        piece = opened.get_slice("F32.4")
        for index in (slice(0, 5), (0, 2), (slice(None), slice(0, 3)), [1, 2], (0, -3)):
            with pytest.raises(cake.Invalid):
                piece[index]
        assert piece[[]].shape == (0, 2, 16)


def test_the_framework_and_the_backend_are_checked(shelf):
    for more in ({"framework": "tf"}, {"framework": "np", "backend": "no"}):
        with pytest.raises(cake.Invalid):
            cake.safe_open("types", store=shelf.store, **more)


def test_a_model_that_is_not_there_is_not_found(shelf):
    with pytest.raises(FileNotFoundError):
        cake.safe_open("no/such/model", "np", store=shelf.store)
