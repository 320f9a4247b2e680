"""The templates of deploy/aws: clean by cfn-lint, with the rights of deploy/iam and the settings of the code; and a
stack on an emulator, with whose outputs as settings real processes send mails.
"""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from examples.activity import sample_items
from notifier.broker.configuration import celery_configuration
from notifier.database.engine import connect
from notifier.database.schema import migrate
from notifier.outbox import Report
from notifier.settings import ConsoleSettings, RoleSettings, Settings, read_settings
from sandbox.demo.reconciliation import reconcile
from sandbox.embedded.ministack import MinistackServer, ministack
from sandbox.embedded.postgres import embedded_postgres
from sandbox.embedded.redis import embedded_redis
from sandbox.embedded.ses import ses_simulator
from sandbox.system import CREDENTIALS, System
from tests.chaos.history import read_lines
from tests.deploy.cloudformation import of_type, template
from tests.waiting import wait_until
from workers.sending.sender import _FINISH_SECONDS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "aws"
TEMPLATES = sorted(FOLDER.glob("*.yml"))
EVENTS, SERVERS, PROCESSES = (template(FOLDER / f"{name}.yml") for name in ("events", "servers", "processes"))
KNOWN = {
    f"NOTIFIER_{field.upper()}"
    for settings in (Settings, ConsoleSettings, RoleSettings)
    for field in settings.model_fields
}
PLACES = {
    "${AWS::Partition}": "aws",
    "${AWS::Region}": "REGION",
    "${AWS::AccountId}": "ACCOUNT",
    "${TableName}": "TABLE",
    "${Events.QueueName}": "QUEUE",
    "${EventsTopic.TopicName}": "TOPIC",
    "${SenderDomain}": "DOMAIN",
    "${ConfigurationSetName}": "CONFIGURATION_SET",
    "${SmsConfigurationSetName}": "SMS_CONFIGURATION_SET",
    "${UpdatesBusName}": "BUS",
    "${UpdatesTopicName}": "UPDATES_TOPIC",
    "${UpdatesQueueName}": "UPDATES_QUEUE",
    "${AttachmentsBucketName}": "ATTACHMENTS_BUCKET",
}
PARAMETERS = {
    "TableName": "activity",
    "CreateTable": "true",
    "SenderAddress": "hello@example.com",
    "SenderDomain": "example.com",
    "AttachmentsBucketName": "files",
}
"""Of events.yml, on the emulator."""


def test_there_are_templates() -> None:
    assert [each.name for each in TEMPLATES] == ["events.yml", "processes.yml", "servers.yml"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_cfn_lint_finds_nothing(path: Path) -> None:
    command = [
        sys.executable,
        "-P",
        "-c",
        "import sys; from cfnlint.runner import main; sys.exit(main())",
        "--regions",
        "eu-west-1",
        "--",
        str(path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def plain(value: Any) -> Any:
    """Resources and conditions of a policy with the placeholders of deploy/iam."""
    if isinstance(value, dict):
        if value.keys() == {"Fn::Sub"}:
            return re.sub(r"\$\{[^}]+}", lambda found: PLACES[found[0]], value["Fn::Sub"])
        if value == {"Ref": "SenderAddress"}:
            return "SENDER"
        if value.keys() == {"Fn::If"}:
            return plain(value["Fn::If"][1])
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", sorted((ROOT / "deploy" / "iam").glob("*.json")), ids=lambda path: path.stem)
def test_a_role_has_the_policy_of_its_process(path: Path) -> None:
    (found,) = (
        policy["PolicyDocument"]
        for role in of_type(EVENTS, "AWS::IAM::Role").values()
        for policy in role["Policies"]
        if policy["PolicyName"] == path.stem
    )
    assert plain(found) == json.loads(path.read_text())


def test_no_placeholder_of_the_policies_is_left_in_a_template() -> None:
    for path in TEMPLATES:
        assert [
            place for place in PLACES.values() if place.isupper() and re.search(rf"[:/]{place}\b", path.read_text())
        ] == [], path


def test_pods_of_eks_may_take_the_roles_too() -> None:
    for role in of_type(EVENTS, "AWS::IAM::Role").values():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        services = statement["Principal"]["Service"]["Fn::If"]
        assert services == ["OnEks", "pods.eks.amazonaws.com", "ecs-tasks.amazonaws.com"]


def given(value: Any) -> Any:
    """What a template names where its conditions hold."""
    return value["Fn::If"][1] if isinstance(value, dict) and value.keys() == {"Fn::If"} else value


def tasks() -> dict[str, dict[str, Any]]:
    """The container of each process, and the task that it is in."""
    return {each["Family"]: each for each in of_type(PROCESSES, "AWS::ECS::TaskDefinition").values()}


def box(task: dict[str, Any]) -> dict[str, Any]:
    found = dict(next(each for each in task["ContainerDefinitions"] if each["Name"] == "notifier"))
    return found | {"Secrets": [given(each) for each in found["Secrets"]]}


def test_a_process_gets_as_long_to_end_as_it_may_need() -> None:
    needed = celery_configuration("redis://unused")["worker_soft_shutdown_timeout"] + _FINISH_SECONDS
    assert needed >= 45
    for task in tasks().values():
        assert box(task)["StopTimeout"] > needed


def test_an_outage_of_postgres_ends_no_task() -> None:
    """ECS replaces a task that fails its check. `notifier health` fails while nothing can be recorded, as during a
    failover; /healthz only where a restart helps. After half a minute a server that takes what is sent and answers
    nothing looks like that: ECS waits for as long as a failover may take.
    """
    for name, task in tasks().items():
        check = box(task).get("HealthCheck")
        assert (check is None) == (name in {"migrate", "operator"})  # they run once
        if check:
            written = {each["Name"]: each["Value"] for each in box(task)["Environment"]}
            port = "8026" if name == "console" else written["NOTIFIER_METRICS_PORT"]
            assert check["Interval"] * check["Retries"] >= 120
            kind, command = check["Command"]
            program = "from urllib.request import urlopen; urlopen('http://127.0.0.1:%s/healthz')"
            assert (kind, shlex.split(command)) == ("CMD-SHELL", ["python", "-c", program % port])


def test_each_process_has_its_role_and_its_login() -> None:
    assert tasks().keys() == {
        "migrate", "bridge", "feedback", "worker-email", "worker-sms", "status-sender", "console", "operator"
    }  # fmt: skip
    for name, task in tasks().items():
        words = "".join(each.title() for each in name.split("-"))
        role = None if name in {"migrate", "console", "operator"} else {"Ref": f"{words}RoleArn"}
        assert task.get("TaskRoleArn") == role
        login = {"migrate": "Owner"}.get(name, "Worker" if name.startswith("worker-") else words)
        secrets = {each["Name"]: each["ValueFrom"] for each in box(task)["Secrets"]}
        assert secrets["NOTIFIER_DATABASE_URL"] == {"Ref": f"{login}DatabaseUrlSecretArn"}
    passwords = {f"NOTIFIER_{name.upper()}" for name in RoleSettings.model_fields}
    assert passwords <= {each["Name"] for each in box(tasks()["migrate"])["Secrets"]}


def test_what_a_start_decides_is_a_parameter_and_the_same_for_all_processes() -> None:
    wanted = {
        "NOTIFIER_NOT_BEFORE": "NotBefore",
        "NOTIFIER_KEEP_DAYS": "KeepDays",
        "NOTIFIER_SHADOW": "Shadow",
        "NOTIFIER_SHADOW_UNTIL": "ShadowUntil",
        "NOTIFIER_SHADOW_FROM": "ShadowFrom",
        "NOTIFIER_ONLY_TO": "OnlyTo",
        "NOTIFIER_REDIRECT_TO": "RedirectTo",
        "NOTIFIER_STATUS_DESTINATIONS": "StatusDestinations",
    }
    are_in_all_processes(wanted)


def test_all_processes_know_who_sends_sms() -> None:
    """The bridge decides about unknown outcomes of SMS by the provider and its configuration set."""
    are_in_all_processes(
        {
            "NOTIFIER_SMS_PROVIDER": "SmsProvider",
            "NOTIFIER_SMS_CONFIGURATION_SET": "SmsConfigurationSet",
            "NOTIFIER_SMS_ORIGINATION_IDENTITY": "SmsOriginationIdentity",
            "NOTIFIER_SMS_SENDER_ID": "SmsSenderId",
            "NOTIFIER_SMS_PER_SECOND": "SmsPerSecond",
        }
    )


def are_in_all_processes(wanted: dict[str, str]) -> None:
    given_to = {name: box(task)["Environment"] for name, task in tasks().items() if name != "migrate"}
    for environment in given_to.values():
        written = {each["Name"]: each["Value"] for each in environment}
        assert {name: written.get(name) for name in wanted} == {name: {"Ref": each} for name, each in wanted.items()}


def test_the_topic_takes_events_of_both_services_from_their_configuration_sets_alone() -> None:
    (policy,) = of_type(EVENTS, "AWS::SNS::TopicPolicy").values()
    found = {}
    for each in policy["PolicyDocument"]["Statement"]:
        condition = each["Condition"]["StringEquals"]
        assert (each["Action"], each["Resource"]) == ("sns:Publish", {"Ref": "EventsTopic"})
        assert condition["AWS:SourceAccount"] == {"Ref": "AWS::AccountId"}
        found[each["Principal"]["Service"]] = plain(condition["AWS:SourceArn"])
    assert found == {
        "ses.amazonaws.com": "arn:aws:ses:REGION:ACCOUNT:configuration-set/CONFIGURATION_SET",
        "sms-voice.amazonaws.com": "arn:aws:sms-voice:REGION:ACCOUNT:configuration-set/SMS_CONFIGURATION_SET",
    }


def test_the_defaults_of_these_parameters_leave_the_defaults_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", "postgresql://unused")
    monkeypatch.setenv("NOTIFIER_BROKER_URL", "redis://unused")
    plain = read_settings(Settings)
    for each in box(tasks()["bridge"])["Environment"] + box(tasks()["worker-sms"])["Environment"]:
        default = PROCESSES["Parameters"].get(each["Value"].get("Ref") if isinstance(each["Value"], dict) else "", {})
        if "Default" in default:
            monkeypatch.setenv(each["Name"], default["Default"])
    assert read_settings(Settings) == plain
    assert not read_settings(Settings).is_set("keep_days")


def test_a_status_sender_has_a_destination_and_the_secret_of_a_webhook() -> None:
    (rule,) = PROCESSES["Rules"].values()
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "SendUpdates"}, "true"]}
    (assertion,) = rule["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "StatusDestinations"}, ""]}]}
    secrets = {each["Name"]: each["ValueFrom"] for each in box(tasks()["status-sender"])["Secrets"]}
    assert secrets["NOTIFIER_STATUS_SECRET"] == {"Ref": "StatusSecretArn"}


def test_the_example_has_every_parameter_that_is_needed() -> None:
    example = dict(each.split("=", 1) for each in json.loads((FOLDER / "parameters.example.json").read_text()))
    parameters = PROCESSES["Parameters"]
    assert example.keys() <= parameters.keys()
    assert {name for name, each in parameters.items() if "Default" not in each} <= example.keys()
    assert example["Started"] == "false"
    # It is refused until it is replaced: left as it is, the first bridge would notify people of the day before.
    pattern = parameters["NotBefore"]["AllowedPattern"]
    assert not re.fullmatch(pattern, example["NotBefore"])
    assert re.fullmatch(pattern, "2026-01-31T00:00:00Z")


def test_the_page_names_tasks_and_outputs_that_exist() -> None:
    page = (ROOT / "docs" / "deploy-aws.md").read_text()
    named = set(re.findall(r"--task-definition ([\w-]+)", page))
    assert {"migrate", "operator", "bridge"} <= named <= tasks().keys()
    assert set(re.findall(r'"name": ?"([\w-]+)", ?"command"', page)) == {"notifier"}


def test_only_settings_that_exist_are_set_and_no_secret_is_written() -> None:
    for task in tasks().values():
        written = {each["Name"]: each["Value"] for each in box(task).get("Environment", [])}
        assert {name for name in written if name.startswith("NOTIFIER_")} <= KNOWN
        secret = [name for name in written if re.search("PASSWORD|SECRET|DATABASE_URL|KEY", name)]
        assert secret == []
        assert box(task)["ReadonlyRootFilesystem"] is True
        assert box(task)["User"] == "10001:10001"


def test_the_execution_role_reads_the_secrets_that_tasks_name_and_no_others() -> None:
    (policy,) = PROCESSES["Resources"]["ExecutionRole"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    named = set()
    for task in tasks().values():
        for each in box(task)["Secrets"]:
            source = each["ValueFrom"]
            named.add(source["Ref"] if "Ref" in source else re.findall(r"\$\{(\w+)}", source["Fn::Sub"])[0])
    assert {given(each)["Ref"] for each in statement["Resource"]} == named


def test_workers_know_who_was_erased_and_who_may_unsubscribe() -> None:
    named = {name: {each["Name"] for each in box(task)["Secrets"]} for name, task in tasks().items()}
    assert {name for name, secrets in named.items() if "NOTIFIER_ERASURE_KEYS" in secrets} == {
        "worker-email", "worker-sms", "console", "operator"
    }  # fmt: skip
    assert "NOTIFIER_UNSUBSCRIBE_KEYS" in named["worker-email"]


def test_the_agent_beside_a_bridge_may_write_its_metrics() -> None:
    """It has the role of the bridge."""
    (policy,) = of_type(PROCESSES, "AWS::IAM::Policy").values()
    (role,) = policy["Roles"]
    assert {"Ref": "BridgeRoleArn"} in role["Fn::Select"][1]["Fn::Split"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert {"logs:CreateLogStream", "logs:PutLogEvents"} <= set(statement["Action"])
    assert statement["Resource"] == {"Fn::GetAtt": "Logs.Arn"}


def test_migrate_runs_before_any_process() -> None:
    """CloudFormation waits until services run, and takes all back if they refuse the schema."""
    assert box(tasks()["migrate"])["Image"] == {
        "Fn::If": ["MigratesFirst", {"Ref": "MigrateImage"}, {"Ref": "Image"}]
    }
    for service in of_type(PROCESSES, "AWS::ECS::Service").values():
        assert service["DesiredCount"]["Fn::If"][::2] == ["Starts", 0]
    assert PROCESSES["Conditions"]["Scales"]["Fn::And"][0] == {"Fn::Condition": "Starts"}


def test_an_upgrade_can_leave_the_number_of_workers_to_autoscaling() -> None:
    """Without DesiredCount an update of a service keeps the one that it has."""
    service = of_type(PROCESSES, "AWS::ECS::Service")["WorkerEmailService"]
    wanted = {"Fn::If": ["SetsEmailWorkers", {"Ref": "EmailWorkers"}, {"Ref": "AWS::NoValue"}]}
    assert service["DesiredCount"] == {"Fn::If": ["Starts", wanted, 0]}
    assert PROCESSES["Conditions"]["SetsEmailWorkers"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "EmailWorkers"}, ""]}]}
    parameter = PROCESSES["Parameters"]["EmailWorkers"]
    (scaled,) = of_type(PROCESSES, "AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert parameter["Default"] == str(scaled["MinCapacity"])
    assert [bool(re.fullmatch(parameter["AllowedPattern"], each)) for each in ("", "0", "2", "12")] == [
        True, False, True, True
    ]  # fmt: skip
    upgrade = re.search(r"deploy with\s+`(Image=NEW[^`]*)`", (ROOT / "docs" / "deploy-aws.md").read_text())
    assert upgrade
    assert upgrade[1].split() == ["Image=NEW", "MigrateImage=", "EmailWorkers="]


def test_the_servers_keep_what_the_guarantee_needs() -> None:
    (cache,) = of_type(SERVERS, "AWS::ElastiCache::ParameterGroup").values()
    assert cache["Properties"]["maxmemory-policy"] == "noeviction"
    (broker,) = of_type(SERVERS, "AWS::ElastiCache::ReplicationGroup").values()
    assert broker["TransitEncryptionEnabled"] is True
    (group,) = of_type(SERVERS, "AWS::RDS::DBParameterGroup").values()
    wanted = {"synchronous_commit": "on", "rds.force_ssl": "1", "log_parameter_max_length": "0"}
    assert group["Parameters"].items() >= wanted.items()
    (database,) = of_type(SERVERS, "AWS::RDS::DBInstance").values()
    assert (database["MultiAZ"], database["DeletionProtection"], database["StorageEncrypted"]) == (True, True, True)


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[MinistackServer]:
    with ministack(tmp_path, services="") as server:
        yield server


def client(emulator: MinistackServer, service: str) -> Any:
    keys = {name.lower(): value for name, value in CREDENTIALS.items()}
    return boto3.client(service, endpoint_url=emulator.url, region_name="eu-west-1", **keys)


def create(emulator: MinistackServer, name: str, parameters: dict[str, str]) -> dict[str, str]:
    """Create the stack of a template there; return its outputs."""
    stacks = client(emulator, "cloudformation")
    stacks.create_stack(
        StackName=name,
        TemplateBody=(FOLDER / f"{name}.yml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    found: dict[str, Any] = {}

    def finished() -> bool:
        (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
        found.update(stack)
        return not str(stack["StackStatus"]).endswith("IN_PROGRESS")

    wait_until(finished, 60)
    events = stacks.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [each.get("ResourceStatusReason") for each in events if "FAILED" in each["ResourceStatus"]]
    assert found["StackStatus"] == "CREATE_COMPLETE", reasons
    return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}


def created(emulator: MinistackServer) -> dict[str, str]:
    """Create events.yml there; return its outputs, with the queue at the emulator's address."""
    outputs = create(emulator, "events", PARAMETERS)
    return outputs | {"FeedbackQueueUrl": emulator.url + urlsplit(outputs["FeedbackQueueUrl"]).path}


def test_servers_and_processes_are_created_with_the_outputs_of_the_events(emulator: MinistackServer) -> None:
    """All but the autoscaling, which the emulator does not have."""
    events, ec2 = created(emulator), client(emulator, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-west-1{zone}")
        for number, zone in enumerate("ab")
    ]
    secret = client(emulator, "secretsmanager").create_secret(Name="one", SecretString="0123456789abcdef")["ARN"]
    network = {"Subnets": ",".join(each["Subnet"]["SubnetId"] for each in subnets)}
    servers = create(emulator, "servers", {**network, "Vpc": vpc, "BrokerPasswordSecretArn": secret})
    outputs, needed = events | servers, PROCESSES["Parameters"]
    chosen = {name: outputs.get(name, "x") for name, each in needed.items() if "Default" not in each}
    chosen |= {name: secret for name in needed if name.endswith("SecretArn")} | network
    chosen |= {"Scale": "false", "SendSms": "true", "SendUpdates": "true", "Started": "false"}
    chosen |= {"StatusDestinations": "arn:aws:sns:eu-west-1:000000000000:notifier-updates"}
    made, ecs = create(emulator, "processes", chosen), client(emulator, "ecs")
    names = ecs.list_services(cluster=made["ClusterName"])["serviceArns"]
    assert len(names) == len(tasks().keys() - {"migrate", "operator"})
    services = ecs.describe_services(cluster=made["ClusterName"], services=names)["services"]
    assert {each["desiredCount"] for each in services} == {0}


def test_the_topic_reaches_the_queue_as_feedback_needs_it(emulator: MinistackServer) -> None:
    outputs, queues = created(emulator), client(emulator, "sqs")
    client(emulator, "sns").publish(TopicArn=outputs["EventsTopicArn"], Message='{"eventType": "Send"}')
    (message,) = queues.receive_message(QueueUrl=outputs["FeedbackQueueUrl"], WaitTimeSeconds=5)["Messages"]
    assert message["Body"] == '{"eventType": "Send"}'  # raw
    attributes = queues.get_queue_attributes(QueueUrl=outputs["FeedbackQueueUrl"], AttributeNames=["All"])
    redrive = json.loads(attributes["Attributes"]["RedrivePolicy"])
    assert int(redrive["maxReceiveCount"]) >= 100
    assert attributes["Attributes"]["MessageRetentionPeriod"] == "1209600"
    table = client(emulator, "dynamodb").describe_table(TableName="activity")["Table"]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"


def test_with_the_outputs_as_settings_each_event_has_its_mail_and_its_event(
    emulator: MinistackServer, tmp_path: Path
) -> None:
    outputs = created(emulator)
    with ExitStack() as stack, ThreadPoolExecutor(2) as side_by_side:
        starting = side_by_side.submit(stack.enter_context, embedded_postgres(tmp_path, durable=False))
        redis = stack.enter_context(embedded_redis(tmp_path, durable=False))
        ses = stack.enter_context(ses_simulator(tmp_path, "--queue-url", outputs["FeedbackQueueUrl"]))
        postgres = starting.result()
        options = {
            "NOTIFIER_TABLES": outputs["Tables"],
            "NOTIFIER_SENDER": outputs["Sender"],
            "NOTIFIER_SES_CONFIGURATION_SET": outputs["SesConfigurationSet"],
            "NOTIFIER_FEEDBACK_QUEUE_URL": outputs["FeedbackQueueUrl"],
            "NOTIFIER_ALLOW_NONDURABLE_DATABASE": "true",
        }
        system = System(tmp_path, postgres, redis, emulator, ses, stack.enter_context(ExitStack()), options)
        postgres.create_database("notifier")
        migrate(postgres.url("notifier"))
        for words in (("bridge",), ("worker", "email"), ("feedback",)):
            system.start(words[0], *words)
        items = sample_items(50)
        written = [item["to"] for item in system.table().write([next(items) for _ in range(50)])]
        engine = connect(postgres.url("notifier"))
        report = Report(engine)
        wait_until(lambda: report.totals().get("delivered", 0) == len(written), 60)
        counted = reconcile(written, [line["to"] for line in read_lines(ses.journal)])
        assert (counted.lost, counted.duplicated, counted.unexpected) == (0, 0, 0)
        engine.dispose()
