"""Channels: those of this package, and one of another package, installed from its own wheel."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from hatchling.build import build_wheel
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from notifier.channels import GROUP, Capability, channel_class, channel_names, load_channel
from notifier.errors import RoutesError, SettingsError
from notifier.routes import Route
from notifier.routes.loading import check_channels
from notifier.settings import read_settings
from notifier.testing import channel_settings

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "examples" / "channel_package"
SMALL = ROOT / "examples" / "small_channel"
PAGE = (ROOT / "docs" / "channels.md").read_text()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed_in(PACKAGE, tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("target"))


def installed_in(package: Path, built: Path, target: Path) -> Path:
    """Install an example in a folder, as `pip install --target` leaves it: built, and unpacked."""
    here = Path.cwd()
    os.chdir(package)  # where a builder is called
    try:
        wheel = build_wheel(str(built))
    finally:
        os.chdir(here)
    with zipfile.ZipFile(built / wheel) as archive:
        archive.extractall(target)
    return target


@pytest.fixture
def installed(target: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(target)
    yield target
    for name in [each for each in sys.modules if each.partition(".")[0] == "notifier_ntfy"]:
        del sys.modules[name]


def test_a_channel_of_another_package_is_installed(installed: Path) -> None:
    assert channel_names() == ["apns", "chat", "email", "ntfy", "push", "sms", "smtp", "webhook", "webpush"]
    check_channels([Route("a_route", "table", "ntfy", lambda event: None, lambda event: True)])
    channel = load_channel("ntfy", channel_settings())
    assert Path(sys.modules[type(channel).__module__].__file__ or "").is_relative_to(installed)
    assert channel.request_type.__name__ == "Push"
    channel.close()


class ChatSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="NOTIFIER_CHAT_")

    token: str = Field(description="Access token")


def test_errors_name_the_variables_of_a_packages_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"^NOTIFIER_CHAT_TOKEN is not set \(Access token\)$"):
        read_settings(ChatSettings)
    monkeypatch.setenv("NOTIFIER_CHAT_TOKEN", "secret")
    assert read_settings(ChatSettings).token == "secret"


def test_it_passes_the_suite(target: Path) -> None:
    passes(PACKAGE, target, 21)


def passes(package: Path, target: Path, number: int) -> None:
    environment = os.environ | {"PYTHONPATH": str(target)}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(package / "tests")]
    ran = subprocess.run(words, cwd=package, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert re.search(rf"\b{number} passed", ran.stdout), ran.stdout


def test_a_channel_of_less_than_40_lines_is_installed_and_passes_the_suite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wheel").mkdir()
    installed = installed_in(SMALL, tmp_path / "wheel", tmp_path / "target")
    (module,) = installed.glob("*.py")
    assert sum(bool(line.strip()) for line in module.read_text().splitlines()) < 40
    monkeypatch.syspath_prepend(installed)
    channel = load_channel("note", channel_settings())
    channel.close()
    monkeypatch.delitem(sys.modules, "notifier_note")
    passes(SMALL, installed, 20)


def test_without_the_package_the_channel_is_unknown() -> None:
    assert "ntfy" not in channel_names()
    with pytest.raises(
        SettingsError, match=r"'ntfy'; installed are: apns, chat, email, push, sms, smtp, webhook, webpush"
    ):
        load_channel("ntfy", channel_settings())
    with pytest.raises(RoutesError, match="ntfy"):
        check_channels([Route("a_route", "table", "ntfy", lambda event: None, lambda event: True)])


@pytest.mark.parametrize("name", sorted(each.name for each in entry_points(group=GROUP)))
def test_the_page_has_the_capability_of_each_channel(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \|.*$", PAGE, re.MULTILINE)
    assert f"`{channel_class(name).capability.name}`" in row


def test_the_page_has_each_capability() -> None:
    for capability in Capability:
        assert re.search(rf"^\| `{capability.name}` \|", PAGE, re.MULTILINE), capability
