"""All checks, in the order in which their findings are shown."""

from collections.abc import Collection, Sequence

from notifier.doctor.aws.account import check_credentials
from notifier.doctor.aws.streams import check_streams
from notifier.doctor.check import Check
from notifier.doctor.clocks import check_clocks
from notifier.doctor.machine import check_metrics, check_settings
from notifier.doctor.postgres import connections, disk, schema
from notifier.doctor.postgres.durability import check_server
from notifier.doctor.redis import memory
from notifier.doctor.redis import server as redis
from notifier.doctor.redis.lanes import check_lanes
from notifier.doctor.restrictions import check_restrictions
from notifier.doctor.routes import check_channels, check_routes, check_templates
from notifier.doctor.ses.account import check_account
from notifier.doctor.ses.configuration_set import check_configuration_set
from notifier.doctor.ses.identities import check_identities
from notifier.doctor.ses.queue import check_queue
from notifier.doctor.ses.tenants import check_tenants
from notifier.doctor.ses.topic import check_topic
from notifier.doctor.unsubscribe import check_unsubscribe
from notifier.doctor.updates import check_destinations, check_updates
from notifier.errors import UsageError

CHECKS = (
    Check("settings", "Settings", check_settings),
    Check("metrics", "Settings", check_metrics),
    Check("routes", "Routes", check_routes),
    Check("channels", "Routes", check_channels),
    Check("restrictions", "Routes", check_restrictions),
    Check("templates", "Routes", check_templates),
    Check("unsubscribe", "Routes", check_unsubscribe),
    Check("postgres", "Postgres", check_server),
    Check("connections", "Postgres", connections.check_connections),
    Check("schema", "Postgres", schema.check_migrations),
    Check("rights", "Postgres", schema.check_rights),
    Check("days", "Postgres", schema.check_days),
    Check("disk", "Postgres", disk.check_disk),
    Check("redis", "Redis", redis.check_redis),
    Check("redis-rights", "Redis", redis.check_rights),
    Check("memory", "Redis", memory.check_memory),
    Check("lanes", "Redis", check_lanes),
    Check("credentials", "AWS", check_credentials),
    Check("streams", "AWS", check_streams),
    Check("account", "SES", check_account),
    Check("identities", "SES", check_identities),
    Check("configuration-set", "SES", check_configuration_set),
    Check("tenants", "SES", check_tenants),
    Check("topic", "Events of SES", check_topic),
    Check("queue", "Events of SES", check_queue),
    Check("destinations", "Status updates", check_destinations),
    Check("updates", "Status updates", check_updates),
    Check("clocks", "Clocks", check_clocks),
)


def chosen(names: Collection[str]) -> Sequence[Check]:
    """Return the checks of these names, or of the subjects of these names in small letters; all if there is no name.

    Raise UsageError for a name that is neither.
    """
    wanted = {name.strip().lower() for each in names for name in each.split(",") if name.strip()}
    known = {check.name for check in CHECKS} | {check.subject.lower() for check in CHECKS}
    if unknown := wanted - known:
        named = ", ".join(dict.fromkeys(check.name for check in CHECKS))
        raise UsageError(f"--only: there is no check {', '.join(sorted(unknown))}; there are {named}")
    return [check for check in CHECKS if not wanted or wanted & {check.name, check.subject.lower()}]
