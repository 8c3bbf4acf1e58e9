#!/bin/sh
# Installs every package of the lab, with nothing started on the way.
set -eu
export DEBIAN_FRONTEND=noninteractive

# The image is made once and thrown away: no fsync per file, no manuals.
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/lab-unsafe-io
printf 'path-exclude=/usr/share/%s/*\n' doc man locale >/etc/dpkg/dpkg.cfg.d/lab-no-manuals
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d

if [ -s /tmp/apt/lab.list ]; then
    rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
    cp /tmp/apt/lab.list /etc/apt/sources.list.d/
fi
[ ! -s /tmp/apt/99lab ] || cp /tmp/apt/99lab /etc/apt/apt.conf.d/

# Debian would otherwise create and start a cluster of its own on 5432.
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf

echo 'Acquire::Languages "none";' >/etc/apt/apt.conf.d/98lab
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
    "postgresql-$POSTGRES" patroni python3-etcd python3-psycopg2 \
    etcd-server etcd-client \
    barman barman-cli \
    openssh-server openssh-client rsync supervisor \
    ca-certificates curl iproute2 jq less procps sudo doas
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old
rm -f /etc/apt/apt.conf.d/98lab /etc/apt/apt.conf.d/99lab /usr/sbin/policy-rc.d
