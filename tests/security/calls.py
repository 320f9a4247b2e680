"""The operations of AWS that some modules call, read from their source."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import botocore.session
from botocore import xform_name

_SESSION = botocore.session.get_session()
_SERVICES = frozenset(_SESSION.get_available_services())
_BATCHES = {
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
    "PublishBatch": "Publish",
    "SendMessageBatch": "SendMessage",
}
"""Operations that have no permission of their own."""

_FURTHER = {"GetObject": {"VersionId": "GetObjectVersion"}}
"""Rights that an operation needs besides its own, by the parameter that asks for them."""


def actions(modules: Iterable[Path]) -> set[str]:
    """As a policy names them: `sqs:ReceiveMessage`."""
    trees = [ast.parse(path.read_text()) for path in modules]
    words = {word for tree in trees for word in _words(tree)}
    return {action for service in words & _SERVICES for action in _actions(service, words)}


def services(path: Path) -> set[str]:
    """The services of which a module makes a client."""
    return {
        argument.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _name(node.func) in ("aws_client", "client", "opened")
        for argument in node.args
        if isinstance(argument, ast.Constant) and argument.value in _SERVICES
    }


def _actions(service: str, words: set[str]) -> Iterator[str]:
    model = _SESSION.get_service_model(service)
    for operation in model.operation_names:
        if operation in words or xform_name(operation) in words:
            yield f"{model.signing_name}:{_BATCHES.get(operation, operation)}"
            yield from (
                f"{model.signing_name}:{right}"
                for word, right in _FURTHER.get(operation, {}).items()
                if word in words
            )


def _words(tree: ast.AST) -> Iterator[str]:
    """What is called or passed on to be called, and texts that stand alone: the name of an operation or a service."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call | ast.Attribute):
            yield _name(node.func if isinstance(node, ast.Call) else node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
