"""The journal is complete, is written before the response, and survives the process."""

import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from tests.simulators.ses.simulator import entry, simulator


def test_a_line_describes_the_accepted_mail(ses):
    answer = ses.send("Ann <ann@example.com>", "n1", ConfigurationSetName="main")
    [line] = ses.lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "message_id": answer["MessageId"],
        "nid": "n1",
        "att": "1",
        "to": "ann@example.com",
        "subject": "Hello",
        "configuration_set": "main",
        "tags": {"nid": "n1", "att": "1"},
    }


def test_copies_of_a_notification_are_counted_and_shown(ses):
    ids = [ses.send(nid="n1")["MessageId"] for _ in range(3)]
    ses.send(nid="n2")
    ses.send(EmailTags=[])
    found = ses.request("/_sim/messages?nid=n1")
    assert (found["nid"], found["copies"]) == ("n1", 3)
    assert [line["message_id"] for line in found["messages"]] == ids
    assert ses.request("/_sim/messages?nid=n2")["copies"] == 1
    assert ses.request("/_sim/messages?nid=never") == {"nid": "never", "copies": 0, "messages": []}
    assert ses.request("/_sim/duplicates") == {"duplicated_nids": 1, "copies": {"n1": 3}}
    counts = ses.counts()
    assert {name: counts[name] for name in ("accepted", "distinct_nids", "duplicated_nids", "without_nid")} == {
        "accepted": 5,
        "distinct_nids": 2,
        "duplicated_nids": 1,
        "without_nid": 1,
    }
    assert (counts["requests"], counts["refused"]) == (5, 0)


def test_many_recipients_are_many_lines_and_one_copy(ses):
    ses.send(Destination={"ToAddresses": ["a@example.com", "b@example.com"], "BccAddresses": ["c@example.com"]})
    ses.send(nid="n2")
    assert len({line["message_id"] for line in ses.lines()[:3]}) == 1
    found = ses.request("/_sim/messages?nid=n1")
    assert (found["copies"], [line["to"][0] for line in found["messages"]]) == (1, ["a", "b", "c"])
    assert (ses.counts()["accepted"], ses.counts()["messages"]) == (4, 2)


def test_the_journal_survives_sigkill_and_is_counted_again(tmp_path):
    journal = tmp_path / "journal.jsonl"
    with simulator(journal, "--fsync") as ses:
        ses.send(nid="n1")
        ses.send(nid="n1", Destination={"ToAddresses": ["a@example.com", "b@example.com"]})
        ses.bulk(entry(nid="n2"), entry(nid="n3"))
        before = ses.counts()
        ses.process.kill()
        ses.process.wait()
    with journal.open("ab") as file:
        file.write(b'{"time": "torn')
    with simulator(journal) as ses:
        names = ("accepted", "messages", "distinct_nids", "duplicated_nids", "without_nid")
        assert [ses.counts()[name] for name in names] == [before[name] for name in names] == [5, 4, 3, 1, 0]
        ses.send(nid="n3")
        assert [len(ses.request(f"/_sim/messages?nid=n{n}")["messages"]) for n in (1, 2, 3)] == [3, 1, 2]
        assert len(ses.lines()) == 6


def test_a_mail_that_cannot_be_written_is_not_accepted(tmp_path):
    """The process may write 4 KB to a file, as if the disk were full then."""
    journal = tmp_path / "journal.jsonl"
    with simulator(journal) as ses:
        limit = f"import resource; resource.prlimit({ses.process.pid}, resource.RLIMIT_FSIZE, (4096, 4096))"
        subprocess.run([sys.executable, "-c", limit], check=True)
        accepted = 0
        while (status := send_status(ses)) == 200:
            accepted += 1
        assert status == 500
        assert 0 < accepted == len(ses.lines()) == ses.counts()["accepted"]
        assert ses.request("/_sim/messages?nid=n1")["copies"] == accepted


@pytest.mark.parametrize("content", [b'{"a": 1}\n', b"no json\n"])
def test_another_file_is_not_taken_for_a_journal(tmp_path, content):
    other = tmp_path / "other"
    other.write_bytes(content)
    ended = start(other)
    assert (ended.returncode, "is no journal" in ended.stderr) == (1, True)
    assert other.read_bytes() == content


def test_a_journal_has_one_writer(ses):
    ended = start(ses.journal)
    assert (ended.returncode, "has a writer" in ended.stderr) == (1, True)


def test_reset_empties_everything(ses):
    ses.add_faults({"kind": "throttle", "times": 1})
    with pytest.raises(ses.client.exceptions.TooManyRequestsException):
        ses.send()
    ses.send()
    ses.client.put_suppressed_destination(EmailAddress="a@example.com", Reason="BOUNCE")
    ses.request("/_sim/reset", "POST")
    counts = ses.counts()
    counts.pop("newest")
    assert not any(counts.values())
    assert (ses.lines(), ses.request("/_sim/faults")) == ([], [])
    assert ses.request("/_sim/inbox")["mails"] == []
    assert ses.client.list_suppressed_destinations()["SuppressedDestinationSummaries"] == []
    ses.send()
    assert ses.request("/_sim/messages?nid=n1")["copies"] == 1


def send_status(ses) -> int:
    try:
        return ses.send(nid="n1")["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]


def start(journal) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "simulators.ses", "--journal", str(journal)]
    return subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
