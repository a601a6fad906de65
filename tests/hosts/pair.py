"""A primary with a synchronous standby, reached over TCP at addresses that can be cut, and moved to the other one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.postgres import Cluster
from tests.support.postgres_tap import Tap, tapped


class Pair:
    """Two servers, of which one confirms what the other commits."""

    def __init__(self) -> None:
        self.primary = Cluster.create()
        self.standby = self._follow()

    def restart(self) -> None:
        """Shut the primary down in order, and start it again."""
        self.primary.restart()

    def crash(self) -> None:
        """Shut the primary down at once, and start it again."""
        self.primary.kill()
        self.primary.start()

    def fail_over(self) -> None:
        """End the primary for good, and let the standby take its place. It has none of its own at first."""
        if self.primary.is_running():
            self.primary.kill()
        self.promote()
        self.primary, self.standby = self.standby, self.primary

    def promote(self) -> None:
        """Let the standby be written, whatever the primary believes."""
        self.standby.promote()

    def renew(self) -> None:
        """Give the new primary a standby, in the place of the old primary."""
        self.standby.leave()
        self.standby = self._follow()

    def leave(self) -> None:
        """End both."""
        self.primary.leave()
        self.standby.leave()

    def _follow(self) -> Cluster:
        standby = self.primary.standby()
        standby.configure(wal_retrieve_retry_interval="200ms")
        standby.sql("SELECT pg_reload_conf()")
        # Only now: the standby has the primary's settings, and there is nobody to confirm what it commits itself.
        self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.sql("SELECT pg_reload_conf()")
        return standby

    async def until_confirmed(self) -> None:
        """Until the standby takes part in every commit."""
        async with asyncio.timeout(30):
            while await asyncio.to_thread(self.primary.sql, "SELECT sync_state FROM pg_stat_replication") != "sync":  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.05)


class Addresses:
    """Where users find the pair: by an address for each server, or by one that moves with the primary."""

    def __init__(self, pair: Pair, first: Tap, second: Tap, moving: Tap) -> None:
        self._pair = pair
        self._first, self._second, self._moving = first, second, moving

    @property
    def of_both(self) -> str:
        """The journal's URL with both servers."""
        return _url(self._first, self._second)

    @property
    def that_moves(self) -> str:
        """The journal's URL with the address that moves."""
        return _url(self._moving)

    def cut(self) -> None:
        """Lose every connection."""
        for tap in (self._first, self._second, self._moving):
            tap.drop_all()

    def follow(self) -> None:
        """Lead to where the servers are now: a new standby has the address of the server that it is there for."""
        self._moving.cluster = self._pair.primary
        for tap, other in ((self._first, self._second), (self._second, self._first)):
            if tap.cluster not in (self._pair.primary, self._pair.standby):
                both = {self._pair.primary, self._pair.standby}
                [tap.cluster] = both - {other.cluster}


def _url(*taps: Tap) -> str:
    hosts = ",".join(f"127.0.0.1:{tap.port}" for tap in taps)
    return f"postgresql://postgres@{hosts}/postgres?sslmode=disable&target_session_attrs=read-write"


@asynccontextmanager
async def addressed(pair: Pair) -> AsyncIterator[Addresses]:
    """Open the addresses of a pair."""
    async with tapped(pair.primary) as first, tapped(pair.standby) as second, tapped(pair.primary) as moving:
        yield Addresses(pair, first, second, moving)
