#!/bin/sh
# After the tests, however they ended: their results as JUnit XML and their coverage as lcov and Cobertura, under
# artifacts/reports/, for Jenkins and SonarQube. Arguments are those that the tests were run with. Exits 0 if it could
# write them; whether the tests passed is for `make test` to say.
set -eu
cd "$(dirname "$0")/.."

reports=artifacts/reports
rm -rf "$reports/junit.xml" "$reports/coverage"
mkdir -p "$reports/coverage"
# It exits as the tests did.
npx tap replay --reporter=junit --reporter-file="$reports/junit.xml" "$@" >/dev/null 2>&1 || true
for form in lcovonly cobertura; do
  npx tap report "--coverage-report=$form" >/dev/null 2>&1 || true
done
mv .tap/report/lcov.info .tap/report/cobertura-coverage.xml "$reports/coverage/"
[ -s "$reports/junit.xml" ]
