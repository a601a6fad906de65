"""A durable journal on PostgreSQL, for processes of many hosts. Needs asyncpg: the extra ``postgres``.

``journal`` is the door: it queues each call in a lane (``lanes``), which does what is queued in batches over a few
``connections``. ``writing`` admits and changes: it locks and reads, ``desk`` decides, ``keeping`` writes. ``reading``
looks up, ``noticing`` keeps webhooks, ``handing`` events, and ``watching`` waits for news. ``address`` reads the URL,
``session`` opens a connection, ``schema`` makes the tables, and ``faults`` tells what an error means.
"""

from paymentoptions_async.journal.postgres.journal import PostgresJournal

__all__ = ["PostgresJournal"]
