# Debian's kernel for Arm is an Image, which QEMU starts as it is (Linux,
# Documentation/arch/arm64/booting.rst, has its head).
cp "$root"/boot/vmlinuz-* "$image/vmlinux"
if [ "$(od -An -c -j 56 -N 4 "$image/vmlinux" | tr -d ' ')" != ARMd ]; then
    echo "the kernel is no Image for arm64" >&2
    exit 1
fi
cp "$root"/boot/initrd.img-* "$image/initrd.img"
