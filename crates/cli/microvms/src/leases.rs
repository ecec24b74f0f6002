//! `mvmhost net leases`: who has which address, and until when.

use std::fs::File;
use std::io::{self, Read};
use std::time::{SystemTime, UNIX_EPOCH};

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_core::catalogue;
use mvm_core::json::Document;
use mvm_network_plan::dhcp::{self, Lease};

/// Some 60,000 leases; dnsmasq itself gives out 1,000 unless told otherwise.
const LIMIT: u64 = 4 << 20;

/// Prints a line for each lease; exit 1 when they cannot be read.
pub fn run(context: &Context) -> Exit {
    let leases = match read(context) {
        Ok(leases) => leases,
        Err(error) => {
            let unread = catalogue::dhcp::leases_unread(dhcp::LEASES);
            let findings = [unread.evidence(error.to_string())];
            output::findings(context.json, &findings);
            return output::exit_for(&findings);
        }
    };
    if context.json {
        output::print(&Document::new(&[]).with("leases", &leases).text());
    } else {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        output::print(&leases.iter().map(|lease| line(lease, now)).collect::<String>());
    }
    Exit::Done
}

/// No file is no lease yet.
pub fn read(context: &Context) -> io::Result<Vec<Lease>> {
    let mut bytes = Vec::new();
    match File::open(context.roots.at(dhcp::LEASES)) {
        Ok(file) => file.take(LIMIT).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(dhcp::leases(&String::from_utf8_lossy(&bytes)))
}

fn line(lease: &Lease, now: u64) -> String {
    let remaining = match lease.expires {
        0 => "for ever".to_owned(),
        end if end <= now => "expired".to_owned(),
        end => format!("{} s left", end - now),
    };
    let name = lease.name.as_deref().unwrap_or("-");
    format!("{:39} {:20} {name} ({remaining})\n", lease.address.to_string(), lease.mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_a_line() {
        let lease = |expires| Lease {
            expires,
            mac: "aa:fc:00:00:00:01".to_owned(),
            address: [10, 42, 0, 10].into(),
            name: Some("cp-0".to_owned()),
        };
        let shown = line(&lease(160), 100);
        assert!(shown.starts_with("10.42.0.10 ") && shown.ends_with("cp-0 (60 s left)\n"));
        assert!(line(&lease(99), 100).contains("(expired)"));
        assert!(line(&lease(0), 100).contains("(for ever)"));
    }
}
