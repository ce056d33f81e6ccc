import os

import pytest

fsspec = pytest.importorskip("fsspec")
from cake.fsspec import CakeFileSystem  # noqa: E402


@pytest.fixture
def system(shelf):
    CakeFileSystem.clear_instance_cache()
    fsspec.register_implementation("cake", CakeFileSystem, clobber=True)  # an installed package has an entry point
    return CakeFileSystem(store=shelf.store)


def plain(shelf, path):
    with open(os.path.join(shelf.place, "models", path), "rb") as file:
        return file.read()


def test_folders_are_names_and_models(system):
    assert {"team", "types", "parts"} <= set(system.ls("", detail=False))
    assert system.ls("cake://team", detail=False) == ["team/base", "team/tune"]
    assert system.ls("parts", detail=False) == ["parts/unet", "parts/vae"]
    assert system.ls("parts/vae", detail=False) == system.ls("parts/vae/model.safetensors", detail=False) == ["parts/vae/model.safetensors"]
    assert system.info("team/base/config.json")["type"] == "file" and system.info("team")["type"] == "directory"
    assert system.isdir("team/base") and not system.exists("team/other") and not system.exists("team/base/x")
    assert system.glob("team/*/config.json") == ["team/base/config.json", "team/tune/config.json"]


def test_files_are_read_whole_and_in_part(system, shelf):
    path = "team/base/model.safetensors"
    data = plain(shelf, path)
    assert system.cat_file(path) == data and system.cat_file(path, 10, 20) == data[10:20] and system.cat_file(path, -5) == data[-5:]
    with system.open(path, block_size=1000) as file:
        assert file.read(8) == data[:8] and file.seek(1_000_000) == 1_000_000 and file.read(3000) == data[1_000_000:1_003_000]
        assert file.seek(-4, 2) and file.read() == data[-4:] and file.read() == b""
    with fsspec.open("cake://team/base/config.json", "rt", store=shelf.store) as text:
        assert text.read().encode() == plain(shelf, "team/base/config.json")


def test_nothing_is_written(system):
    for act in (lambda: system.open("team/base/x", "wb"), lambda: system.rm("team/base"), lambda: system.mkdir("x"),
                lambda: system.touch("team/base/config.json"), lambda: system.pipe_file("a", b"")):
        with pytest.raises(OSError, match="read-only"):
            act()


def test_what_is_no_file_is_said(system):
    for path in ("no", "team/base/x", "team/base/x/y"):
        with pytest.raises(FileNotFoundError):
            system.open(path)
    for path in ("team", "team/base", "parts/vae"):
        with pytest.raises(IsADirectoryError):
            system.open(path)
    assert system.ukey("team/base/config.json") != system.ukey("team/tune/config.json")
