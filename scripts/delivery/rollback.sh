#!/bin/sh
# Goes back to what was deployed before, and checks that again: `make rollback`. What can be known of the pod that
# failed is written down first. Where Helm has gone back by itself already, going there again changes nothing.
cd "$(dirname "$0")/../.." || exit
# shellcheck source=scripts/delivery/common.sh disable=SC1091
. scripts/delivery/common.sh

deployed=
[ ! -f "$BEFORE" ] || read -r deployed revision tag <"$BEFORE"
if [ "$deployed" != "$COMMIT" ]; then
  echo "No deployment of $COMMIT was begun here, so there is nothing to take back."
  exit 0
fi

in_cluster() { kubectl --namespace "$NAMESPACE" "$@"; }
mkdir -p "$REPORTS"
{
  in_cluster get events --sort-by=.lastTimestamp
  in_cluster describe "statefulset/$WORKLOAD" "pod/$WORKLOAD-0"
  in_cluster logs "pod/$WORKLOAD-0" --tail=500
  in_cluster logs "pod/$WORKLOAD-0" --tail=500 --previous
} >"$REPORTS/deployment.txt" 2>&1 || true

if [ "$revision" = none ]; then
  echo "This was the first deployment: there is nothing to go back to. It is left to be looked at, see $REPORTS/deployment.txt"
  exit 0
fi
echo "==> Going back to revision $revision of $RELEASE ($tag)"
helm rollback "$RELEASE" "$revision" --namespace "$NAMESPACE" --wait --timeout "$TIMEOUT"
sh scripts/delivery/rollout.sh
matches "$tag" '[0-9a-f]{40}' || tag=any
EXPECT=$tag REPORT=verify-api-after-rollback sh scripts/delivery/verify.sh
