#!/usr/bin/env bash
# In the guest: a host from its default file, then one on which the VMM is missing. What is between
# the marks is drawn.
set -u
# An emulated machine has less room than the default file promises, and no registry.
mkdir -p /etc/mvmhost.toml.d
printf '[thinpool.loop]\ndata-size = "4GiB"\nmetadata-size = "64MiB"\nmax-data-size = "4GiB"\n\n' \
    >/etc/mvmhost.toml.d/size.toml
printf '[images]\nroot = []\nkernel = []\n' >>/etc/mvmhost.toml.d/size.toml
# It has no way to other networks; a host in the field has one.
ip link add lan0 type dummy && ip address add 192.0.2.2/24 dev lan0 && ip link set lan0 up
ip route add default via 192.0.2.1
export COLUMNS=100
screen() {
    echo "SCREEN $*"
    "$@" 2>&1
    echo "END"
}
mvmhost apply >/dev/null 2>&1
screen mvmhost --color always status
mv /usr/local/bin/firecracker /usr/local/bin/firecracker.away
screen mvmhost --color always check
mv /usr/local/bin/firecracker.away /usr/local/bin/firecracker
