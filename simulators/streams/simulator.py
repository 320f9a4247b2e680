"""The simulator put together: one request in, one answer out."""

from collections.abc import Callable
from functools import partial

from simulators.http.messages import Request
from simulators.http.replies import Delayed, Reply
from simulators.streams import control
from simulators.streams.behaviour import Behaviour
from simulators.streams.control import Control
from simulators.streams.errors import ApiError, error_response
from simulators.streams.operations import Api
from simulators.streams.state import SimulatorState


class Simulator:
    def __init__(self, behaviour: Behaviour) -> None:
        self.world = SimulatorState(behaviour)
        self._api = Api(self.world)
        self._control = Control(self.world)

    def handle(self, request: Request) -> Reply:
        if request.path.startswith(control.PATH):
            return self._guarded(partial(self._control.answer, request))
        return self._guarded(partial(self._api.answer, request))

    def _guarded(self, answer: Callable[[], Reply]) -> Reply:
        try:
            given = answer()
        except ApiError as error:
            self.world.tally.errors[error.code] += 1
            return error_response(error)
        return Delayed(given.seconds, partial(self._guarded, given.then)) if isinstance(given, Delayed) else given
