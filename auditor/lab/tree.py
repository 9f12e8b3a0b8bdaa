"""A host's files as layers, so that one way of editing serves a host that is being built and one that runs."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tree:
    """Files under ``top``, which is written; what is not there yet is read from the layers ``under`` it, nearest first."""

    top: Path
    under: tuple[Path, ...] = ()

    def read(self, path: str) -> str:
        """A file's text."""
        source = self.find(path)
        if source is None:
            raise FileNotFoundError(path)
        return source.read_text(encoding="utf-8")

    def find(self, path: str) -> Path | None:
        """Where the file is in the nearest layer that has it."""
        places = (layer / path.lstrip("/") for layer in (self.top, *self.under))
        return next((place for place in places if os.path.lexists(place)), None)

    def write(self, path: str, text: str, mode: int | None = None, uid: int = 0, gid: int = 0) -> None:
        """Write a file; without ``mode`` it keeps the mode and owner that it has."""
        if mode is None:
            target = self.own(path)
        else:
            target = self._place(path)
            target.unlink(missing_ok=True)
        target.write_text(text, encoding="utf-8")
        if mode is not None:
            self.mode(path, mode, uid, gid)

    def folder(self, path: str, mode: int = 0o755, uid: int = 0, gid: int = 0) -> None:
        """Make a folder."""
        self._place(path).mkdir(exist_ok=True)
        self.mode(path, mode, uid, gid)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        place = self._place(path)
        place.unlink(missing_ok=True)
        place.symlink_to(target)

    def mode(self, path: str, mode: int, uid: int = 0, gid: int = 0) -> None:
        """Set mode and owner."""
        target = self.own(path)
        os.chown(target, uid, gid)
        target.chmod(mode)

    def replace(self, path: str, old: str, new: str) -> None:
        """Change one passage that must be there."""
        text = self.read(path)
        if old not in text:
            raise ValueError(f"{path} holds no {old!r}")
        self.write(path, text.replace(old, new, 1))

    def append(self, path: str, text: str) -> None:
        """Add to the end of a file."""
        self.write(path, self.read(path) + text)

    def remove(self, path: str) -> None:
        """Remove a file if it is there."""
        (self.top / path.lstrip("/")).unlink(missing_ok=True)

    def own(self, path: str) -> Path:
        """The file in the top layer, copied up with mode and owner when it was only in a lower one."""
        target, source = self._place(path), self.find(path)
        if source is None:
            raise FileNotFoundError(path)
        if source != target:
            copy(source, target)
        return target

    def restore(self, path: str, pristine: Tree) -> None:
        """Make a file again what it is in ``pristine``; remove it when it is not there."""
        source = pristine.find(path)
        if source is None:
            self.remove(path)
        else:
            copy(source, self._place(path))

    def _place(self, path: str) -> Path:
        target = self.top / path.lstrip("/")
        for folder in reversed(target.relative_to(self.top).parents[:-1]):
            if not (self.top / folder).exists():
                source = self.find(str(folder))
                (self.top / folder).mkdir()
                if source is not None:
                    copy(source, self.top / folder)
                else:
                    (self.top / folder).chmod(0o755)
        return target


def copy(source: Path, target: Path) -> None:
    """Copy a file, link or bare folder with its mode, owner and time."""
    state = source.lstat()
    if source.is_dir() and not source.is_symlink():
        target.mkdir(exist_ok=True)
    else:
        target.unlink(missing_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
    os.chown(target, state.st_uid, state.st_gid, follow_symlinks=False)
    if not target.is_symlink():
        target.chmod(state.st_mode & 0o7777)
