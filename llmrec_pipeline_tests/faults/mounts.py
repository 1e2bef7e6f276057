"""Small and read-only file systems for one command, in a mount namespace that ends with it.

Both are commands that start another one. They need `unshare` and leave to mount in a namespace of
one's own; where either is not there, what stands in for them is said.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

Wrapper = tuple[str, ...]

_NAMESPACE: Wrapper = ("unshare", "--map-root-user", "--mount", "sh", "-ec")
# $0 the folder, $1 its size, the rest the command. What is left is copied back, as to a disk with
# room again.
_SMALL = """
disk="$0.disk"; mkdir "$disk"; mount -t tmpfs -o size="$1" tmpfs "$disk"; shift
cp -a "$0/." "$disk"; mount --bind "$disk" "$0"
code=0; "$@" || code=$?
umount "$0"; find "$0" -mindepth 1 -delete; cp -a "$disk/." "$0"; umount "$disk"; rmdir "$disk"
exit $code
"""
_READ_ONLY = """mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec "$@" """
_BLOCK = 4096


@cache
def can_mount() -> bool:
    """Whether a file system can be mounted here, full and read-only."""
    if shutil.which("unshare") is None:
        return False
    with TemporaryDirectory() as name:
        folder = Path(name)
        return _refuses(small_disk(folder, _BLOCK), folder) and _refuses(read_only(folder), folder)


def _refuses(wrapper: Wrapper, folder: Path) -> bool:
    """Whether the folder has no room for a program."""
    command = (*wrapper, "sh", "-c", '! cp /bin/sh "$0/sh"', str(folder))
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def small_disk(folder: Path, room: int) -> Wrapper:
    """Starts a command that finds the folder on a disk with so many bytes free."""
    return (*_NAMESPACE, _SMALL, str(folder), str(used(folder) + room))


def read_only(folder: Path) -> Wrapper:
    """Starts a command that finds the folder read-only."""
    return (*_NAMESPACE, _READ_ONLY, str(folder))


def small_files(size: int) -> Wrapper:
    """Starts a command whose files end at so many bytes, with EFBIG."""
    return ("prlimit", f"--fsize={size}", "--")


def used(folder: Path) -> int:
    """What the folder takes of a disk, in bytes."""
    sizes = {
        (status := path.lstat()).st_ino: status.st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    return sum(-(-size // _BLOCK) * _BLOCK for size in sizes.values())
