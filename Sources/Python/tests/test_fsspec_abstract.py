"""fsspec's own tests of reading. Its tests of writing do not apply: a store is written by `cake import` alone."""
import os

import pytest

pytest.importorskip("fsspec")
from fsspec.tests.abstract import AbstractFixtures, AbstractGetTests  # noqa: E402

from cake.fsspec import CakeFileSystem  # noqa: E402
from fsspec.implementations.local import LocalFileSystem  # noqa: E402


class ReadFixtures(AbstractFixtures):
    """The scenarios are made on the disk and imported."""

    @pytest.fixture
    def fs(self, shelf):
        CakeFileSystem.clear_instance_cache()
        return CakeFileSystem(store=shelf.store)

    @pytest.fixture
    def fs_path(self):
        return "scenario"

    def imported(self, shelf, make, tmp_path):
        folder = str(tmp_path / "scenario")
        os.makedirs(folder)
        make(LocalFileSystem(auto_mkdir=True), os.path.join, folder)
        shelf.cake("import", folder, "scenario", "--force")
        return "scenario/source"

    @pytest.fixture
    def fs_bulk_operations_scenario_0(self, shelf, tmp_path):
        return self.imported(shelf, self._bulk_operations_scenario_0, tmp_path)

    @pytest.fixture
    def fs_glob_edge_cases_files(self, shelf, tmp_path):
        return self.imported(shelf, self._glob_edge_cases_files, tmp_path)

    @pytest.fixture
    def fs_dir_and_file_with_same_name_prefix(self, shelf, tmp_path):
        return self.imported(shelf, self._dir_and_file_with_same_name_prefix, tmp_path)

    @pytest.fixture
    def fs_10_files_with_hashed_names(self, shelf, tmp_path):
        return self.imported(shelf, self._10_files_with_hashed_names, tmp_path)


class TestGet(ReadFixtures, AbstractGetTests):
    @pytest.mark.skip("makes its folder with fs.mkdir")
    def test_get_directory_recursive(self):
        pass
