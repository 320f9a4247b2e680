"""The Jinja environment of all templates: sandboxed and strict; keys before attributes; values printed for people."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from jinja2.runtime import BlockReference, Context, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEscapeFormatter, SandboxedFormatter
from markupsafe import Markup

from notifier.templates.compiled import CompiledTemplate, takes
from notifier.templates.filters import TEXT_FILTERS
from notifier.templates.generator import TemplateGenerator
from notifier.templates.localization.filters import LOCALE_FILTERS
from notifier.templates.printing import format_arguments, formatted, printable

_NONE = object()
_WITHOUT_KEYS = (str, bytes, list, tuple)


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """The environment. `%` and `str.format` print values as `{{ }}` does.

    `source` returns the text of a template, its path and None, as `jinja2.FunctionLoader` wants it.
    """

    code_generator_class = TemplateGenerator
    template_class = CompiledTemplate
    intercepted_binops = frozenset("%")

    def __init__(self, source: Callable[[str], tuple[str, str, None]], *, autoescape: bool) -> None:
        super().__init__(
            loader=jinja2.FunctionLoader(source),
            undefined=jinja2.StrictUndefined,
            autoescape=autoescape,
            auto_reload=False,
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=printable,
            extensions=["jinja2.ext.i18n"],
        )
        self._loaded: dict[str, jinja2.Template] = {}
        self.filters.update(TEXT_FILTERS)
        self.filters.update(LOCALE_FILTERS)
        self.newstyle_gettext = True
        self.binop_table["%"] = _modulo

    def make_globals(self, d: Any) -> Any:
        """Return a plain dict: Jinja copies the globals for each template it renders, and its ChainMap is slow."""
        return {**self.globals, **(d or {})}

    def get_template(self, name: Any, parent: str | None = None, globals: Any = None) -> jinja2.Template:  # noqa: A002
        """Return the template, compiled once. Raise TemplateNotFound."""
        if type(name) is not str:
            return super().get_template(name, parent, globals)
        found = self._loaded.get(name)
        if found is None:
            found = self._loaded[name] = super().get_template(name, parent, globals)
        return found

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return `{{ order.items }}`: the key `items` of an item, never a method of the mapping."""
        found = _item(obj, attribute)
        return self._of_mapping(obj, attribute, super().getattr(obj, attribute)) if found is _NONE else found

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return `{{ order["items"] }}`, and the attribute that a filter asks for."""
        found = _item(obj, argument) if isinstance(argument, str) else _NONE
        return self._of_mapping(obj, argument, super().getitem(obj, argument)) if found is _NONE else found

    def method(self, obj: Any, attribute: str) -> Any:
        """Return `order.items` of `{{ order.items() }}`: the method, unless the key holds a callable."""
        found = _item(obj, attribute)
        return found if found is not _NONE and callable(found) else super().getattr(obj, attribute)

    def call(self, context: Context, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call what a template calls, as the sandbox does. A macro and a block, which are code of templates, do not
        need its checks for marks that objects of the application may have.
        """
        kind = type(called)
        if kind is not Macro and kind is not BlockReference:
            return super().call(context, called, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        if kind is BlockReference:
            return called(*args, **kwargs)
        if kwargs or not takes(called, args):
            return called(context.eval_ctx, *args, **kwargs)
        text: str = called._func(*args)  # noqa: SLF001  as the macro does itself, once it has looked for other arguments
        return Markup(text) if context.eval_ctx.autoescape else text  # noqa: S704  it is the text of a template

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Return the `format` of a string, with values printed as `{{ }}` does. None if it is not one."""
        if super().wrap_str_format(value) is None:
            return None
        text: str = value.__self__
        fields = _EscapedFields(self, escape=text.escape) if isinstance(text, Markup) else _Fields(self)
        named = value.__name__ == "format_map"

        def wrapper(*args: Any, **kwargs: Any) -> str:
            if named:
                (kwargs,), args = args, ()
            return type(text)(fields.vformat(text, args, kwargs))

        return wrapper

    def _of_mapping(self, obj: Any, name: Any, value: Any) -> Any:
        """Return undefined for a missing key, also if Python's mappings have a method of that name."""
        if callable(value) and isinstance(obj, Mapping):
            return self.undefined(obj=obj, name=name)
        return value


class _Fields(SandboxedFormatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        return formatted(value, format_spec)


class _EscapedFields(SandboxedEscapeFormatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        if hasattr(value, "__html__") or hasattr(value, "__html_format__"):
            return super().format_field(value, format_spec)
        return str(self.escape(formatted(value, format_spec)))


def _item(obj: Any, key: str) -> Any:
    """Return what the object holds under that key, _NONE if nothing. A `defaultdict` makes no default for it."""
    kind = type(obj)
    if kind is dict:
        return obj.get(key, _NONE)
    if kind is not TemplateReference:
        if not hasattr(kind, "__getitem__") or issubclass(kind, _WITHOUT_KEYS):
            return _NONE
        if isinstance(obj, Mapping):
            return obj[key] if key in obj else _NONE  # noqa: SIM401  `get` may make a default
    try:
        return obj[key]
    except (TypeError, LookupError):
        return _NONE


def _modulo(left: Any, right: Any) -> Any:
    return operator.mod(left, format_arguments(right) if isinstance(left, str) else right)
