"""Ends a cluster of `tests.support.postgres` when nobody uses it any more: ``undertaker.py HOME PG_CTL [UID GID]``.

Each user holds a shared lock on ``HOME/users``, which the kernel lets go of however the user ends, killed ones too. So
an exclusive lock is got when the last one is gone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path


def main(home: Path, pg_ctl: str, *owner: str) -> None:
    with (home / "users").open("rb") as users:
        if os.fork():
            return  # whoever started this goes on; what follows belongs to nobody
        os.setsid()  # Ctrl-C is not for us
        _let_go_of_output()
        fcntl.flock(users, fcntl.LOCK_EX)
        uid, gid = (int(number) for number in owner) if owner else (None, None)
        subprocess.run(
            [pg_ctl, "stop", "-D", str(home / "data"), "-m", "immediate"],
            user=uid,
            group=gid,
            extra_groups=[] if owner else None,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,  # a test may have ended it already
        )
        shutil.rmtree(home, ignore_errors=True)


def _let_go_of_output() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
