# The images of the bench. Their layers are half text and half noise, which gzip takes to two
# fifths; each image passes for a kernel's, which the native snapshotter unpacks without a pool.
set -eu
. "$(dirname "$0")/registry.sh"
cd "$(mktemp -d -p "$1")"
v2=$1/registry/docker/registry/v2

# fill FOLDER MIB
fill() {
    mkdir -p "$1"
    for mib in $(seq "$2"); do
        seq "$mib" 1000000 | head -c 512K >"$1/text$mib"
        head -c 512K /dev/urandom >"$1/noise$mib"
    done
}

mkdir -p kernel/boot
{
    printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0\1\0\0\0'
    head -c 1000000 /dev/zero
} >kernel/boot/vmlinux

# Eight layers and one, 512 MiB each.
mkdir single
for layer in 1 2 3 4 5 6 7 8; do
    fill "large$layer/$layer" 64
    cp -al "large$layer/$layer" "single/$layer"
done
cp -a kernel/boot large8/boot
cp -a kernel/boot single/boot
image bench/large large1 large2 large3 large4 large5 large6 large7 large8
manifest bench/large manifest.json 1
image bench/single single
manifest bench/single manifest.json 1
rm -r large? single

# Six layers that four images share, and one of their own each.
for layer in 1 2 3 4 5 6; do fill "shared$layer/$layer" 2; done
for number in 1 2 3 4; do
    fill "own$number/own" 2
    cp -a kernel/boot "own$number/boot"
    image "bench/shared$number" shared1 shared2 shared3 shared4 shared5 shared6 "own$number"
    manifest "bench/shared$number" manifest.json 1
done

# As many as a verify is measured with.
for number in $(seq 50); do
    mkdir "many$number"
    cp -a kernel/boot "many$number/boot"
    echo "$number" >"many$number/number"
    image "bench/many$number" "many$number"
    manifest "bench/many$number" manifest.json 1
done
rm -r "$PWD"
