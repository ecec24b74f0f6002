# A registry on loopback with two images, as docker-registry keeps them on its disk:
# test/root, an index with two platforms of which one is there, in three layers, the last of which
# removes a file; test/kernel, a bare manifest with one layer.
set -eu
cd "$(mktemp -d)"
v2=/srv/registry/docker/registry/v2

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
