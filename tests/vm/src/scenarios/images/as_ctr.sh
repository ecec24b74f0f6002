# /root/pull NAMESPACE: both images as `ctr` pulls them, where flintlock wants them.
# /root/state NAMESPACE: names, every label of every blob, snapshots and their parents.
cat >/root/pull <<'X'
set -e
exec >/dev/null
ctr="ctr -a /run/containerd-dev/containerd.sock -n $1"
$ctr images pull --plain-http --snapshotter devmapper 127.0.0.1:5000/test/root:1
$ctr images pull --plain-http --snapshotter native 127.0.0.1:5000/test/kernel:1
X
cat >/root/state <<'X'
ctr="ctr -a /run/containerd-dev/containerd.sock -n $1"
$ctr images ls | awk '{print $1, $2, $3}'
$ctr content ls | awk 'NR > 1 {n = split($NF, l, ","); for (i = 1; i <= n; i++) print $1, l[i]}' | sort
for s in devmapper native; do $ctr snapshots --snapshotter $s ls | grep sha256: | sort; done
X
