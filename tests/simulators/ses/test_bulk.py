"""SendBulkEmail: one status for each entry, in their order."""

import pytest

from tests.simulators.ses.simulator import bulk, entry, simulator, tags


def statuses(results: list[dict]) -> list[str]:
    return [one["Status"] for one in results]


def test_fifty_different_mails_in_one_call(ses):
    entries = [entry(f"a{n}@example.com", f"n{n}", subject=f"Hello {n}", html=f"<b>{n}</b>") for n in range(50)]
    results = ses.bulk(*entries, ConfigurationSetName="main")
    assert statuses(results) == ["SUCCESS"] * 50
    lines = ses.lines()
    assert [line["message_id"] for line in lines] == [one["MessageId"] for one in results]
    assert [(line["to"], line["nid"]) for line in lines] == [(f"a{n}@example.com", f"n{n}") for n in range(50)]
    newest = ses.newest()
    assert (newest["subject"], newest["html"], newest["configuration_set"]) == ("Hello 49", "<b>49</b>", "main")


def test_a_placeholder_inside_a_value_is_not_filled(ses):
    ses.bulk(entry(text="{{subject}} & <b>", subject="secret"))
    assert ses.newest()["text"] == "{{subject}} & <b>"


def test_default_data_is_replaced_by_the_entrys(ses):
    request = bulk(entry(subject="Own"))
    request["DefaultContent"]["Template"] |= {
        "TemplateContent": {"Subject": "{{subject}} {{season}}", "Text": "x"},
        "TemplateData": '{"subject": "Default", "season": "spring"}',
    }
    ses.client.send_bulk_email(**request)
    assert ses.newest()["subject"] == "Own spring"


def test_replacement_headers_override_the_templates_by_name(ses):
    request = bulk(entry() | {"ReplacementHeaders": [{"Name": "x-a", "Value": "own"}, {"Name": "X-C", "Value": "c"}]})
    request["DefaultContent"]["Template"]["Headers"] = [
        {"Name": "X-A", "Value": "default"},
        {"Name": "X-B", "Value": "b"},
    ]
    ses.client.send_bulk_email(**request)
    assert ses.newest()["headers"] == [["X-B", "b"], ["x-a", "own"], ["X-C", "c"]]


def test_replacement_tags_are_all_the_tags_there_are(ses):
    ses.bulk(entry(), entry() | {"ReplacementTags": []}, DefaultEmailTags=tags(team="blue"))
    assert [line["tags"] for line in ses.lines()] == [{"nid": "n1", "att": "1"}, {"team": "blue"}]


def test_bad_entries_fail_alone(ses):
    bad_tag = entry(nid="a:b")
    bad_data = entry() | {
        "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": "{"}},
    }
    results = ses.bulk(entry(nid="n1"), entry("nobody"), bad_tag, bad_data, entry(nid="n2"))
    assert statuses(results) == ["SUCCESS", *["INVALID_PARAMETER"] * 3, "SUCCESS"]
    assert all(("MessageId" in one) != ("Error" in one) for one in results)
    assert [line["nid"] for line in ses.lines()] == ["n1", "n2"]
    assert ses.counts()["refused"] == 3


def test_a_stored_template_fails_each_entry(ses):
    content = {"Template": {"TemplateName": "welcome", "TemplateData": "{}"}}
    assert statuses(ses.bulk(entry(), entry(), DefaultContent=content)) == ["TEMPLATE_NOT_FOUND"] * 2


def test_a_missing_attribute_is_accepted_and_not_rendered(ses):
    request = bulk(entry())
    request["DefaultContent"]["Template"]["TemplateContent"]["Text"] = "{{absent}}"
    [result] = ses.client.send_bulk_email(**request)["BulkEmailEntryResults"]
    assert result["Status"] == "SUCCESS"
    assert (ses.newest()["fate"], "absent" in ses.newest()["failure"]) == ("not rendered", True)


def test_unknown_names_fail_each_entry(tmp_path):
    with simulator(tmp_path / "journal", "--identity", "acme.example", "--configuration-set", "main") as ses:
        assert statuses(ses.bulk(entry(), ConfigurationSetName="other")) == ["CONFIGURATION_SET_NOT_FOUND"]
        assert statuses(ses.bulk(entry(), FromEmailAddress="a@other.example")) == ["MESSAGE_REJECTED"]


def test_bulk_calls_may_have_a_rate_of_their_own(tmp_path):
    with simulator(tmp_path / "journal", "--bulk-rate", "0.001") as ses:
        assert statuses(ses.bulk(entry(), entry())) == ["SUCCESS"] * 2
        with pytest.raises(ses.client.exceptions.TooManyRequestsException, match="Rate exceeded"):
            ses.bulk(entry(), entry())
        assert "MessageId" in ses.send()
        assert (ses.accepted(), ses.counts()["throttled"], ses.counts()["refused"]) == (3, 2, 2)
        ses.request("/_sim/reset", "POST")
        assert statuses(ses.bulk(entry())) == ["SUCCESS"]


def test_the_rate_counts_recipients_and_throttles_each_entry(tmp_path):
    with simulator(tmp_path / "journal", "--rate", "0.001", "--burst", "3") as ses:
        results = ses.bulk(*(entry(nid=f"n{number}") for number in range(5)))
        assert statuses(results) == ["SUCCESS"] * 3 + ["ACCOUNT_THROTTLED"] * 2
        with pytest.raises(ses.client.exceptions.TooManyRequestsException, match="Maximum sending rate exceeded"):
            ses.send()
        assert ses.accepted() == 3
        assert ses.counts()["throttled"] == 3
