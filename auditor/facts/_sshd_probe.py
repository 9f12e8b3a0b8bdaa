"""What a host is asked about its SSH server: itself, its files, and the servers that run."""

from __future__ import annotations

from auditor.facts._in_force import IN_FORCE
from auditor.facts._there import THERE

# Sudo permits fixed arguments alone, hence one address for every night and every auditor: TEST-NET-1, which is nobody's and so
# meets what is said of everybody's. Old servers want user, host and addr all told.
_FROM = "host=192.0.2.1,addr=192.0.2.1"
ROOT = f"user=root,{_FROM}"
"""The connection of root's, as ``sshd -T -C`` takes it."""

# Only root's listeners (whose a folder in /proc is does not tell: all that forbids to be looked into is root's there), and not
# those of containers, which have a number of their own there as well; before Linux 4.1 their group's name has to tell.
# The count of connections in their titles differs each night.
STARTED = r"""
for process in /proc/[0-9]*; do
  { read -r name <"$process/comm"; } 2>/dev/null || continue
  if [ "$name" != sshd ] || ! grep -q '^Uid:[[:space:]]*0[[:space:]]' "$process/status" 2>/dev/null; then continue; fi
  if grep -q '^NSpid:' "$process/status" 2>/dev/null; then
    if grep -q '^NSpid:.*[0-9][[:space:]][[:space:]]*[0-9]' "$process/status" 2>/dev/null; then continue; fi
  elif grep -qE 'docker|kubepods|libpod|lxc|machine' "$process/cgroup" 2>/dev/null; then continue
  fi
  line=$({ tr '\000\n' '\t ' <"$process/cmdline"; } 2>/dev/null) || continue
  case $line in 'sshd: /'*|/*) printf '%s\n' "${line%% \[listener\]*}" ;; esac
done | sort -u || exit 1
"""

# A server writes the file with its number when it starts and when it is told to read its files again. One that runs for each
# connection has no such file and reads all anew. Where /proc hides the processes of others, a file that is there tells enough.
AS_READ = (
    THERE
    + IN_FORCE
    + r"""
pidfile=$(printf '%s\n' "$settings" | sed -n 's/^pidfile //p')
server=
if [ -f "$pidfile" ]; then { read -r server <"$pidfile"; } 2>/dev/null || exit 1; fi
if [ -r /proc/1/comm ]; then running=$(cat "/proc/$server/comm" 2>/dev/null); else running=sshd; fi
if [ -n "$server" ] && [ "$running" = sshd ]; then
  read_at=$(stat -c %Y "$pidfile") || exit 1
  in_force "the SSH server" "$read_at" reload /etc/ssh/sshd_config /etc/ssh/sshd_config.d /etc/ssh/sshd_config.d/*.conf \
    /etc/crypto-policies/back-ends/opensshserver.config
fi
"""
)
"""Fails where the server has not read its files as they are; ``settings`` are what ``sshd -T`` says."""

# Asked only where a line may begin a Match block. A refusal by sudo leaves one question unanswered, not the whole fact: the
# descriptor by which as_root would tell it is closed.
_ASKED = rf"""
asked() {{ printf '== asked user=%s,{_FROM}\n%s\n' "$1" "$2"; }}
if printf '%s\n' "$files" | grep -qi ':[[:space:]"]*match'; then
  login=$(id -un) || exit 1
  told=$(3>/dev/null as_root /usr/sbin/sshd -T -C {ROOT}) || told=failed
  asked root "$told"
  case $login in
    root) ;;
    *[,[:space:]]*) asked "$login" failed ;;
    *)
      told=$(3>/dev/null as_root /usr/sbin/sshd -T -C "user=$login,{_FROM}") || told=failed
      asked "$login" "$told"
      ;;
  esac
fi
"""

# An SSH server of another make, or the session itself, proves that `installed=no` would be untrue.
SCRIPT = (
    "if [ ! -x /usr/sbin/sshd ]; then\n"
    "  for other in /usr/local/sbin/sshd /usr/bin/sshd /usr/sbin/dropbear; do\n"
    '    [ ! -e "$other" ] || { echo "cannot ask the SSH server $other" >&2; exit 1; }\n'
    "  done\n"
    '  [ -z "${SSH_CONNECTION-}" ] || { echo "the SSH server of this session is not known" >&2; exit 1; }\n'
    "  printf 'installed=no\\nend\\n'\n"
    "  exit 0\n"
    "fi\n"
    "[ -x /etc/ssh ] || exit 1\n"
    "settings=$(as_root /usr/sbin/sshd -T) || exit 1\n"
    "if [ -d /etc/ssh/sshd_config.d ]; then\n"
    "  files=$(as_root /bin/grep -RH ^ /etc/ssh/sshd_config /etc/ssh/sshd_config.d)\n"
    "else\n"
    "  files=$(as_root /bin/grep -RH ^ /etc/ssh/sshd_config)\n"
    "fi\n"
    "[ $? -le 1 ] || exit 1\n" + AS_READ + "printf 'installed=yes\\n%s\\n== files\\n' \"$settings\"\n"
    '[ -z "$files" ] || printf \'%s\\n\' "$files"\n' + _ASKED + "echo '== started'\n" + STARTED + "echo end\n"
)
"""The probe of the fact ``sshd``."""

PRIVILEGED = (
    "/usr/sbin/sshd -T",
    f"/usr/sbin/sshd -T -C {ROOT}",
    f'/usr/sbin/sshd -T -C "user=$login,{_FROM}"',
    "/bin/grep -RH ^ /etc/ssh/sshd_config",
    "/bin/grep -RH ^ /etc/ssh/sshd_config /etc/ssh/sshd_config.d",
)
"""What it runs as root."""
