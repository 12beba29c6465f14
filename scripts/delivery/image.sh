#!/bin/sh
# Builds the image of this commit and tags it with the full hash: `make image`. What is not committed would be in an
# image that says it is not, so it is refused; `make image DIRTY=yes` builds it for this machine alone, as …-dirty.
# QUIET=yes: without the words of each step.
cd "$(dirname "$0")/../.." || exit
# shellcheck source=scripts/delivery/common.sh disable=SC1091
. scripts/delivery/common.sh

tag=$COMMIT
if [ -n "$(git status --porcelain)" ]; then
  [ "${DIRTY:-}" = yes ] || fail 'there are changes that are not committed; DIRTY=yes builds them for this machine alone'
  tag=$COMMIT-dirty
fi
version=$(node -p 'require("./package.json").version')
engine=$(engine)
case $engine in
  # The health check is lost in podman's own format.
  podman | buildah) format=--format=docker ;;
  *) format=--pull=false ;;
esac
echo "==> Building $IMAGE:$tag with $engine"
# shellcheck disable=SC2086 # a flag or nothing
"$engine" build ${QUIET:+--quiet} "$format" --build-arg "VERSION=$version" --build-arg "REVISION=$COMMIT" --tag "$IMAGE:$tag" .
