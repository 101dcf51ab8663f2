"""A disk that is really full: a program sees a small disk in a mount namespace of its own, without root."""

import ctypes
import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
NEW_USER_AND_MOUNTS, DUMPABLE = 0x10000000 | 0x00020000, 4


def _call(name: str, *values: object) -> None:
    if getattr(LIBC, name)(*values):
        raise OSError(ctypes.get_errno(), name)


def _mounted(place: Path, size_kb: int) -> None:
    user, group = os.getuid(), os.getgid()
    _call("prctl", DUMPABLE, 1, 0, 0, 0)  # else /proc/self belongs to who this process was before
    _call("unshare", NEW_USER_AND_MOUNTS)
    for name, words in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path(f"/proc/self/{name}").write_text(words)
    _call("mount", b"tmpfs", bytes(place), b"tmpfs", 0, f"size={size_kb}k,mode=700".encode())


def on(place: Path, size_kb: int) -> Callable[[], None]:
    """What ``preexec_fn`` does so that to a program the folder `place` is a disk of that size."""
    return partial(_mounted, place, size_kb)


@cache
def possible() -> bool:
    """Whether this system lets anybody make a disk of one's own."""
    with tempfile.TemporaryDirectory() as place:
        try:
            subprocess.run(["/bin/true"], check=True, preexec_fn=on(Path(place), 100))
        except subprocess.SubprocessError:
            return False
    return True
