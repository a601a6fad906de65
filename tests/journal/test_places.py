from __future__ import annotations

from pathlib import Path

import pytest

from paymentoptions_async.journal.sqlite.places import (
    SHARED_WITH_OTHERS,
    Identity,
    file_system_of,
    is_network_share,
    network_file_system,
)

MOUNTINFO = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
31 27 0:28 / /sys/fs/cgroup rw shared:4 master:1 - tmpfs cgroup rw,mode=755
40 27 0:40 / /srv rw,relatime - nfs4 files.example:/export rw,vers=4.2
41 40 0:41 / /srv/fast rw,relatime - xfs /dev/vdb rw
42 27 0:42 / /mnt/the\040share rw,relatime - cifs //files.example/share rw
43 27 0:43 / /home/jo/remote rw,nosuid - fuse.sshfs jo@files.example: rw
44 27 0:44 / /data rw - ext4 /dev/vdc rw
45 44 0:45 / /data rw - lustre mgs:/scratch rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/journal.db", "ext4"),
        ("/srv/journal.db", "nfs4"),
        ("/srv", "nfs4"),
        ("/srvice/journal.db", "ext4"),
        ("/srv/fast/deep/down/journal.db", "xfs"),
        ("/srv/faster/journal.db", "nfs4"),
        ("/mnt/the share/journal.db", "cifs"),
        ("/mnt/the/journal.db", "ext4"),
        ("/home/jo/remote/journal.db", "fuse.sshfs"),
        ("/data/journal.db", "lustre"),
    ],
)
def test_the_innermost_and_latest_mount_tells_the_file_system(path: str, kind: str) -> None:
    assert file_system_of(path, MOUNTINFO) == kind


def test_where_nothing_is_told_nothing_is_known() -> None:
    assert file_system_of("/journal.db", "") is None
    assert file_system_of("/journal.db", "broken line\n") is None


def test_file_systems_of_other_hosts_are_known() -> None:
    wanted = {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs", "fuse.glusterfs", "lustre", "afs"}
    assert wanted <= SHARED_WITH_OTHERS
    assert not SHARED_WITH_OTHERS & {"ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "f2fs", "fuseblk"}


def test_this_hosts_own_disk_is_none_of_them(tmp_path: Path) -> None:
    assert network_file_system(str(tmp_path / "journal.db")) is None


@pytest.mark.parametrize(
    ("path", "is_share"),
    [
        (r"\\server\share\journal.db", True),
        ("//server/share/journal.db", True),
        (r"\\?\UNC\server\share\journal.db", True),
        (r"\\?\C:\journal.db", False),
        (r"C:\journal.db", False),
        ("journal.db", False),
    ],
)
def test_windows_shares_are_told_by_their_path(path: str, is_share: bool) -> None:  # noqa: FBT001  a table
    assert is_network_share(path) is is_share


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
@pytest.mark.parametrize("replaced", [False, True])
def test_files_that_were_deleted_or_replaced_no_longer_stand(tmp_path: Path, suffix: str, replaced: bool) -> None:  # noqa: FBT001  as above
    path = tmp_path / "journal.db"
    for name in ("", "-wal", "-shm"):
        Path(f"{path}{name}").write_bytes(b"")
    identity = Identity(str(path))
    path.write_bytes(b"changed")
    assert identity.still_stands()
    other = tmp_path / "other"
    other.write_bytes(b"")
    if replaced:
        other.replace(f"{path}{suffix}")
    else:
        Path(f"{path}{suffix}").unlink()
    assert not identity.still_stands()
