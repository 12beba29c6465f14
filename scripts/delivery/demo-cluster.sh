#!/bin/sh
# Read by demo.sh: the chart in a cluster of this machine. One of kind is made for the demo, with ports of this machine
# in front of two of its own; in MicroK8s, which is there already, it is a namespace.
# shellcheck disable=SC2034,SC2154 # state and the ports are those of demo.sh

cluster=cairn-demo
namespace=cairn-demo
node_port=30300
prometheus_node_port=30990
export KUBECONFIG="$PWD/$state/kubeconfig"

in_namespace() { kubectl --namespace "$namespace" "$@"; }

make_cluster() {
  if [ "$DEMO" = microk8s ]; then
    microk8s status --wait-ready --timeout 120 >/dev/null
    microk8s enable dns hostpath-storage >/dev/null
    microk8s config >"$KUBECONFIG"
    # It has no ports of this machine but those of its nodes.
    DEMO_PORT=$node_port
    DEMO_PROMETHEUS_PORT=$prometheus_node_port
  else
    kind get clusters 2>/dev/null | grep -qx "$cluster" || kind create cluster --name "$cluster" --wait 120s --config - <<EOF_KIND
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
  - role: control-plane
    extraPortMappings:
      - { containerPort: $node_port, hostPort: $DEMO_PORT, listenAddress: 127.0.0.1 }
      - { containerPort: $prometheus_node_port, hostPort: $DEMO_PROMETHEUS_PORT, listenAddress: 127.0.0.1 }
EOF_KIND
    kind get kubeconfig --name "$cluster" >"$KUBECONFIG"
  fi
}

load_image() {
  rm -f "$state/image.tar"
  "$(engine)" save --output "$state/image.tar" "$1"
  if [ "$DEMO" = microk8s ]; then
    microk8s images import "$state/image.tar"
  else
    kind load image-archive "$state/image.tar" --name "$cluster"
  fi
  rm -f "$state/image.tar"
}

demo_up() {
  make_cluster
  load_image "$1"
  echo "==> Installing the chart into $DEMO"
  # The volumes of both are folders of the node, which know ReadWriteOnce alone.
  helm upgrade --install cairn k8s/cairn --namespace "$namespace" --create-namespace \
    --set "image.repository=${1%:*}" --set-string "image.tag=${1##*:}" --set image.pullPolicy=Never \
    --set 'persistence.accessModes={ReadWriteOnce}' --set service.type=NodePort --set "service.nodePort=$node_port" \
    --rollback-on-failure --timeout "$TIMEOUT" >/dev/null
  (umask 077 && in_namespace get secret/cairn-token --output 'go-template={{index .data "token" | base64decode}}' >"$state/token")
  start_prometheus
  BASE_URL=http://127.0.0.1:$DEMO_PORT
}

start_prometheus() {
  mkdir -p "$state/etc"
  cp k8s/cairn/files/alerts.yaml "$state/etc/alerts.yaml"
  sed -e 's|cairn:9091|cairn-headless:9091|' -e 's|\.\./cairn/files/||' -e 's/15s/5s/' k8s/monitoring/prometheus.yaml \
    >"$state/etc/prometheus.yml"
  in_namespace create configmap prometheus --from-file="$state/etc" --dry-run=client --output yaml | in_namespace apply --filename -
  in_namespace apply --filename - <<EOF_PROMETHEUS
apiVersion: apps/v1
kind: Deployment
metadata: { name: prometheus }
spec:
  selector: { matchLabels: { app: prometheus } }
  template:
    metadata: { labels: { app: prometheus } }
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      containers:
        - name: prometheus
          image: docker.io/prom/prometheus:v3.5.0
          ports: [{ containerPort: 9090 }]
          volumeMounts: [{ name: config, mountPath: /etc/prometheus }]
      volumes: [{ name: config, configMap: { name: prometheus } }]
---
apiVersion: v1
kind: Service
metadata: { name: prometheus }
spec:
  type: NodePort
  selector: { app: prometheus }
  ports: [{ port: 9090, nodePort: $prometheus_node_port }]
EOF_PROMETHEUS
  in_namespace rollout status deployment/prometheus --timeout="$TIMEOUT"
}

demo_down() {
  if [ "$DEMO" = kind ]; then
    kind delete cluster --name "$cluster"
  else
    [ -s "$KUBECONFIG" ] || microk8s config >"$KUBECONFIG"
    kubectl delete namespace "$namespace" --ignore-not-found --timeout="$TIMEOUT"
  fi
}
