"""A durable journal in one SQLite file, opened by apsw alone.

``journal`` is the door: it hands each call to one of two threads (``worker``), one of which commits in groups and the
other looks up (``runners``). ``writing`` and ``reading`` do the work in a transaction, ``connecting`` opens the file,
``places`` says where it may be, ``watching`` waits for news, ``faults`` tells what went wrong.
"""

from paymentoptions_async.journal.sqlite.journal import SqliteJournal

__all__ = ["SqliteJournal"]
