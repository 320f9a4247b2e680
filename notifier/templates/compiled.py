"""A compiled template, and the values that it sees, without what Jinja does again for each message."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import jinja2
from jinja2.environment import TemplateModule
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, Macro

from notifier.templates.files import may_be_locale
from notifier.templates.localization.locale import LOCALE

MOST_LOCALES = 100
"""For how many locales a template keeps what others import of it: an item may name any text as its locale."""


class Values(Context):
    """The values that a template sees: those of the message (`parent`), and above them what the template sets.

    Jinja's also has the names of the globals, to find templates that see others. Here all see the same.
    """

    def __init__(
        self,
        environment: jinja2.Environment,
        parent: dict[str, Any],
        name: str | None,
        blocks: dict[str, Callable[[Context], Iterator[str]]],
    ) -> None:
        self.parent = parent
        self.vars: dict[str, Any] = {}
        self.environment = environment
        self.eval_ctx = EvalContext(environment, name)
        self.exported_vars: set[str] = set()
        self.name = name
        self.blocks = {each: [block] for each, block in blocks.items()} if blocks else {}


class CompiledTemplate(jinja2.Template):
    """A template of an environment in which all templates see the same globals."""

    modules: dict[str | None, TemplateModule]
    """What others import of it without context, by the locale of their message."""

    @classmethod
    def _from_namespace(
        cls,
        environment: jinja2.Environment,
        namespace: MutableMapping[str, Any],
        globals: MutableMapping[str, Any],  # noqa: A002
    ) -> jinja2.Template:
        made = super()._from_namespace(environment, namespace, globals)
        assert isinstance(made, cls)  # noqa: S101  narrows the type
        made.modules = {}
        return made

    def new_context(
        self,
        vars: dict[str, Any] | None = None,  # noqa: A002
        shared: bool = False,
        locals: Mapping[str, Any] | None = None,  # noqa: A002
    ) -> Context:
        """Return the values that the template sees. `shared`: these as they are, with the globals already in them."""
        if vars is None or locals or not shared:
            return super().new_context(vars, shared, locals)
        return Values(self.environment, vars, self.name, self.blocks)

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:  # noqa: ARG002
        """Return what is imported of it without context. Made once for each locale, which is all that it may depend
        on, because all contexts have the same globals.
        """
        locale = LOCALE.get()
        if locale is not None and not may_be_locale(locale):
            return self.make_module()
        found = self.modules.get(locale)
        if found is None:
            if len(self.modules) >= MOST_LOCALES:
                self.modules = {}
            found = self.modules[locale] = self.make_module()
        return found


def takes(macro: Macro, arguments: tuple[Any, ...]) -> bool:
    """Return whether these are all the arguments of a macro, which takes no others."""
    others = macro.caller or macro.catch_kwargs or macro.catch_varargs
    return not others and len(arguments) == macro._argument_count  # noqa: SLF001
