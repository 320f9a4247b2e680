"""Takes over saved changes: new processes with the new code, if it can be loaded; until then the old ones go on."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from notifier.errors import NotifierError
from sandbox.embedded.processes import Child
from sandbox.system import System
from sandbox.up.spare import ROLES, Spare
from sandbox.up.watch import Watch

_SLOW_SECONDS = 15.0
_LONG_SECONDS = 2.0
"""A save that is taken over within this time gets one line, any other one a line before."""
_NOTICE_SECONDS = 1.0
_RESPAWN_SECONDS = 0.5
_RESERVE_SECONDS = 3.0
"""New spares are started so long after others began to run, and a second pair so long after that: those that run need
the processor first. With two pairs a second save that follows at once does not wait until libraries are imported.
"""
_PAUSE_SECONDS = 0.1
_SHORT_PAUSE_SECONDS = 0.03


class Reloader:
    """Runs bridge and worker of a system, and replaces them when the user's code changes.

    A bridge and a worker stand by as spares, and another pair in reserve. After a change the spares load the code. If
    that fails, they are replaced, and nothing else happens. Otherwise the old processes are stopped as for any
    deployment: they finish what they have begun, give the rest back, and end before the new ones begin; these connect
    and check meanwhile. So from then on only the new code runs, and what is written meanwhile waits in the stream and
    in Postgres. `follows_tables`: tables of the routes are read. `running` are bridge and worker, once they began.
    `switched` is called each time that new processes begin.
    """

    def __init__(self, system: System, *, follows_tables: bool, switched: Callable[[], None]) -> None:
        self._system = system
        self._switched = switched
        self._follows_tables = follows_tables
        self._watch = Watch()
        self.running: list[Child] = []
        self._ended_at: float | None = None
        self._waits_for_save = False
        self._spares = self._new_pair()
        self._reserve: list[Spare] = []
        self._respawn_at: float | None = None
        self._good_files: set[str] = set()
        self._changed: list[str] = []
        self._since: float | None = time.monotonic()
        self._was_said = False
        self._slow_at = time.monotonic() + _SLOW_SECONDS
        self._load()

    def step(self) -> Iterator[str]:
        """Do what is due. Yield a line for each thing that the user should know. To be called every `pause` seconds.

        Raise NotifierError if the code cannot be loaded the first time.
        """
        if changed := self._watch.changed():
            self._begin(changed)
        if self._since is not None:
            yield from self._continue(self._since)
        else:
            self._check()
        if self._since is None and self._respawn_at is not None and time.monotonic() > self._respawn_at:
            self._respawn()

    @property
    def pause(self) -> float:
        """Seconds until the next `step`: fewer while a change is taken over."""
        return _PAUSE_SECONDS if self._since is None and self._watch.is_settled else _SHORT_PAUSE_SECONDS

    def _check(self) -> None:
        """Raise NotifierError if a process has ended, and not because the code changed after it was loaded.

        A process checks the code again when it begins. If that has changed, `Watch` will say so within a second.
        """
        ended = [each for each in self.running if each.exit_code is not None]
        if not ended or self._waits_for_save:
            self._ended_at = None
        elif self._ended_at is None:
            self._ended_at = time.monotonic()
        elif time.monotonic() > self._ended_at + _NOTICE_SECONDS:
            ended[0].check()

    def close(self) -> None:
        """End the processes that stand by."""
        self._discard()
        for spare in self._reserve:
            spare.discard()

    def _begin(self, changed: list[str]) -> None:
        if self._since is not None:  # what is being loaded is outdated
            self._discard()
        self._changed = sorted({*self._changed, *changed})
        if self._since is None:
            self._since, self._was_said = time.monotonic(), False
        self._slow_at = time.monotonic() + _SLOW_SECONDS
        self._take_reserve()
        self._load()

    def _load(self) -> None:
        for spare in self._spares:
            spare.load(self._environment(spare.role))

    def _continue(self, since: float) -> Iterator[str]:
        answers = [spare.answer() for spare in self._spares]
        complete = [each for each in answers if each is not None]
        if len(complete) < len(answers):
            if self._changed and not self._was_said and time.monotonic() > since + _LONG_SECONDS:
                self._was_said = True
                yield f"{', '.join(self._changed)}: saved; the new version is being loaded"
            if not all(spare.has_imported for spare in self._spares):
                self._slow_at = time.monotonic() + _SLOW_SECONDS
            elif time.monotonic() > self._slow_at:
                self._slow_at = float("inf")
                yield f"the routes are still loading after {_SLOW_SECONDS:g} seconds: what does your module wait for?"
            return
        names, self._changed, self._since = ", ".join(self._changed), [], None
        self._watch_files(complete)
        if error := next((each["error"] for each in complete if "error" in each), None):
            self._discard()
            if not self.running:
                raise NotifierError(error)
            self._take_reserve()
            self._waits_for_save = any(each.exit_code is not None for each in self.running)
            now = "Nothing is sent until then" if self._waits_for_save else "The last good version goes on"
            yield f"{names} not taken over: {error}\nCorrect the file and save it. {now}."
            return
        self._switch(complete[0])
        if names:
            yield f"{names}: taken over in {time.monotonic() - since:.1f} s"

    def _watch_files(self, answers: list[dict[str, Any]]) -> None:
        files = {file for each in answers for file in each["files"]}
        templates = next((Path(each["templates"]) for each in answers if "templates" in each), None)
        if not any("error" in each for each in answers):
            self._good_files = files
        watched = files | self._good_files
        folders = {Path.cwd(), *(Path(file).parent for file in watched)}
        self._watch.set(watched, folders=folders, templates=templates)

    def _switch(self, found: dict[str, Any]) -> None:
        if self._follows_tables:
            self._system.options["NOTIFIER_TABLES"] = ",".join(found["tables"])
        for table in self._system.settings.tables:
            self._system.table(table).create()
        self._switched()
        for old in self.running:
            old.ask_to_stop()
        words = {"bridge": ("bridge",), "worker": ("worker", *found["channels"])}
        for spare in self._spares:
            spare.start(*words[spare.role])
        for old in self.running:
            old.stop()
            self._system.children.remove(old)
        self.running = [spare.begin() for spare in self._spares]
        for new in self.running:
            self._system.add(new)
        self._spares, self._waits_for_save = [], False
        self._respawn_at = time.monotonic() + _RESPAWN_SECONDS

    def _environment(self, role: str) -> dict[str, str]:
        given = self._system.environment
        return given | {"NOTIFIER_METRICS_PORT": "0"} if role == "worker" else given

    def _respawn(self) -> None:
        """Start spares if there are none, else the reserve if there is none."""
        self._respawn_at = None
        if not self._spares:
            self._take_reserve()
        elif not self._reserve:
            self._reserve = self._new_pair()

    def _take_reserve(self) -> None:
        if not self._spares:
            self._spares, self._reserve = self._reserve or self._new_pair(), []
        if not self._reserve:
            self._respawn_at = time.monotonic() + _RESERVE_SECONDS

    def _new_pair(self) -> list[Spare]:
        return [Spare(self._system, role) for role in ROLES]

    def _discard(self) -> None:
        for spare in self._spares:
            spare.discard()
        self._spares = []
