//! The machine itself: KVM, interfaces, tools, certificates, clock.

use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io};

use mvm_checks::{Interface, Kvm, TOOLS, Validity};
use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_config::names::AbsPath;
use mvm_core::{Roots, exec, interfaces};
use mvm_units_systemd::{certificate, kvm as node};

/// ENXIO and ENODEV of asm-generic/errno-base.h: a node without a driver.
const NO_DRIVER: [i32; 2] = [6, 19];
/// The program of the package: it was there before this boot, so no clock shows less.
const OWN: &str = "/usr/bin/mvmhost";

pub(super) fn kvm(roots: &Roots) -> Kvm {
    match node::ask(roots) {
        node::Kvm::Closed(error) if error.kind() == io::ErrorKind::NotFound => Kvm::Absent,
        node::Kvm::Closed(error) => match error.raw_os_error() {
            Some(number) if NO_DRIVER.contains(&number) => Kvm::NoDriver(error.to_string()),
            _ => Kvm::Refused(error.to_string()),
        },
        // What opens and knows none of KVM's requests is a node of something else.
        node::Kvm::Opened { version: Err(error), .. } => Kvm::NoDriver(error.to_string()),
        node::Kvm::Opened { version: Ok(version), creates, missing } => Kvm::Opened {
            version,
            no_vm: creates.err().map(|error| error.to_string()),
            missing: missing.into_iter().map(str::to_owned).collect(),
        },
    }
}

pub(super) fn interface(
    roots: &Roots,
    config: &Config,
    default_interface: Option<&str>,
) -> Option<Interface> {
    match config.network.mode {
        NetworkMode::Tap => found(roots, config.network.bridge.name.as_str()),
        NetworkMode::Macvtap => parent(roots, config, default_interface),
        NetworkMode::None => None,
    }
}

/// The parent of macvtaps, where there are such.
pub(super) fn parent(
    roots: &Roots,
    config: &Config,
    default_interface: Option<&str>,
) -> Option<Interface> {
    let macvtap = Some(&config.network.macvtap).filter(|macvtap| macvtap.enabled)?;
    let named = macvtap.parent.as_ref().map(|name| name.as_str());
    found(roots, named.or(default_interface)?)
}

fn found(roots: &Roots, name: &str) -> Option<Interface> {
    let found = interfaces::find(roots, name)?;
    Some(Interface {
        kind: found.kind,
        bridge: found.bridge,
        wireless: found.wireless,
        up: found.up,
        carrier: found.carrier,
        master: found.master,
    })
}

pub(super) fn missing_tools(roots: &Roots) -> Vec<String> {
    let missing = TOOLS.into_iter().filter(|name| exec::find(roots, name).is_none());
    missing.map(str::to_owned).collect()
}

/// Files that are not there are the business of the check of secrets. A client is let in by any
/// certificate of the CA's file, such as the new one behind the old: what counts is the best of it.
pub(super) fn certificates(
    roots: &Roots,
    config: &Config,
) -> Vec<(String, Result<Validity, String>)> {
    let Some(tls) = &config.flintlockd.tls else { return Vec::new() };
    let now = now();
    let rank = |from, until| Validity { from, until }.rank(now);
    let there = |file: &AbsPath| Some(roots.at(file.as_str())).filter(|path| path.exists());
    let own = there(&tls.cert).map(|path| (&tls.cert, certificate::validity(&path)));
    let authority = tls.client_ca.as_ref().and_then(|file| {
        let path = there(file)?;
        Some((file, certificate::validity_in_pool(&path, rank)))
    });
    let all = own.into_iter().chain(authority);
    all.map(|(file, validity)| {
        (file.to_string(), validity.map(|(from, until)| Validity { from, until }))
    })
    .collect()
}

pub(super) fn secret_modes(roots: &Roots, config: &Config) -> Vec<(String, u32)> {
    let key = config.flintlockd.tls.as_ref().map(|tls| &tls.key);
    let files = [key, config.flintlockd.basic_auth_token_file.as_ref()];
    let mode =
        |file: &AbsPath| fs::metadata(roots.at(file.as_str())).map(|found| found.mode() & 0o7777);
    let files = files.into_iter().flatten();
    files.filter_map(|file| Some((file.to_string(), mode(file).ok()?))).collect()
}

/// Seconds since 1970, less than 0 before.
pub(super) fn now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    }
}

pub(super) fn newest(roots: &Roots) -> Option<(String, i64)> {
    fs::metadata(roots.at(OWN)).ok().map(|found| (OWN.to_owned(), found.mtime()))
}

/// The kernel's version, such as `6.1.0-49-amd64`.
pub(super) fn kernel(roots: &Roots) -> Option<String> {
    let release = std::fs::read_to_string(roots.at("/proc/sys/kernel/osrelease")).ok()?;
    Some(release.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_config::load::{Source, parse};
    use std::path::Path;

    #[test]
    fn any_certificate_of_the_clients_ca_will_do_and_only_the_servers_first() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../units/systemd/tests/data");
        let text = |name: &str| fs::read_to_string(data.join(name)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        for name in ["cert", "ca"] {
            let both = text("expired.crt") + &text("server.crt");
            fs::write(folder.path().join(name), both).unwrap();
        }
        let tls = "[flintlockd.tls]\ncert = \"/cert\"\nkey = \"/key\"\nclient-ca = \"/ca\"\n";
        let source = Source { name: "test.toml".to_owned(), text: tls.to_owned() };
        let found = certificates(&roots, &parse(&[source]).unwrap().config);
        let [(cert, Ok(own)), (ca, Ok(pool))] = &found[..] else { panic!("{found:?}") };
        assert_eq!((cert.as_str(), ca.as_str()), ("/cert", "/ca"));
        // 2021-01-01, when the first of both ended.
        assert!(own.until == 1_609_459_200 && pool.until > own.until, "{found:?}");
    }
}
