#!/bin/sh
# Hands coverage and findings of the linter to SonarQube: `make sonar`, after `make test-reports`. SONAR_HOST_URL and
# SONAR_TOKEN are in the environment; the rest is in sonar-project.properties.
cd "$(dirname "$0")/../.." || exit
# shellcheck source=scripts/delivery/common.sh disable=SC1091
. scripts/delivery/common.sh

command -v sonar-scanner >/dev/null 2>&1 || fail 'sonar-scanner is not installed'
mkdir -p "$REPORTS"
# What it finds is for SonarQube to say; `make lint` has failed for it already.
npx biome check --reporter=sarif --reporter-file="$REPORTS/biome.sarif" . >/dev/null 2>&1 || true
sonar-scanner "-Dsonar.projectVersion=$COMMIT"
