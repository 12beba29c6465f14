#!/bin/sh
# Installs or upgrades the release with the image of this commit: `make deploy`. Helm waits until the pod is ready, and
# goes back by itself where it does not become so. What was deployed before is noted first, for rollback.sh.
cd "$(dirname "$0")/../.." || exit
# shellcheck source=scripts/delivery/common.sh disable=SC1091
. scripts/delivery/common.sh

# What an earlier run left would lead a rollback astray.
mkdir -p "${BEFORE%/*}"
rm -f "$BEFORE"

values=k8s/environments/$ENVIRONMENT.yaml
[ -f "$values" ] || fail "there is no $values"

# The revision that is deployed, or nothing.
deployed() {
  helm history "$RELEASE" --namespace "$NAMESPACE" --output json 2>/dev/null | node -e '
    const text = require("node:fs").readFileSync(0, "utf8");
    const last = JSON.parse(text || "[]").findLast(({ status }) => status === "deployed");
    process.stdout.write(String(last?.revision ?? ""));'
}

# The tag that a revision was given.
tag_of() {
  helm get values "$RELEASE" --namespace "$NAMESPACE" --revision "$1" --output json | node -e '
    const text = require("node:fs").readFileSync(0, "utf8");
    process.stdout.write(String(JSON.parse(text)?.image?.tag ?? ""));'
}

revision=$(deployed)
tag=
[ -z "$revision" ] || tag=$(tag_of "$revision")
echo "$COMMIT ${revision:-none} $tag" >"$BEFORE"

echo "==> Deploying $IMAGE:$COMMIT as $RELEASE to $ENVIRONMENT, namespace $NAMESPACE (before: ${tag:-nothing})"
helm upgrade --install "$RELEASE" k8s/cairn \
  --namespace "$NAMESPACE" \
  --values "$values" \
  --set-string "image.repository=$IMAGE" \
  --set-string "image.tag=$COMMIT" \
  --rollback-on-failure \
  --timeout "$TIMEOUT" \
  --history-max 10 \
  --description "commit $COMMIT"
