#!/bin/sh
# Sees to the programs that the tests use beside Node. As root on Debian it installs what is missing; elsewhere it
# says what is missing and how to get it, and the tests that need it are skipped (in CI they fail instead).
# Exits 0 in any case: what a missing program means is for the tests to say (test/fixtures/needs.ts).
set -u

# What each is for: curl, dash, busybox and xmllint to run verify-api.sh as its users do; shellcheck for the scripts;
# strace to see system calls and to make them fail; flock and perl to lock a directory, perl also to cut the power of
# a volume; mkfs.ext4, mount, fstrim and fallocate to make such a volume; promtool and prometheus for the metrics and
# their alerts; chromium to open the page of the API; java and groovy to run the Jenkinsfile; buildah to build the image,
# podman to run it, helm to render the chart.
# Program, Debian's packages with commas between them, Homebrew's package (- where there is none, or none is needed).
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
prometheus prometheus prometheus
chromium chromium -
java default-jre-headless openjdk
groovy groovy groovy
buildah buildah -
podman podman,runc,catatonit,netavark,aardvark-dns,iptables -
helm - helm
'
# What the Dockerfile builds on; podman gets it where it may ask a registry.
base=$(sed -n 's/^FROM \([^ ]*\).*/\1/p' "$(dirname "$0")/../Dockerfile" | head -n 1)
# A machine may have a way of its own to get the base image and helm, beside the clone of this repository.
beside=$(dirname "$0")/../../shared/container

may_install() { [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; }

has_base() { command -v podman >/dev/null 2>&1 && podman image exists "$base" 2>/dev/null; }

# Of what is installed only the last words are shown, and those only where it fails.
log=$(mktemp "${TMPDIR:-/tmp}/setup-test-tools.XXXXXX")
trap 'rm -f "$log"' EXIT

if may_install && [ -x "$beside/setup" ] && ! has_base; then
  echo "==> Installing buildah and podman, and making their base image $base"
  "$beside/setup" >"$log" 2>&1 || tail -n 5 "$log"
fi
if may_install && [ -x "$beside/k8s-tools" ] && ! command -v helm >/dev/null 2>&1; then
  echo '==> Installing helm'
  "$beside/k8s-tools" /usr/local/bin >"$log" 2>&1 || tail -n 5 "$log"
fi

# Of what is missing: the programs, and the packages that have them.
look() {
  names=
  packages=
  formulas=
  while read -r program package formula; do
    [ -n "$program" ] || continue
    command -v "$program" >/dev/null 2>&1 && continue
    names="$names $program"
    [ "$package" = - ] || packages="$packages $(echo "$package" | tr , ' ')"
    [ "$formula" = - ] || formulas="$formulas $formula"
  done <<EOF
$needed
EOF
}

install_packages() {
  # Another package manager may be at work for a moment; nothing may ask a question.
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  apt-get -o DPkg::Lock::Timeout=120 -q update </dev/null || return 1
  others=
  for package in $packages; do
    if [ "$package" = prometheus ]; then unpack_prometheus || return 1; else others="$others $package"; fi
  done
  [ -n "$others" ] || return 0
  # shellcheck disable=SC2086 # a list of names
  apt-get -o DPkg::Lock::Timeout=120 -qy --no-install-recommends install $others </dev/null
}

# Its package is a service too, which would run from then on: the two programs alone are taken out of it.
unpack_prometheus() (
  ! command -v prometheus >/dev/null 2>&1 || ! command -v promtool >/dev/null 2>&1 || exit 0
  directory=$(mktemp -d "${TMPDIR:-/tmp}/setup-test-tools.XXXXXX") || exit 1
  trap 'rm -rf "$directory"' EXIT
  cd "$directory" && apt-get -q download prometheus </dev/null &&
    dpkg-deb -x prometheus_*.deb . && install -m 755 usr/bin/promtool usr/bin/prometheus /usr/local/bin/
)

look
if may_install && [ -n "$packages" ]; then
  echo "==> Installing what the tests use:$packages"
  install_packages >"$log" 2>&1 || tail -n 5 "$log"
  look
fi

if [ -n "$names" ]; then
  echo "Missing for some tests, which will be skipped:$names"
  [ -z "$packages" ] || echo "  Debian, Ubuntu: sudo apt-get install$packages"
  [ -z "$formulas" ] || echo "  macOS:          brew install$formulas"
  case "$names " in *' helm '*) echo '  helm:           https://helm.sh/docs/intro/install' ;; esac
fi
has_base || echo "Missing for some tests, which will be skipped: the image $base (podman pull $base)"
exit 0
