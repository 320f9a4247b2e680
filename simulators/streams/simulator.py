"""The streams simulator as a whole: a request goes in, a reply comes out."""

from functools import partial

from simulators.http.messages import Request
from simulators.http.replies import Reply, Response
from simulators.shared import control
from simulators.shared.errors import ApiError, catch_errors
from simulators.streams.behaviour import Behaviour
from simulators.streams.control import StreamsControl
from simulators.streams.errors import error_response
from simulators.streams.operations import Api
from simulators.streams.state import SimulatorState


class Simulator:
    """Answers all requests to the simulator."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.state = SimulatorState(behaviour)
        self._api = Api(self.state)
        self._control = StreamsControl(self.state)

    def handle(self, request: Request) -> Reply:
        answer = self._control.answer if request.path.startswith(control.PATH) else self._api.answer
        return catch_errors(partial(answer, request), self._error_response)

    def _error_response(self, error: ApiError) -> Response:
        self.state.call_counts.errors[error.code] += 1
        return error_response(error)
