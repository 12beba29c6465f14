#!/bin/sh
# Read by demo.sh: the pod of the chart by `podman play kube`, with its claim as a volume of podman. Prometheus is the
# program of this machine where there is one, else a container in the network of the pod.
# shellcheck disable=SC2034,SC2154 # state and the ports are those of demo.sh

pod=cairn-demo

demo_up() {
  [ -s "$state/token" ] || (umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$state/token")
  echo "==> Running the pod $pod"
  in_pod=$DEMO_PROMETHEUS_PORT
  if has_program; then in_pod=; fi
  IMAGE=$1 POD=$pod STATE=$state METRICS_PORT=$DEMO_METRICS_PORT PORT=$DEMO_PORT PROMETHEUS_PORT=$in_pod \
    node scripts/delivery/demo-pod.js >"$state/pod.yaml"
  stop_prometheus
  podman play kube --replace "$state/pod.yaml" >/dev/null
  BASE_URL=http://127.0.0.1:$DEMO_PORT
  start_prometheus
}

demo_down() {
  stop_prometheus
  podman pod rm --force --time=20 "$pod" >/dev/null 2>&1 || true
  # A ConfigMap is a volume of podman too.
  for name in snapshots token tokens; do podman volume rm --force "$pod-$name" >/dev/null 2>&1 || true; done
}

has_program() { [ "${DEMO_PROMETHEUS:-}" != container ] && command -v prometheus >/dev/null 2>&1; }

start_prometheus() {
  target=127.0.0.1:$DEMO_METRICS_PORT
  # Within the pod it is the port of Cairn itself.
  has_program || target=127.0.0.1:9091
  sed -e "s|cairn:9091|$target|" -e "s|\.\./cairn/files/|$PWD/k8s/cairn/files/|" -e 's/15s/5s/' \
    k8s/monitoring/prometheus.yaml >"$state/prometheus.yaml"
  if has_program; then
    prometheus "--config.file=$state/prometheus.yaml" "--storage.tsdb.path=$state/prometheus" \
      "--web.listen-address=127.0.0.1:$DEMO_PROMETHEUS_PORT" </dev/null >"$state/prometheus.log" 2>&1 &
    echo $! >"$state/prometheus.pid"
  else
    sed -i.bak "s|$PWD/k8s/|/etc/cairn/|" "$state/prometheus.yaml"
    podman run --detach --replace --pod "$pod" --name "$pod-prometheus" \
      --volume "$PWD/k8s:/etc/cairn:ro" --volume "$PWD/$state/prometheus.yaml:/etc/prometheus.yaml:ro" \
      docker.io/prom/prometheus:v3.5.0 --config.file=/etc/prometheus.yaml >/dev/null
  fi
}

# The number may be that of another program by now; for a moment it is still that of this script.
stop_prometheus() {
  [ -f "$state/prometheus.pid" ] || return 0
  read -r pid <"$state/prometheus.pid"
  case $(ps -o args= -p "$pid" 2>/dev/null) in
    *"$state/prometheus.yaml"* | *demo.sh*) kill "$pid" 2>/dev/null || true ;;
    *) pid= ;;
  esac
  # Until it is gone it has the port.
  tries=0
  while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  rm -f "$state/prometheus.pid"
}
