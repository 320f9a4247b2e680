"""What a release consists of: the workflow, the list of what is in it, and what is promised to stay."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import notifier
from docs.stability import GROUPS
from notifier import testing
from notifier.channels.contract import GROUP
from notifier.cli.lazy import ENTRY_POINTS
from tests.check_dependencies import pins

ROOT = Path(__file__).parents[2]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
STABLE = (ROOT / "docs/stability.md").read_text()


def test_only_jobs_that_need_it_may_sign_and_only_one_may_write() -> None:
    assert WORKFLOW["permissions"] == {}
    rights = {name: job["permissions"] for name, job in WORKFLOW["jobs"].items()}
    assert [name for name, given in rights.items() if "id-token" in given] == ["attest", "publish"]
    assert [name for name, given in rights.items() if given.get("contents") == "write"] == ["release"]
    text = (ROOT / ".github/workflows/release.yml").read_text()
    assert re.findall(r"secrets\.\w+|password:|api-token", text) == []


def test_each_action_is_pinned_to_a_commit() -> None:
    """A tag can be moved to other code, which would run with the right to publish."""
    used = [step["uses"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used
    assert [each for each in used if not re.search(r"@[0-9a-f]{40}$", each)] == []


def test_each_job_waits_for_the_one_before_it_and_the_first_runs_all_tests() -> None:
    jobs = WORKFLOW["jobs"]
    assert [jobs[name].get("needs") for name in jobs] == [None, *list(jobs)[:-1]]
    commands = [step["run"] for step in jobs["build"]["steps"] if "run" in step]
    assert ".ci/run" in commands
    for target in re.findall(r"make ([a-z]+)", " ".join(commands)):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


def test_the_tag_must_be_the_version(tmp_path: Path) -> None:
    (check,) = (
        each["run"] for each in WORKFLOW["jobs"]["build"]["steps"] if each.get("name", "").startswith("The tag")
    )
    check = check.replace("python ", f"{sys.executable} ")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for tag, code in ((f"v{version}", 0), ("v99.0.0", 1)):
        done = subprocess.run(["bash", "-c", check], cwd=ROOT, env={"GITHUB_REF_NAME": tag}, check=False)
        assert done.returncode == code


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-image.lock"])
def test_the_list_of_what_is_in_it_has_each_locked_package_with_its_hashes(name: str, tmp_path: Path) -> None:
    written = tmp_path / "sbom.json"
    words = ["requirements", "--pyproject", "pyproject.toml", "--output-reproducible", "--output-format", "JSON"]
    command = [f"{sys.prefix}/bin/cyclonedx-py", *words, "--output-file", str(written), name]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    listed = json.loads(written.read_text())
    assert listed["metadata"]["component"]["name"] == "dynamodb-notifier"
    found = {each["name"].lower().replace("_", "-"): each["version"] for each in listed["components"]}
    assert found == dict(pins((ROOT / name).read_text()))
    assert all(each["externalReferences"][0]["hashes"] for each in listed["components"])
    assert " ".join(words[:-2]) in " ".join((ROOT / "Makefile").read_text().replace("\\\n\t", "").split())


def test_what_is_stable_is_what_is_exported() -> None:
    named = set(re.findall(r"^- `([^`]+)`", STABLE, re.MULTILINE))
    assert named >= {*notifier.__all__, *testing.__all__, *GROUPS}
    assert all(hasattr(notifier, name) for name in notifier.__all__)
    assert all(hasattr(testing, name) for name in testing.__all__)


def test_the_groups_of_entry_points_that_are_stable_are_those_that_are_read() -> None:
    entries = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert GROUPS.keys() == entries.keys() - {"pytest11"} == {ENTRY_POINTS, GROUP}  # that one is of pytest
