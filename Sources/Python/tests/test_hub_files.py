"""cake+hf:// beside a Hub of the tests. CAKE_HUB names its program; without it these tests are left out."""
import os

import pytest

import cake
from hub import Hub, write
from conftest import content

fsspec = pytest.importorskip("fsspec")
HUB = os.environ.get("CAKE_HUB")
pytestmark = pytest.mark.skipif(not HUB, reason="CAKE_HUB names no hub")
FILES = {"config.json": b"{}", "data/a[1].txt": b"hello", "data/b.bin": content(3, 100_000), "README.md": b"# A model\n"}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    write(str(tmp_path / "hub"), "team/files", FILES)
    with Hub(HUB, str(tmp_path / "hub")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        yield hub


@pytest.fixture
def files(hub, tmp_path):
    from cake.fsspec import HubFileSystem
    return HubFileSystem(store=str(tmp_path / "store"), skip_instance_cache=True)


def downloads(hub):
    return [told["path"].rsplit("/", 1)[-1] for told in hub.log() if "/resolve/" in told["path"] and told["method"] == "GET"]


def test_lists_what_the_hub_has_without_pulling_it(files, hub):
    assert files.ls("cake+hf://team/files", detail=False) == [f"team/files/{name}" for name in ("README.md", "config.json", "data")]
    assert files.info("team/files/data/b.bin")["size"] == 100_000
    assert files.isdir("team/files/data") and files.isdir("team/files")
    assert not files.exists("team/files/none")


def test_pulls_a_file_when_it_is_opened_and_never_again(files, hub):
    hub.forget()
    with files.open("cake+hf://team/files/data/b.bin") as file:
        assert file.read() == FILES["data/b.bin"]
    assert files.cat_file("team/files/data/a[1].txt") == b"hello"
    assert "README.md" not in downloads(hub)
    hub.forget()
    assert files.cat_file("team/files/data/b.bin", 10, 20) == FILES["data/b.bin"][10:20]
    assert downloads(hub) == []


def test_says_what_is_not_there(files):
    with pytest.raises(FileNotFoundError):
        files.cat_file("team/files/none")
    with pytest.raises(cake.NotFound):
        files.ls("cake+hf://team/nothing")
    with pytest.raises(FileNotFoundError):
        files.ls("cake+hf://team")
