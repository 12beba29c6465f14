#!/bin/sh
# Runs the tests that have a full size at that size, one after the other, and says what each came to. Arguments are
# test files; without any it runs all of them, which takes hours.
#
#   make torture                                         all of them
#   make torture ARGS=test/faults/power-cut.test.ts      one
#
# CAIRN_SEED    where the chances begin; printed, so that a run can be repeated (default: taken from the clock)
# CAIRN_MINUTES after which a file is ended, a failure (default 90)
# Exits 0 only if every file passed within its time.
set -u
cd "$(dirname "$0")/.." || exit

CAIRN_TORTURE=1
CAIRN_SEED=${CAIRN_SEED:-$(date +%s)}
minutes=${CAIRN_MINUTES:-90}
export CAIRN_TORTURE CAIRN_SEED

if [ $# -eq 0 ]; then
  # shellcheck disable=SC2046 # file names of ours have no spaces
  set -- $(grep -rl 'TORTURE\|cyclesOf' test --include='*.test.ts' | sort)
fi

bounded() {
  if command -v timeout >/dev/null 2>&1; then timeout -k 30 "$((minutes * 60))" "$@"; else "$@"; fi
}

log=$(mktemp "${TMPDIR:-/tmp}/cairn-torture.XXXXXX")
trap 'rm -f "$log"' EXIT
echo "==> $# files at full size, CAIRN_SEED=$CAIRN_SEED, at most $minutes minutes each"
failed=0
for file; do
  echo "==> $file"
  began=$(date +%s)
  bounded npx tap --disable-coverage --allow-incomplete-coverage --timeout=0 --jobs=1 --reporter=tap "$file" >"$log" 2>&1
  status=$?
  # What a test found out stands in its comments; what tap says of itself does not matter here.
  grep -E '^ +(# [^STt]|not ok)' "$log" | sed 's/^ *//; s/^# /  /'
  [ "$status" -eq 0 ] || { failed=$((failed + 1)); sed -n '/not ok/,$p' "$log" | head -n 60; }
  echo "    $([ "$status" -eq 0 ] && echo passed || echo "FAILED ($status)") in $(($(date +%s) - began)) s"
done
[ "$failed" -eq 0 ] || { echo "==> $failed of $# failed"; exit 1; }
