#!/usr/bin/env bash
# What the guest boots, in a cache folder outside of the project: Debian's kernel with the modules that are
# needed, an initramfs, and the module gpio-sim, which Debian's kernels lack, built from Debian's source of the
# same version. Downloads with apt-get and needs no root; run again, it only looks.
# Ends with 0 when the guest can boot, else prints the reason as one line. The last line names what is left out.
set -euo pipefail
cd "$(dirname "$0")"
cache=${GONDOLA_GUEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gondola/guest}

# In the initramfs: what reaches the host's files. In the guest: USB host and devices made by software, HID, serial.
initModules=(9p 9pnet_virtio virtio_pci overlay)
guestModules=(virtio_console xhci_pci usbhid hid_generic ftdi_sio cdc_acm evdev dummy_hcd usb_f_hid usb_f_acm)

fail() {
  echo "guest: $*"
  exit 1
}

[ "$(uname -m)" = x86_64 ] || fail "only prepared for x86_64"
for need in qemu-system-x86_64:qemu-system-x86 cpio:cpio modprobe:kmod udevadm:udev; do
  PATH=$PATH:/usr/sbin command -v "${need%%:*}" >/dev/null || fail "Debian's package ${need##*:} is not installed"
done
export PATH=$PATH:/usr/sbin:/sbin

mkdir -p "$(dirname "$cache")"
exec 9>"$cache.lock"
flock 9

# What was made by other scripts than these is made anew.
stamp=$(cat prepare.sh init.sh | sha256sum | cut -c1-16)
if [ "$(cat "$cache/stamp" 2>/dev/null)" = "$stamp" ]; then
  echo "guest: ready (kernel $(cat "$cache/kernel-version"))"
  exit 0
fi

command -v apt-get >/dev/null || fail "the kernel comes from Debian's packages, and apt-get is not here"
apt_get=(apt-get -qq -o APT::Sandbox::User=root -o Acquire::http::Timeout=20 -o Acquire::Retries=1)
image() { apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1; }
if [ -z "$(image)" ] && [ "$(id -u)" -eq 0 ]; then "${apt_get[@]}" update || true; fi
package=$(image)
[ -n "$package" ] || fail "apt knows no package linux-image-amd64"
version=${package#linux-image-}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch() { (cd "$work" && "${apt_get[@]}" download "$@") || fail "apt-get cannot download $*"; }
unpack() { dpkg-deb --fsys-tarfile "$work/$1"_*.deb | tar -x -C "$work" && rm "$work/$1"_*.deb; }

fetch "$package" busybox-static
unpack busybox-static
unpack "$package"
# Merged /usr or not: the modules lie in one place afterwards.
[ -d "$work/lib/modules" ] || ln -s usr/lib "$work/lib"
depmod -b "$work" "$version"

# The modules and what they need, in the order of loading.
in_order() {
  for module in "$@"; do
    modprobe -d "$work" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | awk '!seen[$0]++'
}

made=$work/made
modules=lib/modules/$version
mkdir -p "$made/$modules"
cp "$work/boot/vmlinuz-$version" "$made/vmlinuz"
cp "$work/$modules"/modules.{order,builtin,builtin.modinfo} "$made/$modules/"
in_order "${initModules[@]}" "${guestModules[@]}" | while read -r file; do
  to=$made/$modules/${file#*/$version/}
  mkdir -p "$(dirname "$to")"
  cp "$file" "$to"
done

initramfs=$work/initramfs
mkdir -p "$initramfs"/{bin,proc,sys,dev,host,memory,guest,modules}
cp "$work/bin/busybox" "$initramfs/bin/"
install -m 755 init.sh "$initramfs/init"
count=10
in_order "${initModules[@]}" | while read -r file; do
  cp "$file" "$initramfs/modules/$count-$(basename "$file")"
  count=$((count + 1))
done
(cd "$initramfs" && find . | cpio -o -H newc --quiet | gzip -1) >"$made/initramfs.gz"

# gpio-sim is a platform driver that comes with its own source of interrupts (irq_sim), in one module here.
build_gpio_sim() {
  local flavour=${version##*-} number source
  number=$(echo "$version" | cut -d. -f1-2)
  source=linux-source-$number
  local headers=$work/usr/src/linux-headers-$version
  (cd "$work" && "${apt_get[@]}" download "$source" "linux-headers-$version" \
    "linux-headers-${version%-"$flavour"}-common" "linux-kbuild-$number") || return
  for each in "linux-headers-$version" "linux-headers-${version%-"$flavour"}-common" "linux-kbuild-$number"; do
    unpack "$each" || return
  done
  # Its makefile names the place where it would be installed.
  sed -i "s|/usr/src/|$work/usr/src/|" "$headers/Makefile" || return
  mkdir -p "$work/sim"
  dpkg-deb --fsys-tarfile "$work/${source}"_*.deb | tar -xO "./usr/src/$source.tar.xz" |
    tar -xJ -C "$work/sim" --strip-components=1 "$source"/{drivers/gpio/gpio-sim.c,drivers/gpio/gpiolib.h,kernel/irq/irq_sim.c} || return
  cp "$work/sim/drivers/gpio"/* "$work/sim/kernel/irq/irq_sim.c" "$work/sim/"
  # irq_to_desc is not exported to modules.
  sed -i 's/handle_simple_irq(irq_to_desc(\(.*\)));/generic_handle_irq(\1);/' "$work/sim/irq_sim.c"
  printf 'obj-m := gondola-gpio-sim.o\ngondola-gpio-sim-y := gpio-sim.o irq_sim.o\n' >"$work/sim/Makefile"
  make -s -C "$headers" M="$work/sim" modules >"$work/build.log" 2>&1 || return
  mkdir -p "$made/$modules/extra"
  cp "$work/sim/gondola-gpio-sim.ko" "$made/$modules/extra/"
}
leftOut=
if ! command -v make >/dev/null || ! command -v gcc >/dev/null; then
  leftOut="no GPIO chip: make or gcc is not installed"
elif ! build_gpio_sim; then
  leftOut="no GPIO chip: gpio-sim could not be built"
  tail -5 "$work/build.log" 2>/dev/null || true
fi

depmod -b "$made" "$version"
echo "$version" >"$made/kernel-version"
echo "$stamp" >"$made/stamp"
rm -rf "$cache"
mv "$made" "$cache"
chmod 755 "$cache"
echo "guest: ready (kernel $version${leftOut:+; $leftOut})"
