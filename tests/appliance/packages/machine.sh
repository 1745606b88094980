# SPDX-License-Identifier: EUPL-1.2
# machine.sh FOLDER: systemd as process 1 of namespaces of its own, over a view of this machine whose changes lie in memory.
# Everything that reaches the kernel for all (/proc/sys, /sys, /dev) is read-only or new; the network is this machine's.
set -eu
base=$1 root=$1/root group=czujka-$$ v1="systemd unified memory pids devices cpu"
if [ "${2:-}" != inside ]; then
    for one in . $v1; do
        [ -w "/sys/fs/cgroup/$one/cgroup.procs" ] || continue
        mkdir "/sys/fs/cgroup/$one/$group"
        echo $$ >"/sys/fs/cgroup/$one/$group/cgroup.procs"
    done
    exec unshare --mount --pid --fork --kill-child --uts --ipc --cgroup sh "$0" "$base" inside
fi
mount --make-rprivate /
mount -t tmpfs -o size=256m tmpfs "$base"
mkdir "$base/upper" "$base/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$root"
mount -t proc proc "$root/proc"
mount -o bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
for one in run dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$one"; done
mount -t tmpfs tmpfs "$root/tmp"
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
    mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
    for one in $v1; do
        mkdir "$root/sys/fs/cgroup/$one"
        case $one in
        systemd) mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/$one" ;;
        unified) mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/$one" ;;
        *) mount -t cgroup -o "$one" cgroup "$root/sys/fs/cgroup/$one" ;;
        esac
    done
fi
mkdir "$root/dev/pts" "$root/dev/shm"
for one in null zero full random urandom tty; do
    touch "$root/dev/$one"
    mount -o bind "/dev/$one" "$root/dev/$one"
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
printf '[Unit]\nDescription=Nothing but what the test starts\n' >"$root/etc/systemd/system/nothing.target"
hostname czujka-test
cd "$root"
mkdir mnt/before
pivot_root . mnt/before
umount -l mnt/before
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=nothing.target --log-target=null --show-status=no
