//! The oneshot that brings up the network, and the service that keeps it up.

use std::process::ExitCode;

use mvm_oneshot as oneshot;
use mvm_oneshot::Program;

mod dhcp;
mod kept_in;
mod run;
mod watch;

const PROGRAM: Program = Program {
    name: "mvm-net",
    version: env!("CARGO_PKG_VERSION"),
    options: &["--config", "--dnsmasq-conf"],
    flags: &["--watch", "--revert", "--may-serve"],
    help: "Usage: mvm-net [--config FILE] [--root DIR] [--watch | --revert | --may-serve | --dnsmasq-conf FILE]

Makes VLANs, the bridge or the parent of macvtaps, forwarding and translation as the configuration
asks, and changes nothing when they already are. Started by mvm-net.service.

  --config FILE        instead of /etc/mvmhost.toml
  --watch              stay, and put back what somebody else took away or turned off; what
                       mvm-net-watch.service runs
  --revert             wait for the end of an uplink's trial, and put everything back unless it was
                       confirmed; what mvm-net-revert.service runs
  --may-serve          tell whether DHCP may be served: not where others are served, or could be and
                       the file does not ask for it; what mvm-dhcp.service begins with
  --dnsmasq-conf FILE  only write the configuration of dnsmasq; what mvm-dhcp.service does then
  --root DIR           where the host's files are, for tests
  --help               this text
  --version            the version

Exit codes: 0 done, 1 an error was found, 64 usage, 69 the kernel does not answer, 77 not root,
78 configuration invalid and no last good one.
",
};

fn main() -> ExitCode {
    oneshot::main(&PROGRAM, std::env::args_os().skip(1), run::run)
}
