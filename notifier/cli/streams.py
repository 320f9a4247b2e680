"""`notifier let-go`, `rewind`: what operators do to streams, each time with a reason that is kept."""

from typing import Annotated

import typer

from notifier.cli.output import Json, connected, operator, print_json
from notifier.errors import UsageError

Reason = Annotated[str, typer.Option(help="Why. It is kept.", show_default=False)]


def let_go(
    reason: Reason,
    stream: Annotated[str, typer.Option(help="ARN of an old stream that a newer one of its table waits for.")] = "",
    table: Annotated[str, typer.Option(help="A table that no bridge reads any more.")] = "",
    json: Json = False,
) -> None:
    """Give up an old stream that does not end, or a table that is not read any more. What is unread is a gap.

    An old stream is given up for good. A table is read on where it stood when a bridge has it in NOTIFIER_TABLES
    again, as far as DynamoDB still keeps its records (24 hours).
    """
    from notifier.outbox import LettingGo

    if bool(stream) == bool(table):
        raise UsageError("say one of --stream ARN, --table NAME")
    if not reason.strip():
        raise UsageError("--reason is empty: say why, it is kept")
    with connected() as engine:
        letting_go = LettingGo(engine, actor=operator())
        shards = letting_go.stream(stream, reason.strip()) if stream else letting_go.table(table, reason.strip())
    if json:
        print_json({"let_go": stream or table, "shards": shards})
    else:
        typer.echo(f"{stream or table} is let go; {shards:,} shards were not read to their end: see notifier audit")
