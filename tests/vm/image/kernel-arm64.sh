# Linux, Documentation/arch/arm64/booting.rst: an Image, which QEMU starts as it is. Packed ones are a
# program of EFI with the Image in it: drivers/firmware/efi/libstub/zboot-header.S.
packed=$(echo "$root"/boot/vmlinuz-*)
number() { od -An -t u4 -j "$1" -N 4 "$packed" | tr -d ' '; }
word() { od -An -t x1 -j "$2" -N 4 "$1" | tr -d ' '; }
if [ "$(word "$packed" 4)" = 7a696d67 ]; then
    tail -c "+$(($(number 8) + 1))" "$packed" | head -c "$(number 12)" >"$image/payload"
    case $(word "$image/payload" 0) in
        1f8b*) gzip -dc <"$image/payload" >"$image/vmlinux" ;;
        28b52ffd) zstd -q -dc <"$image/payload" >"$image/vmlinux" ;;
        *)
            echo "$packed is packed in a way that is not known here" >&2
            exit 1
            ;;
    esac
    rm "$image/payload"
elif [ "$(word "$packed" 0 | cut -c 1-4)" = 1f8b ]; then
    gzip -dc <"$packed" >"$image/vmlinux"
else
    cp "$packed" "$image/vmlinux"
fi
if [ "$(word "$image/vmlinux" 56)" != 41524d64 ]; then
    echo "$packed holds no Image for arm64" >&2
    exit 1
fi
cp "$root"/boot/initrd.img-* "$image/initrd.img"
