#!/bin/sh
# For the scripts beside this one, which read it first: the names that all of them use, from the environment (or
# `make GOAL NAME=value`), checked, since they become words of other programs. No secret is ever a word of a command.
#
#   REGISTRY      host and path that the image is pushed to; empty: the image stays on this machine
#   COMMIT        the full hash of the commit; that of the clone where it is not given
#   NAMESPACE     of the cluster (cairn)           RELEASE      of Helm (cairn)
#   ENVIRONMENT   a file of k8s/environments/ (staging)
# shellcheck disable=SC2034 # used by those who read this
set -eu

fail() {
  echo "${0##*/}: $1" >&2
  exit 2
}

# The whole of it, in one line: grep looks at each line by itself.
matches() {
  case $1 in *'
'*) return 1 ;; esac
  printf '%s\n' "$1" | grep -Eqx -e "$2"
}

REGISTRY=${REGISTRY:-}
RELEASE=${RELEASE:-cairn}
NAMESPACE=${NAMESPACE:-cairn}
ENVIRONMENT=${ENVIRONMENT:-staging}
COMMIT=${COMMIT:-$(git rev-parse HEAD)} || fail 'there is no COMMIT, and this is no clone of the repository'

name='[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?'
[ -z "$REGISTRY" ] || matches "$REGISTRY" '[a-zA-Z0-9][a-zA-Z0-9.-]*(:[0-9]+)?(/[a-z0-9._/-]+)?' ||
  fail "REGISTRY is no host and path: $REGISTRY"
matches "$RELEASE" "$name" || fail "RELEASE is no name of a release: $RELEASE"
matches "$NAMESPACE" "$name" || fail "NAMESPACE is no name of a namespace: $NAMESPACE"
matches "$ENVIRONMENT" "$name" || fail "ENVIRONMENT is no name: $ENVIRONMENT"
matches "$COMMIT" '[0-9a-f]{40}' || fail "COMMIT is no full hash of a commit: $COMMIT"

# As the chart names what it makes.
case $RELEASE in
  *cairn*) WORKLOAD=$RELEASE ;;
  *) WORKLOAD=$RELEASE-cairn ;;
esac
IMAGE=${REGISTRY:+$REGISTRY/}cairn
REPORTS=artifacts/reports
# In one line: the commit that is being deployed, and what was there before it: the revision of the release, or `none`,
# and its commit.
BEFORE=artifacts/deploy/before
TIMEOUT=${TIMEOUT:-10m}

# A machine's own settings of podman and buildah may stand beside this repository, as for the tests.
if [ -z "${CONTAINERS_CONF:-}" ] && [ -f ../shared/container/containers.conf ]; then
  CONTAINERS_CONF=$(cd .. && pwd)/shared/container/containers.conf
  BUILDAH_ISOLATION=chroot
  export CONTAINERS_CONF BUILDAH_ISOLATION
fi

# The first of them that works: docker may be there without its daemon.
engine() {
  if docker info >/dev/null 2>&1; then
    echo docker
  elif command -v podman >/dev/null 2>&1; then
    echo podman
  elif command -v buildah >/dev/null 2>&1; then
    echo buildah
  else
    fail 'none of docker, podman and buildah is here'
  fi
}
