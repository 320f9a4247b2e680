"""A person who is erased is found nowhere in a dump of the database, others are, and every count stays."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DatabaseError

from notifier.errors import UsageError
from notifier.notifications import Status
from notifier.operating.person import person_of
from notifier.outbox import (
    Attempts,
    ChannelStates,
    Erasure,
    ErasureKeys,
    LimitedRecipient,
    OptOuts,
    Person,
    Recipient,
    Report,
    Retention,
    Search,
    Selection,
    Suppressions,
)
from notifier.outbox import records as wire
from notifier.outbox.erasure import erasure as module
from notifier.outbox.history.listing import list_a_part
from notifier.outbox.roles import grant_roles
from sandbox.embedded.postgres_programs import postgres_programs
from tests.notifier.cli.in_process import Notifier, notifier
from tests.outbox.history.history import OLD, at, day, settled
from tests.outbox.rows import Rows
from tests.outbox.search.items import record_of, recorded, sent
from tests.outbox.test_lock_order import start, threads

__all__ = ["notifier", "threads"]

ANA, JOANA = "ana.berg@example.com", "joana.berg@example.com"
KEYS = ErasureKeys(("new", "old"))
DETAIL = f"LookupError: no user Ana.Berg@example.com <{ANA}>"


def dump(rows: Rows) -> str:
    """All tables without the indexes, as text: bytes are written as hex."""
    found = []
    with rows.engine.connect() as connection:
        tables = connection.execute(
            text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace")
        ).scalars()
        for table in tables.all():
            found += [f"{table}: {row}" for row in connection.execute(text(f"SELECT * FROM {table}"))]
    return "\n".join(found).lower()


def everywhere(rows: Rows) -> dict[str, list[UUID]]:
    """Put both people into every table and column that may hold an address or free text."""
    made: dict[str, list[UUID]] = {}
    for who in (ANA, JOANA):
        old = sent(rows, recorded(rows, [record_of(f"user#{who}", "a", to=who)] * 3, at=at(3)), who)
        new = sent(
            rows, recorded(rows, [record_of("user#1", "b", to=who.upper())]), who, Status.FAILED, f"550 <{who}>"
        )
        mention = sent(rows, recorded(rows, [record_of("user#2", friend=f"mailto:{who}")]), "bo@example.com")
        made[who] = [*old, *new, *mention]
        for id_ in made[who]:
            rows.run(
                "INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor, detail) "
                "VALUES (:id, 'pending', 'pending', 0, 'w', :detail)",
                id=id_, detail=DETAIL.replace(ANA, who).replace("Ana.Berg@example.com", who.title()),
            )  # fmt: skip
            rows.run(
                "INSERT INTO feedback (notification_id, message_id, kind, occurred_at, attempt, detail) "
                "VALUES (:id, 'm', 'bounce', now(), 1, :detail)",
                id=id_, detail=f"smtp; 550 5.1.1 <{who}>... no such user",
            )  # fmt: skip
        rows.run(
            "INSERT INTO unmatched_feedback (message_id, kind, occurred_at, reason, recipient, detail) "
            "VALUES (:m, 'bounce', now(), 'none', :who, :who)",
            m=f"m-{made[who][0]}", who=who,
        )  # fmt: skip
        rows.run("INSERT INTO dead_letters (raw, error) VALUES (:raw, :who)", raw=f"<{who}>".encode(), who=who)
        Suppressions(rows.engine, actor="eva").add("email", who, reason="complaint", note=f"{who} called")
        ChannelStates(rows.engine, actor="eva").pause("sms", f"because of {who}")
        quarantine(rows, who)
    return made


def quarantine(rows: Rows, who: str) -> None:
    rows.run(
        "INSERT INTO quarantine (shard, sequence_number, record, error) VALUES (:shard, :who, :record, :error)",
        shard=rows.lease.shard, who=f"after {who[:3]}", record=record_of(who) + b"\xff", error=f"odd: {who}",
    )  # fmt: skip
    rows.run("UPDATE shards SET records_read = records_read + 1, records_quarantined = records_quarantined + 1")


def erased(rows: Rows, **options: bool) -> int:
    *_, last = Erasure(rows.engine, actor="eva", keys=KEYS).run(person_of(f" {ANA.upper()} "), "asked", **options)
    return last.notifications


def test_nothing_of_the_person_is_left_and_all_of_others(rows: Rows, retention: Retention) -> None:
    made = everywhere(rows)
    settled(retention)
    before = Report(rows.engine).totals()
    assert ANA in dump(rows)

    assert erased(rows) == 5
    found = dump(rows)
    assert [line for line in found.splitlines() if ANA in line.replace(JOANA, "")] == []
    assert ANA.encode().hex() not in found.replace(JOANA.encode().hex(), "")
    assert found.count(JOANA) >= 20
    assert (Report(rows.engine).totals(), rows.balanced()) == (before, True)
    search = Search(rows.engine, budget=None)
    assert search.ids(Selection(recipients=[ANA])) == search.ids(Selection(keys=[f"user#{ANA}"])) == []
    assert sorted(search.ids(Selection(recipients=[JOANA]))) == sorted(made[JOANA][:4])
    assert rows.delivery(made[ANA][4])["recipient"] == "bo@example.com"
    assert erased(rows) == 0  # twice
    journal = rows.all("SELECT action, scope, deliveries FROM operations WHERE action = 'erase' ORDER BY id")
    assert [row["deliveries"] for row in journal] == [0, 5, 0, 0]
    assert journal[0]["scope"].startswith("erased:")


def test_a_dry_run_changes_nothing(rows: Rows) -> None:
    everywhere(rows)
    before = dump(rows)
    *_, counted = Erasure(rows.engine, actor="eva", keys=KEYS).count(person_of(ANA))
    assert (counted.notifications, counted.open) == (5, [])
    assert {"suppressions", "dead_letters", "quarantine", "unmatched_feedback"} <= counted.rows.keys()
    assert dump(rows) == before


def test_the_suppression_holds_by_its_hash_also_after_the_key_is_rotated(rows: Rows) -> None:
    Suppressions(rows.engine, actor="eva").add("email", ANA, reason="complaint")
    *_, _ = Erasure(rows.engine, actor="eva", keys=ErasureKeys(("old",))).run(person_of(ANA), "asked")
    assert ANA not in dump(rows)
    for keys, begun in ((ErasureKeys(), 1), (ErasureKeys(("other",)), 1), (KEYS, 0)):
        (id_,) = recorded(rows, [b"{}"])
        attempts = Attempts(rows.engine, channel="email", worker="w", erasure_keys=keys)
        result = attempts.begin(attempts.token(), [Recipient(id_, ANA), Recipient(id_, ANA)][:1], 60)
        assert (len(result.begun), len(result.suppressed)) == (begun, 1 - begun)


def test_without_a_key_a_suppressed_person_is_not_erased(rows: Rows) -> None:
    everywhere(rows)
    before = dump(rows)
    with pytest.raises(Exception, match="NOTIFIER_ERASURE_KEYS"):
        list(Erasure(rows.engine, actor="eva", keys=ErasureKeys()).run(person_of(ANA), "asked"))
    assert dump(rows) == before


def test_what_waits_is_named_and_cancelled_only_if_asked(rows: Rows) -> None:
    (waiting,) = recorded(rows, [record_of("user#1", to=ANA)])
    unknown = rows.in_status(Status.UNKNOWN, recipient=ANA)
    erasure = Erasure(rows.engine, actor="eva", keys=KEYS)

    *_, done = erasure.run(person_of(ANA), "asked")
    assert (done.notifications, sorted(done.open)) == (0, sorted([waiting, unknown]))
    assert rows.status(waiting) is Status.PENDING
    *_, done = erasure.run(person_of(ANA), "asked", cancel=True)
    assert (done.notifications, done.open) == (1, [unknown])
    assert rows.status(waiting) is Status.CANCELLED
    assert rows.one("SELECT record FROM notifications WHERE notification_id = :id", id=waiting)["record"] == (
        b'{"erased": true}'
    )
    assert rows.delivery(unknown)["recipient"] == ANA


ERASE = """
import sys
from notifier.operating.person import person_of
from notifier.database.engine import connect
from notifier.outbox import Erasure, ErasureKeys
from notifier.outbox.erasure import erasure
erasure._PART = 5
erasing = Erasure(connect(sys.argv[1]), actor="eva", keys=ErasureKeys(("new",)))
for done in erasing.run(person_of(sys.argv[2]), "asked"):
    print(done.notifications, flush=True)
"""


def test_killed_in_the_middle_and_run_again_no_trace_is_left(
    rows: Rows, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PART", 5)
    for ago in (2, 3, 4):
        sent(rows, recorded(rows, [record_of("user#1", to=ANA)] * 30, at=at(ago)), ANA)
        sent(rows, recorded(rows, [record_of("user#2", to=JOANA)] * 30, at=at(ago) + 60_000), JOANA)
    Suppressions(rows.engine, actor="eva").add("email", ANA, reason="complaint")
    command = [sys.executable, "-c", ERASE, database_url, ANA]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert int(child.stdout.readline()) == 30  # after the first of three days
        child.kill()
    left = rows.one("SELECT count(*) AS n FROM deliveries WHERE recipient = :ana", ana=ANA)["n"]
    assert 0 < left < 90
    assert rows.balanced()

    assert erased(rows) <= left
    url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    done = subprocess.run([postgres_programs() / "pg_dump", url], capture_output=True, text=True, check=True)
    assert ANA not in done.stdout.replace(JOANA, "")
    assert ANA.encode().hex() not in done.stdout.replace(JOANA.encode().hex(), "")
    assert done.stdout.count(JOANA) >= 90
    assert rows.balanced()


@pytest.mark.parametrize(
    ("given", "channel"),
    [("\u200b" * 6, ""), ("\u200b" * 6, "apns"), ("ab" + "\u200b" * 6, "push"), (" " * 6, "email")],
)
def test_an_address_of_unseen_characters_is_refused(rows: Rows, given: str, channel: str) -> None:
    sent(rows, recorded(rows, [record_of("user#1", friend="ab")]), ANA)
    before = dump(rows)
    with pytest.raises(UsageError, match="text of others"):
        list(Erasure(rows.engine, actor="eva", keys=KEYS).run(person_of(given, channel), "asked"))
    assert dump(rows) == before


@pytest.mark.parametrize("spelling", ["", "ab", "\u200babcd\u200b"])
def test_a_channel_that_spells_an_address_as_almost_nothing_is_refused(rows: Rows, spelling: str) -> None:
    """Of any channel, also of another package: an empty text stands in every one."""
    sent(rows, recorded(rows, [record_of("user#1")]), ANA)
    before = dump(rows)
    with pytest.raises(UsageError, match=r"pager: .* name the channel"):
        list(
            Erasure(rows.engine, actor="eva", keys=KEYS).run(
                Person(ANA, ["email", "pager"], [ANA, spelling]), "asked"
            )
        )
    assert dump(rows) == before


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (wire.write({"text": f"write to:\n{ANA}\n"}), True),
        (wire.write({"text": f"\t{ANA}."}), True),
        (json.dumps({"text": f"\N{EM DASH}{ANA}"}).encode(), True),
        (f"https://a.example/?next=%2Fjoin%3Fto%3D{ANA.replace('@', '%40')}".encode(), True),
        (wire.write({"text": f"n{ANA}"}), False),
        (wire.write({"text": f"a+{ANA}"}), False),
        (f"https://a.example/{ANA}.br".encode(), False),
    ],
)
def test_an_address_behind_an_escape_is_found(rows: Rows, content: bytes, found: bool) -> None:
    person = person_of(ANA)
    asked = "SELECT mentions(CAST(:content AS bytea), :likes, :pattern) AS found"
    assert rows.one(asked, content=content, likes=person.likes, pattern=person.pattern)["found"] is found


def test_an_address_in_json_of_ascii_is_found(rows: Rows) -> None:
    who = "jürgen@example.com"
    person = Person(who, ["email"], [who])
    asked = "SELECT mentions(CAST(:content AS bytea), :likes, :pattern) AS found"
    content = json.dumps({"to": who}).encode()
    assert rows.one(asked, content=content, likes=person.likes, pattern=person.pattern)["found"]


CAPITALS = "jÜRGEN.B+x@Example.COM"


@pytest.mark.parametrize("form", [CAPITALS, json.dumps(CAPITALS)[1:-1], quote(CAPITALS), quote(CAPITALS, safe="@")])
def test_capitals_that_are_not_in_ascii_are_found_also_where_the_locale_is_c(rows: Rows, form: str) -> None:
    who = CAPITALS.lower()
    person = Person(who, ["email"], [who])
    values = {"likes": person.likes, "pattern": person.pattern}
    asked = 'SELECT mentions(CAST(:content AS text) COLLATE "C", CAST(:likes AS text[]), :pattern) AS found'
    assert rows.one(asked, content=f"to: <{form}>", **values)["found"]
    assert not rows.one(asked, content=f"to: <a{form}>", **values)["found"]
    asked = "SELECT mentions(CAST(:content AS bytea), :likes, :pattern) AS found"
    assert rows.one(asked, content=b"\xff " + form.encode(), **values)["found"]  # bytes that are no text


def test_terms_that_are_listed_meanwhile_are_erased(rows: Rows, threads: ThreadPoolExecutor) -> None:
    sent(rows, recorded(rows, [record_of(f"user#{ANA}")], at=at(3)), ANA)
    with rows.engine.connect() as lister:
        assert list_a_part(lister)  # sets the triggers
        lister.commit()
        assert list_a_part(lister)  # lists the terms, and does not commit yet
        erasing = start(rows, threads, lambda: erased(rows))
        lister.commit()
    assert erasing.result() == 1
    assert rows.all("SELECT * FROM search_terms") == []


def test_a_day_that_is_half_dropped_is_passed_over(rows: Rows) -> None:
    sent(rows, recorded(rows, [record_of("user#1", to=ANA)]), ANA)
    recorded(rows, [b"{}"], at=at(OLD))
    suffix = f"{day(OLD):%Y%m%d}"
    rows.run(f"DELETE FROM deliveries_{suffix}")
    rows.run(f"DROP TABLE feedback_{suffix}")  # killed after the first of four tables

    assert erased(rows) == 1


def test_a_suppression_of_a_channel_that_is_not_named_is_hashed(rows: Rows) -> None:
    Suppressions(rows.engine, actor="eva").add("fax", ANA, reason="manual")
    assert erased(rows) == 0
    assert ANA not in dump(rows)
    assert rows.one("SELECT address FROM suppressions")["address"] == KEYS.hashes("fax", ANA)[0]


@pytest.mark.parametrize("role", ["bridge", "worker", "feedback", "console"])
def test_only_operators_may_erase(rows: Rows, role: str) -> None:
    grant_roles(rows.engine)
    with rows.engine.connect() as connection:
        connection.execute(text(f"SET LOCAL ROLE notifier_{role}"))
        with pytest.raises(DatabaseError, match="permission denied"):
            connection.execute(text("SELECT erase_elsewhere('{}', '{}', '{}', '{}', 'x', false)"))


def test_the_command_says_what_it_did(rows: Rows, notifier: Notifier) -> None:
    sent(rows, recorded(rows, [record_of("user#1", to=ANA)] * 2), ANA)
    waiting = recorded(rows, [record_of("user#1", to=ANA)])

    dry = notifier("erase", ANA, "--reason", "asked", "--dry-run")
    assert "would erase: 2 notifications" in dry.stdout
    done = notifier("erase", ANA, "--reason", "asked")
    assert (done.returncode, "1 stay: they" in done.stderr) == (1, True)
    assert notifier("erase", ANA, "--reason", "asked", "--cancel", "--json").returncode == 0
    assert rows.status(waiting[0]) is Status.CANCELLED
    assert notifier("erase", "ana", "--reason", "asked").returncode == 2
    assert ANA not in dump(rows)


def test_the_places_that_a_person_has_of_limits_are_deleted(rows: Rows) -> None:
    limited = [
        LimitedRecipient(id_, "route a", to, 1, 60.0) for id_, to in zip(rows.pending(2), (ANA, JOANA), strict=True)
    ]
    attempts = rows.attempts()
    attempts.begin(attempts.token(), [Recipient(each.id, each.address) for each in limited], 60.0, limited=limited)
    erasure = Erasure(rows.engine, actor="eva", keys=KEYS)
    ana = person_of(ANA)

    assert list(erasure.count(ana))[-1].rows["limit_places"] == 1
    assert list(erasure.run(ana, "she asked for it"))[-1].rows["limit_places"] == 1

    left = rows.all("SELECT ids FROM limit_places")
    assert left == [{"ids": [limited[1].id]}]


@pytest.mark.parametrize("known", [True, False])
def test_an_opt_out_beside_a_graver_reason_outlives_the_erasure(rows: Rows, known: bool) -> None:
    """Also if the hash of an earlier erasure is suppressed: by its opt-out, which the graver reason then replaces."""
    opt_outs = OptOuts(rows.engine, actor="preferences", erasure_keys=KEYS)
    suppressions = Suppressions(rows.engine, actor="eva", erasure_keys=KEYS)
    opt_outs.change("email", ANA, leave=["news"])
    if known:
        erased(rows)
    suppressions.add("email", ANA, topic="news", reason="manual")
    erased(rows)
    (row,) = rows.all("SELECT address, reason, opted_out FROM suppressions")
    assert row == {"address": KEYS.hashes("email", ANA)[0], "reason": "manual", "opted_out": True}
    assert opt_outs.read("email", ANA) == {"news"}
    assert suppressions.remove("email", ANA, topic="news") == 1
    assert opt_outs.read("email", ANA) == {"news"}
