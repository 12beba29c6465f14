#!/bin/sh
# The first start of the server, and every later one: its home on the disk that outlives it, and Jenkins from its own
# packages, listening on this machine alone.
set -eu

disk=/dev/disk/by-id/google-home
blkid "$disk" >/dev/null 2>&1 || mkfs.ext4 -q "$disk"
mkdir -p /var/lib/jenkins
mountpoint -q /var/lib/jenkins || mount "$disk" /var/lib/jenkins

if ! dpkg -s jenkins >/dev/null 2>&1; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q update
  apt-get -qy install --no-install-recommends ca-certificates curl fontconfig git openjdk-21-jre-headless
  curl -fsSL --retry 3 -o /etc/apt/keyrings/jenkins.asc https://pkg.jenkins.io/debian-stable/jenkins.io-2023.key
  echo 'deb [signed-by=/etc/apt/keyrings/jenkins.asc] https://pkg.jenkins.io/debian-stable binary/' \
    >/etc/apt/sources.list.d/jenkins.list
  mkdir -p /etc/systemd/system/jenkins.service.d
  printf '[Service]\nEnvironment=JENKINS_LISTEN_ADDRESS=127.0.0.1\n' >/etc/systemd/system/jenkins.service.d/address.conf
  apt-get -q update
  apt-get -qy install jenkins
fi
chown jenkins:jenkins /var/lib/jenkins
systemctl restart jenkins
