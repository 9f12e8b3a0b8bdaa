"""The fixed part of the script that runs on a target: framing, watchdog and privilege, in POSIX sh.

It runs under dash, bash and busybox sh, needs nothing but ``sleep``, ``head``, ``cat`` and ``id``, and writes nothing.

Streams: each probe's stdout goes to the session's stdout between two frame lines; its stderr, when there is any, to the
session's stderr between two. A refusal of privilege and the exit status are frames on stdout, so that they come before the end.
Descriptors: 3 the session's stdout, 5 the one process that reads all probes' stderr; 6 to 8 are those of ``as_root``.

Processes are what a session costs a target. For a probe there are two: its own shell, and ``head``, which cuts its output, where
the probe does not bound it itself. One watchdog serves all probes of a like limit, one reader all of their stderr.
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

# One that comes in the middle of a probe's output must be one write, which in bash ends with each line.
a_aside() { echo "$a_marker $*" >&3; }

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
    a_aside "d $a_index"
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
    a_aside "d $a_index"
  fi
  return "${a_said:-126}"
}

# Fills a_all with PID:PARENT of all processes, and a_roots with the children of the session but the watchdog.
a_processes() {
  a_all= a_roots=
  for a_stat in /proc/[0-9]*/stat; do
    a_rest=
    { read -r a_rest <"$a_stat"; } 2>/dev/null
    a_pid=${a_stat#/proc/}
    a_pid=${a_pid%/stat}
    a_rest=${a_rest##*) }
    a_rest=${a_rest#* }
    a_rest=${a_rest%% *}
    a_all="$a_all $a_pid:$a_rest"
    if [ "$a_rest" = "$a_main" ] && [ "$a_pid" != "$a_me" ]; then a_roots="$a_roots $a_pid"; fi
  done
}

# Fills a_tree with a_roots and all their descendants.
a_descendants() {
  a_tree=$a_roots
  a_known="$a_roots "
  a_more=1
  while [ -n "$a_more" ]; do
    a_more=
    for a_pair in $a_all; do
      a_pid=${a_pair%:*}
      case $a_known in *" $a_pid "*) continue ;; esac
      case $a_known in *" ${a_pair#*:} "*) ;; *) continue ;; esac
      a_known="$a_known$a_pid "
      a_tree="$a_tree $a_pid"
      a_more=1
    done
  done
}

# a_began PID: fills a_start with when a process began, in hundredths of a second; 1 when it is gone.
a_began() {
  a_rest=
  { read -r a_rest <"/proc/$1/stat"; } 2>/dev/null
  set -- ${a_rest##*) }
  a_start=${20:-}
  [ -n "$a_start" ]
}

# Runs in the background, for all probes of a like limit: ends each that is older than $1 seconds and all that it started.
# It holds none of the session's streams. TERM calls it off. It looks when the limit of the probe that it saw last is over, and
# so sees none of the short ones: they cost nothing. The clock is the one that processes' beginnings are told by.
# Its sleep is ended by KILL: one that has just been forked still has our trap, and a TERM would be lost on its way to exec.
a_watch() {
  a_sleeper= a_off= a_pause=$1
  trap 'a_off=1; [ -n "$a_sleeper" ] && kill -KILL "$a_sleeper" 2>/dev/null' TERM
  read -r a_me a_rest </proc/self/stat || exit 1
  while [ -z "$a_off" ]; do
    sleep "$a_pause" &
    a_sleeper=$!
    [ -n "$a_off" ] && kill -KILL "$a_sleeper"
    a_began "$a_sleeper" || exit 1
    a_now=$((a_start + a_pause * 100))
    wait "$a_sleeper"
    [ -n "$a_off" ] && break
    # a session that was cut needs no watch
    read -r a_rest </proc/self/stat || exit 1
    a_rest=${a_rest##*) }
    a_rest=${a_rest#* }
    [ "${a_rest%% *}" = "$a_main" ] || exit 1
    a_processes
    a_oldest= a_age=0
    for a_pid in $a_roots; do
      a_began "$a_pid" && [ "$((a_now - a_start))" -ge "$a_age" ] || continue
      a_oldest=$a_pid a_born=$a_start a_age=$((a_now - a_start))
    done
    # a tenth of a second early rather than a whole one late
    a_pause=$((($1 * 100 - a_age + 89) / 100))
    if [ "$a_pause" -le 0 ]; then
      a_pause=1
      # it may have ended while we looked; the next one is not to pay for it
      a_began "$a_oldest" && [ "$a_start" = "$a_born" ] && a_end
    fi
  done
}

# Tells the session that its probe is late, and ends what a_roots and a_all hold of it.
a_end() {
  a_descendants
  kill -USR1 "$a_main"
  kill -TERM $a_tree
  sleep 1
  # with what they have started since
  a_tried=$a_tree
  a_processes
  a_roots=$a_tried
  a_descendants
  kill -KILL $a_tree
}

# All probes, and around them what they share. A probe that is late is known by a signal of the watchdog's.
a_session() {
  a_last= a_watchdog= a_uid=$(id -u)
  read -r a_main a_rest </proc/self/stat
  trap 'a_late=" t"' USR1
  a_all_probes
  [ -n "$a_watchdog" ] && kill -TERM "$a_watchdog"
  echo "$a_last$a_nl$a_marker z"
  a_frame z >&5
}

# a_limit SECONDS: for the probes that follow.
a_limit() {
  [ -n "$a_watchdog" ] && kill -TERM "$a_watchdog"
  a_seconds=$1
  # in parentheses: a function's own redirections keep a copy of what they replace in dash and busybox
  ( a_watch "$1" ) >/dev/null 3>&- 5>&- &
  a_watchdog=$!
}

# a_run INDEX BYTES: one probe between its frames, cut at BYTES, or 0 for one that bounds itself. The last frame says t when the
# watchdog ended it, x when what cuts its output failed; where no status came, and no t, it was ended from outside.
a_run() {
  a_index=$1 a_late=
  # one write ends the last probe and begins this one
  echo "$a_last$a_nl$a_marker b $1" || exit 1
  a_frame "b $1" >&5
  if [ "$2" -eq 0 ]; then
    ( a_probe ) 2>&5 5>&-
  else
    a_probe 2>&5 5>&- | head -c "$2" 3>&- 5>&-
    # not by ||, under which the probe's set -e would be ignored
    [ "$?" -eq 0 ] || a_late=${a_late:-" x"}
  fi
  a_last="$a_nl$a_marker e $1$a_late$a_nl"
}

# Runs in a subshell of its own, whose end tells the status.
a_probe() {
  trap 'a_aside "s $a_index $?"' 0
  ulimit -t "$((a_seconds + 5))"
  "a_probe_$a_index"
}

# Reads the stderr of all probes, with frames between: passes on the start of each that has any, and drains the rest, so that
# no probe is stopped by it. A line's end is held back until the next line shows that it was not a frame's.
a_errors() {
  a_open= a_held= a_room=0
  while IFS= read -r a_line || [ -n "$a_line" ]; do
    case $a_line in
      "$a_marker "*)
        [ -n "$a_open" ] && a_frame "e $a_open"
        a_open= a_held= a_room=16384 a_kind=${a_line#"$a_marker "}
        [ "$a_kind" = z ] && break
        a_index=${a_kind#b }
        continue
        ;;
    esac
    if [ -z "$a_open" ] && [ -z "$a_held" ] && [ -z "$a_line" ]; then a_held=1; continue; fi
    [ "$a_room" -gt 0 ] || continue
    if [ -z "$a_open" ]; then
      a_open=$a_index
      a_frame "b $a_index"
      [ -n "$a_held" ] || { printf "%.${a_room}s" "$a_line"; a_room=$((a_room - ${#a_line})); continue; }
    fi
    printf "\n%.${a_room}s" "$a_line"
    a_room=$((a_room - ${#a_line} - 1))
  done
  a_frame z
}
"""
