#!/bin/bash
# In the guest, after init.sh: udev, modules, and a shell on the command port. When the port's other end goes,
# the guest goes too.
cache=$1
here=$(dirname "$0")
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp

mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
modules=/lib/modules/$(uname -r)
mkdir -p "$modules"
mount --bind "$cache$modules" "$modules"
ip link set lo up

# The rules that the project ships.
mkdir -p /etc/udev/rules.d
cp "$here/../../../systemd/60-gondola.rules" /etc/udev/rules.d/
/lib/systemd/systemd-udevd --daemon
modprobe -a virtio_console xhci_pci usbhid hid_generic ftdi_sio cdc_acm evdev usb_f_hid usb_f_acm
modprobe dummy_hcd num=4
mount -t configfs configfs /sys/kernel/config
[ ! -e "$modules/extra/gondola-gpio-sim.ko" ] || modprobe gondola-gpio-sim
udevadm trigger --action=add
udevadm settle --timeout=60

. "$here/gadgets.sh"
exec 3<>"$(port_of command)"
echo "ready $(uname -r) $(cut -d' ' -f1 /proc/uptime)" >&3
(BASH_ENV=$here/gadgets.sh exec bash) <&3 >&3 2>&3
echo "guest: off after $(cut -d' ' -f1 /proc/uptime) s"
echo o >/proc/sysrq-trigger
# Any further program would be in the way of the end.
while :; do :; done
