// What dpkg runs before and after a Gondola package comes or goes. Data is kept on remove and deleted on purge.

/** The maintainer scripts of `gondola-edge` or `gondola-bridge`, by name. They do without a running systemd. */
export function maintainerScripts(role) {
  const name = `gondola-${role}`;
  const devices =
    role === "edge"
      ? `  systemctl restart systemd-modules-load.service || true
  udevadm control --reload && udevadm trigger --subsystem-match=tty --subsystem-match=usb-serial || true
`
      : "";
  return {
    postinst: `#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
mkdir -p /etc/gondola
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemd-tmpfiles --create ${name}.conf || true
${devices}  systemctl enable ${name}.service
  [ ! -s /etc/gondola/${role}.yaml ] || systemctl restart ${name}.service
fi
if [ ! -s /etc/gondola/${role}.yaml ]; then
  echo "${name}: not started: write /etc/gondola/${role}.yaml (see ${role}.example.yaml beside it),"
  echo "${name}: then: systemctl restart ${name}"
fi
`,
    prerm: `#!/bin/sh
set -e
[ -d /run/systemd/system ] || exit 0
systemctl stop ${name}.service || true
[ "$1" != remove ] || systemctl disable ${name}.service || true
`,
    postrm: `#!/bin/sh
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload
case "$1" in
  remove)
    [ ! -d /var/lib/private/${name} ] && [ ! -d /var/lib/${name} ] ||
      echo "${name}: its data stays in /var/lib/${name}; apt purge ${name} deletes it"
    ;;
  purge)
    for path in /var/lib/private/${name} /var/lib/${name} /etc/gondola/${role}.yaml \\
      /etc/systemd/system/${name}.service.d${role === "edge" ? " /etc/gondola/enrolment.json" : ""}; do
      [ -e "$path" ] || [ -L "$path" ] || continue
      echo "${name}: deleting $path"
      rm -rf "$path"
    done
    rmdir --ignore-fail-on-non-empty /etc/gondola 2>/dev/null || true
    ;;
esac
`,
  };
}
