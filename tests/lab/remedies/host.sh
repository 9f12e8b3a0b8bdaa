# A host in which a remedy is followed, from inside its new namespaces. Nothing that is done in it reaches the machine or the root
# that it is laid over. Arguments: the unpacked system, an empty folder, the public key that may log in.
set -eu
umask 022
root=$1 work=$2 key=$3
new=$work/new

mount -t tmpfs -o mode=0755,size=512m remedy "$work"
mkdir "$work/up" "$work/work" "$work/settings" "$new"
mount -t overlay -o "lowerdir=$root,upperdir=$work/up,workdir=$work/work" remedy "$new"
mount -t proc proc "$new/proc"
# The network's settings are the host's own. All others are the machine's: the host has copies, which take what is written.
for folder in /proc/sys/*; do
  [ "$folder" = /proc/sys/net ] || cp -R "$folder" "$work/settings/" 2>/dev/null || true
done
chmod -R u+w "$work/settings"
mkdir -p "$work/settings/net" "$work/settings/kernel/yama"
# Kernels differ in what they have; Debian's has all of these.
for name in kexec_load_disabled sysrq unprivileged_bpf_disabled perf_event_paranoid yama/ptrace_scope; do
  [ -e "$work/settings/kernel/$name" ] || echo 0 >"$work/settings/kernel/$name"
done
mount --bind "$new/proc/sys/net" "$work/settings/net"
mount --rbind "$work/settings" "$new/proc/sys"
[ ! -e "$new/proc/sysrq-trigger" ] || mount --bind /dev/null "$new/proc/sysrq-trigger"
mount -t sysfs -o ro sysfs "$new/sys"
mount -t tmpfs -o nosuid,mode=0755,size=1m dev "$new/dev"
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty "$new/dev/"
ln -s /proc/self/fd "$new/dev/fd"
mkdir "$new/dev/pts" "$new/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$new/dev/pts"
ln -s pts/ptmx "$new/dev/ptmx"
mount -t tmpfs -o mode=1777,size=16m shm "$new/dev/shm"
mount -t tmpfs -o nosuid,nodev,mode=0755,size=16m run "$new/run"
mkdir "$new/run/sshd" "$new/run/lock"

# The auditor's account and two people, with the example hash of crypt(5).
hash='$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7'
today=$(($(date +%s) / 86400))
uid=1100
for name in auditor amal omar; do
  shell=/bin/bash
  [ "$name" = auditor ] && shell=/bin/sh
  echo "$name:x:$uid:$uid::/home/$name:$shell" >>"$new/etc/passwd"
  echo "$name:x:$uid:" >>"$new/etc/group"
  echo "$name:*::" >>"$new/etc/gshadow"
  echo "$name:$hash:$today:1:60:7:30::" >>"$new/etc/shadow"
  mkdir -m 0700 "$new/home/$name"
  chown "$uid:$uid" "$new/home/$name"
  uid=$((uid + 1))
done
mkdir -m 0700 "$new/home/auditor/.ssh"
cp "$key" "$new/home/auditor/.ssh/authorized_keys"
chown -R 1100:1100 "$new/home/auditor/.ssh"
cp "$(dirname "$0")/stand_ins/"* "$new/usr/local/sbin/"
chmod 0755 "$new/usr/local/sbin/"*
# The probes name it by its path.
cp "$new/usr/local/sbin/auditctl" "$new/usr/sbin/auditctl"
echo debian >/proc/sys/kernel/hostname
echo '127.0.0.1 localhost debian' >"$new/etc/hosts"
ip link set lo up
# A card beside it, whose own settings remedies have to reach; its other end is one that probes leave out.
ip link add eth0 type veth peer name veth0
ip link set eth0 up

mkdir "$new/run/old"
cd "$new"
pivot_root . run/old
cd /
umount -l /run/old
rmdir /run/old
echo ready
exec sleep infinity
