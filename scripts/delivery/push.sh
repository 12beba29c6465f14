#!/bin/sh
# Pushes the image of this commit: `make push`. Where the registry wants a login, REGISTRY_LOGIN_USR and
# REGISTRY_LOGIN_PSW are in the environment (as Jenkins binds a credential); it is kept for this push alone.
cd "$(dirname "$0")/../.." || exit
# shellcheck source=scripts/delivery/common.sh disable=SC1091
. scripts/delivery/common.sh

[ -n "$REGISTRY" ] || fail 'REGISTRY says where to push, and is not given'
engine=$(engine)
if [ -n "${REGISTRY_LOGIN_USR:-}" ]; then
  login=$(mktemp -d)
  trap 'rm -rf "$login"' EXIT
  # docker keeps it in the first, podman and buildah in the second.
  export DOCKER_CONFIG="$login" REGISTRY_AUTH_FILE="$login/auth.json"
  printf '%s' "${REGISTRY_LOGIN_PSW:?is not given}" |
    "$engine" login --username "$REGISTRY_LOGIN_USR" --password-stdin "${REGISTRY%%/*}"
fi
echo "==> Pushing $IMAGE:$COMMIT"
"$engine" push "$IMAGE:$COMMIT"
