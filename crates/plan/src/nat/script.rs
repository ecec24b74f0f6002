//! The table as a script for nft. What goes in is typed: names of interfaces and addresses.

use std::fmt::Write;

use ipnet::IpNet;

use super::Desired;

/// The whole table. The first two lines make nft replace it in the transaction that makes it.
pub(super) fn render(desired: &Desired) -> String {
    let mut out =
        "table inet mvmhost\ndelete table inet mvmhost\ntable inet mvmhost {\n".to_owned();
    let interface = quoted(&desired.interface);
    if !desired.sources.is_empty() {
        out.push_str(
            "\tchain postrouting {\n\
             \t\ttype nat hook postrouting priority srcnat; policy accept;\n",
        );
        let out_by = match &desired.uplink {
            Some(uplink) => format!("oifname {}", quoted(uplink)),
            None => format!("oifname != {interface}"),
        };
        for source in &desired.sources {
            let family = match source {
                IpNet::V4(_) => "ip",
                IpNet::V6(_) => "ip6",
            };
            let source = source.trunc();
            // Writing to a String cannot fail.
            let _ = writeln!(
                out,
                "\t\t{family} saddr {source} {family} daddr != {source} {out_by} masquerade"
            );
        }
        out.push_str("\t}\n");
    }
    if desired.dhcp {
        // A client that reads DHCP from a raw socket sees the checksum that virtio left to be
        // filled in, and drops the answer; 0 means "none" to it.
        let _ = writeln!(
            out,
            "\tchain dhcp {{\n\
             \t\ttype filter hook postrouting priority filter; policy accept;\n\
             \t\toifname {interface} udp sport 67 udp dport 68 udp checksum set 0\n\
             \t}}"
        );
    }
    out.push_str("}\n");
    out
}

/// A name of an interface has neither quotes nor backslashes nor control characters.
fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
