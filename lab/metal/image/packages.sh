#!/bin/sh
# Installs systemd and logind, sudo and locales; and the translated messages of PostgreSQL and sudo, left out below.
set -eu
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
[ ! -s /tmp/apt/99lab ] || cp /tmp/apt/99lab /etc/apt/apt.conf.d/
printf 'path-include=/usr/share/locale/de/*\n' >>/etc/dpkg/dpkg.cfg.d/lab-no-manuals
echo 'Acquire::Languages "none";' >/etc/apt/apt.conf.d/98lab
apt-get update -qq
apt-get install -y -qq --no-install-recommends systemd systemd-sysv dbus libpam-systemd locales tzdata openssl sudo
apt-get install -y -qq --no-install-recommends --reinstall "postgresql-$LAB_POSTGRES" "postgresql-client-$LAB_POSTGRES" libpq5 sudo
localedef -i de_DE -f UTF-8 de_DE.UTF-8
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old
rm -f /etc/apt/apt.conf.d/98lab /etc/apt/apt.conf.d/99lab /usr/sbin/policy-rc.d
