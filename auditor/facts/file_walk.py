"""One walk over the local file systems for all that only a walk can find, so that every check shares its cost.

Network mounts, what containers keep, /proc, /sys, /dev and /run are left out. GNU find walks as root, once, at the lowest
priority; when it cannot see everything, does not end in time or finds more than can be listed, the probe fails: a
shorter list would read as a cleaner host. Snapshots of btrfs that are not mounted are not entered.
A .pem of less than a megabyte that has no private key among what it holds is no key, nor is a .key that says it is public: grep
looks, and tells yes or no. What is served through a link among the web's folders that leads out of them is not told as served:
the link is, of type ``l``.
"""

from __future__ import annotations

import re
import shlex

from auditor.errors import ParseError
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, optional, record
from auditor.model import Json, Text

_LOCAL = ("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "reiserfs", "zfs", "overlay", "tmpfs")
_LEFT_OUT = (
    *("/proc", "/sys", "/dev", "/run", "/snap"),
    *("/var/lib/docker", "/var/lib/containers", "/var/lib/containerd", "/var/lib/kubelet", "/var/lib/lxc", "/var/lib/lxd"),
    # the same of people's own containers, whose files belong to nobody that the host knows, and of Ubuntu's snaps
    *("/home/*/.local/share/containers/storage", "/home/*/.local/share/docker"),
    *("/var/snap/docker/common/var-lib-docker", "/var/snap/lxd/common/lxd", "/var/snap/microk8s/common/var/lib/containerd"),
)
_WEB_ROOTS = ("/var/www/*", "/srv/*", "/usr/share/nginx/html/*")
_WEB_LINKS = " ".join(f"{root.removesuffix('/*')} {root}" for root in _WEB_ROOTS)
_DUMPS = ("*.sql", "*.sql.gz", "*.sql.xz", "*.sql.bz2", "*.sql.zst", "*.dump", "*.dmp", "*.mdb", "*.bson")
_KEYS = (
    *("*.key", "*.pem", "*.ppk", "*.p8", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.keytab"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"),
)
_EXPOSED = (
    *_DUMPS,
    *("*.zip", "*.tar", "*.tar.gz", "*.tgz", "*.tar.xz", "*.7z", "*.rar"),
    *("*.bak", "*.old", "*.orig", "*.swp", ".env", ".htpasswd"),
)
_MOST = 2000  # lines of one kind; a host with more is not listed in part

Words = list[str]


def _any(test: str, values: tuple[str, ...]) -> Words:
    """``( test value -o test value … )``."""
    return ["(", *[word for value in values for word in ("-o", test, value)][1:], ")"]


def _print(kind: str, *tests: str) -> Words:
    """What find prints for a file that meets the tests: its kind, mode, owner and group, and its path up to a NUL."""
    return ["(", *tests, "-printf", f"{kind}|%y|%m|%u|%g|", "-print0", ")"]


# What ls says of the file, which alone tells of an access control list, and the path after it whether or not it says so.
_LISTED = ["(", "-exec", "/bin/ls", "-ld", "{}", ";", ",", "-print0", ")"]


def _all(kinds: tuple[Words, ...]) -> Words:
    """Each kind in turn, whatever came of the one before."""
    return [word for kind in kinds for word in (",", *kind)][1:]


def _expression() -> Words:
    """Cheap tests first, and most files never come to the dear ones: the distribution keeps none of those names in /usr."""
    pruned = _any("-path", _LEFT_OUT)
    foreign = ["-type", "d", "!", *_any("-fstype", _LOCAL)]  # files of an overlay are told as of no known kind
    named = (
        _print("dump", *_any("-iname", _DUMPS)),
        _print("key", "-perm", "/0044", *_any("-iname", _KEYS), "!", "-path", "/etc/ssl/certs/*", "!", *_PUBLIC, *_LISTED),
        _print("archive", *_any("-path", _WEB_ROOTS), *_any("-iname", _EXPOSED)),
        _print("core", *_DUMPED),
    )
    kinds = (
        _print("root", "-path", "/etc/passwd"),
        _print("setuid", "-perm", "/6000", "-type", "f"),
        _print("writable", "-perm", "-0002", *_any("-type", ("f", "d"))),
        _print("unowned", "(", "!", "-uid", "0", "-nouser", "-o", "!", "-gid", "0", "-nogroup", ")"),
        _print("repository", "-type", "d", *_any("-name", (".git", ".svn", ".hg")), *_any("-path", _WEB_ROOTS)),
        ["(", "-type", "f", *_outside("/usr/*", ("/usr/local/*", "/usr/share/nginx/html/*")), "(", *_all(named), ")", ")"],
    )
    return ["(", *pruned, "-o", *foreign, ")", "-prune", "-o", "(", *_all(kinds), ")"]


def _holds(*texts: str) -> Words:
    return ["-exec", "/bin/grep", "-qsF", *[word for text in texts for word in ("-e", text)], "{}", ";"]


# RHEL's /etc/pki and /etc/rhsm and Ubuntu's /etc/pki and /etc/pollinate are full of such files, by everyone's leave to read.
# A .key may be the public half of one, as those are that sign packages. What else begins in such a way may be secret (OpenVPN's).
_PUBLIC = [
    *("(", "-size", "-2048", "(", "-iname", "*.pem", *_holds("-----BEGIN ")),
    *("-o", "-iname", "*.key", *_holds("-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----BEGIN PUBLIC KEY-----"), ")"),
    *("!", *_holds("PRIVATE KEY"), ")"),
]


# As the kernel names them; as kdump keeps the kernel's own memory, with all programs' in it, in a folder for each crash (RHEL's
# vmcore, Debian's and Ubuntu's dump.DATE); as systemd-coredump keeps them, as RHEL has it from the start; in apport's reports.
_KDUMP = ("vmcore", "vmcore.[0-9]*", "vmcore.flat", "vmcore-incomplete", "dump.[0-9]*", "dump-incomplete")
_DUMPED = (
    *("(", "-size", "+64k", "(", *_any("-name", ("core", "core.[0-9]*"))),
    *("-o", "-path", "/var/crash/*/*", *_any("-name", _KDUMP), ")"),
    *("-o", "-path", "/var/lib/systemd/coredump/core.*", "-o", "-path", "/var/crash/*.crash", *_holds("CoreDump: base64"), ")"),
)


def _outside(folder: str, but: tuple[str, ...]) -> Words:
    return ["(", "!", "-path", folder, "-o", *_any("-path", but), ")"]


# On a busy host files go while they are looked at: that is no error, for what is gone is not there.
_COMMAND = " ".join(("/usr/bin/find", "/", "-ignore_readdir_race", *map(shlex.quote, _expression())))

# A line end in a file's name would otherwise begin a line of its own; what a walk that was cut short had begun to print ends
# before the mark. Of a folder without an owner its content is not told.
_SCRIPT = f"""\
{THERE}read -r me rest </proc/self/stat || exit 1
renice -n 19 -p "$me" >/dev/null 2>&1
[ -x /usr/bin/find ] || exit 1
for link in {_WEB_LINKS}; do
  if [ ! -L "$link" ] || {{ [ ! -d "$link" ] && ! hidden "$link"; }}; then continue; fi
  case $(readlink -f "$link")/ in {"|".join(_WEB_ROOTS)}) ;; *) printf 'link|l|777|||%s\\n' "$link" ;; esac
done
{{ as_root {_COMMAND} || printf '\\0broken\\0'; }} |
  tr '\\n\\0' '?\\n' |
  awk -F'|' '$0 == "broken" {{ print "broken"; bad = 1; exit }}
    $1 == "unowned" {{
      path = substr($0, length($1 $2 $3 $4 $5) + 6)
      if (top != "" && index(path, top "/") == 1) next
      top = $2 == "d" ? path : ""
    }}
    $0 ~ "^[-/]" {{ plain = /^-.........[. ]/; next }}
    ++seen[$1] > {_MOST} {{ print "more than {_MOST} of " $1; bad = 1; exit }}
    $1 == "key" {{ if (!plain) sub(/key/, "key+"); plain = 0 }}
    {{ print }}
    END {{ if (!bad) print "end" }}' || exit 1
"""

_NAMES = {
    "setuid": "setuid",
    "writable": "world_writable",
    "unowned": "unowned",
    "dump": "dumps",
    "key": "readable_keys",
    "repository": "web_repositories",
    "archive": "web_archives",
    "core": "core_dumps",
}

# There, closed to all others, a service has a /tmp of its own (systemd's PrivateTmp), under a name drawn at each start.
_PRIVATE = re.compile(r"/(?:var/)?tmp/systemd-private-[0-9a-f]{32}-[^/]+/tmp")


def parse(output: str, _args: Arguments) -> Json:
    """``kind|type|mode|owner|group|path`` a line, then ``end``; ``key+`` where an access control list may hide who reads it."""
    lines = output.rstrip("\r\n ").split("\n")
    if lines[-1].strip() != "end":
        raise ParseError(f"file_walk: the walk did not come to its end: {lines[-1][:80]!r}")
    value: dict[str, list[Json]] = {name: [] for name in _NAMES.values()}
    whole = False
    for line in lines[:-1]:
        fields = line.rstrip("\r").split("|", 5)
        if len(fields) != 6 or not fields[5].startswith("/"):
            raise ParseError(f"file_walk: a line that is no file: {line[:80]!r}")
        kind, type_, mode, owner, group, path = fields
        kind, listed = kind.removesuffix("+"), kind == "key+"
        if kind == "root":
            whole = True
            continue
        if kind == "link":
            for name in ("web_repositories", "web_archives"):
                value[name].append({"path": path, "type": type_, "mode": mode, "owner": owner, "group": group})
            continue
        if kind not in _NAMES:
            raise ParseError(f"file_walk: an unknown kind of file: {kind[:40]!r}")
        if kind == "writable" and (type_, mode) == ("d", "1777") and _PRIVATE.fullmatch(path.rstrip(" ")):
            continue
        value[_NAMES[kind]].append(
            {
                "path": path.rstrip(" "),
                "type": type_,
                "mode": f"{int(mode, 8):04o}",
                "owner": owner,
                "group": group,
                **({"acl": True} if listed else {}),
            }
        )
    if not whole:
        raise ParseError("file_walk: the root file system was not walked: it is of a kind that is not known to be local")
    for found in value.values():
        found.sort(key=lambda item: str(item["path"]) if isinstance(item, dict) else "")
    return {**value}


_FILES = ListOf(record(path=STR, type=STR, mode=STR, owner=STR, group=STR, acl=optional(BOOL)))

FACT = Fact(
    name="file_walk",
    title=Text(
        en="Files that only a walk over the local file systems finds", ar="ملفات لا يكشفها إلا المرور على أنظمة الملفات المحلية"
    ),
    shape=record(**dict.fromkeys(_NAMES.values(), _FILES)),
    parse=parse,
    version=4,
    example={
        **{name: [] for name in _NAMES.values()},
        "setuid": [{"path": "/usr/bin/passwd", "type": "f", "mode": "4755", "owner": "root", "group": "root"}],
    },
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(_COMMAND,), timeout=60.0, max_bytes=1_048_576)},
)
