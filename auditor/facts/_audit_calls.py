"""Which system calls there are to audit: what each letter of ``perm=`` stands for, what changes a file, what a machine lacks."""

from __future__ import annotations


def _names(*lines: str) -> frozenset[str]:
    return frozenset(name for line in lines for name in line.split())


# After the kernel's include/asm-generic/audit_*.h, of which auditctl 4 has its own list.
CLASSES = {
    "x": _names("execve execveat"),
    "w": _names(
        "acct bind creat fallocate ftruncate link linkat mkdir mkdirat mknod mknodat open openat openat2 quotactl quotactl_fd",
        "rename renameat renameat2 rmdir swapon symlink symlinkat truncate unlink unlinkat",
    ),
    "r": _names(
        "fgetxattr file_getattr flistxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr open openat openat2",
        "quotactl readlink readlinkat",
    ),
    "a": _names(
        "chmod chown fchmod fchmodat fchmodat2 fchown fchownat file_setattr fremovexattr fsetxattr lchown link linkat",
        "lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat",
    ),
}
CHANGING = CLASSES["w"] | CLASSES["a"]

# Where a rule lists calls, it watches a file if these are among them, through which files are changed.
CHANGES = _names(
    "chmod chown creat fchmod fchmodat fchown fchownat fsetxattr ftruncate lchown open openat rename renameat setxattr truncate",
    "unlink unlinkat",
)

# Calls that are given no path: a rule on a path never matches them.
PATHLESS = _names(
    "adjtimex clock_adjtime clock_settime delete_module finit_module init_module setdomainname sethostname settimeofday stime"
)

# The one word size whose programs a machine runs, by its name; any other is taken to run both.
ONE_SIZE = {
    "ppc64le": "b64",
    "riscv64": "b64",
    "loongarch64": "b64",
    "i386": "b32",
    "i686": "b32",
    "armv6l": "b32",
    "armv7l": "b32",
}

# What 64-bit programs cannot call, by the machine: there is nothing of it to record. Newer machines never had the oldest calls.
_OF_32_BITS = _names("chown32 clock_adjtime64 clock_settime64 fchown32 ftruncate64 lchown32 stime truncate64 umount")
_OLD = _names("chmod chown creat lchown link mkdir mknod open readlink rename rmdir symlink unlink")
LACKING = {
    "x86_64": _OF_32_BITS,
    "aarch64": _OF_32_BITS | _OLD,
    "riscv64": _OF_32_BITS | _OLD | {"renameat"},
    "loongarch64": _OF_32_BITS | _OLD | {"renameat"},
}
