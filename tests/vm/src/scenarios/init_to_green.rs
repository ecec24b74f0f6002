//! `mvmhost init` on a bare host: four answers are typed, then apply, and check finds nothing.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::host;
use super::images::{ENDED, serve};
use crate::REGISTRY;
use crate::scenario::Context;
use crate::setup;

/// What is far away for a guest: the registry of the images that the default file names, with a
/// certificate that the host trusts.
const GHCR: &str = r#"set -eu; cd "$(mktemp -d)"; v2=/srv/ghcr/docker/registry/v2
    mkdir -p root/etc kernel/boot; echo mvm >root/etc/hostname; head -c 500000 /dev/urandom >root/etc/data
    { printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0\1\0\0\0'; head -c 1000000 /dev/zero; } >kernel/boot/vmlinux
    image liquidmetal-dev/capmvm-kubernetes root; manifest liquidmetal-dev/capmvm-kubernetes manifest.json 1.23.10
    image liquidmetal-dev/flintlock-kernel kernel; manifest liquidmetal-dev/flintlock-kernel manifest.json 5.10.77
    key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'; cd /srv
    openssl req -x509 $key -days 30 -subj '/CN=an authority' -keyout ca.key -out ca.crt 2>/dev/null
    openssl req $key -subj /CN=ghcr.io -keyout ghcr.key -out ghcr.csr 2>/dev/null
    echo subjectAltName=DNS:ghcr.io >names
    openssl x509 -req -in ghcr.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile names -out ghcr.crt 2>/dev/null
    cp ca.crt /usr/local/share/ca-certificates/lab.crt; update-ca-certificates >/dev/null 2>&1
    echo 127.0.0.1 ghcr.io >>/etc/hosts
    printf '%s\n' 'version: 0.1' 'storage:' '  filesystem:' '    rootdirectory: /srv/ghcr' 'http:' \
        '  addr: 127.0.0.1:443' '  tls:' '    certificate: /srv/ghcr.crt' '    key: /srv/ghcr.key' >/srv/ghcr.yml"#;

/// On a terminal, as a person does.
const ANSWERED: &str = r"printf 'loop\nnat\nfirecracker\nlocal\n' |
    script -qec 'mvmhost init' /root/typescript >/dev/null && grep -q '4/4' /root/typescript";

/// # Errors
/// A question is not asked, a step fails, or check finds anything after them.
pub fn four_answers_make_a_green_host(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok("ln -s /dev/null /etc/systemd/system/docker-registry.service
        DEBIAN_FRONTEND=noninteractive apt-get install -y mvmhost docker-registry openssl ca-certificates >/dev/null 2>&1")?;
    setup::copy_standins(guest)?;
    guest.ok(&format!("{REGISTRY}{GHCR}"))?;
    guest.ok(&serve("ghcr", "443"))?;
    guest.ok(ANSWERED)?;
    let applied = guest.run_within("mvmhost apply", Duration::from_secs(300))?;
    ensure!(applied.success(), "{applied:?}");
    guest.wait_for(ENDED, host::HEALS)?;
    host::is_up(guest)?;
    let checked = guest.run("mvmhost check")?;
    ensure!(checked.code() == Some(0), "{checked:?}");
    let document = host::json(guest, "check")?;
    let loud = document["findings"].as_array().cloned().unwrap_or_default();
    ensure!(loud.iter().all(|finding| finding["severity"] != "error"), "{document}");
    let status = host::json(guest, "status")?;
    ensure!(status["ready"] == true, "{status}");
    Ok(())
}
