"""What a fault does to one call: refuse it, or spoil its answer. Reading changes nothing, so it can be done first."""

from collections.abc import Callable

from simulators.http.replies import Delayed, NoReply, Reply, Reset, Response, Truncated
from simulators.streams.faults import Rule

Work = Callable[[], Response]


def apply_fault(rule: Rule | None, work: Work, nothing: Work) -> Reply:
    """Answer one call: with what `work` makes, or for an empty page `nothing`. Raises ApiError."""
    if rule is None:
        return work()
    if (error := rule.refusal()) is not None:
        raise error
    match rule.kind:
        case "empty":
            return nothing()
        case "slow":
            return Delayed(rule.options["seconds"], work)
        case "cut":
            return Reset()
    return _spoil(rule, work())


def _spoil(rule: Rule, answer: Response) -> Reply:
    match rule.kind:
        case "lost":
            return Reset()
        case "hang":
            return NoReply()
        case "truncated" if rule.options["body"] == "broken":
            return answer._replace(body=answer.body[: len(answer.body) // 2])
        case "truncated":
            return Truncated(answer)
    raise AssertionError(f"a fault without a meaning: {rule.kind}")
