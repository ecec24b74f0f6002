#!/bin/sh
# Run by mmdebstrap on the build machine before the kernel is installed: $1 is the new root.
# A full initramfs costs seconds of every emulated boot; this machine's hardware is known.
set -eu
root=$1

mkdir -p "$root/etc/initramfs-tools/conf.d" "$root/etc/initramfs-tools/hooks"
echo 'MODULES=list' >"$root/etc/initramfs-tools/conf.d/mvm"
cat >"$root/etc/initramfs-tools/hooks/mvm" <<'HOOK'
#!/bin/sh
[ "${1:-}" = prereqs ] && exit 0
. /usr/share/initramfs-tools/hook-functions
manual_add_modules virtio_pci virtio_blk ext4 crc32c_generic crc32c_intel
HOOK
chmod 755 "$root/etc/initramfs-tools/hooks/mvm"
