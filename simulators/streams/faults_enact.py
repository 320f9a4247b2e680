"""What a fault does to one call: refuse it, or spoil its answer. Reading changes nothing, so it can be done first."""

from collections.abc import Callable

from simulators.http.answers import Answer, Cut, Hang, Later, Partial, Response
from simulators.streams.faults.plan import Rule

Work = Callable[[], Response]


def enact(rule: Rule | None, work: Work, nothing: Work) -> Answer:
    """Answer one call: with what `work` makes, or for an empty page `nothing`. Raises ApiError."""
    if rule is None:
        return work()
    if (error := rule.refusal()) is not None:
        raise error
    match rule.kind:
        case "empty":
            return nothing()
        case "slow":
            return Later(rule.options["seconds"], work)
        case "cut":
            return Cut()
    return _spoil(rule, work())


def _spoil(rule: Rule, answer: Response) -> Answer:
    match rule.kind:
        case "lost":
            return Cut()
        case "hang":
            return Hang()
        case "truncated" if rule.options["body"] == "broken":
            return answer._replace(body=answer.body[: len(answer.body) // 2])
        case "truncated":
            return Partial(answer)
    raise AssertionError(f"a fault without a meaning: {rule.kind}")
