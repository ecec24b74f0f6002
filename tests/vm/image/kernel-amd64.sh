# Unpacked here once: in the guest, the kernel's own unpacking costs seconds of every emulated boot.
# Where the packed kernel is in the file is said by the header that boot loaders read (Linux,
# Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length); after it comes its
# length once unpacked, in four bytes.
packed=$(echo "$root"/boot/vmlinuz-*)
number() { od -An -t "u$2" -j "$1" -N "$2" "$packed" | tr -d ' '; }
start=$((($(number 497 1) + 1) * 512 + $(number 584 4)))
tail -c "+$((start + 1))" "$packed" | head -c $(($(number 588 4) - 4)) >"$image/payload"
case $(od -An -t x1 -N 4 "$image/payload" | tr -d ' ') in
    fd377a58) xz -dc <"$image/payload" >"$image/vmlinux" ;;
    28b52ffd) zstd -q -dc <"$image/payload" >"$image/vmlinux" ;;
    *)
        echo "$packed is packed in a way that is not known here" >&2
        exit 1
        ;;
esac
rm "$image/payload"
cp "$root"/boot/initrd.img-* "$image/initrd.img"
