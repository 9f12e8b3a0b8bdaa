"""Records goldens: runs a fact's probe in an unpacked system, and stores what it printed beside the value that it parses to.

Usage, as root: ``python -m tests.golden.record FACT CASE [--root DIR] [--arg NAME=VALUE]… [--documented] [--output FILE] …``

The probe runs in the root as on a host (mounts and processes of its own, /proc there); the value is printed, to be read
by a person before it is committed. Where the files of the root, or the output itself, were written by hand from what is
documented of a platform, ``--documented`` makes the golden say so.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditor.errors import ParseError
from auditor.facts import Fact, by_name

FOLDER = Path(__file__).parent / "facts"
_ENTER = 'mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" && exec chroot "$1" /bin/sh -s'


def main(argv: list[str]) -> int:
    """Record one golden; 1 when the probe or its parser refuses."""
    parser = argparse.ArgumentParser(description="Record what a fact's probe prints, and the value it parses to.")
    parser.add_argument("fact")
    parser.add_argument("case", help="<platform>-<case>, such as debian13-default")
    parser.add_argument("--root", type=Path, help="an unpacked system; without it this machine")
    parser.add_argument("--arg", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--source", default="", help="what the output was read from, after 'real: ' or 'documented format: '")
    parser.add_argument("--documented", action="store_true", help="say that what was read was written by hand, as documented")
    parser.add_argument("--output", type=Path, help="take this file for what the probe printed, which then does not run")
    parser.add_argument("--shared", action="store_true", help="in this machine's own namespaces, where the kernel tells no other")
    parser.add_argument(
        "--session", default="", metavar="'CLIENT SERVER'", help="the addresses between which the SSH session stands"
    )
    given = parser.parse_args(argv)
    fact = by_name(given.fact)
    if fact is None or "linux" not in fact.probes:
        return _refuse(f"{given.fact} is no fact that is read on a host")
    args: dict[str, Any] = dict(pair.split("=", 1) for pair in given.arg)
    try:
        output = given.output.read_text(encoding="utf-8") if given.output else _printed(fact, args, given)
    except subprocess.CalledProcessError as error:
        return _refuse(f"the probe ended with {error.returncode}: {error.stderr.decode(errors='replace')}")
    try:
        value = fact.value(output, args)
    except ParseError as error:
        return _refuse(f"{error}\n{output}")
    kind = "documented format" if given.documented or given.output else "real"
    source = f"{kind}: {given.source or given.root or 'this machine'}"
    place = FOLDER / fact.name
    place.mkdir(exist_ok=True)
    (place / f"{given.case}.txt").write_text(output, encoding="utf-8")
    told = json.dumps({"source": source, "args": args, "value": value}, ensure_ascii=False, indent=1)
    (place / f"{given.case}.json").write_text(f"{told}\n", encoding="utf-8")
    sys.stdout.write(f"{told}\n")
    return 0


def _printed(fact: Fact, args: Mapping[str, str], given: argparse.Namespace) -> str:
    """What the fact's probe prints in the root, or on this machine."""
    variables = "".join(f"arg_{name}={shlex.quote(value)}\n" for name, value in args.items())
    script = f'as_root() {{ "$@"; }}\n{variables}{fact.probes["linux"].script}'
    command = ["/bin/sh", "-s"]
    if given.root is not None:
        apart = ["--mount"] if given.shared else ["--mount", "--net", "--pid", "--fork"]
        command = ["unshare", *apart, "sh", "-c", _ENTER, "enter", str(given.root)]
    environment = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    if given.session:
        client, server = given.session.split()
        environment["SSH_CONNECTION"] = f"{client} 50000 {server} 22"
    done = subprocess.run(command, input=script.encode(), capture_output=True, env=environment, timeout=300, check=True)
    return done.stdout.decode()


def _refuse(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
