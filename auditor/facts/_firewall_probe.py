"""How a host is asked for its packet filter: the fragment of shell, and what of it needs root."""

# Elements of sets (banned addresses) change nightly: they stay on the target, which tells of a set of addresses only whether it
# holds the one that the session comes from. What a set of ports holds is told, unless packets or time change it. Tables that see
# no incoming packets stay there too.
#
# What iptables wrote into nft's tables is shown by iptables too where nft is older than 1.0.6: that leaves out of a rule what it
# has no words for, so that one with a condition looks like one without. Newer ones name what they have no words for, and iptables
# may stumble over what others wrote; they are believed unless they say on their standard error that they left something out.
# Where they do and iptables is not installed, nothing is told: half a rule may mean the opposite. RHEL 8 has the programs of
# nft's tables by their plain names alone.
#
# The old tables, which nft does not see, are asked for only where they are in use already, and only for those that are in use,
# because to ask for others loads kernel modules. They are saved, not listed: `iptables-legacy -S` leaves a lock file behind.
SCRIPT = r"""
told() {
  printf '%s\n' "$out" | awk -v family="$1" '
    /^# Table .*incompatible/ { name = $3; gsub(/[^a-z]/, "", name); unfit[name] = 1 }
    /^\*/ { skip = substr($0, 2) in unfit }
    skip || /^#/ || /^COMMIT$/ || /^$/ { next }
    /^:/ { print family "=" ($2 == "-" ? "-N " substr($1, 2) : "-P " substr($1, 2) " " $2); next }
    { print family "=" $0 }
  ' || exit 1
}
unshown() {
  if printf '%s\n' "$out" | grep -q '^# Table .*incompatible'; then
    echo "$1 cannot show all rules: install the package nftables" >&2
    exit 1
  fi
}
client=
if [ -n "${SSH_CONNECTION-}" ]; then
  set -- $SSH_CONNECTION
  client=$1
  echo "client=$1 $3"
fi
if [ -x /usr/sbin/nft ]; then
  out=$(
    exec 9>&1
    said=$({ as_root /usr/sbin/nft -s list ruleset; } 2>&1 >&9 9>&-) || { printf '%s\n' "$said" >&2; exit 1; }
    printf '%s\n' "$said" | sed -n -e 's/^XT match .* not found.*/unreadable/p' -e 's/^XT target .* not found.*/unreadable/p'
  ) || exit 1
  # `old`: nft may leave something out
  old=$(/usr/sbin/nft --version | awk '{ sub(/^v/, "", $2); split($2, v, "."); print v[1] * 10000 + v[2] * 100 + v[3] < 10006 }')
  printf '%s\n' "$out" | grep -q '^unreadable$' && old=1
  named=
  if [ -x /usr/sbin/iptables-nft-save ]; then named=iptables-nft
  elif [ -x /usr/sbin/iptables-save ] && /usr/sbin/iptables-save -V 2>/dev/null | grep -q nf_tables; then named=iptables
  fi
  if [ "$old" = 1 ] && [ -z "$named" ]; then
    if printf '%s\n' "$out" | grep -q '^unreadable$'; then
      echo "nft cannot show all of the rules that iptables wrote: install the package iptables" >&2
      exit 1
    fi
    old=0
  fi
  echo tool=nftables
  printf '%s\n' "$out" | awk -v client="$client" '
    function number(text, part) { split(text, part, "."); return ((part[1] * 256 + part[2]) * 256 + part[3]) * 256 + part[4] }
    function within(text, part, size) {
      if (text == "*") return 1
      if (text ~ /-/) { split(text, part, "-"); return number(part[1]) <= me && me <= number(part[2]) }
      if (text ~ /\//) {
        split(text, part, "/"); size = 2 ^ (32 - part[2])
        return int(number(part[1]) / size) == int(me / size)
      }
      return number(text) == me
    }
    function finish(n, i, all, word) {
      sub(/.*elements = \{/, "", elements); sub(/\}.*/, "", elements)
      n = split(elements, all, ",")
      if (typed == "port") {
        found = ""
        for (i = 1; i <= n; i++) {
          split(all[i], word, " ")
          if (word[1] != "" && word[1] !~ /^[0-9]+(-[0-9]+)?$/) return
          if (word[1] != "") found = found " " word[1]
        }
        text = text "ports=" table " " name found "\n"
      }
      if (typed != "address" || client !~ /^[0-9.]+$/) return
      me = number(client); found = "lacks"
      for (i = 1; i <= n; i++) { split(all[i], word, " "); if (word[1] != "" && within(word[1])) found = "holds" }
      text = text "set=" table " " name " " found "\n"
    }
    { line = $0; sub(/ \{ #.*$/, " {", line); opens = line ~ / \{$/ }
    $1 == "table" && opens { table = $2 " " $3; text = ""; wanted = 0; asleep = 0; depth = 0; next }
    !depth && $1 == "flags" && /dormant/ { asleep = 1; next }
    !depth && $1 == "chain" && opens { text = text "chain=" table " " $2 "\n"; depth = 1; next }
    !depth && opens { depth = 2; name = $2; typed = ""; elements = ""; isset = $1 == "set"; next }
    !depth && $1 == "}" { if (wanted && !asleep) printf "%s", text; next }
    depth == 2 && $1 == "}" && NF == 1 { if (isset) finish(); depth = 0; next }
    depth == 2 && /^[ \t]*(type ipv4_addr|typeof ip saddr)$/ { typed = "address"; next }
    depth == 2 && /^[ \t]*(type inet_service|typeof (tcp|udp|th) dport)$/ { typed = "port"; next }
    depth == 2 && $1 == "flags" && /dynamic|timeout/ && typed == "port" { typed = ""; next }
    depth == 2 { gsub(/"[^"]*"/, ""); if (/elements = / || elements != "") elements = elements $0 " "; next }
    depth == 1 && $1 == "}" && NF == 1 { depth = 0; next }
    depth == 1 && $1 == "comment" { next }
    depth == 1 && $1 == "type" && /hook (input|prerouting|ingress)/ { wanted = 1 }
    depth == 1 && $1 == "type" { sub(/^[ \t]*/, ""); text = text "base=" $0 "\n" }
    depth == 1 && $1 == "type" { next }
    depth == 1 { sub(/^[ \t]*/, ""); text = text "rule=" $0 "\n" }
  ' || exit 1
  if [ "$old" = 1 ]; then
    echo tool=iptables-nft
    if [ "$named" = iptables-nft ]; then out=$(as_root /usr/sbin/iptables-nft-save) || exit 1
    else out=$(as_root /usr/sbin/iptables-save) || exit 1
    fi
    told ip
    if [ "$named" = iptables-nft ]; then out=$(as_root /usr/sbin/ip6tables-nft-save) || exit 1
    else out=$(as_root /usr/sbin/ip6tables-save) || exit 1
    fi
    told ip6
  fi
else
  if [ -x /usr/sbin/iptables ]; then
    echo tool=iptables
    out=$(as_root /usr/sbin/iptables-save) || exit 1
    unshown iptables
    told ip
  fi
  if [ -x /usr/sbin/ip6tables ]; then
    echo tool=ip6tables
    out=$(as_root /usr/sbin/ip6tables-save) || exit 1
    unshown ip6tables
    told ip6
  fi
fi
legacy=yes
if [ ! -x /usr/sbin/nft ] && [ -x /usr/sbin/iptables-save ] && ! /usr/sbin/iptables-save -V 2>/dev/null | grep -q nf_tables; then
  legacy=told
fi
if [ "$legacy" = yes ] && [ -e /proc/net/ip_tables_names ] && [ -x /usr/sbin/iptables-legacy-save ]; then
  echo tool=iptables-legacy
  out=$(as_root /usr/sbin/iptables-legacy-save) || exit 1
  told ip
fi
if [ "$legacy" = yes ] && [ -e /proc/net/ip6_tables_names ] && [ -x /usr/sbin/ip6tables-legacy-save ]; then
  echo tool=ip6tables-legacy
  out=$(as_root /usr/sbin/ip6tables-legacy-save) || exit 1
  told ip6
fi
if [ -e /proc/net/if_inet6 ]; then
  out=$(cat /proc/net/if_inet6) || exit 1
  if printf '%s\n' "$out" | grep -qv -e '[[:space:]]lo$' -e '^$'; then echo ipv6=yes; else echo ipv6=no; fi
else
  echo ipv6=no
fi
echo end
"""

PRIVILEGED = (
    "/usr/sbin/nft -s list ruleset",
    "/usr/sbin/iptables-nft-save",
    "/usr/sbin/ip6tables-nft-save",
    "/usr/sbin/iptables-save",
    "/usr/sbin/ip6tables-save",
    "/usr/sbin/iptables-legacy-save",
    "/usr/sbin/ip6tables-legacy-save",
)
