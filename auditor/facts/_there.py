"""Shell for probes of files that may lie in folders closed to the login: what cannot be seen is not taken for absent."""

from __future__ import annotations

THERE = """\
hidden() {
  p=$1 hops=0
  while [ ! -e "$p" ]; do
    if [ -L "$p" ]; then
      hops=$((hops + 1))
      if [ $hops -gt 40 ]; then return 0; fi
      to=$(readlink "$p") || return 0
      case $to in /*) p=$to ;; *) p=${p%/*}/$to ;; esac
      continue
    fi
    p=${p%/*}
    if [ -z "$p" ]; then p=/; fi
  done
  [ -d "$p" ] && [ ! -x "$p" ]
}
exists() {
  if [ -e "$1" ]; then return 0; fi
  if hidden "$1"; then
    echo "a closed folder hides whether $1 is there" >&2
    exit 1
  fi
  return 1
}
listable() {
  for listed do
    if exists "$listed" && [ -d "$listed" ] && { [ ! -r "$listed" ] || [ ! -x "$listed" ]; }; then
      echo "$listed may not be looked into" >&2
      exit 1
    fi
  done
}
"""
"""``hidden PATH``, which is not there for the login: a closed folder may hide it, also behind a link.

``exists PATH``: it is there, or surely not; ends the probe where it may be hidden. ``listable FOLDER...`` ends it where one of
those that are there may not be looked into: of a pattern such as ``FOLDER/*.conf`` the shell then finds nothing.
"""
