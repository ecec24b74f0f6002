//! Which requests go by way of a proxy, and by which.
//!
//! flintlockd's own client is Go's, and the same variables must mean the same to both. No library
//! here has Go's rules: reqwest's have no ports, no `*.` and let `.example` stand for `example`
//! itself. These are those of golang.org/x/net/http/httpproxy.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Proxies in the words of the environment's variables; empty: none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// `HTTP_PROXY`
    pub http: String,
    /// `HTTPS_PROXY`
    pub https: String,
    /// `NO_PROXY`: what is asked without, separated by commas.
    pub without: String,
}

impl Proxies {
    /// From variables: the first of both spellings that is not empty counts.
    pub fn of_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &str| {
            let spellings = [name.to_owned(), name.to_lowercase()];
            spellings.iter().filter_map(|name| variable(name)).find(|value| !value.is_empty())
        };
        let value = |name| value(name).unwrap_or_default();
        Self { http: value("HTTP_PROXY"), https: value("HTTPS_PROXY"), without: value("NO_PROXY") }
    }

    /// `http`, `https` and `no_proxy` of `[proxy]`; what is not set there is empty.
    pub fn of_file(proxy: &mvm_config::model::Proxy) -> Self {
        Self {
            http: proxy.http.clone().unwrap_or_default(),
            https: proxy.https.clone().unwrap_or_default(),
            without: proxy.no_proxy.join(","),
        }
    }

    /// The proxy for a request, as a URL; `None` where it goes straight to the server. `host` may be
    /// an IPv6 address in brackets.
    pub fn of(&self, scheme: &str, host: &str, port: u16) -> Option<String> {
        let proxy = match scheme {
            "https" => self.https.trim(),
            "http" => self.http.trim(),
            _ => "",
        };
        if proxy.is_empty() || self.is_without(host, port) {
            return None;
        }
        Some(match proxy.split_once("://") {
            // Go lets the proxy look names up in either case; for reqwest these are two things.
            Some(("socks5", rest)) => format!("socks5h://{rest}"),
            Some(_) => proxy.to_owned(),
            None => format!("http://{proxy}"),
        })
    }

    fn is_without(&self, host: &str, port: u16) -> bool {
        let host = bare(host).trim_end_matches('.').to_lowercase();
        let address = IpAddr::from_str(&host).ok();
        // Go never asks this host by way of a proxy.
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        let entries = self.without.split(',').map(|entry| entry.trim().to_lowercase());
        entries.filter(|entry| !entry.is_empty()).any(|entry| covers(&entry, &host, address, port))
    }
}

/// Whether one entry, in lower case, is for this server.
fn covers(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(subnet) = IpNet::from_str(entry) {
        return address.is_some_and(|address| subnet.contains(&address));
    }
    let (name, only) = match entry.rsplit_once(':') {
        Some((name, digits)) if is_whole(name) => (bare(name), Some(digits)),
        _ => (bare(entry), None),
    };
    if only.is_some_and(|digits| digits != port.to_string()) {
        return false;
    }
    if let Ok(listed) = IpAddr::from_str(name) {
        return address == Some(listed);
    }
    let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
    match name.strip_prefix('.') {
        Some("") | None if name.is_empty() => false,
        Some(_) => host.ends_with(name),
        None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
    }
}

/// Whether what stands before a colon is a host, and not the beginning of an IPv6 address.
fn is_whole(name: &str) -> bool {
    !name.is_empty() && (!name.contains(':') || name.ends_with(']'))
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entry, host, port, and whether the host is asked straight away: golang.org/x/net's own cases
    /// and more of their kind.
    const CASES: [(&str, &str, u16, bool); 34] = [
        ("", "example.com", 443, false),
        ("", "localhost", 5000, true),
        ("", "127.1.2.3", 5000, true),
        ("", "[::1]", 5000, true),
        ("*", "example.com", 443, true),
        ("example.com", "example.com", 443, true),
        ("example.com", "a.example.com", 443, true),
        ("example.com", "notexample.com", 443, false),
        ("EXAMPLE.com", "Example.COM", 443, true),
        (".example.com", "example.com", 443, false),
        (".example.com", "a.example.com", 443, true),
        ("*.example.com", "example.com", 443, false),
        ("*.example.com", "a.b.example.com", 443, true),
        ("*example.com", "a.example.com", 443, false),
        ("example.com:443", "example.com", 443, true),
        ("example.com:443", "example.com", 5000, false),
        (".example.com:5000", "a.example.com", 5000, true),
        ("*.example.com:5000", "a.example.com", 443, false),
        ("10.0.0.0/8", "10.1.2.3", 443, true),
        ("10.0.0.0/8", "11.1.2.3", 443, false),
        ("10.0.0.0/8", "example.com", 443, false),
        ("192.168.1.7", "192.168.1.7", 5000, true),
        ("192.168.1.7:5000", "192.168.1.7", 5000, true),
        ("192.168.1.7:5000", "192.168.1.7", 443, false),
        ("2001:db8::/32", "[2001:db8::7]", 443, true),
        ("2001:db8::7", "[2001:db8::7]", 443, true),
        ("[2001:db8::7]:443", "[2001:db8::7]", 443, true),
        ("[2001:db8::7]:443", "[2001:db8::7]", 80, false),
        ("[2001:db8::7]", "[2001:db8::7]", 80, true),
        (" a.test , example.com ,", "example.com", 443, true),
        (".", "example.com", 443, false),
        (":443", "example.com", 443, false),
        ("example.com", "example.com.", 443, true),
        ("1.2.3.4", "example.com", 443, false),
    ];

    #[test]
    fn what_goes_straight_is_what_goes_straight_in_go() {
        for (without, host, port, straight) in CASES {
            let proxies = Proxies {
                https: "proxy.test:3128".to_owned(),
                without: without.to_owned(),
                ..Proxies::default()
            };
            let by = proxies.of("https", host, port);
            assert_eq!(by.is_none(), straight, "NO_PROXY={without:?} {host}:{port}");
            assert!(by.is_none_or(|by| by == "http://proxy.test:3128"));
            assert_eq!(proxies.of("http", host, port), None);
        }
    }

    #[test]
    fn a_proxy_has_the_schemes_that_go_takes() {
        for (written, expected) in [
            ("p.test:3128", "http://p.test:3128"),
            ("https://p.test", "https://p.test"),
            ("http://u:p@p.test", "http://u:p@p.test"),
            ("socks5://p.test:1080", "socks5h://p.test:1080"),
            ("socks5h://p.test:1080", "socks5h://p.test:1080"),
        ] {
            let proxies = Proxies { http: written.to_owned(), ..Proxies::default() };
            assert_eq!(proxies.of("http", "r.test", 80).as_deref(), Some(expected));
        }
    }

    #[test]
    fn the_first_variable_that_is_not_empty_counts() {
        let value = |name: &str| match name {
            "HTTPS_PROXY" => Some(String::new()),
            "https_proxy" => Some("http://p:3128".to_owned()),
            "NO_PROXY" => Some("r.test".to_owned()),
            "no_proxy" => Some("other.test".to_owned()),
            _ => None,
        };
        let found = Proxies::of_variables(value);
        let expected = Proxies {
            http: String::new(),
            https: "http://p:3128".to_owned(),
            without: "r.test".to_owned(),
        };
        assert_eq!(found, expected);
    }
}
