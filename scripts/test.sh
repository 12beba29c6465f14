#!/bin/sh
# Runs the tests with coverage, whatever is left of an earlier run notwithstanding, and says at the end which were
# skipped and how many passed. Arguments go to tap (files, folders, its flags). Exits 0 only if every test passed.
set -u
cd "$(dirname "$0")/.." || exit

results=.tap/results.tap
rm -f "$results"
# tap draws its progress over and over; this tells it that nobody watches, and it writes each line once.
[ -t 1 ] || export CONTINUOUS_INTEGRATION=true

echo '==> Testing'
status=0
npm test --silent -- --reporter=base --output-file="$results" "$@" || status=$?
node scripts/report-tests.js "$results" || [ "$status" -ne 0 ] || status=1
exit "$status"
