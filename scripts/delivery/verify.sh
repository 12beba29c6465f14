#!/bin/sh
# Checks the deployed service from outside, with its own token: `make verify`. It must be this commit that answers,
# or that of EXPECT; `any` is any.
# BASE_URL is where it can be reached; without one a port of this machine is forwarded to it meanwhile.
cd "$(dirname "$0")/../.." || exit
# shellcheck source=scripts/delivery/common.sh disable=SC1091
. scripts/delivery/common.sh

work=$(mktemp -d)
forward=
finish() {
  [ -z "$forward" ] || kill "$forward" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

in_cluster() { kubectl --namespace "$NAMESPACE" "$@"; }

# The Secret and the member that the pod reads; nothing where it is open.
template='{{range .spec.template.spec.volumes}}{{if eq .name "token"}}{{.secret.secretName}} {{range .secret.items}}{{.key}}{{end}}{{end}}{{end}}'
secret=$(in_cluster get "statefulset/$WORKLOAD" --output "go-template=$template")
# The token goes from one program to the next, and is never a word of a command.
(umask 077 && : >"$work/token")
if [ -n "$secret" ]; then
  in_cluster get "secret/${secret% *}" --output "go-template={{index .data \"${secret#* }\" | base64decode}}" >"$work/token"
  set -- --token-file "$work/token"
fi

if [ -z "${BASE_URL:-}" ]; then
  in_cluster port-forward "service/$WORKLOAD" ":${SERVICE_PORT:-3000}" --address 127.0.0.1 >"$work/forward" 2>&1 &
  forward=$!
  tries=0
  until port=$(sed -n 's/^Forwarding from 127\.0\.0\.1:\([0-9]*\) .*/\1/p' "$work/forward") && [ -n "$port" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 60 ] || ! kill -0 "$forward" 2>/dev/null; then
      cat "$work/forward" >&2
      fail "no port could be forwarded to service/$WORKLOAD"
    fi
    sleep 0.5
  done
  BASE_URL=http://127.0.0.1:$port
fi

EXPECT=${EXPECT:-$COMMIT}
[ "$EXPECT" = any ] || set -- --expect-commit "$EXPECT" "$@"
mkdir -p "$REPORTS"
echo "==> Verifying $BASE_URL (commit: $EXPECT)"
# Not as the token of this environment, which would be another one.
unset TOKEN
sh scripts/verify-api.sh --wait 60 --junit "$REPORTS/${REPORT:-verify-api}.xml" "$@" "$BASE_URL"
