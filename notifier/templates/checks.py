"""Probable mistakes in a folder of templates: translations without some file, files that are not used. Pure."""

import re
from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from difflib import get_close_matches

from notifier.templates.files import EMAIL_PARTS, TemplateFiles, split_part
from notifier.templates.markup.css import STYLES

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*")
_NO_LANGUAGES = frozenset(("htm", "html", "j2", "md", "txt"))
_PARTS = EMAIL_PARTS | {"sms.txt"}
SAMPLES = "samples/"
"""The folder of sample values, which previews render templates with: `samples/NAME.json`."""
_STEMS = ("body", "subject", "sms")
_OWN_CHANNELS = frozenset(("email", "sms", "smtp", "webhook"))


def remarks(files: TemplateFiles, channels: Collection[str], referenced: AbstractSet[str | None]) -> list[str]:
    """Return one sentence for each probable mistake.

    `channels` are the names of the installed channels: a file of a channel of another package starts with the
    channel's name, `ntfy.txt`. `referenced` are the files that templates include; None in it stands for a name that
    is computed when a template is rendered.
    """
    return [*_mixed(files), *_twice(files), *_unread(files, set(channels) - _OWN_CHANNELS, referenced)]


def message_parts(files: TemplateFiles, channels: Collection[str]) -> Iterator[tuple[str, str, str | None]]:
    """Yield template, part and locale of each file that is a part of a message, in the order of their names."""
    added = set(channels) - _OWN_CHANNELS
    for path in sorted(files.paths):
        if (split := split_part(path)) and _is_part(path, added):
            yield split


def _mixed(files: TemplateFiles) -> Iterator[str]:
    """Find translations without some part of the mail, which is then rendered in the default language."""
    for name, locale in sorted((name, locale) for name, locale in files.written if locale and _is_language(locale)):
        parts = {part: files.part_and_locale(name, part, locale) for part in sorted(EMAIL_PARTS)}
        missing = [part for part, found in parts.items() if found is not None and found[1] is None]
        present = [found[0] for found in parts.values() if found is not None and found[1] is not None]
        if missing:
            files_to_write = [_localized(part, locale) for part in missing]
            lacks = f"not {files_to_write[0]}" if len(missing) == 1 else f"neither {' nor '.join(files_to_write)}"
            yield (
                f"the translation {locale} of {name} has {' and '.join(present)}, but {lacks}: "
                f"its mails mix two languages; write {'it' if len(missing) == 1 else 'both'}"
            )


def _twice(files: TemplateFiles) -> Iterator[str]:
    """Find parts that are written twice: as HTML and as MJML."""
    for path in sorted(files.paths):
        html = path.removesuffix(".mjml") + ".html"
        if path.endswith(".mjml") and html in files.paths and not files.is_fragment(path):
            yield f"{html} is not read: {path} is the same part; keep one of them"


def _localized(part: str, locale: str) -> str:
    stem, _, suffix = part.rpartition(".")
    return f"{stem}.{locale}.{suffix}"


def _unread(files: TemplateFiles, channels: Collection[str], referenced: AbstractSet[str | None]) -> Iterator[str]:
    """Find files that are no part of a message and that no template includes."""
    templates = {path.rpartition("/")[0] for path in files.paths if _is_part(path, channels)}
    for path in sorted(files.all_paths):
        folder, _, file = path.rpartition("/")
        if path in referenced or (folder and _is_part(path, channels)) or _is_of_an_editor(file):
            continue
        if path.startswith(SAMPLES) and path.endswith(".json"):
            continue
        if path == STYLES or (path in files.paths and files.is_fragment(path)):
            continue
        nearest = _nearest(file, channels)
        if nearest and not folder:
            yield f"{path} is not read: a part of a message lies in the folder of its template, as NAME/{nearest}"
        elif nearest:
            yield f"{path} is not read: no part of a message has this name; the nearest is {nearest}"
        elif path in files.paths and folder in templates and None not in referenced:
            known = ", ".join(sorted(EMAIL_PARTS))
            yield f"{path} is not read: it is no part of a message ({known}), and no template includes it"


def _is_part(path: str, channels: Collection[str]) -> bool:
    split = split_part(path)
    if split is None:
        return False
    _, part, locale = split
    if locale is not None and not _is_language(locale):
        return False
    return part in _PARTS or any(re.match(rf"{re.escape(each)}[\W_]", part) for each in channels)


def _is_language(locale: str) -> bool:
    return locale not in _NO_LANGUAGES and _LANGUAGE.fullmatch(locale) is not None


def _is_of_an_editor(file: str) -> bool:
    return file.startswith((".", "#")) or file.endswith("~")


def _nearest(file: str, channels: Collection[str]) -> str | None:
    """Return the part of a message that a file was probably meant to be, None if its name resembles none."""
    words = [each for each in re.split(r"[^a-z0-9]+", file.lower()) if each]
    stems = (*_STEMS, *sorted(channels))
    # `body_de`, `bodyde`: a part and a language without the dot between them.
    near = next((stem for stem in stems if words[:1] == [stem]), None)
    near = near or next(iter(get_close_matches(words[0] if words else "", stems, n=1, cutoff=0.8)), None)
    if near is None:
        return None
    language = words[1] if len(words) > 1 and _is_language(words[1]) else None
    suffix = "html" if ("htm" in file.lower() or "mjml" in file.lower()) and near != "subject" else "txt"
    return f"{near}.{language}.{suffix}" if language else f"{near}.{suffix}"
