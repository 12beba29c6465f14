#!/bin/sh
# Writes k8s/cairn.yaml anew, or to standard output with -: what the chart makes without a word, for those who have kubectl
# and no Helm. The token is in a Secret that they make themselves, since what stands in git is no secret. Needs helm.
set -eu
cd "$(dirname "$0")/.."

render() {
  cat <<'EOF'
# Cairn for a cluster, without Helm. Made from k8s/cairn by scripts/render-manifest.sh; edits here are lost.
#
#   kubectl create secret generic cairn-token --from-literal=token="$(openssl rand -hex 32)"
#   sed 's|image: "cairn:[^"]*"|image: "registry.example/cairn:TAG"|' k8s/cairn.yaml | kubectl apply -f -
#   kubectl rollout status statefulset/cairn
#
# k8s/README.md goes on from here.
EOF
  helm template cairn k8s/cairn --kube-version 1.30.0 --set auth.existingSecret=cairn-token \
    --set metrics.alerts.enabled=false,metrics.dashboard.enabled=false --no-hooks 2>/dev/null |
    grep -v '^ *\(helm.sh/chart\|app.kubernetes.io/managed-by\):'
}

if [ "${1:-}" = - ]; then render; else render >k8s/cairn.yaml; fi
