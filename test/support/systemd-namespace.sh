#!/usr/bin/env bash
# Runs a command as process 1 in namespaces of its own, with the machine's files below it: what it writes goes into
# FOLDER and is gone with it. /srv is PROJECT, there is loopback alone, and the kernel's settings are read-only.
#   systemd-namespace.sh FOLDER PROJECT COMMAND...   (as root; FOLDER/group is the control group to delete afterwards)
set -euo pipefail
if [ "$1" != --inside ]; then
  group="$(findmnt -nt cgroup2 -o TARGET | head -1)/gondola-test-$$"
  mkdir "$group"
  echo "$group" >"$1/group"
  echo $$ >"$group/cgroup.procs"
  exec unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup bash "$0" --inside "$@"
fi
folder=$2 project=$3
shift 3
mount --make-rprivate /
root=$folder/root
mount -t tmpfs -o size=1g tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" overlay "$root"
mount --bind -o ro "$project" "$root/srv"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
ip link set lo up
cd "$root"
pivot_root . mnt
umount -l /mnt
# Credentials are mounted by a child of systemd and reach the services by propagation.
mount --make-rshared /
exec env -i container=gondola PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  setpriv --bounding-set -sys_module,-sys_time,-sys_boot,-sys_rawio,-mknod,-syslog "$@"
