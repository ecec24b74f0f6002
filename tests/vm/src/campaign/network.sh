# One case in namespaces of its own (unshare --mount --net): network.sh KILLER PROGRAM WAY CHANGE CONFIGURATION
# EARLIER. The program makes a network, and is killed before that change; 0: it is not. Then a plain second run.
# What is shown afterwards, and what the program has written down, is the same after a run that nobody killed.
#
# Ways: "first" on a host that never had one, "boot" where an earlier run was before a boot, "changed" where
# the file of the earlier run was EARLIER.
set -eu
killer=$1 program=$2 way=$3 change=$4 configuration=$5 earlier=$6
scratch=$(mktemp -d)
mount -t tmpfs scratch "$scratch"
mkdir "$scratch/up" "$scratch/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$scratch/up,workdir=$scratch/work" etc /etc
for folder in /run /var/lib; do mount -t tmpfs none $folder; done
mount -t sysfs sys /sys
mkdir -p /var/lib/mvmhost /run/mvmhost /run/systemd
rm -rf /etc/mvmhost.toml.d

# What the kernel has at a boot: cards, and a way out by the first of them.
cards() {
    ip link set lo up
    number=1
    for card in eth0 bond0 eno4; do
        ip link add $card address 02:00:00:00:00:0$number type veth peer name x$card
        ip link set $card up
        ip link set x$card up
        number=$((number + 1))
    done
    ip address add 192.0.2.2/24 dev eth0
    ip route add default via 192.0.2.1
}
gone() {
    nft flush ruleset
    for link in $(ls /sys/class/net); do [ "$link" = lo ] || ip link delete "$link" 2>/dev/null || true; done
}
shows() {
    nft -s list ruleset
    ip -o link show | sed 's/^[0-9]*: //; s/ qdisc.*state/ state/; s/ link\/ether .*//' | sort
    ip -o -4 address | awk '{ print $2, $4 }' | sort
    ip route | sort
    sysctl -a -r 'net.ipv4.(ip_forward$|conf.*.forwarding)' 2>/dev/null
    cd /run/mvmhost
    ls
    cat nat.* 2>/dev/null || true
}

cp "$earlier" /etc/mvmhost.toml
cards
case $way in
boot)
    "$program" >/dev/null 2>&1
    gone
    rm -rf /run/mvmhost
    mkdir /run/mvmhost
    cards
    ;;
changed) "$program" >/dev/null 2>&1 ;;
esac
cp "$configuration" /etc/mvmhost.toml
if [ "$change" = count ]; then
    python3 "$killer" 0 "$program" 2>&1 >/dev/null | tail -n 1
    exit
fi
[ "$change" = 0 ] || python3 "$killer" "$change" "$program" >/dev/null 2>&1 || true
"$program" >"$scratch/said" 2>&1 || { cat "$scratch/said"; exit 1; }
shows
