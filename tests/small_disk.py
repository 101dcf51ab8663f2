"""A disk that is really full: a program sees a small one of its own, made in a namespace of its own, without root."""

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

INSIDE = """
import ctypes, os, sys
place, size, *program = sys.argv[1:]
user, group = os.getuid(), os.getgid()
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *values):
    if getattr(libc, name)(*values):
        raise OSError(ctypes.get_errno(), name)

call("unshare", 0x10000000 | 0x00020000)  # CLONE_NEWUSER, CLONE_NEWNS
for name, words in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
    with open(f"/proc/self/{name}", "w") as file:
        file.write(words)
call("mount", b"tmpfs", place.encode(), b"tmpfs", 0, f"size={size}k,mode=700".encode())
os.execv(program[0], program)
"""


def command(place: Path, size_mb: float) -> list[str]:
    """What to write before a program so that the folder `place` is a disk of that size to it."""
    return [sys.executable, "-I", "-c", INSIDE, str(place), str(int(size_mb * 1024))]


@cache
def possible() -> bool:
    """Whether this system lets anybody make a disk of one's own."""
    with tempfile.TemporaryDirectory() as place:
        return not subprocess.run([*command(Path(place), 1), "/bin/true"], capture_output=True).returncode
