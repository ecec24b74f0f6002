//! The sorts of text that the file's keys hold.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use toml::Spanned;
use toml::de::DeValue;

use super::kinds::{At, Kind, List, Quoted, Shape, Text, quote};
use crate::Invalid;
use crate::names::{
    AbsPath, DmName, Endpoint, IfName, ImageRef, MacAddr, Namespace, UnitName, VgName,
    is_host_name, is_registry,
};
use crate::quantities::{Bytes, Spelt, parse_duration};

/// Declares sorts of text: name, what the model holds, what it is called, an example, the parser.
macro_rules! texts {
    ($( $name:ident: $out:ty, $description:literal, $example:literal, $parse:expr; )*) => {$(
        #[doc = $description]
        pub(crate) struct $name;
        impl Text for $name {
            type Out = $out;
            const DESCRIPTION: &'static str = $description;
            const EXAMPLE: &'static str = $example;
            fn parse(text: &str) -> Result<$out, Invalid> {
                $parse(text)
            }
            fn spell(out: &$out) -> String {
                out.to_string()
            }
        }
    )*};
}

texts! {
    Size: Bytes, "a size", "100GiB", size;
    Path: AbsPath, "an absolute path", "/usr/bin/containerd", AbsPath::parse;
    Disk: AbsPath, "a path below /dev/disk/by-id or by-path", "/dev/disk/by-id/nvme-eui.0025385b11b3c1d2", disk;
    Dm: DmName, "a device-mapper name", "flintlock-dev-thinpool", DmName::parse;
    Vg: VgName, "a volume group name", "flintlock", VgName::parse;
    Interface: IfName, "an interface name", "br-mvm", IfName::parse;
    Unit: UnitName, "a service name", "flintlockd.service", UnitName::parse;
    Listen: Endpoint, "an address with its port", "localhost:9090", Endpoint::parse;
    Space: Namespace, "a containerd namespace", "flintlock", Namespace::parse;
    Image: ImageRef, "an image reference", "ghcr.io/liquidmetal-dev/flintlock-kernel:5.10.77", ImageRef::parse;
    Mac: MacAddr, "a MAC address", "aa:fc:00:00:00:01", MacAddr::parse;
    Program: String, "a path, or a name looked up in PATH", "firecracker", program;
    Argument: String, "an argument", "--verbosity=2", argument;
    HostName: String, "a host name", "cp-0", host_name;
    DomainName: String, "a domain", "microvms.example", domain;
    Registry: String, "a registry", "registry.example:5000", registry;
    Url: String, "a URL", "https://mirror.example", url;
    ProxyUrl: String, "the URL of a proxy", "http://proxy.example:3128", proxy;
    Direct: String, "a name, an address or a subnet", "registry.example", direct;
    Platform: String, "a platform", "linux/arm64", platform;
    Address: IpNet, "an address with its prefix length", "10.42.0.1/24", address;
    Subnet: IpNet, "a subnet", "10.42.0.0/24", subnet;
    SubnetV4: Ipv4Net, "a subnet of IPv4", "192.168.10.0/24", subnet_v4;
    Ip: IpAddr, "an IP address", "10.42.0.1", ip;
    Ipv4: Ipv4Addr, "an IPv4 address", "10.42.0.10", ipv4;
    Code: String, "a code of the catalogue", "MVM-NET-020", code;
    Reason: String, "a reason", "the switch does this", reason;
    Date: String, "a date", "2027-01-01", date;
}

/// A duration of at least one second.
pub(crate) struct Time;
impl Text for Time {
    type Out = Duration;
    const DESCRIPTION: &'static str = "a duration";
    const EXAMPLE: &'static str = "10m";
    fn parse(text: &str) -> Result<Duration, Invalid> {
        let duration = parse_duration(text)?;
        if duration.is_zero() {
            return Err(Invalid::new("no time at all", "write for example \"10m\""));
        }
        Ok(duration)
    }
    fn spell(out: &Duration) -> String {
        Spelt(*out).to_string()
    }
}

/// A size that a block device or a file can have.
fn size(text: &str) -> Result<Bytes, Invalid> {
    let bytes = Bytes::parse(text)?;
    let message = match bytes.0 {
        0 => "a size of zero",
        n if n % 512 != 0 => "not a multiple of 512 bytes, the sector that block devices count in",
        // A file's length is a signed 64-bit number.
        n if n > i64::MAX.unsigned_abs() => "a size beyond 2^63 bytes",
        _ => return Ok(bytes),
    };
    Err(Invalid::new(message, "write for example \"100GiB\""))
}

/// Where names of disks are that a re-ordering does not change. The second is for disks without a
/// serial number, as many virtual machines have them: it names the slot.
const LASTING: [&str; 2] = ["/dev/disk/by-id/", "/dev/disk/by-path/"];

fn disk(text: &str) -> Result<AbsPath, Invalid> {
    let path = AbsPath::parse(text)?;
    let name = LASTING.iter().find_map(|folder| path.as_str().strip_prefix(folder));
    match name {
        Some(name) if !name.contains('/') => Ok(path),
        _ => Err(Invalid::new(
            "not below /dev/disk/by-id or by-path, so it may be another disk after a reboot",
            "write the name that `ls -l /dev/disk/by-id` shows for the disk, or that of by-path",
        )),
    }
}

fn program(text: &str) -> Result<String, Invalid> {
    if text.contains('/') {
        return AbsPath::parse(text).map(|path| path.to_string());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    if text.is_empty() || text.starts_with('-') || !text.chars().all(plain) {
        return Err(Invalid::new(
            "neither an absolute path nor the name of a program",
            "write for example \"/usr/local/bin/firecracker\"",
        ));
    }
    Ok(text.to_owned())
}

fn argument(text: &str) -> Result<String, Invalid> {
    if text.chars().any(char::is_control) {
        let message = "an argument with a newline or another control character";
        return Err(Invalid::new(message, "write an argument of printable characters"));
    }
    if text.is_empty() {
        return Err(Invalid::new("an empty argument", "leave it out"));
    }
    Ok(text.to_owned())
}

fn host_name(text: &str) -> Result<String, Invalid> {
    if is_host_name(text) {
        return Ok(text.to_owned());
    }
    Err(Invalid::new("not a host name", "write for example \"cp-0\""))
}

/// Names with dots between them; dnsmasq reads commas as more words.
fn domain(text: &str) -> Result<String, Invalid> {
    if text.len() <= 253 && text.split('.').all(is_host_name) {
        return Ok(text.to_owned());
    }
    Err(Invalid::new("not a domain", "write for example \"microvms.example\""))
}

fn registry(text: &str) -> Result<String, Invalid> {
    if is_registry(text) {
        return Ok(text.to_owned());
    }
    Err(Invalid::new("not a registry", "write host or host:port, without scheme and path"))
}

fn url(text: &str) -> Result<String, Invalid> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_graphic() && !"\"'`\\<>{}|^@?#".contains(c);
    let host = rest.map_or("", |rest| rest.split('/').next().unwrap_or(""));
    if is_registry(host) && text.chars().all(plain) {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err(Invalid::new("not the URL of a mirror", "write for example \"https://mirror.example\""))
}

/// Without a password, which `systemctl show` would tell everybody.
fn proxy(text: &str) -> Result<String, Invalid> {
    // Those that Go's http client takes, and so containerd and flintlockd.
    let schemes = ["https://", "http://", "socks5://", "socks5h://"];
    let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    let host = rest.map(|rest| rest.trim_end_matches('/')).unwrap_or_default();
    if host.contains('@') {
        return Err(Invalid::new(
            "a proxy with a password, which everybody on this host could read in the units",
            "write it without, and HTTPS_PROXY with it in a drop-in of your own with EnvironmentFile=",
        ));
    }
    if is_registry(host) {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err(Invalid::new("not the URL of a proxy", "write for example \"http://proxy.example:3128\""))
}

fn direct(text: &str) -> Result<String, Invalid> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_*:/[]".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    let instead =
        "write one entry each, such as \"registry.example\", \".example\" or \"10.0.0.0/8\"";
    Err(Invalid::new("not what can go without a proxy", instead))
}

fn platform(text: &str) -> Result<String, Invalid> {
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let parts: Vec<&str> = text.split('/').collect();
    if matches!(parts.len(), 2 | 3) && parts[0] == "linux" && parts.iter().all(|part| word(part)) {
        return Ok(text.to_owned());
    }
    Err(Invalid::new("not a platform of Linux", "write for example \"linux/amd64\""))
}

fn no_host(ip: IpAddr) -> bool {
    ip.is_unspecified() || ip.is_multicast() || ip.is_loopback()
}

fn address(text: &str) -> Result<IpNet, Invalid> {
    let invalid = |message: &str| Invalid::new(message, "write for example \"10.42.0.1/24\"");
    if IpAddr::from_str(text).is_ok() {
        return Err(invalid("an address without its prefix length"));
    }
    let net =
        IpNet::from_str(text).map_err(|_| invalid("not an address with its prefix length"))?;
    if no_host(net.addr()) {
        return Err(invalid("an address that no interface here can have"));
    }
    let is_end = match net {
        IpNet::V4(net) => {
            net.prefix_len() < 31 && (net.addr() == net.network() || net.addr() == net.broadcast())
        }
        IpNet::V6(_) => false,
    };
    if is_end {
        return Err(invalid("the address of a whole subnet or its broadcast, not of a host"));
    }
    Ok(net)
}

fn subnet(text: &str) -> Result<IpNet, Invalid> {
    let net = IpNet::from_str(text)
        .map_err(|_| Invalid::new("not a subnet", "write for example \"10.42.0.0/24\""))?;
    if net.trunc() != net {
        let instead = format!("write \"{}\"", net.trunc());
        return Err(Invalid::new("the address of a host, not of a subnet", instead));
    }
    Ok(net)
}

fn subnet_v4(text: &str) -> Result<Ipv4Net, Invalid> {
    match subnet(text)? {
        IpNet::V4(net) => Ok(net),
        IpNet::V6(_) => Err(Invalid::new(
            "a subnet of IPv6, which DHCP for IPv4 cannot tell",
            "write a subnet of IPv4",
        )),
    }
}

fn ip(text: &str) -> Result<IpAddr, Invalid> {
    IpAddr::from_str(text).ok().filter(|ip| !no_host(*ip) || ip.is_loopback()).ok_or_else(|| {
        Invalid::new("not the IP address of a host", "write for example \"10.42.0.1\"")
    })
}

fn ipv4(text: &str) -> Result<Ipv4Addr, Invalid> {
    Ipv4Addr::from_str(text)
        .map_err(|_| Invalid::new("not an IPv4 address", "write for example \"10.42.0.10\""))
}

fn code(text: &str) -> Result<String, Invalid> {
    let upper = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_uppercase());
    let parts: Vec<&str> = text.split('-').collect();
    match parts[..] {
        ["MVM", family, number]
            if upper(family) && number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(Invalid::new("not a code of the catalogue", "write for example \"MVM-NET-020\"")),
    }
}

fn reason(text: &str) -> Result<String, Invalid> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        let instead = "write in one line why the finding is no trouble here";
        return Err(Invalid::new("an ignored finding without a reason", instead));
    }
    Ok(text.to_owned())
}

fn date(text: &str) -> Result<String, Invalid> {
    let number = |range| text.get(range).and_then(|part: &str| part.parse::<u32>().ok());
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| match at {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    let days = match (number(0..4), number(5..7)) {
        (Some(year), Some(2)) if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        (_, Some(2)) => 28,
        (_, Some(4 | 6 | 9 | 11)) => 30,
        (_, Some(1..=12)) => 31,
        _ => 0,
    };
    if shape && number(8..10).is_some_and(|day| (1..=days).contains(&day)) {
        return Ok(text.to_owned());
    }
    Err(Invalid::new("not a date", "write year-month-day, for example \"2027-01-01\""))
}

/// A date in quotes, or TOML's own date without them.
pub(crate) struct Day;

impl Kind for Day {
    type Out = String;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<String> {
        match value.get_ref() {
            DeValue::Datetime(day) if day.time.is_none() => Some(day.to_string()),
            _ => Quoted::<Date>::read(value, at),
        }
    }
    fn write(out: &String, text: &mut String) {
        quote(out, text);
    }
    fn shape() -> Shape {
        Quoted::<Date>::shape()
    }
}

/// First and last address, or an empty list for the default.
pub(crate) struct Range;

impl Kind for Range {
    type Out = Option<(Ipv4Addr, Ipv4Addr)>;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<Self::Out> {
        match List::<Quoted<Ipv4>>::read(value, at)?[..] {
            [] => Some(None),
            [first, last] if first <= last => Some(Some((first, last))),
            ref other => {
                let message = if other.len() == 2 {
                    "a range that ends before it begins"
                } else {
                    "not a first and a last address"
                };
                let hint = "write for example [\"10.42.0.10\", \"10.42.0.200\"]";
                at.bad(value.span(), Invalid::new(message, hint));
                None
            }
        }
    }
    fn write(out: &Self::Out, text: &mut String) {
        let ends = out.map_or(Vec::new(), |(first, last)| vec![first, last]);
        List::<Quoted<Ipv4>>::write(&ends, text);
    }
    fn shape() -> Shape {
        List::<Quoted<Ipv4>>::shape()
    }
}

/// Registries with the mirrors that stand in for them. Being a table, it merges.
pub(crate) struct Mirrors;

impl Kind for Mirrors {
    type Out = BTreeMap<String, Vec<String>>;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<Self::Out> {
        let Some(table) = value.get_ref().as_table() else {
            let hint = "write for example { \"ghcr.io\" = [\"https://mirror.example\"] }";
            at.wrong_type(value, "a table of registries", hint);
            return None;
        };
        let mut mirrors = BTreeMap::new();
        for (host, urls) in table {
            let host = registry(host.get_ref()).map_err(|error| at.bad(host.span(), error)).ok();
            let urls = List::<Quoted<Url>>::read(urls, at);
            mirrors.extend(host.zip(urls));
        }
        Some(mirrors).filter(|mirrors| mirrors.len() == table.len())
    }
    fn write(out: &Self::Out, text: &mut String) {
        text.push('{');
        for (index, (host, urls)) in out.iter().enumerate() {
            text.push_str(if index == 0 { " " } else { ", " });
            quote(host, text);
            text.push_str(" = ");
            List::<Quoted<Url>>::write(urls, text);
        }
        text.push_str(if out.is_empty() { "}" } else { " }" });
    }
    fn shape() -> Shape {
        Shape::Map(Box::new(List::<Quoted<Url>>::shape()))
    }
    fn store(slot: &mut Self::Out, new: Self::Out) {
        slot.extend(new);
    }
}
