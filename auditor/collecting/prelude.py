"""The fixed part of the script that runs on a target: framing, watchdog and privilege, in POSIX sh.

It runs under dash, bash and busybox sh, needs nothing but ``sleep``, ``head``, ``cat`` and ``id``, and writes nothing.

Streams: each probe's stdout goes to the session's stdout between two frame lines; its stderr, when there is any, to the
session's stderr after one. A refusal of privilege is a frame on stdout, so that it comes before the probe's end.
Descriptors: 3 the session's stdout, 4 a probe's exit status, 5 a probe's stderr; 6 to 8 are those of ``as_root``.
"""

PRELUDE = r"""
a_nl='
'
export LC_ALL=C LANG=C PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb PAGER=cat SYSTEMD_PAGER=cat SYSTEMD_COLORS=0
unset LANGUAGE CDPATH ENV BASH_ENV IFS GREP_OPTIONS POSIXLY_CORRECT
umask 077
ulimit -c 0 2>/dev/null
cd / || exit 1

# A frame is one line that starts with the session's secret; echo is a builtin, so that the secret shows in no process list.
a_frame() { echo "$a_nl$a_marker $*"; }

# Prints "d" when sudo itself speaks of a refusal, "w" when it only cannot write its log; passes every line on to the stderr.
a_scan() {
  while IFS= read -r a_line || [ -n "$a_line" ]; do
    printf '%s\n' "$a_line" >&2
    case $a_line in
      *'unable to resolve host'*) ;;
      'sudo: unable to '*' log file: '*) printf w >&7 ;;
      sudo:*|sudo-rs:*|'Sorry, '*|*'not in the sudoers'*|*'may not run sudo'*|*'not allowed to '*) printf d >&7 ;;
    esac
  done
}

# as_root COMMAND ARGUMENTS: directly when the login is root, else by sudo without a password, else the probe is denied.
as_root() {
  if [ "$a_uid" = 0 ]; then
    "$@"
    return
  fi
  if [ "$a_sudo" = 0 ] || ! command -v sudo >/dev/null 2>&1; then
    a_frame "d $a_index" >&3
    return 126
  fi
  { a_said=$( { { sudo -n -- "$@" 2>&6 >&8 6>&- 7>&- 8>&-; printf '%s' "$?" >&7; } 6>&1 | a_scan; } 7>&1 ); } 8>&1
  a_spoke= a_unlogged=
  while :; do
    case $a_said in
      *d*) a_spoke=1 a_said=${a_said%%d*}${a_said#*d} ;;
      *w*) a_unlogged=1 a_said=${a_said%%w*}${a_said#*w} ;;
      *) break ;;
    esac
  done
  [ "$a_said" = 0 ] && return 0
  # Where it cannot write its log sudo goes on, and the status is the command's, unless it was told to refuse then.
  if [ -n "$a_unlogged" ]; then
    case $(sudo -n -l 2>/dev/null) in ''|*'!ignore_logfile_errors'*) a_spoke=1 ;; esac
  fi
  # A refusal in words we do not know looks like a command that exits 1: ask sudo whether it would have permitted it.
  if [ -n "$a_spoke" ] || { [ "$a_said" = 1 ] && ! sudo -n -l -- "$@" >/dev/null 2>&1; }; then
    a_frame "d $a_index" >&3
  fi
  return "${a_said:-126}"
}

# Fills a_tree with all descendants of this shell but the watchdog, whose process id is $1.
a_descendants() {
  a_all=
  for a_stat in /proc/[0-9]*/stat; do
    a_rest=
    { read -r a_rest <"$a_stat"; } 2>/dev/null
    a_pid=${a_stat#/proc/}
    a_rest=${a_rest##*) }
    a_rest=${a_rest#* }
    a_all="$a_all ${a_pid%/stat}:${a_rest%% *}"
  done
  a_tree=
  a_known=" $$ "
  a_more=1
  while [ -n "$a_more" ]; do
    a_more=
    for a_pair in $a_all; do
      a_pid=${a_pair%:*}
      case $a_known in *" $a_pid "*) continue ;; esac
      case $a_known in *" ${a_pair#*:} "*) ;; *) continue ;; esac
      [ "$a_pid" = "$1" ] && continue
      a_known="$a_known$a_pid "
      a_tree="$a_tree $a_pid"
      a_more=1
    done
  done
}

# Runs in the background: after $1 seconds ends the probe and all that it started, and exits 7. TERM calls it off.
a_watch() {
  a_sleeper= a_off=
  trap 'a_off=1; [ -n "$a_sleeper" ] && kill "$a_sleeper" 2>/dev/null' TERM
  sleep "$1" &
  a_sleeper=$!
  [ -n "$a_off" ] && kill "$a_sleeper" 2>/dev/null
  wait "$a_sleeper"
  [ -n "$a_off" ] && exit 0
  trap '' TERM
  read -r a_me a_rest </proc/self/stat || exit 7
  a_descendants "$a_me"
  [ -n "$a_tree" ] || exit 7
  kill -TERM $a_tree 2>/dev/null
  for a_try in 1 2; do
    a_alive=
    for a_pid in $a_tree; do kill -0 "$a_pid" 2>/dev/null && a_alive="$a_alive $a_pid"; done
    [ -n "$a_alive" ] || exit 7
    [ "$a_try" = 1 ] && sleep 1
  done
  kill -KILL $a_alive 2>/dev/null
  exit 7
}

# a_run INDEX SECONDS BYTES: one probe between its frames. Its status: a number, t (timed out) or x (ended from outside).
a_run() {
  a_index=$1
  # one write ends the last probe and begins this one
  echo "$a_last$a_nl$a_marker b $1" || exit 1
  a_watch "$2" </dev/null >/dev/null 2>&1 3>&- &
  a_watchdog=$!
  a_status=$(
    {
      {
        {
          ( ulimit -t "$(($2 + 5))"; "a_probe_$1" ) </dev/null 2>&5 4>&- 5>&-
          echo "$?" >&4
        } | head -c "$3" >&3 4>&- 5>&-
      } 5>&1 | a_stderr "$1" >&2 4>&-
    } 4>&1
  )
  kill -TERM "$a_watchdog" 2>/dev/null
  if [ -z "$a_status" ]; then
    wait "$a_watchdog"
    if [ $? -eq 7 ]; then a_status=t; else a_status=x; fi
  fi
  a_last="$a_nl$a_marker e $1 $a_status$a_nl"
}

# Passes on the start of a probe's stderr after a frame, and drains the rest, so that the probe is not stopped by it.
a_stderr() {
  IFS= read -r a_line || [ -n "$a_line" ] || return 0
  a_frame "b $1"
  printf '%s\n' "$a_line"
  head -c 16384
  if read -r a_line; then cat >/dev/null; fi
  a_frame "e $1"
}
"""
