"""Sessions end: after a time without use, after the longest time, and at the logout."""

from web.console.access.limit import LoginLimit
from web.console.access.role import Role, User
from web.console.access.sessions import Sessions

EVA = User("eva", Role.OPERATOR, "users")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_ends_without_use() -> None:
    clock = Clock()
    sessions = Sessions(idle=60, longest=1000, clock=clock)
    token, session = sessions.open(EVA)
    for clock.now in (50.0, 100.0, 150.0):
        assert sessions.find(token) is session
    clock.now = 211.0
    assert sessions.find(token) is None
    clock.now = 212.0
    assert sessions.find(token) is None


def test_what_a_page_asks_by_itself_is_no_use() -> None:
    clock = Clock()
    sessions = Sessions(idle=60, longest=1000, clock=clock)
    token, session = sessions.open(EVA)
    for clock.now in (30.0, 59.0):
        assert sessions.find(token, use=False) is session
    clock.now = 61.0
    assert sessions.find(token, use=False) is None


def test_a_session_ends_after_its_longest_time_whatever_its_use() -> None:
    clock = Clock()
    sessions = Sessions(idle=60, longest=100, clock=clock)
    token, _ = sessions.open(EVA)
    for clock.now in (50.0, 100.0):
        assert sessions.find(token)
    clock.now = 101.0
    assert sessions.find(token) is None


def test_above_their_number_the_one_that_was_not_used_for_longest_ends() -> None:
    sessions = Sessions(idle=60, longest=100, most=2)
    first, second = sessions.open(EVA)[0], sessions.open(EVA)[0]
    assert sessions.find(first)
    third, _ = sessions.open(EVA)
    assert [bool(sessions.find(each)) for each in (first, second, third)] == [True, False, True]


def test_the_console_keeps_no_token() -> None:
    sessions = Sessions(idle=60, longest=100)
    token, session = sessions.open(EVA)
    assert token not in repr(vars(sessions))
    assert token not in repr(session)


def test_failed_logins_are_counted_by_name_and_by_address() -> None:
    clock = Clock()
    limit = LoginLimit(clock)
    for _ in range(10):
        assert limit.wait("eva", "10.0.0.1") == 0
        limit.failed("eva", "10.0.0.1")
    assert limit.wait("eva", "10.0.0.2") == 900
    assert limit.wait("ada", "10.0.0.1") == 0
    for number in range(40):
        limit.failed(f"user {number}", "10.0.0.1")
    assert limit.wait("ada", "10.0.0.1") == 900
    assert limit.wait("ada", "10.0.0.2") == 0
    clock.now = 899.0
    assert limit.wait("eva", "10.0.0.2") == 1
    clock.now = 900.0
    assert limit.wait("eva", "10.0.0.2") == limit.wait("ada", "10.0.0.1") == 0


def test_a_login_that_works_forgets_those_that_failed() -> None:
    limit = LoginLimit(Clock())
    for _ in range(10):
        limit.failed("eva", "a")
    limit.worked("eva")
    assert limit.wait("eva", "a") == 0
