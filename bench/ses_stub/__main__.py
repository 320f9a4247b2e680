"""`python -m bench.ses_stub PORT_FILE`: serve on 127.0.0.1 until SIGTERM or SIGINT."""

import asyncio
import sys
from pathlib import Path

from bench.ses_stub.api import Api
from sandbox.http.serve import serve_until_stopped

if __name__ == "__main__":
    asyncio.run(serve_until_stopped(Api().answer, "127.0.0.1", 0, Path(sys.argv[1])))
