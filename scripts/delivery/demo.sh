#!/bin/sh
# The whole of it on this machine: `make demo`, and `make demo-down` takes it away, the data too. The image of what is
# in this folder, a volume, the pod of the chart, a port that leads into it, verify-api against that, and a Prometheus
# that scrapes it. With kind or MicroK8s where there is one, else with podman. Again while it is up: the pod is made anew
# over the same volume.
#
#   DEMO=kind|microk8s|podman   which of them; otherwise the first that is here
#   DEMO_PORT (8080), DEMO_PROMETHEUS_PORT (9090), with podman also DEMO_METRICS_PORT (9091): ports of 127.0.0.1
cd "$(dirname "$0")/../.." || exit
# shellcheck source=scripts/delivery/common.sh disable=SC1091
. scripts/delivery/common.sh

what=${1:?up or down}
DEMO_PORT=${DEMO_PORT:-8080}
DEMO_PROMETHEUS_PORT=${DEMO_PROMETHEUS_PORT:-9090}
DEMO_METRICS_PORT=${DEMO_METRICS_PORT:-9091}
for port in "$DEMO_PORT" "$DEMO_PROMETHEUS_PORT" "$DEMO_METRICS_PORT"; do
  matches "$port" '[1-9][0-9]{0,4}' || fail "$port is no port"
done
state=artifacts/demo

has() { command -v "$1" >/dev/null 2>&1; }

# The one that it was begun with, so that the same is taken away.
if [ -f "$state/with" ]; then
  read -r DEMO <"$state/with"
elif [ -z "${DEMO:-}" ]; then
  if has kind && has helm && has kubectl; then
    DEMO=kind
  elif has microk8s && has helm && has kubectl; then
    DEMO=microk8s
  elif has podman; then
    DEMO=podman
  else
    fail 'kind or microk8s (with helm and kubectl), or podman, is needed'
  fi
fi
# shellcheck disable=SC1091
case $DEMO in
  kind | microk8s) . scripts/delivery/demo-cluster.sh ;;
  podman) . scripts/delivery/demo-podman.sh ;;
  *) fail "DEMO is kind, microk8s or podman, not $DEMO" ;;
esac

if [ "$what" = down ]; then
  demo_down
  rm -rf "$state"
  echo 'The demo is gone, and its data with it.'
  exit 0
fi

(umask 077 && mkdir -p "$state")
echo "$DEMO" >"$state/with"
REGISTRY=localhost DIRTY=yes QUIET=yes sh scripts/delivery/image.sh
image=localhost/cairn:$COMMIT
[ -z "$(git status --porcelain)" ] || image=$image-dirty

demo_up "$image"
echo "==> Verifying $BASE_URL"
sh scripts/verify-api.sh --wait 120 --expect-commit "$COMMIT" --token-file "$state/token" "$BASE_URL"

echo '==> Waiting until Prometheus has scraped it'
prometheus=http://127.0.0.1:$DEMO_PROMETHEUS_PORT
tries=0
until curl -fsS --max-time 5 "$prometheus/api/v1/query" --data-urlencode 'query=up{job="cairn"}' 2>/dev/null |
  grep -q '"value":\[[0-9.]*,"1"\]'; do
  tries=$((tries + 1))
  [ "$tries" -le 90 ] || fail "Prometheus at $prometheus has not scraped it within 90 seconds: see $state/prometheus.log"
  sleep 1
done

cat <<EOF_WORDS

It runs ($DEMO). The token is in $state/token:

  curl -H "Authorization: Bearer \$(cat $state/token)" -d '{"key":"a","value":1}' $BASE_URL/set
  the API         $BASE_URL/docs
  Prometheus      $prometheus/alerts

make demo-down takes all of it away.
EOF_WORDS
