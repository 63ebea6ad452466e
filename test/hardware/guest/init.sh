#!/bin/busybox sh
# The guest's first program: the host's files read-only over 9p, memory on top of them, then main.sh.
busybox=/bin/busybox
fail() {
  echo "guest: $*"
  $busybox poweroff -f
}

$busybox mount -t proc proc /proc
$busybox mount -t sysfs sysfs /sys
$busybox mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do $busybox insmod "$module" 2>/dev/null; done
$busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=524288,cache=loose host /host || fail "no 9p"
$busybox mount -t tmpfs tmpfs /memory
$busybox mkdir /memory/upper /memory/work
$busybox mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work overlay /guest || fail "no overlay"
for folder in proc sys dev; do $busybox mount --move /$folder /guest/$folder; done
for word in $($busybox cat /guest/proc/cmdline); do
  case $word in
    gondola.main=*) main=${word#*=} ;;
    gondola.cache=*) cache=${word#*=} ;;
  esac
done
exec $busybox switch_root /guest /bin/bash "$main" "$cache"
