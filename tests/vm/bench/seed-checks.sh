#!/bin/bash
# The checks that flintlock's guides give to operators of a host, one after the other, with the
# socket and the names of this host in them. What only other programs can tell (docker, grpcurl,
# brctl, firewall-cmd) is left out, which is in favour of this side.

socket=/run/containerd-dev/containerd.sock
namespace=flintlock

ip -br addr show
ip -br link show
bridge link show
ip a | grep -A 3 br-mvm
ip link ls
lsmod | grep -e macvlan -e macvtap
lsmod | grep kvm
ls -la /dev/kvm
which firecracker && firecracker --version
which flintlockd && flintlockd version
systemctl is-active containerd containerd-dev docker
ls -la /run/containerd/containerd.sock $socket
systemctl status --no-pager containerd-dev.service
systemctl status --no-pager flintlockd.service
systemctl status --no-pager mvm-dhcp.service
ss -tlnp | grep 9090
ctr -a $socket plugins ls | grep devmapper
ctr -a $socket -n $namespace images ls
ctr -a $socket -n $namespace leases ls
ctr -a $socket -n $namespace content ls
ctr -a $socket -n $namespace snapshots --snapshotter devmapper ls
dmsetup ls
dmsetup status
lsblk
ps aux | grep firecracker
ls -R /var/lib/flintlock/vm
journalctl -u flintlockd --no-pager | grep -e 'reconciliation failed' -e 'snapshotter not loaded' -e 'level=error'
true
