#!/bin/sh
# Makes a machine of Debian 13 or Ubuntu 24.04, or newer, an agent for the Jenkinsfile: a user, Java for the agent itself, and the programs that
# the goals of the Makefile call. Run as root; again whenever a version below has changed.
#
#   prepare-jenkins-agent.sh [--dry-run] [--controller URL --name NAME --secret-file FILE]
#
# Without a controller the machine is one that Jenkins reaches by SSH. With one it connects by itself, as a service of
# systemd: URL, the name of the node and the file with its secret are those that Jenkins shows for an inbound agent.
# The label of the node is `cairn`. --dry-run says what would be done, and does nothing.
set -eu

NODE_VERSION=24.11.0
HELM_VERSION=4.1.4
KUBECTL_VERSION=1.35.2
HOME_OF_AGENT=/var/lib/jenkins-agent
# git and make: the Makefile. docker.io: the image. The Java of the distribution: the agent, which wants 21. What the
# tests need beside that, scripts/setup-test-tools.sh installs at the end, since the user of the agent may not.
PACKAGES='ca-certificates curl default-jre-headless docker.io git make tar xz-utils'

fail() {
  echo "prepare-jenkins-agent.sh: $1" >&2
  exit 2
}

dry=
controller=
node=
secret=
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=yes ;;
    --controller | --name | --secret-file)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --controller) controller=$2 ;;
        --name) node=$2 ;;
        --secret-file) secret=$2 ;;
      esac
      shift
      ;;
    *) fail "unknown word $1" ;;
  esac
  shift
done
case $controller in
  '') [ -z "$node$secret" ] || fail '--name and --secret-file belong to --controller' ;;
  https://?*) if [ -z "$node" ] || [ -z "$secret" ]; then fail '--controller needs --name and --secret-file'; fi ;;
  *) fail "--controller must begin with https://, this does not: $controller" ;;
esac
case $controller$node$secret in *[!A-Za-z0-9:/._%-]*) fail 'a value holds a character that systemd would not take as it is' ;; esac
case $(uname -m) in
  x86_64) arch=amd64 node_arch=x64 ;;
  aarch64) arch=arm64 node_arch=arm64 ;;
  *) fail "there is no Node.js for $(uname -m) here" ;;
esac
[ -n "$dry" ] || [ "$(id -u)" = 0 ] || fail 'run it as root'
[ -n "$dry" ] || command -v apt-get >/dev/null 2>&1 || fail 'this is neither Debian nor Ubuntu'

# A command, done or said.
run() {
  echo "+ $*"
  [ -n "$dry" ] || "$@"
}

# The file at a URL, whose SHA-256 stands in a list at another one, as `<sum>  <name>` or alone.
fetch() {
  run curl -fsSL --retry 3 -o "$work/$3" "$1"
  run curl -fsSL --retry 3 -o "$work/sums" "$2"
  echo "+ check $3"
  [ -z "$dry" ] || return 0
  sum=$(awk -v name="$3" 'NF == 1 || $2 == name || $2 == "*" name { print $1; exit }' "$work/sums")
  [ -n "$sum" ] || fail "there is no checksum of $3"
  echo "$sum  $work/$3" | sha256sum -c - >/dev/null || fail "$3 is not what its checksum says"
}

has() { "$@" 2>/dev/null; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
run apt-get -q update
# shellcheck disable=SC2086 # a list of names
run apt-get -qy install --no-install-recommends $PACKAGES

id jenkins >/dev/null 2>&1 || run useradd --system --create-home --home-dir "$HOME_OF_AGENT" --shell /bin/bash jenkins
run usermod --append --groups docker jenkins

if [ "$(has node --version)" != "v$NODE_VERSION" ]; then
  file=node-v$NODE_VERSION-linux-$node_arch.tar.xz
  fetch "https://nodejs.org/dist/v$NODE_VERSION/$file" "https://nodejs.org/dist/v$NODE_VERSION/SHASUMS256.txt" "$file"
  run tar -C /usr/local --strip-components=1 -xJf "$work/$file"
fi
case $(has helm version --short) in
  "v$HELM_VERSION"*) ;;
  *)
    file=helm-v$HELM_VERSION-linux-$arch.tar.gz
    fetch "https://get.helm.sh/$file" "https://get.helm.sh/$file.sha256sum" "$file"
    run tar -C /usr/local/bin --strip-components=1 -xzf "$work/$file" "linux-$arch/helm"
    ;;
esac
case $(has kubectl version --client) in
  *"v$KUBECTL_VERSION"*) ;;
  *)
    url=https://dl.k8s.io/release/v$KUBECTL_VERSION/bin/linux/$arch/kubectl
    fetch "$url" "$url.sha256" kubectl
    run install -m 755 "$work/kubectl" /usr/local/bin/kubectl
    ;;
esac

if [ -n "$controller" ]; then
  unit=/etc/systemd/system/jenkins-agent.service
  run install -m 600 -o jenkins "$secret" "$HOME_OF_AGENT/secret"
  run curl -fsSL --retry 3 -o "$HOME_OF_AGENT/agent.jar" "$controller/jnlpJars/agent.jar"
  echo "+ write $unit"
  [ -n "$dry" ] || cat >"$unit" <<EOF_UNIT
[Unit]
Description=Jenkins agent $node
After=network-online.target docker.service
Wants=network-online.target

[Service]
User=jenkins
WorkingDirectory=$HOME_OF_AGENT
ExecStart=/usr/bin/java -jar agent.jar -url $controller/ -name $node -secret @$HOME_OF_AGENT/secret -webSocket -workDir $HOME_OF_AGENT
Restart=always
RestartSec=10

[Install]
WantedBy=multi-user.target
EOF_UNIT
  run systemctl daemon-reload
  run systemctl enable --now jenkins-agent.service
fi

run sh "$(dirname "$0")/setup-test-tools.sh"
echo "This machine can be the agent of the label cairn."
