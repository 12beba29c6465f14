#!/bin/sh
# Waits until the pod that was asked for is the one that runs: `make rollout`.
cd "$(dirname "$0")/../.." || exit
# shellcheck source=scripts/delivery/common.sh disable=SC1091
. scripts/delivery/common.sh

kubectl --namespace "$NAMESPACE" rollout status --timeout="$TIMEOUT" "statefulset/$WORKLOAD"
