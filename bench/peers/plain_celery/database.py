"""The database sessions of a process."""

import os
from functools import cache

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.orm import Session, sessionmaker

from bench.peers.plain_celery.models import Base


def engine(url: str) -> Engine:
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"))


def create_tables(url: str) -> None:
    made = engine(url)
    Base.metadata.create_all(made)
    made.dispose()


@cache
def sessions() -> sessionmaker[Session]:
    """Made at the first call, in a worker after the fork, because connections cannot be shared."""
    return sessionmaker(engine(os.environ["DATABASE_URL"]))
