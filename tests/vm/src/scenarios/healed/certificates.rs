//! Certificates, secrets, clients, and a microVM that was given up.

use anyhow::Result;

use super::Says::{Command, Journal, Terminal};
use super::{State, all, state};
use crate::scenario::Context;

/// Every start of a VMM fails, without a pause between the attempts.
const GIVEN_UP: &str = "mkdir -p /etc/systemd/system/flintlockd.service.d
    printf '[Service]\\nEnvironment=STANDIN_RETRY_SECONDS=0\\n' >/etc/systemd/system/flintlockd.service.d/40-standin.conf
    systemctl daemon-reload; systemctl restart flintlockd.service; chmod 0644 /usr/local/bin/firecracker";

const STATES: &[State] = &[
    state(
        "MVM-VM-010",
        GIVEN_UP,
        Command("vm create broken --wait created"),
        "chmod 0755 /usr/local/bin/firecracker",
        "! mvmhost vms | grep broken",
    ),
    state(
        "MVM-HOST-004",
        "f=/var/lib/flintlock/vm/ns/a/uid1; mkdir -p $f; echo 1 >$f/firecracker.pid; chattr +i $f/firecracker.pid
         systemctl restart mvm-hygiene.service || journalctl --sync",
        Journal,
        "chattr -i /var/lib/flintlock/vm/ns/a/uid1/firecracker.pid",
        "systemctl is-active mvm-hygiene && ! test -e /var/lib/flintlock/vm/ns/a/uid1/firecracker.pid",
    ),
    state(
        "MVM-VM-021",
        "printf '[flintlockd]\\ngrpc-endpoint = \"0.0.0.0:9090\"\\ninsecure = true\\n' >/etc/mvmhost.toml
         mvmhost apply --no-wait",
        Terminal("capmvm --address 10.42.0.1"),
        "",
        "mvmhost capmvm --address 10.42.0.1 2>&1 | (! grep MVM-VM-021)",
    ),
    state(
        "MVM-VM-018",
        ": >/etc/mvmhost.toml; rm -rf /etc/mvmhost/tls /etc/mvmhost.toml.d/60-tls.toml; mvmhost apply --no-wait",
        Command("capmvm --address 10.42.0.1"),
        "",
        "mvmhost capmvm --address 10.42.0.1 | grep MicrovmCluster",
    ),
    state(
        "MVM-SEC-005",
        "chmod 0644 /etc/mvmhost/tls/server.key",
        Command("check"),
        "",
        "! mvmhost check 2>&1 | grep MVM-SEC-005",
    ),
    state(
        "MVM-SEC-008",
        "cp /etc/hostname /etc/mvmhost/tls/server.crt",
        Command("tls renew"),
        "",
        "mvmhost tls renew",
    ),
    state(
        "MVM-SEC-018",
        "ip address add 10.77.0.1/24 dev lo",
        Command("tls renew --due"),
        "",
        "! mvmhost tls renew --due 2>&1 | grep MVM-SEC-018",
    ),
    state(
        "MVM-VM-016",
        "rm -r /etc/mvmhost/tls/clients; rm /etc/mvmhost/tls/server.key",
        Command("vm wait none"),
        "",
        "mvmhost vm wait none --for deleted",
    ),
    state(
        "MVM-SEC-015",
        "mvmhost tls init --client lab; date -s '+300 days'",
        Command("tls renew --due"),
        "",
        "! mvmhost tls renew --due 2>&1 | grep MVM-SEC-015",
    ),
];

/// # Errors
/// A remedy does not help with certificates, secrets, clients or a microVM that was given up.
pub fn certificates_and_clients_heal(context: &mut Context) -> Result<()> {
    all(&mut context.guest, STATES)
}
