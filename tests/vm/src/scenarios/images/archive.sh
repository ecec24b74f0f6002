# /root/images.tar, an OCI layout as it is carried to a host without a registry, with two images that
# are named after one which is never reached: a root disk in two layers and a kernel.
set -eu
cd "$(mktemp -d)"
v2=$PWD/v2

mkdir -p one/etc one/srv two/etc kernel/boot
head -c 1000000 /dev/urandom >one/srv/data
echo mvm >two/etc/hostname
image mvm-test/root one two
cp manifest.json root.json
put mvm-test/root root.json
# A kernel by its head: 64-bit, little-endian, executable, x86-64.
{
    printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0\1\0\0\0'
    head -c 100000 /dev/zero
} >kernel/boot/vmlinux
image mvm-test/kernel kernel
cp manifest.json kernel.json
put mvm-test/kernel kernel.json

mkdir -p layout/blobs/sha256
for blob in v2/blobs/sha256/*/*; do
    cp "$blob/data" "layout/blobs/sha256/${blob##*/}"
done
printf '{"imageLayoutVersion":"1.0.0"}' >layout/oci-layout
named() { printf ',"annotations":{"io.containerd.image.name":"ghcr.io/mvm-test/%s:1"}' "$1"; }
printf '{"schemaVersion":2,"manifests":[%s,%s]}' \
    "$(descriptor manifest.v1+json root.json "$(named root)")" \
    "$(descriptor manifest.v1+json kernel.json "$(named kernel)")" >layout/index.json
tar -C layout -cf /root/images.tar oci-layout index.json blobs
