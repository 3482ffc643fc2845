"""Where the database of a root lives: in the root, or in this host's cache when the root cannot hold it.

File locks and memory-mapped pages of network file systems are not to be trusted with a database, and a
read-only root cannot hold one. The truth stays in the root; each host then grows a database of its own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import psutil

from ..roots import Root

_NETWORK = frozenset(
    "nfs nfs3 nfs4 cifs smb smb2 smb3 smbfs ncpfs afs afpfs ceph glusterfs lustre beegfs gpfs orangefs "
    "fuse.sshfs fuse.s3fs fuse.gcsfuse fuse.rclone fuse.glusterfs fuse.ceph fuse.juicefs webdav davfs 9p".split()
)


@dataclass(frozen=True, slots=True)
class Place:
    """The database file, its lock file, and whether other hosts read the same root with databases of their own."""

    database: Path
    lock: Path
    shared: bool

    @property
    def wal(self) -> Path:
        return self.database.with_name(self.database.name + ".wal")


def place(root: Root) -> Place:
    """Choose where the database of `root` lives; makes the directory if it is in the cache."""
    if not network(root.dir) and os.access(root.dir, os.W_OK):
        return Place(root.database, root.lock_file, shared=False)
    home = Path(platformdirs.user_cache_dir("jupyter_tracker")) / root.root_id
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Place(home / root.database.name, home / root.lock_file.name, shared=True)


def network(path: Path) -> bool:
    """Whether `path` lies on a network file system, by the type of the mount that holds it."""
    real = os.path.realpath(path)
    best = max(
        (p for p in psutil.disk_partitions(all=True) if _inside(real, p.mountpoint)),
        key=lambda p: len(p.mountpoint),
        default=None,
    )
    return best is not None and best.fstype.lower() in _NETWORK


def _inside(path: str, mount: str) -> bool:
    return path == mount or path.startswith(mount.rstrip(os.sep) + os.sep)
