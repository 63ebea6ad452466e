# USB devices made by software (configfs, usb_f_hid, usb_f_acm on dummy_hcd) and GPIO chips (gpio-sim), for the
# shell on the command port. Each USB device has a host of its own: it is plugged and unplugged alone.

gadgets=/sys/kernel/config/usb_gadget

port_of() { echo "/dev/virtio-ports/gondola.$1"; }

# NAME VENDOR PRODUCT MAKER TITLE SERIAL
gadget() {
  local folder=$gadgets/$1
  mkdir -p "$folder"/{strings/0x409,configs/c.1}
  echo "$2" >"$folder/idVendor"
  echo "$3" >"$folder/idProduct"
  echo "$4" >"$folder/strings/0x409/manufacturer"
  echo "$5" >"$folder/strings/0x409/product"
  echo "$6" >"$folder/strings/0x409/serialnumber"
}

# GADGET FUNCTION DESCRIPTOR REPORT-SIZE [boot keyboard: 1]; the descriptor in hex
hid_function() {
  local folder=$gadgets/$1/functions/hid.$2
  mkdir -p "$folder"
  echo "${5:-0}" >"$folder/subclass"
  echo "${5:-0}" >"$folder/protocol"
  echo "$4" >"$folder/report_length"
  printf "$(sed 's/../\\x&/g' <<<"$3")" >"$folder/report_desc"
  ln -s "$folder" "$gadgets/$1/configs/c.1/"
}

# GADGET: a serial line, whose device's end is /dev/ttyGS0
acm_function() {
  mkdir -p "$gadgets/$1/functions/acm.0"
  ln -s "$gadgets/$1/functions/acm.0" "$gadgets/$1/configs/c.1/"
}

# GADGET HOST, a number from 0 to 3
plug() {
  echo "dummy_udc.$2" >"$gadgets/$1/UDC"
  udevadm settle --timeout=30
}

# GADGET, with its pumps
unplug() {
  echo >"$gadgets/$1/UDC"
  kill ${pumps[$1]} 2>/dev/null
  pumps[$1]=
}

# GADGET FUNCTION PORT REPORT-SIZE: what comes from the port is reported, a report at a time
pump_reports() {
  local node
  node=/dev/hidg$(cut -d: -f2 "$gadgets/$1/functions/hid.$2/dev")
  reports "$(port_of "$3")" "$node" "$4" &
  pumps[$1]+=" $!"
}

# PORT NODE REPORT-SIZE: until it is killed; a report that the kernel refuses, because nobody has configured the device
# yet, is lost, and the next one is tried.
reports() {
  local copy
  trap 'kill $copy 2>/dev/null; exit' TERM
  while :; do
    dd if="$1" of="$2" bs="$3" iflag=fullblock status=none &
    copy=$!
    wait $copy
    sleep 0.2
  done
}

# GADGET PORT: bytes both ways. A port is opened once, also for two directions.
pump_line() {
  stty -F /dev/ttyGS0 raw -echo
  [ -e /proc/$$/fd/9 ] || exec 9<>"$(port_of "$2")"
  cat <&9 >/dev/ttyGS0 &
  pumps[$1]+=" $!"
  cat /dev/ttyGS0 >&9 &
  pumps[$1]+=" $!"
}
declare -A pumps

chips=/sys/kernel/config/gpio-sim

# LABEL LINES: a chip that is there at once
gpio_chip() {
  mkdir -p "$chips/$1/bank0"
  echo "$2" >"$chips/$1/bank0/num_lines"
  echo "$1" >"$chips/$1/bank0/label"
  echo 1 >"$chips/$1/live"
  udevadm settle --timeout=30
}

# LABEL OFFSET: folder of a line: what pulls an input is written to `pull`, the level is read from `value`
gpio_line() {
  echo "/sys/devices/platform/$(cat "$chips/$1/dev_name")/$(cat "$chips/$1/bank0/chip_name")/sim_gpio$2"
}
