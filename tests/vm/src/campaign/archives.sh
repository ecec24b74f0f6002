# A root image of two layers and a kernel image, as `docker save` writes them: /root/root.tar and
# /root/kernel.tar; /root/images.toml names them.
set -eu
cd "$(mktemp -d)"
# archive NAME LAYER...: of folders.
archive() {
    name=$1 ids='' layers=''
    shift
    for layer in "$@"; do
        tar --sort=name -C "$layer" -cf "$layer.tar" .
        ids="$ids${ids:+,}\"sha256:$(sha256sum "$layer.tar" | cut -c 1-64)\""
        layers="$layers${layers:+,}\"$layer.tar\""
    done
    printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[%s]}}' "$ids" >config.json
    printf '[{"Config":"config.json","RepoTags":["r.test/%s:1"],"Layers":[%s]}]' "$name" "$layers" >manifest.json
    tar cf "/root/$name.tar" manifest.json config.json $(echo "$layers" | tr -d '"' | tr , ' ')
}
mkdir -p one/srv two/etc kernel/boot
head -c 2000000 /dev/urandom >one/srv/data
echo mvm >two/etc/hostname
archive root one two
# A kernel by its head: 64-bit, little-endian, executable, x86-64.
{
    printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0\1\0\0\0'
    head -c 1000000 /dev/urandom
} >kernel/boot/vmlinux
archive kernel kernel
# A pool that has room to grow on the guest's disk.
cat >/root/images.toml <<'X'
[thinpool.loop]
data-size = "4GiB"
metadata-size = "64MiB"
[images]
root = ["r.test/root:1"]
kernel = ["r.test/kernel:1"]
archives = ["/root/root.tar", "/root/kernel.tar"]
X
