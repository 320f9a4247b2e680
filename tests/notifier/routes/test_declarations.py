"""Every function that `@route` decorates is a route, also if its name is rebound; errors name its place."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from notifier.errors import RoutesError
from notifier.routes.loading import load_routes

Write = Callable[..., str]
HEAD = "import functools\nfrom notifier import Email, Event, route\n"
"""Two lines: the code after it begins at line 3."""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write modules, and return the name of the first."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    # Python would take its bytecode of an earlier text that has the same length and was written in the same second.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(code: str, **others: str) -> str:
        for name, text in {"my_routes": code, **others}.items():
            path = tmp_path / f"{name.replace('_in_', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(HEAD + text)
        importlib.invalidate_caches()
        return "my_routes"

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def a_route(name: str = "hello", options: str = "") -> str:
    return f'@route(table="activity", channel="email"{options})\ndef {name}(event): return None\n'


def names(module: str) -> list[str]:
    return [each.name for each in load_routes(module)]


def test_two_functions_of_one_name_are_refused_with_both_places(write: Write, tmp_path: Path) -> None:
    module = write(a_route() + "\n" + a_route(options=', on="REMOVE"'))
    with pytest.raises(RoutesError) as error:
        load_routes(module)
    place = tmp_path / "my_routes.py"
    assert "two routes are called hello" in str(error.value)
    assert f"{place}:3" in str(error.value)
    assert f"{place}:6" in str(error.value)


def test_two_functions_of_one_name_and_different_names_for_their_routes_are_both_routes(write: Write) -> None:
    module = write(a_route(options=', name="first"') + a_route(options=', name="second"'))
    assert names(module) == ["first", "second"]


@pytest.mark.parametrize(
    "code",
    [
        a_route() + "hello = None\n",
        a_route() + "del hello\n",
        "def make():\n    @route(table='activity', channel='email')\n    def hello(event): ...\nmake()\n",
        "class Mails:\n    @staticmethod\n    @route(table='activity', channel='email')\n    def hello(event): ...\n",
        "def quiet(f):\n    return lambda event: f(event)\n@quiet\n" + a_route(),
        "def loud(f):\n    @functools.wraps(f)\n    def g(event): return f(event)\n    return g\n@loud\n" + a_route(),
        "routes = {}\n@lambda f: routes.setdefault('x', f)\n" + a_route(),
        a_route() + "again = hello\n",
    ],
)
def test_a_route_is_kept_when_its_name_is_rebound(write: Write, code: str) -> None:
    assert names(write(code)) == ["hello"]


def test_a_decorator_of_another_module_below_the_route_keeps_the_route(write: Write) -> None:
    plain = "def plain(f):\n    def wrapper(event): return f(event)\n    return wrapper\n"
    stacked = a_route(options=', name="{}"').replace(")\ndef", ")\n@plain\ndef")
    code = "from plain import plain\n" + stacked.format("first") + stacked.format("second")
    assert names(write(code, plain=plain)) == ["first", "second"]


def test_stacked_routes_of_one_name_are_refused(write: Write) -> None:
    module = write('@route(table="activity", channel="email")\n' + a_route(options=', on="REMOVE"'))
    with pytest.raises(RoutesError, match="two routes are called hello"):
        load_routes(module)


@pytest.mark.parametrize(
    "line", ["from friends import friend", "from friends import *", "import friends", "import friends as f"]
)
def test_routes_of_another_module_come_where_they_are_imported(write: Write, line: str) -> None:
    code = a_route("first") + f"{line}\n" + a_route("last")
    assert names(write(code, friends=a_route("friend"))) == ["first", "friend", "last"]


def test_a_module_that_only_imports_others_has_their_routes(write: Write) -> None:
    write(
        "", app_in___init__="from app import friends, jobs\n", app_in_friends=a_route("a"), app_in_jobs=a_route("b")
    )
    assert names("app") == ["a", "b"]


def test_two_modules_with_a_route_of_the_same_name_are_refused(write: Write, tmp_path: Path) -> None:
    with pytest.raises(RoutesError) as error:
        load_routes(write("from friends import hello\n" + a_route(), friends=a_route()))
    assert f"{tmp_path}/friends.py:3" in str(error.value)
    assert f"{tmp_path}/my_routes.py:4" in str(error.value)


def test_an_unused_route_of_another_module_is_logged(write: Write) -> None:
    code = "from friends import one\n"
    with capture_logs() as logs:
        assert names(write(code, friends=a_route("one") + a_route("two"))) == ["one"]
    (warned,) = [each for each in logs if "are not used" in each["event"]]
    assert any(each.startswith("two (") for each in warned["routes"]) or warned["count"] > 10


def test_a_reloaded_module_declares_its_new_routes(write: Write) -> None:
    module = write(a_route())
    load_routes(module)
    write(a_route("first") + a_route("second"))
    Path(sys.modules[module].__cached__).unlink(missing_ok=True)
    importlib.reload(sys.modules[module])
    assert names(module) == ["first", "second"]


def test_a_module_that_failed_can_be_imported_again(write: Write, tmp_path: Path) -> None:
    with pytest.raises(RoutesError, match=r"ZeroDivisionError: division by zero \(.*my_routes\.py:5\)"):
        load_routes(write(a_route() + "1 / 0\n"))
    assert names(write(a_route() + "2 / 1\n")) == ["hello"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ('on="UPSERT"', "on=['UPSERT'] is not one of INSERT"),
        ("on=[]", "on=[] matches nothing"),
        ("on=5", "on=5 is not one of INSERT"),
        ("on=None", "on=None is not one of INSERT"),
        ('on=["INSERT", 5]', "on=[5] is not one of INSERT"),
        ('match={"type": "x"}', "match['type'] must be a list"),
        ("match=[]", "match must be a mapping"),
        ('match=""', "match must be a mapping"),
        ('match={"n": [{"numeric": [">", 5, "<", 5]}]}', "can never match"),
        ('match={"n": [{"numeric": ["=", 5, ">", 7]}]}', "can never match"),
        ('match={"n": [{"numeric": [">", float("inf")]}]}', "can never match"),
        ('on="MODIFY", match_old={"type": "x"}', "match_old['type'] must be a list"),
        ('match_old={"type": ["x"]}', "match_old can never match"),
        ("expires_after=0", "expires_after=0 is not a time"),
        ('expires_after=float("nan")', "expires_after=nan is not a time"),
        ('expires_after=float("inf")', "expires_after=inf is not a time"),
        ('on_unknown="again"', "on_unknown='again' is not one of resend"),
        ("table=None", "table=None is not text"),
        ('table=["activity"]', "table=['activity'] is not text"),
        ('table=""', "table='' is empty"),
        ("channel=None", "channel=None is not text"),
        ('channel="pigeon"', "channel='pigeon'; installed are"),
        ('name=""', "name='' is empty"),
        ("name=5", "name=5 is not text"),
        (r'name="a\0b"', "cannot be stored"),
        ("retry=3", "retry=3 is not a RetryPolicy"),
        ("topic=None", "topic=None is not text"),
        ('transactional="no"', "transactional='no' is neither"),
    ],
)
def test_a_wrong_option_names_the_route_and_its_place(write: Write, tmp_path: Path, options: str, says: str) -> None:
    given = {"table": '"activity"', "channel": '"email"'}
    kept = "".join(f"{name}={value}, " for name, value in given.items() if f"{name}=" not in options)
    with pytest.raises(RoutesError) as error:
        load_routes(write(f"\n@route({kept}{options})\ndef hello(event): ...\n"))
    called = {"name=5": "5", 'name=""': "''"}.get(options, "hello")
    assert says in str(error.value)
    assert f"{tmp_path}/my_routes.py:4" in str(error.value)
    assert called in str(error.value) or "name=" in options


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("async def hello(event): ...", "plain function"),
        ("def hello(event): yield 1", "plain function"),
        ("def hello(): ...", "must take one argument"),
        ("def hello(event, user): ...", "must take one argument"),
        ("class hello: ...", "decorates a function"),
        ("@staticmethod\ndef hello(event): ...", "decorates a function"),
    ],
)
def test_only_a_plain_function_of_one_argument_can_be_a_route(write: Write, function: str, says: str) -> None:
    with pytest.raises(RoutesError, match=says):
        load_routes(write(f'@route(table="activity", channel="email")\n{function}\n'))


@pytest.mark.parametrize(
    ("made", "says"),
    [("lambda event: None", "give the route a name="), ("functools.partial(print)", "decorates a function")],
)
def test_an_object_without_a_name_is_refused(write: Write, made: str, says: str) -> None:
    with pytest.raises(RoutesError, match=says):
        load_routes(write(f'route(table="activity", channel="email")({made})\n'))


def test_an_unknown_option_is_reported_with_its_line(write: Write) -> None:
    with pytest.raises(RoutesError, match=r"unexpected keyword argument 'tabel' \(.*my_routes\.py:4\)"):
        load_routes(write('\n@route(tabel="activity", channel="email")\ndef hello(event): ...\n'))
