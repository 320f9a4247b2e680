"""The examples of docs/testing.md, run as the page says, by a pytest of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "testing.md").read_text()


def test_the_examples_of_the_page_pass(tmp_path: Path, postgres_server: Any, redis_server: Any) -> None:
    files = re.findall(r"```\w+\n# ([\w/.]+)\n(.*?)```", PAGE, re.DOTALL)
    assert len(files) == 7
    for name, text in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    passed(tmp_path, len(re.findall("^def test_", PAGE, re.MULTILINE)), postgres_server, redis_server)


def passed(folder: Path, count: int, postgres: Any, redis: Any) -> None:
    """Run the tests in the folder; they must be `count`, and pass."""
    given = {"NOTIFIER_TEST_DATABASE_URL": postgres.url(), "NOTIFIER_TEST_BROKER_URL": redis.url}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder)],
        cwd=folder,
        env=os.environ | given,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{count} passed" in done.stdout


SHOP = """
from types import SimpleNamespace

ana = SimpleNamespace(device="registration-token:0123456789", phone="+351912345678", email="ana@example.com")
users = {"ana": ana}
"""
CONFTEST = """
import pytest


@pytest.fixture
def notifier_settings():
    return {"routes": "notifications"}
"""
TEMPLATES = {
    "shipped/push.txt": "Order {{ number }} is on its way",
    "shipped/push_title.txt": "Shipped",
    "shipped/sms.txt": "Order {{ number }} is on its way",
    "shipped/subject.txt": "Order {{ number }} is on its way",
    "shipped/body.txt": "Order {{ number }}",
    "viewed/subject.txt": "{{ count }} views",
    "viewed/body.txt": "{{ names }}",
}
USES = "from datetime import timedelta\n\nfrom notifier.testing import event_of, run_route\n\n"


@pytest.mark.parametrize("page", ["fallback.md", "digest.md"])
def test_the_tests_of_a_page_pass_with_its_route(
    page: str, tmp_path: Path, postgres_server: Any, redis_server: Any
) -> None:
    routes, *tests = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    tests = [each for each in tests if "def test_" in each or "run_route" in each]
    files = {
        "notifications.py": routes,
        "shop.py": SHOP,
        "conftest.py": CONFTEST,
        "test_it.py": USES + "".join(tests),
    }
    files |= {f"templates/{name}": text for name, text in TEMPLATES.items()}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    passed(tmp_path, len(re.findall("^def test_", files["test_it.py"], re.MULTILINE)), postgres_server, redis_server)


def test_the_plugin_imports_nothing_that_a_test_run_without_it_does_not_need() -> None:
    code = (
        "import sys, sandbox.testing.plugin; print([n for n in sys.modules if n.startswith(('notifier', 'bridge'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
