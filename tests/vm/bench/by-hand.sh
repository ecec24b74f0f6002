#!/bin/bash
# Makes a second way of bringing the same host up, as a user does without mvmhost: hand-written,
# enabled units for the pool (its metadata checked), a bridge with NAT, containerd and flintlockd, each
# after what it needs. Run on a host that mvmhost has brought up: configuration and command line are those of its programs.
set -eu

units=/etc/systemd/system
address=$(ip -brief -4 address show br-mvm | sed 's/.* //')
command=$(tr '\0' ' ' <"/proc/$(systemctl show -P MainPID flintlockd.service)/cmdline")
install -D /run/mvmhost/containerd-dev.toml /etc/by-hand/containerd.toml

cat >$units/by-hand-devpool.service <<EOF
[Unit]
After=local-fs.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=modprobe -a loop dm_thin_pool
ExecStartPre=thin_check -q /var/lib/containerd-dev/snapshotter/devmapper/metadata
ExecStart=/usr/local/sbin/devpool.sh
[Install]
WantedBy=multi-user.target
EOF

cat >$units/by-hand-bridge.service <<EOF
[Unit]
After=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip link add br-mvm type bridge
${address:+ExecStart=ip address add $address dev br-mvm}
ExecStart=ip link set br-mvm up
ExecStart=sysctl -q -w net.ipv4.ip_forward=1
ExecStart=nft add table ip by-hand
ExecStart=nft add chain ip by-hand out { type nat hook postrouting priority 100 \; }
ExecStart=nft add rule ip by-hand out ip saddr 10.42.0.0/24 oifname != br-mvm masquerade
[Install]
WantedBy=multi-user.target
EOF

cat >$units/by-hand-containerd.service <<EOF
[Unit]
Requires=by-hand-devpool.service
After=by-hand-devpool.service network.target local-fs.target
[Service]
Type=notify
ExecStartPre=-modprobe overlay
ExecStart=/usr/bin/containerd --config /etc/by-hand/containerd.toml
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNOFILE=infinity
TasksMax=infinity
[Install]
WantedBy=multi-user.target
EOF

# The ExecStartPre= lines are those of flintlock's own unit.
cat >$units/by-hand-flintlockd.service <<EOF
[Unit]
Requires=by-hand-containerd.service by-hand-bridge.service
After=by-hand-containerd.service by-hand-bridge.service
[Service]
ExecStartPre=which firecracker
ExecStartPre=which flintlockd
ExecStart=$command
Restart=always
RestartSec=5
KillMode=process
[Install]
WantedBy=multi-user.target
EOF

systemctl daemon-reload
