"""Files that people name, opened with their own rights: through sudo the auditor's account may read more than who calls it."""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from auditor.errors import UsageError
from auditor.text import _

_ROOT = 0


def caller() -> int | None:
    """The user who called sudo, where that is another than the one as whom we run; None without sudo."""
    told = os.environ.get("SUDO_UID", "")
    if not (told.isascii() and told.isdecimal()) or int(told) == os.geteuid():
        return None
    return int(told)


def open_as_caller(path: Path) -> BinaryIO:
    """Open a file for reading, if whoever calls us may read it. Raises OSError as any opening, UsageError where it is another's.

    Root opens it as that user, so that the kernel decides. Another account cannot: what it opens must be the user's own, which is
    asked of the open file, not of its name.
    """
    user = caller()
    if user is None:
        return path.open("rb")
    if os.geteuid() == _ROOT:
        with _as(user):
            return path.open("rb")
    file = path.open("rb")
    if os.fstat(file.fileno()).st_uid != user:
        file.close()
        message = _(
            "{path} is not your own file, and whether you may read it cannot be told through sudo; name a copy that belongs "
            "to you: cp {path} COPY"
        )
        raise UsageError(message.format(path=path))
    return file


@contextmanager
def _as(user: int) -> Iterator[None]:
    """With a user's rights over files and no more; what root may beyond them is given up for so long."""
    own_group, own_groups = os.getegid(), os.getgroups()
    try:
        entry = pwd.getpwuid(user)
        group, groups = entry.pw_gid, os.getgrouplist(entry.pw_name, entry.pw_gid)
    except (KeyError, OverflowError):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES)) from None
    try:
        os.setgroups(groups)
        os.setegid(group)
        os.seteuid(user)
        yield
    finally:
        os.seteuid(_ROOT)
        os.setegid(own_group)
        os.setgroups(own_groups)
