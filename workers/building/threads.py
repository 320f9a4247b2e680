"""Threads for work that waits. Unlike those of `concurrent.futures` they do not hold up the end of the process."""

import threading
from collections import deque
from collections.abc import Callable, Collection

Job = Callable[[], None]


class Threads:
    """At most `limit` of them, started when they are needed and kept. A job must not raise.

    A thread that is given up does not count: another may take its place, up to `spare` of them.
    """

    def __init__(self, limit: int, name: str, spare: int = 0) -> None:
        self._limit = limit
        self._spare = spare
        self._name = name
        self._jobs: deque[Job] = deque()
        self._news = threading.Condition()
        self._alive = 0
        self._idle = 0
        self._started = 0
        self._at: dict[int, Job] = {}
        self._given_up: set[int] = set()

    def submit(self, job: Job) -> None:
        """Run it as soon as a thread is free."""
        with self._news:
            self._jobs.append(job)
            self._staff()
            self._news.notify()

    def withdraw(self, job: Job) -> None:
        """Start it no more where it still waits for a thread."""
        with self._news:
            self._jobs = deque(each for each in self._jobs if each != job)

    def give_up(self, threads: Collection[int], job: Job) -> None:
        """Do without those of the threads, named by their idents, that run this job: they end with it."""
        with self._news:
            self._given_up.update(each for each in threads if self._at.get(each) == job)
            self._staff()

    def _staff(self) -> None:
        while len(self._jobs) > self._idle and self._counted() < self._limit:
            self._alive += 1
            self._idle += 1
            self._started += 1
            threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()

    def _counted(self) -> int:
        return self._alive - min(len(self._given_up), self._spare)

    def _work(self) -> None:
        while job := self._next():
            job()

    def _next(self) -> Job | None:
        """None where another has taken this thread's place."""
        me = threading.get_ident()
        with self._news:
            if self._at.pop(me, None):
                self._given_up.discard(me)
                if self._counted() > self._limit:
                    self._alive -= 1
                    return None
                self._idle += 1
            self._news.wait_for(lambda: self._jobs)
            self._idle -= 1
            job = self._at[me] = self._jobs.popleft()
            return job
