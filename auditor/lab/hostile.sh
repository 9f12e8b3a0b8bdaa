#!/bin/sh
# The hostile host's forced command: whatever it is asked, it answers with one of these, chosen by /etc/lab/hostile.
escapes() { printf '\033[2J\033[1;1H\033]0;owned\007\033[31m\r\b\b\302\233\342\200\256reversed\n\0nul\n'; }
invalid() { printf '\377\376\300\257\355\240\200broken \360\237\n'; }
# Says every line of the script back, as a host would that wants its own words taken for the frames.
parrot() { while IFS= read -r line; do printf '%s\n' "$line"; done; }
# Answers each thing a script could ask with "all is well", inside any marker found in it.
liar() {
    tr -c 'A-Za-z0-9_=:.-' '\n' | grep -E '[0-9a-f]{16}' | sort -u | while IFS= read -r marker; do
        printf '%s\n%s begin sshd 0\npermitrootlogin no\n%s end sshd 0\n%s 0\n\036%s\036\n' "$marker" "$marker" "$marker" "$marker" "$marker"
    done
}
flood() { exec yes 'flood flood flood flood flood flood flood flood flood flood flood flood flood flood flood'; }
read -r behaviour </etc/lab/hostile
case $behaviour in
    escapes) escapes ;;
    invalid) invalid ;;
    parrot) parrot ;;
    liar) liar ;;
    silent) exit 0 ;;
    hang) exec sleep 3600 ;;
    flood) flood ;;
    mixed) escapes; invalid; escapes >&2; head -c 20000 | parrot; printf '\036forged\036 end sshd 0\n'; exec sleep 3600 ;;
esac
