"""Runs commands in the process of the test: starting an interpreter for each would take most of the time."""

import io
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

import pytest

from notifier import cli
from notifier.settings import load_database_settings, load_settings

Notifier = Callable[..., subprocess.CompletedProcess[str]]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `notifier WORDS` with the current environment."""
    out, err = io.StringIO(), io.StringIO()
    caches = (load_settings, load_database_settings)
    for each in caches:
        each.cache_clear()
    with patch.object(sys, "argv", ["notifier", *words]), redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
    for each in caches:
        each.cache_clear()
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


@pytest.fixture
def notifier(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Notifier:
    """Runs a command on the database of the test. Given variables stay set for later commands of the test."""
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
    monkeypatch.setenv("NOTIFIER_BROKER_URL", "")
    monkeypatch.delenv("COLUMNS", raising=False)

    def run_with(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        for name, value in more.items():
            monkeypatch.setenv(name, value)
        return run(*words)

    return run_with
