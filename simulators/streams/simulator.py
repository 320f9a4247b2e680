"""The simulator put together: one request in, one answer out."""

from collections.abc import Callable
from functools import partial

from simulators.http.answers import Answer, Later
from simulators.http.wire import Request
from simulators.streams.api.operations import Api
from simulators.streams.behaviour import Behaviour
from simulators.streams.errors import ApiError, error_response
from simulators.streams.faults import control
from simulators.streams.faults.control import Control
from simulators.streams.world import World


class Simulator:
    def __init__(self, behaviour: Behaviour) -> None:
        self.world = World(behaviour)
        self._api = Api(self.world)
        self._control = Control(self.world)

    def handle(self, request: Request) -> Answer:
        if request.path.startswith(control.PATH):
            return self._guarded(partial(self._control.answer, request))
        return self._guarded(partial(self._api.answer, request))

    def _guarded(self, answer: Callable[[], Answer]) -> Answer:
        try:
            given = answer()
        except ApiError as error:
            self.world.tally.errors[error.code] += 1
            return error_response(error)
        return Later(given.seconds, partial(self._guarded, given.then)) if isinstance(given, Later) else given
