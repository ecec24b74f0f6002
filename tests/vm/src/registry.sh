# What docker-registry keeps on its disk, made with coreutils and tar: functions to be called in a
# folder of one's own, with `v2` the folder that a registry's docker/registry/v2 is.
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
        gzip -1nf "$layer.tar"
        put "$repository" "$layer.tar.gz"
        layers="$layers${layers:+,}$(descriptor layer.v1.tar+gzip "$layer.tar.gz")"
    done
    printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[%s]},"history":[]}' \
        "$ids" >config.json
    put "$repository" config.json
    printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":%s,"layers":[%s]}' \
        "$oci" "$(descriptor config.v1+json config.json)" "$layers" >manifest.json
}
