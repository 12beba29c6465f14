#!/bin/sh
# Sees to the programs that the tests use beside Node. As root on Debian it installs what is missing; elsewhere it
# says what is missing and how to get it, and the tests that need it are skipped (in CI they fail instead).
# Exits 0 in any case: what a missing program means is for the tests to say (test/fixtures/needs.ts).
set -u

# What each is for: curl, dash, busybox and xmllint to run verify-api.sh as its users do; shellcheck for the scripts;
# strace to see system calls and to make them fail; flock and perl to lock a directory, perl also to cut the power of
# a volume; mkfs.ext4, mount, fstrim and fallocate to make such a volume; promtool for the metrics and their alerts;
# chromium to open the page of the API.
# Program, Debian's package, Homebrew's package (- where macOS has the program or nobody has).
needed='
curl curl -
shellcheck shellcheck shellcheck
xmllint libxml2-utils -
dash dash -
busybox busybox -
strace strace -
flock util-linux flock
perl perl -
mkfs.ext4 e2fsprogs -
mount mount -
fstrim util-linux -
fallocate util-linux -
promtool prometheus prometheus
chromium chromium -
'

names=
packages=
formulas=
while read -r program package formula; do
  [ -n "$program" ] || continue
  command -v "$program" >/dev/null 2>&1 && continue
  names="$names $program"
  packages="$packages $package"
  [ "$formula" = - ] || formulas="$formulas $formula"
done <<EOF
$needed
EOF

[ -n "$names" ] || exit 0

install_packages() {
  # Another package manager may be at work for a moment; nothing may ask a question.
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  apt-get -o DPkg::Lock::Timeout=120 -q update </dev/null || return 1
  others=
  for package in $packages; do
    if [ "$package" = prometheus ]; then unpack_promtool || return 1; else others="$others $package"; fi
  done
  [ -n "$others" ] || return 0
  # shellcheck disable=SC2086 # a list of names
  apt-get -o DPkg::Lock::Timeout=120 -qy --no-install-recommends install $others </dev/null
}

# Its package is a server too, which would run from then on: promtool alone is taken out of it.
unpack_promtool() (
  directory=$(mktemp -d "${TMPDIR:-/tmp}/setup-test-tools.XXXXXX") || exit 1
  trap 'rm -rf "$directory"' EXIT
  cd "$directory" && apt-get -q download prometheus </dev/null &&
    dpkg-deb -x prometheus_*.deb . && install -m 755 usr/bin/promtool /usr/local/bin/promtool
)

if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then
  echo "==> Installing what the tests use:$packages"
  log=$(mktemp "${TMPDIR:-/tmp}/setup-test-tools.XXXXXX")
  if install_packages >"$log" 2>&1; then
    rm -f "$log"
    exit 0
  fi
  tail -n 5 "$log"
  rm -f "$log"
fi

echo "Missing for some tests, which will be skipped:$names"
echo "  Debian, Ubuntu: sudo apt-get install$packages"
[ -z "$formulas" ] || echo "  macOS:          brew install$formulas"
exit 0
