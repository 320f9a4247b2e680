"""Which characters the value of a setting may contain, and which variables are no settings."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from pydantic import ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from notifier.process.entry_points import declared
from notifier.text import trimmed

PREFIX = "NOTIFIER_"
QUOTED: dict[str, Any] = {"quotes": True}
"""For `Field(json_schema_extra=QUOTED)`: the value may contain quotes, but not be enclosed in them."""

_QUOTES = frozenset("\"'`\u2018\u2019\u201a\u201c\u201d\u201e\xab\xbb")
"""Straight quotes, and those that an editor replaces them with."""
_CONTROL = frozenset({"Cc", "Zl", "Zp"})
_INVISIBLE = frozenset({"Cf"})


class Variables(BaseSettings):
    """Base of all settings: white space around a value is removed; control characters and quotes are refused."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Trimmed(settings_cls)

    @field_validator("*", mode="before")
    @classmethod
    def _is_plain(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields[info.field_name or ""]
        return _plain(value, quotes=field.json_schema_extra == QUOTED)


class _Trimmed(EnvSettingsSource):
    """Removes white space around values. A variable with only white space counts as not set."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        read = {name: value and trimmed(value) for name, value in super()._load_env_vars().items()}
        return {name: value for name, value in read.items() if value}


_WHERE = (
    '. Beside a running `notifier up`: eval "$(notifier env)"; with Docker Compose: '
    "docker compose exec bridge notifier ...; .env.example lists all variables"
)


def explained(error: ValidationError, kind: type[BaseSettings]) -> str:
    """Return what is wrong with settings of that kind: one line that names each variable and repeats no value."""
    lines, missing = [], False
    for fault in error.errors(include_url=False, include_input=False):
        name = str(fault["loc"][0]) if fault["loc"] else "?"
        field = kind.model_fields.get(name)
        hint = f" ({field.description})" if field and field.description else ""
        message = fault["msg"].removeprefix("Value error, ")
        missing = missing or fault["type"] == "missing"
        problem = "is not set" if fault["type"] == "missing" else f"is wrong: {message}"
        lines.append(f"{kind.model_config['env_prefix']}{name.upper()} {problem}{hint}")
    return "; ".join(lines) + (_WHERE if missing and _is_ours(kind.__module__) else "")


def unknown(environment: Mapping[str, str], known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the variables with our prefix that are no setting, each with the name that was probably meant, or "".

    `known` are the names of the settings. Variables that begin with the name of a channel of another package, as
    NOTIFIER_NTFY_, are taken for that channel's.
    """
    names = {name.upper() for name in known}
    added = tuple(f"{PREFIX}{channel.upper().replace('-', '_')}_" for channel in _added_channels())
    plain = {_letters(name): name for name in sorted(names)}
    for given, value in sorted(environment.items()):
        name = given.upper()
        if not name.startswith(PREFIX) or name in names or name.startswith((*added, f"{PREFIX}TEST_")):
            continue
        if trimmed(value):
            near = _nearest(_letters(name), plain)
            yield given, " or ".join(sorted(plain[each] for each in near))


def _nearest(word: str, known: Iterable[str]) -> list[str]:
    """Return the names that are most like the word; none if none is like it."""
    near = get_close_matches(word, known, n=3, cutoff=0.6)
    likeness = [SequenceMatcher(None, each, word).ratio() for each in near]
    return [each for each, share in zip(near, likeness, strict=True) if share == max(likeness)]


def _letters(name: str) -> str:
    return name.removeprefix(PREFIX).replace("_", "")


def _added_channels() -> set[str]:
    return {point.name for point in declared("notifier.channels") if not _is_ours(point.module)}


def _is_ours(module: str) -> bool:
    """Return whether a module is one of Notifier, and not of a package with another channel."""
    return module.partition(".")[0] in {"notifier", "workers"}


def _plain(value: object, *, quotes: bool) -> object:
    """Return the value without white space around its texts. Raise ValueError for a character that is refused."""
    if isinstance(value, str):
        text = trimmed(value)
        _check(text, quotes=quotes)
        return text
    if isinstance(value, Mapping):
        return {_plain(name, quotes=quotes): _plain(each, quotes=quotes) for name, each in value.items()}
    return type(value)(_plain(each, quotes=quotes) for each in value) if isinstance(value, tuple | list) else value


def _check(text: str, *, quotes: bool) -> None:
    kinds = {unicodedata.category(sign) for sign in text}
    if kinds & _CONTROL or (not quotes and kinds & _INVISIBLE):
        raise ValueError("must not hold control characters, line breaks or invisible characters")
    if not text:
        return
    if quotes:
        if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
            raise ValueError("must not stand in quotes: they would become part of the value")
    elif _QUOTES & set(text):
        raise ValueError(
            "must not hold quotes: they would become part of the value (in a URL they are written as %22 and %27)"
        )
