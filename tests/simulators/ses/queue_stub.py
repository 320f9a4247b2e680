"""A stub of SQS with the call SendMessageBatch, which can be stopped, refuse messages, or never answer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread

NAME = "/000000000000/ses-events"


class QueueStub(ThreadingHTTPServer):
    """`messages` are the decoded bodies in order of arrival; `failures` are ids of the next batch to refuse."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}{NAME}"
        self.lock = Lock()
        self.messages: list[dict] = []
        self.batches: list[int] = []
        self.status = 200
        self.failures: dict[str, bool] = {}
        self.answering = Event()
        self.answering.set()

    def kinds(self) -> list[str]:
        return [message["eventType"] for message in self.messages]

    def of(self, kind: str) -> dict:
        [event] = [message for message in self.messages if message["eventType"] == kind]
        return event


class Handler(BaseHTTPRequestHandler):
    server: QueueStub
    protocol_version = "HTTP/1.1"
    timeout = 20

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.answering.wait(20)
        assert self.headers["X-Amz-Target"] == "AmazonSQS.SendMessageBatch"
        assert request["QueueUrl"].endswith(NAME)
        with self.server.lock:
            status, answer = self.take(request["Entries"])
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def take(self, entries: list[dict]) -> tuple[int, dict]:
        if self.server.status != 200:
            return self.server.status, {}
        failures, self.server.failures = self.server.failures, {}
        taken = [entry for entry in entries if entry["Id"] not in failures]
        self.server.batches.append(len(entries))
        self.server.messages += [json.loads(entry["MessageBody"]) for entry in taken]
        failed = [
            {"Id": entry["Id"], "SenderFault": failures[entry["Id"]]} for entry in entries if entry not in taken
        ]
        return 200, {"Successful": [{"Id": entry["Id"]} for entry in taken], "Failed": failed}

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def queue_stub(port: int = 0) -> Iterator[QueueStub]:
    with QueueStub(port) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.answering.set()
            server.shutdown()
            thread.join()
