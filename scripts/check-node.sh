#!/bin/sh
# Says in plain words what is wrong where there is no Node.js, or one that is too old: the first thing that a new
# machine stumbles over. Needs no Node itself.
set -u

if ! command -v node >/dev/null 2>&1; then
  echo 'There is no node on this machine. Cairn needs Node.js 20.19 or newer: https://nodejs.org' >&2
  exit 1
fi
version=$(node --version)
major=${version#v}
major=${major%%.*}
minor=${version#*.}
minor=${minor%%.*}
if [ "$major" -lt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -lt 19 ]; }; then
  echo "Cairn needs Node.js 20.19 or newer; $(command -v node) is $version. See https://nodejs.org" >&2
  exit 1
fi
