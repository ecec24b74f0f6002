//! dnsmasq's file of leases, which microVMs write names into.

use std::net::IpAddr;

use serde::Serialize;

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Lease {
    /// When it ends, in seconds since 1970; 0 is never.
    pub expires: u64,
    /// The client's Ethernet address, as dnsmasq writes it; for IPv6 its identity association.
    pub mac: String,
    /// The client's address, of IPv4 or IPv6.
    pub address: IpAddr,
    /// The name that the client gave itself, where it gave one of letters, digits and `-`, `_`, `.`.
    pub name: Option<String>,
}

/// Every line of the file that is a lease. Others are left out: dnsmasq's own `duid` line, one cut
/// short by a power cut, and whatever a client got into it.
pub fn leases(text: &str) -> Vec<Lease> {
    text.lines().filter_map(lease).collect()
}

/// `<expiry> <mac> <address> <name or *> <client id or *>`
fn lease(line: &str) -> Option<Lease> {
    let mut fields = line.split(' ');
    let expires = fields.next()?.parse().ok()?;
    let mac = fields.next().filter(|word| plain(word))?.to_owned();
    let address = fields.next()?.parse().ok()?;
    let name = fields.next()?;
    fields.next()?;
    Some(Lease { expires, mac, address, name: plain(name).then(|| name.to_owned()) })
}

fn plain(word: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    !word.is_empty() && word.len() <= 255 && word.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_read_and_everything_else_is_left_out() {
        let text = "1764000000 aa:fc:00:00:00:01 10.42.0.10 cp-0 01:aa:fc:00:00:00:01\n\
                    1764000000 aa:fc:00:00:00:02 10.42.0.11 * *\n\
                    duid 00:01:00:01:2e:9f\n\
                    1764000000 1234 fd00:42::9 \x1b[31mred 00:01\n\
                    1764000000 aa:fc:00:00:00:03 10.42.0";
        let found = leases(text);
        let pairs: Vec<(String, Option<&str>)> =
            found.iter().map(|l| (l.address.to_string(), l.name.as_deref())).collect();
        assert_eq!(
            pairs,
            [
                ("10.42.0.10".to_owned(), Some("cp-0")),
                ("10.42.0.11".to_owned(), None),
                ("fd00:42::9".to_owned(), None)
            ]
        );
    }
}
