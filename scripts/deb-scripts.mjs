// What dpkg runs before and after a Gondola package comes or goes. Data is kept on remove and deleted on purge, but no
// buffer with events that the ledger has not got. Paths are below DPKG_ROOT, which is empty but for `dpkg --root`.

/** The maintainer scripts of `gondola-edge` or `gondola-bridge`, by name. They do without a running systemd. */
export function maintainerScripts(role) {
  const name = `gondola-${role}`;
  const isEdge = role === "edge";
  const devices = isEdge
    ? `  systemctl restart systemd-modules-load.service || true
  udevadm control --reload && udevadm trigger --subsystem-match=tty --subsystem-match=usb-serial || true
`
    : "";
  // Asked while the program is there: the purge comes when it is gone.
  const noteWaiting = isEdge
    ? `for dir in $dirs; do
  [ -f "$dir/outbox.db" ] || continue
  count=$(node "$DPKG_ROOT/usr/lib/gondola/edge/dist/edge/cli.js" outbox --data-dir "$dir" --json |
    sed -n 's/.*"waitingCount":\\([0-9]*\\).*/\\1/p') || true
  rm -f "$dir/waiting"
  [ "$count" = 0 ] || echo "\${count:-an unknown number of}" >"$dir/waiting"
  break
done
`
    : "";
  const keepWaiting = isEdge
    ? `    waiting=$(cat $(printf '%s/waiting ' $dirs) 2>/dev/null | head -n 1) || true
    if [ -n "$waiting" ]; then
      echo "${name}: $waiting events wait for the ledger: buffer and configuration stay. Install again to send them,"
      echo "${name}: or delete them: rm -r /var/lib/private/${name} /var/lib/${name} /etc/gondola"
      exit 0
    fi
`
    : "";
  const head = `#!/bin/sh
set -e
dirs="$DPKG_ROOT/var/lib/private/${name} $DPKG_ROOT/var/lib/${name}"
systemd="$DPKG_ROOT/run/systemd/system"
`;
  return {
    postinst: `${head}[ "$1" = configure ] || exit 0
config="$DPKG_ROOT/etc/gondola/${role}.yaml"
mkdir -p "$DPKG_ROOT/etc/gondola"
if [ -d "$systemd" ]; then
  systemctl daemon-reload
  systemd-tmpfiles --create ${name}.conf || true
${devices}  systemctl enable ${name}.service
  [ ! -s "$config" ] || systemctl restart ${name}.service
fi
if [ ! -s "$config" ]; then
  echo "${name}: not started: write /etc/gondola/${role}.yaml (see ${role}.example.yaml beside it),"
  echo "${name}: then: systemctl restart ${name}"
fi
`,
    prerm: `${head}if [ -d "$systemd" ]; then
  systemctl stop ${name}.service || true
  [ "$1" != remove ] || systemctl disable ${name}.service || true
fi
[ "$1" = remove ] || exit 0
${noteWaiting}`,
    postrm: `${head}[ ! -d "$systemd" ] || systemctl daemon-reload
case "$1" in
  remove)
    for dir in $dirs; do
      [ ! -d "$dir" ] || echo "${name}: its data stays in /var/lib/${name}; apt purge ${name} deletes it"
      [ ! -d "$dir" ] || break
    done
    ;;
  purge)
${keepWaiting}    for path in $dirs "$DPKG_ROOT/etc/gondola/${role}.yaml" \\
      "$DPKG_ROOT/etc/systemd/system/${name}.service.d"${isEdge ? ' "$DPKG_ROOT/etc/gondola/enrolment.json"' : ""}; do
      [ -e "$path" ] || [ -L "$path" ] || continue
      echo "${name}: deleting $path"
      rm -rf "$path"
    done
    rmdir --ignore-fail-on-non-empty "$DPKG_ROOT/etc/gondola" 2>/dev/null || true
    ;;
esac
`,
  };
}
