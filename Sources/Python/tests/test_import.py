import subprocess
import sys

import pytest

import cake


def said(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=cake.__file__.rpartition("/cake/")[0]).stdout.strip()


def test_import_cake_imports_nothing_else():
    assert said("import sys; before = set(sys.modules); import cake; print(sorted(set(sys.modules) - before))") == "['cake']"


def test_opening_a_model_imports_neither_numpy_nor_torch():
    assert said("import sys, cake; cake.open, cake.safe_open, cake.pull; print('numpy' in sys.modules, 'torch' in sys.modules)") \
        == "False False"


@pytest.mark.parametrize("name", [name for name in cake.__all__ if name not in ("torch", "transformers", "vllm", "fsspec", "load")])
def test_every_name_is_there(name):
    assert getattr(cake, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        cake.nothing
