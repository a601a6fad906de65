"""Where a journal may live: on a file system of this host alone, and under names that keep standing for its files.

SQLite's WAL needs memory that processes share, which no network file system has (https://sqlite.org/wal.html).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

SHARED_WITH_OTHERS = frozenset(
    """
    9p acfs afs beegfs ceph cifs coda davfs drvfs fhgfs gfs gfs2 glusterfs gpfs lustre mvfs ncpfs nfs nfs4 ocfs2
    orangefs panfs prl_fs pvfs2 smb2 smb3 smbfs vboxsf virtiofs vmhgfs webdav
    fuse.ceph fuse.ceph-fuse fuse.curlftpfs fuse.davfs fuse.gcsfuse fuse.glusterfs fuse.goofys fuse.gvfsd-fuse
    fuse.juicefs fuse.lizardfs fuse.mfs fuse.moosefs fuse.rclone fuse.s3fs fuse.seaweedfs fuse.sshfs fuse.vmhgfs-fuse
    """.split()  # noqa: SIM905  a list of 60 lines would hide the rest
)
"""File systems that other hosts can mount too, or that pass every call on to one."""

_OCTAL = re.compile(r"\\([0-7]{3})")


def file_system_of(path: str, mountinfo: str) -> str | None:
    """The type of the file system that an absolute path without links is on, by the text of /proc/self/mountinfo.

    None where the text does not tell. Of several mounts on one place the last one counts (proc_pid_mountinfo(5)).
    """
    found, longest = None, -1
    for place, kind in _mounts(mountinfo):
        if len(place) >= longest and _is_within(path, place):
            found, longest = kind, len(place)
    return found


def _mounts(mountinfo: str) -> Iterator[tuple[str, str]]:
    """Each mount's place, and the type of its file system."""
    for line in mountinfo.split("\n"):
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if separator and len(fields) > _MOUNT_POINT:
            yield _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[_MOUNT_POINT]), after.split(" ", 1)[0]


_MOUNT_POINT = 4


def _is_within(path: str, place: str) -> bool:
    return path == place or path.startswith(place if place.endswith("/") else f"{place}/")


def is_network_share(path: str) -> bool:
    r"""Is a Windows path one of another host (``\\server\share``)?"""
    drive = PureWindowsPath(path).drive
    of_this_host = drive.startswith(("\\\\?\\", "\\\\.\\")) and not drive.startswith("\\\\?\\UNC\\")
    return drive.startswith("\\\\") and not of_this_host


def network_file_system(path: str) -> str | None:
    """The network file system that a path is on, as far as this system tells; None for one of this host.

    Linux tells of every mount, and Windows of shares by the path. Other systems don't.
    """
    if os.name == "nt":
        return "a Windows share" if is_network_share(path) else None
    kind = file_system_of(path, _mountinfo())
    return kind if kind in SHARED_WITH_OTHERS else None


def is_mounted_alone(path: str) -> bool:
    """Is it a file that is mounted without its directory, so that its log would not be the one beside its other name?

    Only Linux tells.
    """
    return any(place == path for place, _ in _mounts(_mountinfo()))


def _mountinfo() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


class Identity:
    """Which files stand under a journal's names: the database, the log of what is not yet in it, and the log's index.

    SQLite neither removes nor renames them while a connection is open, so other files under these names mean that
    somebody else did, and that what is written goes where nobody will find it.
    """

    def __init__(self, path: str) -> None:
        """Look. Raises OSError where one is missing."""
        self._names = (Path(path), Path(f"{path}-wal"), Path(f"{path}-shm"))
        self._files = self._look()

    def still_stands(self) -> bool:
        """True while the names stand for the same files."""
        try:
            return self._look() == self._files
        except OSError:
            return False

    def _look(self) -> list[tuple[int, int]]:
        return [(status.st_dev, status.st_ino) for status in map(Path.stat, self._names)]
