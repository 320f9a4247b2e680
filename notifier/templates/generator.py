"""Generates the Python code of templates: Jinja's, with other rules for printing, and without generators."""

from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame

_CALLED = "call"
_PIECES = "pieces"
_YIELD = "yield from "


class RulesGenerator(CodeGenerator):
    """Generates code in which `~` prints values as `{{ }}` does, and only `{{ a.b() }}` looks for a method."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802  Jinja's name
        join = "markup_join" if frame.eval_ctx.autoescape else "str_join"
        if frame.eval_ctx.volatile:
            join = "(markup_join if context.eval_ctx.volatile else str_join)"
        self.write(f"{join}((")
        for each in node.nodes:
            self.write("environment.finalize(")
            self.visit(each, frame)
            self.write("), ")
        self.write("))")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802
        if isinstance(node.node, nodes.Getattr):
            node.node.ctx = _CALLED
        super().visit_Call(node, frame, forward_caller=forward_caller)

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802
        if node.ctx != _CALLED:
            super().visit_Getattr(node, frame)
            return
        self.write("environment.method(")
        self.visit(node.node, frame)
        self.write(f", {node.attr!r})")

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData):  # Jinja would escape before `finalize`, and print a list
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)


class TemplateGenerator(RulesGenerator):
    """Generates code whose functions return lists of pieces of text. Those of Jinja yield each piece through all that
    call them.

    `{{ }}` is one call, instead of `escape(environment.finalize(...))`, and a macro and `{% set %}` hold what they
    include without context, which Jinja yields past them.
    """

    _buffer = _PIECES
    """The list to which the generated code adds what a block or an included template returns."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002
        if frame.eval_ctx.volatile:
            self.write("(as_html if context.eval_ctx.autoescape else as_text)(")
        else:
            self.write("as_html(" if frame.eval_ctx.autoescape else "as_text(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002
        self.write(")")

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802
        self.writeline("from jinja2.runtime import Undefined as cond_expr_undefined")
        self.writeline("from notifier.templates.printing import as_html, as_text")
        self.writeline("undefined, concat = environment.undefined, environment.concat")
        super().visit_Template(node, frame)

    def write_commons(self) -> None:
        self.writeline("resolve = context.resolve_or_missing")
        self.writeline(f"{_PIECES} = []")

    def enter_frame(self, frame: Frame) -> None:
        if frame.toplevel or frame.block_frame:
            frame.buffer = _PIECES
        super().enter_frame(frame)

    def leave_frame(self, frame: Frame, with_python_scope: bool = False) -> None:
        super().leave_frame(frame, with_python_scope)
        if frame.block_frame or (frame.toplevel and not self.extends_so_far):
            self.writeline(f"return {_PIECES}")
        elif frame.toplevel and not self.has_known_extends:
            self.writeline(f"if parent_template is None: return {_PIECES}")

    def visit_Block(self, node: nodes.Block, frame: Frame) -> None:  # noqa: N802
        self._buffer, frame.buffer = str(frame.buffer), None  # without a buffer it is one line, with `yield from`
        super().visit_Block(node, frame)
        self._buffer, frame.buffer = _PIECES, self._buffer

    def visit_Include(self, node: nodes.Include, frame: Frame) -> None:  # noqa: N802
        self._buffer = str(frame.buffer)
        super().visit_Include(node, frame)
        self._buffer = _PIECES

    def writeline(self, x: str, node: nodes.Node | None = None, extra: int = 0) -> None:
        if x == f"{_YIELD}parent_template.root_render_func(context)":
            x = f"return {_PIECES} + parent_template.root_render_func(context)"
        elif x.startswith(_YIELD):
            x = f"{self._buffer}.extend({x.removeprefix(_YIELD)})"
        elif x == "finally: gen.close()":
            x = "finally: pass"
        super().writeline(x, node, extra)
