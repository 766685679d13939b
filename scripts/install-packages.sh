#!/bin/sh
# Installs Debian packages without starting or enabling their services.
#   usage (root): scripts/install-packages.sh PACKAGE...
# Runs of several processes wait for each other. What is installed already is left as it is.
set -eu

policy=/usr/sbin/policy-rc.d
mark='# written by install-packages.sh of Stowage'
export DEBIAN_FRONTEND=noninteractive

if [ "${1:-}" = --locked ]; then
  shift
else
  # The lock is on the folder: no lock file stays behind.
  exec flock "${policy%/*}" sh "$0" --locked "$@"
fi

missing=
for package; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

# A policy-rc.d of somebody else is respected; our own is taken away again.
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
  chmod +x "$policy"
fi
cleanup() {
  if grep -qsF "$mark" "$policy"; then rm -f "$policy"; fi
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

log=$(mktemp)
install() {
  # shellcheck disable=SC2086 # a list of names
  apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends $missing >"$log" 2>&1
}
echo "installing Debian packages:$missing" >&2
if ! { apt-get -o DPkg::Lock::Timeout=300 update -q >"$log" 2>&1 && install; }; then
  # Mirrors fail for a moment at times, above all while they are being updated.
  if ! { apt-get -o DPkg::Lock::Timeout=300 update -q >"$log" 2>&1 && install; }; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
  fi
fi
rm -f "$log"
