"""Any environment gives settings, or one line that names the variable and repeats no secret."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from hypothesis import example, given
from hypothesis import strategies as st

from notifier.broker import Broker
from notifier.database.engine import connect
from notifier.errors import SettingsError
from notifier.settings import Settings, read_settings
from sandbox.system import clean_environment, only_environment

NAMES = sorted(f"NOTIFIER_{name.upper()}" for name in Settings.model_fields)
RIGHT = {"NOTIFIER_DATABASE_URL": "postgresql://u@h/d", "NOTIFIER_BROKER_URL": "redis://h"}
ODD = ["", " ", "0", "-1", "1e999", "nan", "inf", "true", ",", "=", "a=b=c", "a=nan", "[", "{}", "null", "\udcff",
       "٣", "9" * 400, "2026-01-31", "0001-01-01T00:00:00+23:59", "1, 2"]  # fmt: skip

# What the operating system can hand over: no NUL, and bytes that are no UTF-8 as half surrogate pairs.
values = st.sampled_from(ODD) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20
)
PIECES = ["postgresql://", "redis://", "rediss://", "unix://", "u", ":", "hush", "@", "h", "[::1]", "[", "]", ":5432",
          ":x", ":-1", "/", "d", "?", "sslmode=no", "db=x", "&", "#", "%", "%00", "%ff", " "]  # fmt: skip
urls = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def environment(given_: Mapping[str, str]) -> AbstractContextManager[None]:
    return only_environment({**clean_environment(), **given_})


def refusal(act: Callable[[], object]) -> str | None:
    """Return the error for bad settings; any other exception is a defect."""
    try:
        act()
    except SettingsError as error:
        return str(error)
    return None


@given(st.dictionaries(st.sampled_from(NAMES), values, max_size=4))
def test_any_value_is_a_setting_or_named(given_: dict[str, str]) -> None:
    with environment(RIGHT | given_):
        told = refusal(lambda: read_settings(Settings))
    if told is not None:
        assert any(name in told for name in given_)
        assert len(told.splitlines()) == 1


@given(st.sampled_from(sorted(RIGHT)), urls)
def test_a_secret_is_not_repeated(name: str, url: str) -> None:
    with environment(RIGHT | {name: f"{url}hush\udcff"}):
        assert refusal(lambda: read_settings(Settings)) == f"{name}: not in UTF-8"
    with environment(RIGHT | {name: f"{url}hush"}):
        assert "hush" not in (refusal(lambda: read_settings(Settings)) or "")


@given(urls)
@example("redis://h:x/0")
@example("redis://[")
def test_any_url_is_of_a_broker_or_refused(url: str) -> None:
    assert "hush" not in (refusal(lambda: Broker(url).close()) or "")


@given(urls)
@example("h/d?sslmode=no&nothing=1")
@example("u:hush@[::1/d")
@example("?hush%00sslmode=no")
def test_any_url_is_of_a_database_or_refused(url: str) -> None:
    told = refusal(lambda: connect(f"postgresql://{url}").dispose()) or ""
    assert "hush" not in told or "option" in told, "the name of an option is no secret"
