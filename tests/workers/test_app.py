"""The Celery app of the workers as it is imported."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("setting", "expected"), [("fast", "celery_units.redis.transport"), ("stock", "kombu.transport.redis")]
)
def test_a_setting_chooses_the_transport(setting: str, expected: str) -> None:
    code = "from workers.app import app; print(type(app.connection_for_read().transport).__module__)"
    environment = {
        "NOTIFIER_DATABASE_URL": "postgresql://nobody",
        "NOTIFIER_BROKER_URL": "redis://nobody",
        "NOTIFIER_TRANSPORT": setting,
    }
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected
