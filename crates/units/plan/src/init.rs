//! `mvmhost init`: from what a host shows and four answers to a short configuration.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use mvm_config::quantities::Bytes;
use mvm_containerd::string;
use serde::Serialize;

/// The least disk that is worth taking.
const LEAST_DISK: u64 = 10 << 30;
/// The size of the sparse data file unless the file system is smaller.
const LOOP_SIZE: u64 = 100 << 30;
/// Of what is free on the file system this part may become the pool's.
const LOOP_SHARE: u64 = 2;

/// A disk of /sys/block that has a size and can be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Disk {
    /// The kernel's name, such as `sdb`.
    pub name: String,
    /// Its path below /dev/disk/by-id, else by-path; None where udev gave it none.
    pub path: Option<String>,
    /// In bytes: `size` of sysfs, which counts sectors of 512 bytes.
    pub size: u64,
    /// What is on it, for people; empty when nothing is.
    pub holds: String,
}

impl Disk {
    /// Whether it may be proposed: nothing on it, large enough, and with a name that lasts.
    pub fn is_free(&self) -> bool {
        self.holds.is_empty() && self.path.is_some() && self.size >= LEAST_DISK
    }
}

/// The interface of the default route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Uplink {
    /// The kernel's name, such as `eno1`.
    pub name: String,
    /// It is wireless: neither an uplink of a bridge nor a parent of macvtaps.
    pub wireless: bool,
    /// Who manages it, for people.
    pub manager: String,
}

/// What the host shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Observed {
    /// Whole disks, by name.
    pub disks: Vec<Disk>,
    /// Free bytes where the loop files would be.
    pub free: u64,
    /// The interface of the default route.
    pub uplink: Option<Uplink>,
    /// Subnets of this host's interfaces and routes.
    pub subnets: Vec<IpNet>,
    /// Somebody on this host serves DHCP.
    pub dhcp_served: bool,
    /// Why there is no KVM.
    pub no_kvm: Option<String>,
    /// Versions of the programs that are there: flintlockd, firecracker, cloud-hypervisor-static.
    pub programs: Vec<(String, String)>,
}

/// Where the microVMs' disks are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// Sparse files; data of so many bytes.
    Loop(u64),
    /// A whole disk, by its path below /dev/disk/by-id or by-path.
    Disk(String),
}

/// How microVMs reach the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// A bridge of their own with this address of the host.
    Nat(IpNet),
    /// A bridge with this interface as its uplink.
    Uplink(String),
    /// Beside this interface.
    Macvtap(String),
}

/// The four answers to `mvmhost init`; [`Answers::guess`] has what an empty line stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answers {
    /// Where the microVMs' disks are; by default in sparse files.
    pub pool: Pool,
    /// How microVMs reach the network; by default through NAT, from a subnet that is free.
    pub network: Network,
    /// Cloud Hypervisor instead of Firecracker.
    pub cloud_hypervisor: bool,
    /// Where flintlockd listens; None is loopback.
    pub listen: Option<String>,
}

impl Answers {
    /// What fits the host: loop files, a network that is not in use, Firecracker unless only the
    /// other one is there, loopback. Never a disk: taking one is said by an operator.
    pub fn guess(observed: &Observed) -> Self {
        let has = |name: &str| observed.programs.iter().any(|(program, _)| program == name);
        Self {
            pool: Pool::Loop(loop_size(observed.free)),
            network: Network::Nat(free_subnet(&observed.subnets)),
            cloud_hypervisor: !has("firecracker") && has("cloud-hypervisor-static"),
            listen: None,
        }
    }
}

/// Half of what is free, in whole GiB from 10 to 100: the files are sparse, and one root disk is to
/// fit in any case.
pub fn loop_size(free: u64) -> u64 {
    (free / LOOP_SHARE).clamp(LEAST_DISK, LOOP_SIZE) >> 30 << 30
}

/// 10.42.0.1/24, or the next of its kind that overlaps nothing.
pub fn free_subnet(taken: &[IpNet]) -> IpNet {
    let candidates = (42..=255_u8).chain(0..42).map(|second| Ipv4Addr::new(10, second, 0, 1));
    let candidates = candidates.chain((16..32).map(|second| Ipv4Addr::new(172, second, 42, 1)));
    let nets = candidates.filter_map(|address| Ipv4Net::new(address, 24).ok()).map(IpNet::V4);
    let overlaps = |one: &IpNet, other: &IpNet| {
        one.contains(&other.network()) || other.contains(&one.network())
    };
    let mut free = nets.filter(|net| !taken.iter().any(|other| overlaps(net, other)));
    let first = IpNet::new(IpAddr::V4(Ipv4Addr::new(10, 42, 0, 1)), 24);
    free.next().unwrap_or(first.unwrap_or_default())
}

/// Why the answers cannot be: in words for people.
pub fn refuse(answers: &Answers, observed: &Observed) -> Option<String> {
    if let Pool::Disk(path) = &answers.pool {
        let Some(disk) = observed.disks.iter().find(|disk| disk.path.as_ref() == Some(path)) else {
            return Some(format!("{path} is no whole disk of this host by a name that lasts"));
        };
        if !disk.holds.is_empty() {
            return Some(format!("{path} holds {}; mvmhost init takes an empty disk", disk.holds));
        }
    }
    if matches!(answers.network, Network::Macvtap(_)) && !answers.cloud_hypervisor {
        return Some("macvtap with firecracker; use provider cloudhypervisor".to_owned());
    }
    match (&answers.network, &observed.uplink) {
        (Network::Uplink(name) | Network::Macvtap(name), Some(uplink))
            if *name == uplink.name && uplink.wireless =>
        {
            Some(format!("{name} is wireless and carries one hardware address; use nat"))
        }
        (Network::Uplink(name) | Network::Macvtap(name), _) if name.is_empty() => {
            Some("there is no default route; name the interface".to_owned())
        }
        _ => None,
    }
}

/// /etc/mvmhost.toml as text: what the answers change, with comments; the rest keeps its defaults.
pub fn render(answers: &Answers, observed: &Observed) -> String {
    let mut out = String::from(
        "# Written by mvmhost init. Every other key is at its default: mvmhost.toml(5),\n\
         # `mvmhost config show`. `mvmhost plan` shows what `mvmhost apply` would do.\n",
    );
    // Writing to a String cannot fail.
    let _ = pool(&mut out, &answers.pool);
    let _ = network(&mut out, answers, observed);
    let _ = flintlockd(&mut out, answers);
    out
}

fn pool(out: &mut String, pool: &Pool) -> std::fmt::Result {
    match pool {
        Pool::Loop(size) => {
            writeln!(
                out,
                "\n# The microVMs' disks, in sparse files: for tests, not for production."
            )?;
            writeln!(out, "[thinpool.loop]\ndata-size = {}", string(&Bytes(*size).to_string()))?;
            // 48 bytes for each block of 64 KiB, and as much again and more for snapshots.
            let metadata = (size / (64 << 10) * 48 * 4).clamp(64 << 20, 10 << 30) >> 20 << 20;
            writeln!(out, "metadata-size = {}", string(&Bytes(metadata).to_string()))
        }
        Pool::Disk(path) => {
            writeln!(out, "\n# The microVMs' disks. `mvmhost pool create` makes the pool, once.")?;
            writeln!(out, "[thinpool]\nbackend = \"lvm\"\n\n[thinpool.lvm]")?;
            writeln!(out, "devices = [{}]", string(path))
        }
    }
}

fn network(out: &mut String, answers: &Answers, observed: &Observed) -> std::fmt::Result {
    match &answers.network {
        Network::Nat(address) => {
            writeln!(
                out,
                "\n# A private network behind this host, which serves DHCP, DNS and NAT."
            )?;
            writeln!(out, "[network.bridge]\naddresses = [{}]", string(&address.to_string()))
        }
        Network::Uplink(name) => {
            let manager = observed.uplink.as_ref().filter(|uplink| uplink.name == *name);
            let manager = manager.map_or("nobody", |uplink| uplink.manager.as_str());
            writeln!(
                out,
                "\n# The network of this host: {name} (managed by {manager}) becomes a port of"
            )?;
            writeln!(
                out,
                "# the bridge, on trial until `mvmhost confirm`. DHCP comes from that network."
            )?;
            writeln!(out, "[network.bridge]\naddresses = []\nuplink = {}", string(name))
        }
        Network::Macvtap(name) => {
            writeln!(
                out,
                "\n# The network of this host. Host and microVMs reach each other only by a switch."
            )?;
            writeln!(
                out,
                "[network]\nmode = \"macvtap\"\n\n[network.macvtap]\nparent = {}",
                string(name)
            )
        }
    }
}

fn flintlockd(out: &mut String, answers: &Answers) -> std::fmt::Result {
    if answers.cloud_hypervisor {
        writeln!(out, "\n[flintlockd]\nprovider = \"cloudhypervisor\"")?;
    }
    if let Some(listen) = &answers.listen {
        writeln!(
            out,
            "\n# For clients on other machines, with certificates:\n#     mvmhost tls init --listen {listen}"
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_config::load::{Source, parse};
    use mvm_config::model::{Backend, NetworkMode, Provider};

    fn config(text: &str) -> mvm_config::Config {
        let source = Source { name: "/etc/mvmhost.toml".to_owned(), text: text.to_owned() };
        parse(&[source]).unwrap_or_else(|problems| panic!("{problems:?}\n{text}")).config
    }

    fn disk(name: &str, holds: &str) -> Disk {
        Disk {
            name: name.to_owned(),
            path: Some(format!("/dev/disk/by-id/{name}")),
            size: 1 << 40,
            holds: holds.to_owned(),
        }
    }

    fn observed() -> Observed {
        Observed {
            disks: vec![disk("sda", "partitions sda1"), disk("sdb", "")],
            free: 40 << 30,
            uplink: Some(Uplink {
                name: "eno1".to_owned(),
                wireless: false,
                manager: "ifupdown".to_owned(),
            }),
            ..Observed::default()
        }
    }

    #[test]
    fn guesses_are_a_valid_file_that_takes_no_disk() {
        let answers = Answers::guess(&observed());
        let config = config(&render(&answers, &observed()));
        assert_eq!(config.thinpool.backend, Backend::Loop);
        assert_eq!(config.thinpool.loopback.data_size, Bytes(20 << 30));
        assert!(config.network.dhcp.enabled && config.network.nat.enabled);
        assert_eq!(config.flintlockd.provider, Provider::Firecracker);
        assert_eq!(refuse(&answers, &observed()), None);
    }

    #[test]
    fn every_answer_gives_a_valid_file() {
        for (pool, network, cloud) in [
            (
                Pool::Disk("/dev/disk/by-id/sdb".to_owned()),
                Network::Uplink("eno1".to_owned()),
                false,
            ),
            (Pool::Loop(1 << 30), Network::Macvtap("eno1".to_owned()), true),
            (Pool::Loop(1 << 44), Network::Nat("192.168.7.1/24".parse().unwrap()), true),
        ] {
            let answers = Answers {
                pool: pool.clone(),
                network: network.clone(),
                cloud_hypervisor: cloud,
                listen: Some("0.0.0.0:9090".to_owned()),
            };
            assert_eq!(refuse(&answers, &observed()), None);
            let config = config(&render(&answers, &observed()));
            assert_eq!(config.thinpool.backend == Backend::Lvm, matches!(pool, Pool::Disk(_)));
            let macvtap = matches!(network, Network::Macvtap(_));
            assert_eq!(config.network.mode == NetworkMode::Macvtap, macvtap);
            assert_eq!(config.flintlockd.provider == Provider::CloudHypervisor, cloud);
        }
    }

    #[test]
    fn a_subnet_in_use_is_left_alone() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        assert_eq!(free_subnet(&[]).to_string(), "10.42.0.1/24");
        assert_eq!(free_subnet(&[net("10.42.0.0/16")]).to_string(), "10.43.0.1/24");
        assert_eq!(free_subnet(&[net("10.0.0.0/8")]).to_string(), "172.16.42.1/24");
        assert_eq!(free_subnet(&[net("10.42.0.128/25")]).to_string(), "10.43.0.1/24");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let base = Answers::guess(&observed());
        let with = |change: &dyn Fn(&mut Answers)| {
            let mut answers = base.clone();
            change(&mut answers);
            refuse(&answers, &observed()).unwrap_or_default()
        };
        let full = |answers: &mut Answers| {
            answers.pool = Pool::Disk("/dev/disk/by-id/sda".to_owned());
        };
        assert!(with(&full).contains("holds partitions sda1"));
        let none = |answers: &mut Answers| answers.pool = Pool::Disk("/dev/sdb".to_owned());
        assert!(with(&none).contains("is no whole disk"));
        let macvtap = |answers: &mut Answers| answers.network = Network::Macvtap("eno1".to_owned());
        assert!(with(&macvtap).contains("cloudhypervisor"));
        let nowhere = |answers: &mut Answers| answers.network = Network::Uplink(String::new());
        assert!(with(&nowhere).contains("no default route"));
        let mut wireless = observed();
        wireless.uplink.as_mut().unwrap().wireless = true;
        let uplink = Answers { network: Network::Uplink("eno1".to_owned()), ..base };
        assert!(refuse(&uplink, &wireless).unwrap().contains("wireless"));
    }
}
