# One host of the lab, from inside its new namespaces, up to the moment sshd becomes its first process.
# Started by lab/start.py under unshare; says its process id when its file tree stands, then waits for its network card.
# Arguments: the lab's state folder, the host's folder in it.
set -eu
umask 022
state=$1 host=$2
read -r top <"$host/top"         # this machine's root, or an unpacked system of another release
top=${top%/}
read -r pid _ </proc/self/stat   # the machine's /proc still: our number outside the new PID namespace
new=$state/mnt/root

mount -t tmpfs -o mode=0700,size=256m lab "$state/mnt"
mkdir -p "$state/mnt/etc" "$state/mnt/etc.work" "$state/mnt/usr" "$state/mnt/usr.work" "$state/mnt/lib" "$state/mnt/lib.work" "$new"
mount --fstab "$host/fstab.root" --all
mkdir -p "$new/root" "$new/srv" "$new/boot" "$new/old" "$new/var/spool/cron/crontabs" "$new/var/cache" "$new/var/mail"
set --
for link in bin sbin lib lib32 lib64 libx32; do
    if [ -L "$top/$link" ]; then set -- "$@" "$top/$link"
    elif [ -d "$top/$link" ]; then mkdir "$new/$link"; mount --bind "$top/$link" "$new/$link"
    fi
done
if [ $# -gt 0 ]; then cp -a "$@" "$new/"; fi
# Nothing of this machine's own secrets or habits shows in the host.
rm -rf "$new/etc/ssh" "$new/etc/sudoers.d" "$new/etc/ssl/private" "$new/etc/passwd-" "$new/etc/shadow-" "$new/etc/group-" \
    "$new/etc/gshadow-" "$new/etc/cron.d" "$new/etc/profile.d" "$new/etc/sysctl.d" "$new/etc/ld.so.preload" "$new/etc/os-release"
mount --fstab "$host/fstab" --all
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty "$new/dev/"
cp -a "$state/base/." "$host/files/." "$host/planted/." "$new/"
while read -r path value; do
    if [ -w "$path" ]; then echo "$value" >"$path"; fi
done <"$host/sysctl"
mount --fstab "$host/fstab.late" --all

echo "$pid"
read -r _                        # the network card has come
ip -batch "$host/network"
if command -v nft >/dev/null; then nft -f "$new/etc/nftables.conf" || echo "no firewall: nft failed" >&2; fi
read -r name <"$new/etc/hostname"
echo "$name" >/proc/sys/kernel/hostname

cd "$new"
pivot_root . old
cd /
umount -l /old
rmdir /old
# Root in here must not reach the machine: no device nodes, no remounting, no clock, no modules.
exec /usr/bin/setpriv --bounding-set=-sys_admin,-mknod,-sys_module,-sys_rawio,-sys_time,-sys_boot,-syslog \
    /bin/sh -c '. /boot/services; exec /usr/sbin/sshd -D -E /var/log/auth.log </dev/null >/dev/null 2>&1'
