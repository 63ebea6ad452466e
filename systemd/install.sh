#!/usr/bin/env bash
# Installs a built Gondola on this machine as a systemd service. Run again it changes only what differs.
#   sudo systemd/install.sh edge|bridge [--config FILE] [--enrolment FILE] [--dry-run] [--root DIR]
#   sudo systemd/install.sh edge|bridge --remove [--purge [--force]] [--dry-run] [--root DIR]
# --config and --enrolment (an edge's, of `gondola-bridge enroll`) make a running daemon in one step; the enrolment becomes
# a credential of the service. --remove takes away what was installed and keeps configuration and data; --purge deletes
# them too, but no buffer with events that the ledger has not got, unless --force says so.
# --dry-run prints what would be done. --root works below DIR (for an image) and starts and stops nothing.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
source_dir="$(dirname "$here")"
role="" dry_run="" root="" config="" enrolment="" remove="" purge="" force=""

fail() {
  echo "install: $1" >&2
  exit 1
}
usage="usage: install.sh edge|bridge [--config FILE] [--enrolment FILE] | --remove [--purge [--force]] [--dry-run] [--root DIR]"
while [ $# -gt 0 ]; do
  case "$1" in
    edge | bridge) role="$1" ;;
    --dry-run) dry_run=yes ;;
    --remove) remove=yes ;;
    --purge) purge=yes ;;
    --force) force=yes ;;
    --config) config="${2:?"$usage"}" && shift ;;
    --enrolment) enrolment="${2:?"$usage"}" && shift ;;
    --root) root="${2:?"$usage"}" && root="${root%/}" && shift ;;
    *) fail "$usage" ;;
  esac
  shift
done
[ -n "$role" ] || fail "$usage"
[ -z "$purge$force" ] || [ -n "$remove" ] || fail "$usage"
[ -z "$remove" ] || [ -z "$config$enrolment" ] || fail "$usage"
[ -z "$enrolment" ] || [ "$role" = edge ] || fail "an enrolment is an edge's"
for file in "$config" "$enrolment"; do
  [ -z "$file" ] || [ -r "$file" ] || fail "$file cannot be read"
done
unit_dir="$root/etc/systemd/system"
state_dirs=("$root/var/lib/private/gondola-$role" "$root/var/lib/gondola-$role")

# Prints a step, and does it unless this is a dry run.
step() {
  local what="$1"
  shift
  echo "install: $what"
  [ -n "$dry_run" ] || "$@"
}

# Installs file $1 as $2 with mode $3 (0644) where it differs; remembers that something changed.
changed=""
put() {
  if cmp -s "$1" "$root$2"; then
    echo "install: $2 is as it should be"
    return
  fi
  changed=yes
  step "write $2" install -D -m "${3:-0644}" "$1" "$root$2"
}

check_machine() {
  [ -n "$dry_run$root" ] || [ "$(id -u)" -eq 0 ] || fail "needs root: sudo $0 $role"
  [ -f "$source_dir/dist/edge/cli.js" ] ||
    fail "not built yet: run npm run setup in $source_dir first"
  local node
  node="$(command -v node)" || fail "node is not on the PATH; version 20.19 or newer is needed"
  node="$(readlink -f "$node")"
  case "$node" in
    /home/* | ~root/*)
      fail "$node lies in a home folder, which services cannot read; install Node for all users"
      ;;
  esac
}

# The program: what was built and tested here, without what only development needs.
put_program() {
  local target="$root/opt/gondola" stamp
  stamp="$(cd "$source_dir" &&
    find dist package-lock.json -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)"
  if [ -f "$target/.installed" ] && [ "$(cat "$target/.installed")" = "$stamp" ]; then
    echo "install: /opt/gondola is as it should be"
    return
  fi
  changed=yes
  step "copy the program to /opt/gondola" copy_program "$target" "$stamp"
}

# Copies beside the target, then swaps, so that a running daemon never sees half a program.
copy_program() {
  local target="$1" stamp="$2"
  rm -rf "$target.new"
  mkdir -p "$target.new"
  local parts=(dist node_modules package.json package-lock.json README.md LICENSE)
  (cd "$source_dir" && cp -a "${parts[@]}" "$target.new/")
  (cd "$target.new" && npm prune --omit=dev --offline --ignore-scripts --no-audit --loglevel=error)
  [ "$(id -u)" -ne 0 ] || chown -R root:root "$target.new"
  echo "$stamp" >"$target.new/.installed"
  rm -rf "$target.old"
  [ ! -d "$target" ] || mv "$target" "$target.old"
  mv "$target.new" "$target"
  rm -rf "$target.old"
}

# Configuration is the site's: an example to begin with, with the plan that it names, never overwritten.
put_config() {
  local file
  for file in "$role.example.yaml" plans/s0042.yaml; do
    local target="/etc/gondola/${file/.example/}"
    if [ -f "$root$target" ]; then
      echo "install: $target stays as it is"
    else
      step "write $target (an example: edit it)" \
        install -D -m 0644 "$source_dir/config/$file" "$root$target"
    fi
  done
}

# What the site gives: its configuration, and what the broker knows the edge by.
put_given() {
  [ -z "$config" ] || put "$config" "/etc/gondola/$role.yaml"
  [ -n "$enrolment" ] || return 0
  put "$enrolment" /etc/gondola/enrolment.json 0600
  local drop_in
  drop_in="$(mktemp)"
  printf '[Service]\nLoadCredential=enrolment:/etc/gondola/enrolment.json\n' >"$drop_in"
  put "$drop_in" "/etc/systemd/system/gondola-$role.service.d/enrolment.conf"
  rm -f "$drop_in"
  local path="/run/credentials/gondola-$role.service/enrolment"
  grep -qF "$path" "${config:-"$root/etc/gondola/$role.yaml"}" 2>/dev/null ||
    echo "install: NOTE: the configuration must say  broker: { enrolmentFile: $path }"
}

# Events that an edge's buffer holds and the ledger has not got; 0 where there is no buffer.
waiting_count() {
  local dir
  for dir in "${state_dirs[@]}"; do
    [ -f "$dir/outbox.db" ] || continue
    node "$root/opt/gondola/dist/edge/cli.js" outbox --data-dir "$dir" --json |
      sed -n 's/.*"waitingCount":\([0-9]*\).*/\1/p'
    return
  done
  echo 0
}

remove_all() {
  local other=bridge path waiting
  [ "$role" = edge ] || other=edge
  if [ -n "$purge" ] && [ "$role" = edge ] && [ -z "$force" ]; then
    waiting="$(waiting_count)" || fail "the buffer cannot be read: add --force to delete it all the same"
    [ "${waiting:-unknown}" = 0 ] ||
      fail "${waiting:-unknown} events wait for the ledger: let the edge send them first, or add --force"
  fi
  [ -n "$root" ] || step "stop and disable gondola-$role" \
    sh -c "systemctl disable --now gondola-$role.service || true"
  local paths=("$unit_dir/gondola-$role.service")
  [ "$role" != edge ] || paths+=("$root/etc/udev/rules.d/60-gondola.rules" "$root/etc/modules-load.d/gondola.conf")
  # What both daemons share goes with the last one.
  [ -e "$unit_dir/gondola-$other.service" ] || paths+=("$root/opt/gondola" "$root/etc/tmpfiles.d/gondola.conf")
  local kept=("$unit_dir/gondola-$role.service.d" "$root/etc/gondola/$role.yaml" "${state_dirs[@]}")
  [ "$role" != edge ] || kept+=("$root/etc/gondola/enrolment.json" "$root/etc/gondola/plans/s0042.yaml")
  [ -z "$purge" ] || paths+=("${kept[@]}")
  for path in "${paths[@]}"; do
    [ ! -e "$path" ] && [ ! -L "$path" ] || step "delete ${path#"$root"}" rm -rf "$path"
  done
  [ -n "$dry_run" ] || rmdir --ignore-fail-on-non-empty "$root/etc/gondola/plans" "$root/etc/gondola" 2>/dev/null || true
  [ -n "$root" ] || step "load what is left" systemctl daemon-reload
  [ -n "$purge" ] || echo "install: configuration and data stay; --remove --purge deletes them"
}

start_service() {
  systemctl daemon-reload
  systemd-tmpfiles --create gondola.conf
  if [ "$role" = edge ]; then
    systemctl restart systemd-modules-load.service
    udevadm control --reload && udevadm trigger --subsystem-match=tty --subsystem-match=usb-serial
  fi
  systemctl enable "gondola-$role.service"
  systemctl restart "gondola-$role.service"
}

if [ -n "$remove" ]; then
  [ -n "$dry_run$root" ] || [ "$(id -u)" -eq 0 ] || fail "needs root: sudo $0 $role --remove"
  remove_all
  exit 0
fi
check_machine
put_program
put "$here/gondola-$role.service" "/etc/systemd/system/gondola-$role.service"
put "$here/tmpfiles.conf" /etc/tmpfiles.d/gondola.conf
if [ "$role" = edge ]; then
  put "$here/60-gondola.rules" /etc/udev/rules.d/60-gondola.rules
  put "$here/modules-load.conf" /etc/modules-load.d/gondola.conf
fi
put_given
put_config

if [ -n "$root" ]; then
  echo "install: done below $root"
elif [ -n "$changed" ]; then
  step "load the changed files, enable and start gondola-$role" start_service
  echo "install: done. Watch it with: journalctl -fu gondola-$role"
else
  echo "install: nothing to do"
fi
