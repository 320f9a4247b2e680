"""Changed files are noticed once, and not in the middle of a save."""

from pathlib import Path

import pytest

from sandbox.up.watch import Watch


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    (tmp_path / "templates" / "a").mkdir(parents=True)
    (tmp_path / "routes.py").write_text("1")
    (tmp_path / "templates" / "a" / "body.txt").write_text("1")
    watch = Watch()
    watch.set([str(tmp_path / "routes.py")], folders=[tmp_path], templates=tmp_path / "templates")
    assert looked(watch) == []
    return watch


def looked(watch: Watch) -> list[str]:
    """What a change at this moment comes to: the first look sees it, the second that the save has ended."""
    return [*watch.changed(), *watch.changed()]


def test_a_change_is_returned_once(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "routes.py").write_text("12")
    assert looked(watch) == ["routes.py"]
    assert looked(watch) == []


def test_a_file_that_still_grows_is_waited_for(watch: Watch, tmp_path: Path) -> None:
    for length in range(2, 5):
        (tmp_path / "routes.py").write_text("1" * length)
        assert watch.changed() == []
    assert watch.changed() == ["routes.py"]


@pytest.mark.parametrize("name", ["words.py", "templates/a/body.de.html", "templates/b/subject.txt"])
def test_new_and_removed_files_count(watch: Watch, tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("1")
    assert looked(watch) == [Path(name).name]
    (tmp_path / name).unlink()
    assert looked(watch) == [Path(name).name]


def test_a_save_with_the_same_text_length_and_time_by_renaming_counts(watch: Watch, tmp_path: Path) -> None:
    import os

    before = (tmp_path / "routes.py").stat()
    (tmp_path / "new").write_text("2")
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "new").rename(tmp_path / "routes.py")
    assert looked(watch) == ["routes.py"]


def test_a_change_before_other_files_are_watched_is_not_lost(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "routes.py").write_text("12")
    watch.set([str(tmp_path / "routes.py"), str(tmp_path / "more.py")], folders=[tmp_path])
    assert looked(watch) == ["routes.py"]


def test_other_files_do_not_count(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("1")
    (tmp_path / "templates" / ".swp").write_text("1")
    (tmp_path / "templates" / ".swp").unlink()
    assert looked(watch) == []


@pytest.mark.parametrize("name", ["test_routes.py", "routes_test.py", "conftest.py"])
def test_a_file_of_tests_counts_only_if_the_routes_import_it(watch: Watch, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("1")
    assert looked(watch) == []
    watch.set([str(tmp_path / name)], folders=[tmp_path])
    (tmp_path / name).write_text("12")
    assert looked(watch) == [name]


def test_a_folder_of_templates_that_is_gone_is_a_change_and_no_error(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "templates").rename(tmp_path / "elsewhere")
    assert looked(watch) == ["body.txt"]
