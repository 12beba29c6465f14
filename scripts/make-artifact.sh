#!/bin/sh
# Packs what runs into artifacts/cairn-<version>.tgz: dist/, the production packages and the papers. It needs nothing
# but Node where it is unpacked: `node cairn-<version>/dist/main.js serve`. A checksum for `sha256sum -c` stands beside it.
# Expects dist/ to be built (`make artifact` sees to it).
set -eu
cd "$(dirname "$0")/.."

version=$(node -p 'require("./package.json").version')
name=cairn-$version
echo "==> Packing artifacts/$name.tgz"
rm -rf "artifacts/$name" "artifacts/$name.tgz" "artifacts/$name.tgz.sha256"
mkdir -p "artifacts/$name/snapshots"
cp -R dist package.json package-lock.json LICENSE README.md CHANGELOG.md "artifacts/$name/"
cp snapshots/README.md "artifacts/$name/snapshots/"
(cd "artifacts/$name" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --silent)
tar -C artifacts -czf "artifacts/$name.tgz" "$name"
rm -rf "artifacts/$name"
cd artifacts
if command -v sha256sum >/dev/null 2>&1; then sha256sum "$name.tgz"; else shasum -a 256 "$name.tgz"; fi >"$name.tgz.sha256"
cat "$name.tgz.sha256"
