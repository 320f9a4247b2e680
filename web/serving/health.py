"""The addresses /healthz and /readyz. They need no login, and their answers have no details: the log has them."""

from dataclasses import dataclass

import anyio.to_thread
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifier.database.engine import Engine
from notifier.database.errors import DatabaseError, cause
from notifier.database.schema import check_schema
from notifier.errors import NotifierError

log = structlog.get_logger(__name__)

PATHS = ("/healthz", "/readyz")


@dataclass(frozen=True)
class Health:
    """Whether the process answers, and whether it can show pages. `name` is what the log calls it."""

    engine: Engine
    threads: anyio.CapacityLimiter
    name: str = "console"

    def routes(self) -> list[Route]:
        return [Route(PATHS[0], self.alive), Route(PATHS[1], self.ready)]

    async def alive(self, request: Request) -> Response:  # noqa: ARG002
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> Response:  # noqa: ARG002
        """200 if the database answers and has this program's schema, else 503; the log has the reason."""
        try:
            await anyio.to_thread.run_sync(check_schema, self.engine, limiter=self.threads)
        except NotifierError as error:
            return self._unready(str(error))
        except DatabaseError as error:
            return self._unready(cause(error))
        return JSONResponse({"status": "ok"})

    def _unready(self, reason: str) -> Response:
        log.warning("the web server is not ready", name=self.name, reason=reason)
        return JSONResponse({"status": "not ready: the log says why"}, 503)
