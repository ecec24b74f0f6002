# A registry on loopback with two images, as docker-registry keeps them on its disk:
# test/root, an index with two platforms of which one is there, in three layers, the last of which
# removes a file; test/kernel, a bare manifest with one layer.
set -eu
cd "$(mktemp -d)"
v2=/srv/registry/docker/registry/v2
oci=application/vnd.oci.image

digest() { sha256sum <"$1" | cut -d ' ' -f 1; }

# put REPOSITORY FILE: a blob.
put() {
    d=$(digest "$2")
    mkdir -p "$v2/blobs/sha256/$(echo "$d" | cut -c 1-2)/$d" "$v2/repositories/$1/_layers/sha256/$d"
    cp "$2" "$v2/blobs/sha256/$(echo "$d" | cut -c 1-2)/$d/data"
    printf 'sha256:%s' "$d" >"$v2/repositories/$1/_layers/sha256/$d/link"
}

# manifest REPOSITORY FILE [TAG]
manifest() {
    put "$1" "$2"
    for link in "revisions/sha256/$d" ${3:+"tags/$3/current" "tags/$3/index/sha256/$d"}; do
        mkdir -p "$v2/repositories/$1/_manifests/$link"
        printf 'sha256:%s' "$d" >"$v2/repositories/$1/_manifests/$link/link"
    done
}

# descriptor TYPE FILE [MORE]
descriptor() {
    printf '{"mediaType":"%s.%s","digest":"sha256:%s","size":%s%s}' \
        "$oci" "$1" "$(digest "$2")" "$(stat -c %s "$2")" "${3:-}"
}

# image REPOSITORY LAYER...: config and manifest of layers that are folders.
image() {
    repository=$1 ids='' layers=''
    shift
    for layer in "$@"; do
        tar --sort=name --owner=0 --group=0 --numeric-owner -C "$layer" -cf "$layer.tar" .
        ids="$ids${ids:+,}\"sha256:$(digest "$layer.tar")\""
        gzip -1n "$layer.tar"
        put "$repository" "$layer.tar.gz"
        layers="$layers${layers:+,}$(descriptor layer.v1.tar+gzip "$layer.tar.gz")"
    done
    printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[%s]},"history":[]}' \
        "$ids" >config.json
    put "$repository" config.json
    printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":%s,"layers":[%s]}' \
        "$oci" "$(descriptor config.v1+json config.json)" "$layers" >manifest.json
}

mkdir -p one/etc one/srv two/etc three/srv kernel/boot
head -c 4000000 /dev/urandom >one/srv/data
echo gone >one/srv/gone
echo mvm >two/etc/hostname
: >three/srv/.wh.gone
image test/root one two three
manifest test/root manifest.json
platform() { printf ',"platform":{"architecture":"%s","os":"linux"}' "$1"; }
printf '{}' >absent.json
printf '{"schemaVersion":2,"mediaType":"%s.index.v1+json","manifests":[%s,%s]}' "$oci" \
    "$(descriptor manifest.v1+json absent.json "$(platform arm64)")" \
    "$(descriptor manifest.v1+json manifest.json "$(platform amd64)")" >index.json
manifest test/root index.json 1

# A kernel by its head: 64-bit, little-endian, executable, x86-64.
{
    printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0\1\0\0\0'
    head -c 1000000 /dev/zero
} >kernel/boot/vmlinux
image test/kernel kernel
manifest test/kernel manifest.json 1

cat >/srv/registry.yml <<'YAML'
version: 0.1
storage:
  filesystem:
    rootdirectory: /srv/registry
http:
  addr: 127.0.0.1:5000
YAML
