"""A measurement without progress ends."""

import pytest

from bench.measure.stall import Stall
from notifier.errors import NotifierError


def test_it_ends_once_the_figure_has_not_changed_for_so_long() -> None:
    now = [0.0]
    stall = Stall(60.0, clock=lambda: now[0])
    for at, left in ((0.0, 9), (59.0, 9), (61.0, 8), (120.0, 8), (121.0, 8)):
        now[0] = at
        stall.note(left, "{} mails are missing")
    now[0] = 121.5
    with pytest.raises(NotifierError, match="nothing changes for 60 seconds: 8 mails are missing"):
        stall.note(8, "{} mails are missing")
