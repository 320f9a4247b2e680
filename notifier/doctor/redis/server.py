"""Whether Redis answers, is fit to be the broker, and lets its user do what the processes do."""

from collections.abc import Iterator, Mapping
from typing import Any

from notifier.broker import WORKING
from notifier.broker.rights import PUBLISHING, BrokerUnfit
from notifier.doctor.finding import Finding, doubtful, good, wrong
from notifier.doctor.redis import PAGE, broker, info, need_info
from notifier.doctor.setup import Setup


def check_redis(setup: Setup) -> Iterator[Finding]:
    """Find which Redis answers, and whether it takes and keeps messages."""
    found = setup.get(info)
    if not found:
        yield doubtful(
            "Redis answers, and its user may not ask what it is: version, role and memory cannot be checked",
            "allow it INFO",
            PAGE,
        )
        return
    yield good(f"{_version(found)} answers")
    if found.get("role") == "slave":
        yield wrong(
            "this Redis is a replica: it takes no messages",
            "name the primary in NOTIFIER_BROKER_URL, or the Sentinels that know it",
            PAGE,
        )
    yield persistence(found, setup.get(broker).option("save"))


def check_rights(setup: Setup) -> Iterator[Finding]:
    """Find whether the user may run the commands of bridges and workers."""
    need_info(setup)
    asked = setup.get(broker)
    try:
        asked.check(WORKING)
    except BrokerUnfit as error:
        what, _, remedy = str(error).removeprefix("NOTIFIER_BROKER_URL: ").partition(": ")
        try:
            asked.check(PUBLISHING)
        except BrokerUnfit:
            yield wrong(what, remedy, PAGE)
        else:
            yield doubtful(f"enough for a bridge, but for a worker {what}", remedy, PAGE)
    else:
        yield good("its user may run the commands of bridges and workers")


def persistence(found: Mapping[str, Any], save: str | None) -> Finding:
    """Return whether Redis keeps messages over a restart. `save` is the option of that name, None if it is hidden.

    What Redis loses is published again, so that nothing has to be kept; but a save that fails may stop all writes.
    """
    failed = [name for name in ("rdb_last_bgsave_status", "aof_last_write_status") if found.get(name, "ok") != "ok"]
    if failed:
        return wrong(
            f"Redis cannot save its data ({', '.join(failed)} is not ok): it may refuse all writes",
            "see its log: mostly its disk is full, or its folder may not be written",
            PAGE,
        )
    if found.get("aof_enabled"):
        return good("it keeps messages over a restart, in its append-only file")
    if save:
        return good("it keeps most messages over a restart, by its snapshots; Postgres publishes the others again")
    return good("it keeps no messages over a restart: Postgres publishes them again after a few seconds")


def _version(found: Mapping[str, Any]) -> str:
    name = "Valkey" if found.get("server_name") == "valkey" else "Redis"
    return f"{name} {found.get('valkey_version') or found.get('redis_version')}"
