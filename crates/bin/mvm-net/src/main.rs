//! The oneshot that brings up the network, and the service that keeps it up.

use std::process::ExitCode;

use mvm_oneshot as oneshot;
use mvm_oneshot::Program;

mod dhcp;
mod obstacles;
mod rules;
mod run;
mod watch;

const PROGRAM: Program = Program {
    name: "mvm-net",
    version: env!("CARGO_PKG_VERSION"),
    options: &["--config", "--dnsmasq-conf"],
    flags: &["--watch", "--revert", "--may-serve"],
    help: "Usage: mvm-net [--config FILE] [--root DIR] [--watch | --revert | --may-serve | --dnsmasq-conf FILE]

Sets up VLANs, the bridge or the parent of macvtaps, forwarding and address translation from the
configuration. Changes nothing that is already set up. Started by mvm-net.service.

  --config FILE        instead of /etc/mvmhost.toml
  --watch              keep running, and restore what another program removed or switched off; for
                       mvm-net-watch.service
  --revert             wait for the end of an uplink's trial, and undo the change unless it is
                       confirmed; for mvm-net-revert.service
  --may-serve          check whether DHCP may be served: not on an interface of other machines,
                       unless the file asks for it; for mvm-dhcp.service
  --dnsmasq-conf FILE  only write the configuration of dnsmasq; for mvm-dhcp.service
  --root DIR           the folder of the host's files, for tests
  --help               this text
  --version            the version

Exit codes: 0 done, 1 an error was found, 64 usage, 69 the kernel does not answer, 77 not root,
78 configuration invalid and no last good one.
",
};

fn main() -> ExitCode {
    oneshot::main(&PROGRAM, std::env::args_os().skip(1), run::run)
}
