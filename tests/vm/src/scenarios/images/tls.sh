# The registry once more at registry.test:5443: a certificate of an authority of its own, and one
# user, mvm.
set -eu
mkdir -p /srv/tls
cd /srv/tls
key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -x509 $key -days 30 -subj '/CN=Nobody in particular' -keyout ca.key -out ca.crt 2>&1
openssl req $key -subj /CN=registry.test -keyout server.key -out server.csr 2>&1
echo subjectAltName=DNS:registry.test >names
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile names \
    -out server.crt 2>&1
perl -e 'print "mvm:", crypt("not a secret", q($2b$05$abcdefghijklmnopqrstuu)), "\n"' >htpasswd
printf '{"auths":{"registry.test:5443":{"auth":"%s"}}}' "$(printf 'mvm:not a secret' | base64)" \
    >config.json
echo 127.0.0.1 registry.test >>/etc/hosts
{
    sed s/:5000/:5443/ /srv/registry.yml
    cat <<'YAML'
  tls:
    certificate: /srv/tls/server.crt
    key: /srv/tls/server.key
auth:
  htpasswd:
    realm: registry.test
    path: /srv/tls/htpasswd
YAML
} >/srv/private.yml
