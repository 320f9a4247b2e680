"""The folder of `notifier up --data`: ports and passwords stay, and one process at a time uses it."""

import socket
from pathlib import Path

import pytest

from notifier.errors import UsageError
from sandbox.up.data_folder import data_folder


def test_ports_and_passwords_stay(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    with data_folder(path) as folder:
        assert folder.is_new
        first = folder.server("postgres")
        page = folder.port("flower")
    with data_folder(path) as folder:
        assert not folder.is_new
        assert folder.server("postgres") == first
        assert folder.port("flower") == page
    assert len(first.password) > 20
    assert (path / "servers.json").stat().st_mode & 0o777 == 0o600


def test_a_port_that_another_program_has_taken_is_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with data_folder(tmp_path) as folder:
        port = folder.port("redis")
    with socket.create_server(("127.0.0.1", port)), data_folder(tmp_path) as folder:
        new = folder.port("redis")
    assert new != port
    assert f"another program has taken port {port}; from now on it is {new}" in capsys.readouterr().err
    with data_folder(tmp_path) as folder:
        assert folder.port("redis") == new


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    import os

    refused = pytest.raises(UsageError, match=rf"in use by another .*, process {os.getpid()}")
    with data_folder(tmp_path), refused, data_folder(tmp_path):
        pass
    with data_folder(tmp_path):
        pass


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UsageError, match="other files"), data_folder(tmp_path):
        pass


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be used"), data_folder(tmp_path / "file"):
        pass
