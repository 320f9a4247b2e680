"""Sample items of the table `activity`, as the application of the demo would write them."""

import random
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

Item = dict[str, Any]

FIRST = ("Ana", "Bo", "Chidi", "Elif", "Femi", "Grace", "Hiroshi", "Inés", "Jonas", "Mei", "Priya", "Søren", "Zoë")
LAST = ("Berg", "Castro", "Dvořák", "García", "Haddad", "Ito", "Müller", "Nwosu", "O'Brien", "Patel", "Rossi", "Sato")
JOBS = ("Data Analyst", "Product Designer", "Backend Engineer", "Nurse Practitioner", "Account Manager", "Writer")
COMPANIES = (
    "Northwind Logistics",
    "Bluebird & Sons",
    "Atelier Lumen",
    "Harrow Health",
    "Tidewater Bank",
    "Fennel Foods",
)
CITIES = ("Lisbon", "Kraków", "Toronto", "Nairobi", "Osaka", "Hamburg", "Bogotá", "Leeds")
STATUSES = ("received", "viewed", "interview", "offer", "declined")
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def sample_items(count: int, seed: int = 0) -> Iterator[Item]:
    """Yield `count` different items, the same for the same seed. Each makes one mail, to a recipient of its own."""
    rng = random.Random(seed)
    for number in range(count):
        kind = rng.choices((friend_request, profile_view, job_application), (5, 3, 2))[0]
        yield {**recipient(rng, number), **kind(rng)}


def recipient(rng: random.Random, number: int) -> Item:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    mailbox = f"{_ascii(first)}.{_ascii(last)}.{number}"
    moment = START + timedelta(milliseconds=137 * number)
    return {
        "pk": f"user#{1000 + number}",
        "sk": f"{moment.isoformat(timespec='milliseconds')}#{rng.getrandbits(32):08x}",
        "to": f"{mailbox}@example.com",
        "name": first,
        "locale": rng.choices(("en", "de", "pt-BR"), (6, 3, 1))[0],
    }


def friend_request(rng: random.Random) -> Item:
    return {
        "type": "friend_request",
        "from_id": rng.randrange(1_000, 1_000_000),
        "from_name": f"{rng.choice(FIRST)} {rng.choice(LAST)}",
        "from_job": rng.choice(JOBS),
        "from_company": rng.choice(COMPANIES),
        "mutual_friends": rng.choice((0, 0, 1, 2, 5, 12)),
    }


def profile_view(rng: random.Random) -> Item:
    return {
        "type": "profile_view",
        "viewer_id": rng.randrange(1_000, 1_000_000),
        "viewer_name": f"{rng.choice(FIRST)} {rng.choice(LAST)}",
        "viewer_job": rng.choice(JOBS),
        "viewer_company": rng.choice(COMPANIES),
        "views_this_week": rng.randrange(1, 40),
    }


def job_application(rng: random.Random) -> Item:
    return {
        "type": "job_application",
        "application_id": rng.randrange(10_000, 10_000_000),
        "job": rng.choice(JOBS),
        "company": rng.choice(COMPANIES),
        "city": rng.choice(CITIES),
        "status": rng.choice(STATUSES),
    }


def _ascii(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.lower())
    return "".join(letter for letter in letters if "a" <= letter <= "z")
