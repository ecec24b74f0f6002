# The network of the default file, made by mvm-net and, as the documents that preceded it say, by
# processes of ip, sysctl and iptables; by turns, in a namespace of its own.
# bash network.sh MVM-NET CONFIGURATION RUNS; prints `WHAT MICROSECONDS`, with times of the clock for
# ours and theirs and of the processor for unchanged, idle (in 10 s), verdict (over 2,000 rules, of which
# one has changed), listed (what nft took of it) and again (nothing of them has changed).
set -euo pipefail
program=$1 config=$2 runs=$3
mount -t tmpfs tmpfs /run
mount -t sysfs sysfs /sys
ip link set lo up
ip link add wan type veth peer name beyond
ip addr add 192.0.2.2/24 dev wan
ip link set beyond up
ip link set wan up
ip route add default via 192.0.2.1

now() { echo "${EPOCHREALTIME/./}"; }

ours() {
    "$program" --config "$config" >/run/said 2>&1 || {
        cat /run/said >&2
        return 1
    }
}

theirs() {
    ip link add name br-mvm type bridge stp_state 0 forward_delay 0
    ip addr add 10.42.0.1/24 dev br-mvm
    ip link set dev br-mvm up
    sysctl -qw net.ipv4.conf.br-mvm.forwarding=1 net.ipv4.conf.wan.forwarding=1
    iptables -t nat -A POSTROUTING -s 10.42.0.0/24 ! -d 10.42.0.0/24 -o wan -j MASQUERADE
    iptables -A FORWARD -i br-mvm -o wan -j ACCEPT
    iptables -A FORWARD -i wan -o br-mvm -m state --state RELATED,ESTABLISHED -j ACCEPT
}

nothing() {
    ip link del br-mvm
    nft flush ruleset
    sysctl -qw net.ipv4.conf.wan.forwarding=0
    rm -rf /run/mvmhost
}

# Ticks of the processor that ended children took, in hundredths of a second: too coarse for one.
spent() {
    local times
    read -r -a times </proc/$$/stat
    echo $((times[15] + times[16]))
}

for _ in $(seq "$runs"); do
    for who in theirs ours; do
        begun=$(now)
        "$who"
        echo "$who $(($(now) - begun))"
        nothing
    done
done
ours
before=$(spent)
for _ in $(seq "$runs"); do ours; done
echo "unchanged $((($(spent) - before) * 10000 / runs))"

# What the watcher itself took of the processor, in microseconds.
taken() { awk '{ all += $1 } END { printf "%d\n", all / 1000 }' /proc/"$watcher"/task/*/schedstat; }

"$program" --config "$config" --watch >/run/said 2>&1 &
watcher=$!
trap 'kill $watcher' EXIT
sleep 3
before=$(taken)
sleep 10
echo "idle $(($(taken) - before))"
{
    echo 'table inet other { chain forward { type filter hook forward priority 0; policy accept;'
    for n in $(seq 2000); do
        echo "iifname \"eth$((n % 50))\" ip saddr 10.$((n / 250)).$((n % 250)).0/24 tcp dport $n accept;"
    done
    echo '}; }'
} | nft -f -
sleep 4
# What ended children of the watcher took: nft, in microseconds.
listed() { awk '{ print ($16 + $17) * 10000 }' /proc/"$watcher"/stat; }
for _ in $(seq 5); do
    before=$(taken) children=$(listed)
    nft add rule inet other forward ip saddr 192.0.2.77 accept
    sleep 3
    echo "verdict $(($(taken) - before))"
    echo "listed $(($(listed) - children))"
    before=$(taken)
    ip link add poke type bridge
    sleep 3
    echo "again $(($(taken) - before))"
    ip link del poke
    sleep 3
done
