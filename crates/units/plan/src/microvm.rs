//! One microVM to ask flintlockd for: what the operator says, completed from the configuration.
//!
//! The hardware address follows from host, namespace and name, so that a microVM has the same lease
//! after every boot. What flintlockd would keep and fail with eleven times is refused here.

mod cloud;
mod spec;
#[cfg(test)]
mod tests;

use ipnet::IpNet;
use mvm_config::Config;
use mvm_config::model::{NetworkMode, Provider};
use mvm_config::names::MacAddr;
use mvm_core::Digest;

pub use cloud::{SshKey, user_data};
pub use spec::{
    Initrd, Interface, Kernel, Kind, Overrides, Source, Spec, StaticAddress, Volume, parse,
};

/// flintlock's limits.
const VCPUS: std::ops::RangeInclusive<i32> = 1..=64;
const MEMORY: std::ops::RangeInclusive<i32> = 1024..=32768;
/// What Firecracker's metadata service holds, less what flintlock adds.
const METADATA_MAX: usize = 50_000;
/// The card of flintlock's metadata service.
const METADATA_CARD: &str = "eth0";
/// The card that a microVM gets unless told otherwise.
const CARD: &str = "eth1";

/// What the operator says; `None` and empty mean: as the specification or the configuration has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// Becomes `id`; see [`is_name`].
    pub name: String,
    /// Becomes `namespace`, of the same form as `name`; `default` where nothing has one.
    pub namespace: String,
    /// Virtual CPUs, 1 to 64; 2 where nothing says how many.
    pub vcpu: Option<i32>,
    /// Memory in MiB, 1024 to 32768; 2048 where nothing says how much.
    pub memory: Option<i32>,
    /// The image of the root disk, else the first of `[images] root`.
    pub root: Option<String>,
    /// The image of the kernel, else the first of `[images] kernel`.
    pub kernel: Option<String>,
    /// The kernel's file in its image.
    pub kernel_file: Option<String>,
    /// `firecracker` or `cloudhypervisor`.
    pub provider: Option<String>,
    /// Another bridge than flintlockd's.
    pub bridge: Option<String>,
    /// A macvtap, on a host that has taps as well.
    pub macvtap: bool,
    /// The hardware address of its first card.
    pub mac: Option<MacAddr>,
    /// An address of its own instead of DHCP.
    pub address: Option<IpNet>,
    /// cloud-init's user-data.
    pub user_data: Option<Vec<u8>>,
    /// Disks beside the root disk.
    pub volumes: Vec<Volume>,
}

/// Completes `base`, which is empty or comes from a file. `machine` is this host's machine-id,
/// `architecture` its architecture in Go's name.
///
/// # Errors
/// Why flintlockd or the VMM would not take it, in words for people.
pub fn complete(
    base: Spec,
    request: &Request,
    config: &Config,
    machine: &str,
    architecture: &str,
) -> Result<Spec, String> {
    let mut spec = base;
    names(&mut spec, request)?;
    let provider = provider(&mut spec, request, config)?;
    images(&mut spec, request, config, (provider, architecture))?;
    let set = |value: &mut i32, requested: Option<i32>, default: i32| {
        *value = requested.unwrap_or(if *value == 0 { default } else { *value });
    };
    set(&mut spec.vcpu, request.vcpu, 2);
    set(&mut spec.memory_in_mb, request.memory, 2048);
    if !VCPUS.contains(&spec.vcpu) {
        return Err(format!("{} vCPUs; flintlock takes 1 to 64", spec.vcpu));
    }
    if !MEMORY.contains(&spec.memory_in_mb) {
        return Err(format!("{} MiB of memory; flintlock takes 1024 to 32768", spec.memory_in_mb));
    }
    spec.additional_volumes.extend(request.volumes.iter().cloned());
    cards(&mut spec, request, config, machine, provider)?;
    metadata(&mut spec, request, provider)?;
    Ok(spec)
}

fn names(spec: &mut Spec, request: &Request) -> Result<(), String> {
    if !request.name.is_empty() {
        spec.id.clone_from(&request.name);
    }
    if !request.namespace.is_empty() {
        spec.namespace.clone_from(&request.namespace);
    }
    if spec.namespace.is_empty() {
        spec.namespace = "default".to_owned();
    }
    for (label, name) in [("name", &spec.id), ("namespace", &spec.namespace)] {
        if !is_name(name) {
            return Err(format!(
                "its {label} is not 1 to 63 letters, digits and \"._-\", beginning with a letter or digit"
            ));
        }
    }
    // flintlockd gives it.
    spec.uid = None;
    Ok(())
}

/// Both become names of directories on the host.
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    first && name.len() <= 63 && name.bytes().all(allowed)
}

fn provider(spec: &mut Spec, request: &Request, config: &Config) -> Result<Provider, String> {
    if let Some(requested) = &request.provider {
        spec.provider = Some(requested.clone());
    } else if request.macvtap && spec.provider.is_none() {
        // flintlock gives macvtaps to no other.
        spec.provider = Some("cloudhypervisor".to_owned());
    }
    match spec.provider.as_deref() {
        None | Some("") => Ok(config.flintlockd.provider),
        Some("firecracker") => Ok(Provider::Firecracker),
        Some("cloudhypervisor") => Ok(Provider::CloudHypervisor),
        Some(_) => Err("its provider is neither firecracker nor cloudhypervisor".to_owned()),
    }
}

fn images(
    spec: &mut Spec,
    request: &Request,
    config: &Config,
    (provider, architecture): (Provider, &str),
) -> Result<(), String> {
    let first = |images: &[mvm_config::names::ImageRef]| {
        images.first().map(|image| image.as_str().to_owned())
    };
    if let Some(image) = &request.kernel {
        spec.kernel.image.clone_from(image);
    }
    if spec.kernel.image.is_empty() {
        let image = first(&config.images.kernel);
        spec.kernel.image =
            image.ok_or("no kernel is named, and kernel of [images] is empty; use --kernel")?;
        spec.kernel.add_network_config = true;
    }
    let file = match (provider, architecture) {
        (_, "arm64") => "boot/image",
        (Provider::Firecracker, _) => "boot/vmlinux",
        (Provider::CloudHypervisor, _) => "boot/vmlinux.bin",
    };
    if let Some(file) = &request.kernel_file {
        spec.kernel.filename = Some(file.clone());
    }
    let named = spec.kernel.filename.take().filter(|file| !file.is_empty());
    spec.kernel.filename = Some(named.unwrap_or_else(|| file.to_owned()));
    if let Some(image) = request.root.clone().or_else(|| match &spec.root_volume {
        Some(_) => None,
        None => first(&config.images.root),
    }) {
        spec.root_volume = Some(Volume {
            id: "root".to_owned(),
            source: Source { container_source: Some(image), virtiofs_source: None },
            ..Volume::default()
        });
    }
    if spec.root_volume.is_none() && spec.initrd.is_none() {
        return Err("no root disk is named, and root of [images] is empty; use --root".to_owned());
    }
    let initrd = spec.initrd.iter().map(|initrd| initrd.image.as_str());
    let volumes = spec.root_volume.iter().chain(&spec.additional_volumes);
    let volumes = volumes.filter_map(|volume| volume.source.container_source.as_deref());
    for image in initrd.chain(volumes).chain([spec.kernel.image.as_str()]) {
        if mvm_config::names::ImageRef::parse(image).is_err() {
            return Err(format!("{image:?} is no reference of an image"));
        }
    }
    Ok(())
}

fn cards(
    spec: &mut Spec,
    request: &Request,
    config: &Config,
    machine: &str,
    provider: Provider,
) -> Result<(), String> {
    if spec.interfaces.is_empty() {
        let beside = config.network.has_both() && request.macvtap;
        let kind = match config.network.mode {
            NetworkMode::Macvtap => Kind::Macvtap,
            NetworkMode::Tap if beside => Kind::Macvtap,
            NetworkMode::Tap if request.macvtap => {
                return Err("macvtap, which this host does not serve; enabled = true in \
                            [network.macvtap] of /etc/mvmhost.toml"
                    .to_owned());
            }
            NetworkMode::Tap | NetworkMode::None => Kind::Tap,
        };
        spec.interfaces.push(Interface {
            device_id: CARD.to_owned(),
            kind,
            ..Interface::default()
        });
    }
    let (namespace, name) = (spec.namespace.clone(), spec.id.clone());
    let reserved = config.network.dhcp.reservations.iter();
    let reserved = reserved.filter(|one| one.name.as_deref() == Some(name.as_str()));
    let reserved = reserved.map(|one| one.mac).next();
    for (place, card) in spec.interfaces.iter_mut().enumerate() {
        check(card, provider)?;
        // flintlockd would end with a fault at the request.
        if card.overrides.as_ref().is_some_and(|overrides| overrides.bridge_name.is_none()) {
            card.overrides = None;
        }
        if place == 0 {
            first_card(card, request, config)?;
        }
        let own = card.guest_mac.take().filter(|mac| !mac.is_empty());
        let requested = request.mac.or(reserved).filter(|_| place == 0).map(|mac| mac.to_string());
        let derived = || mac(machine, &namespace, &name, &card.device_id);
        let chosen = match (request.mac, own) {
            (None, Some(own)) => own,
            _ => requested.unwrap_or_else(derived),
        };
        let parsed =
            MacAddr::parse(&chosen).map_err(|_| format!("{chosen:?} is no hardware address"))?;
        card.guest_mac = Some(parsed.to_string());
    }
    Ok(())
}

fn check(card: &Interface, provider: Provider) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let name = &card.device_id;
    let letter = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if !letter || !name.bytes().all(allowed) {
        return Err(format!(
            "the card {name:?} is not small letters, digits and \"_\", beginning with a letter"
        ));
    }
    if name == METADATA_CARD {
        return Err(
            "a card named eth0, which flintlock keeps for its metadata; name it eth1".to_owned()
        );
    }
    if card.kind == Kind::Macvtap && provider == Provider::Firecracker {
        return Err("macvtap, which flintlock gives to Cloud Hypervisor only; \
                    use --provider cloudhypervisor"
            .to_owned());
    }
    Ok(())
}

fn first_card(card: &mut Interface, request: &Request, config: &Config) -> Result<(), String> {
    if let Some(bridge) = &request.bridge {
        if card.kind == Kind::Macvtap {
            return Err("a bridge has no effect with macvtap; leave --bridge out".to_owned());
        }
        card.overrides = Some(Overrides { bridge_name: Some(bridge.clone()) });
    }
    if let Some(address) = request.address {
        let network = &config.network;
        if let Some(reserved) = network.reserved.iter().find(|one| one.address == address.addr()) {
            return Err(format!("{}, which [network] reserved keeps free", reserved.address));
        }
        let own = network.dhcp_addresses().iter().chain(&network.bridge.addresses);
        let gateway = own.into_iter().find(|own| own.contains(&address.addr()));
        let dns = network.dhcp.dns.iter().map(ToString::to_string);
        let own_dns = gateway.filter(|_| network.dhcp.dns_server).map(|own| own.addr().to_string());
        let nameservers: Vec<String> = dns.collect();
        card.address = Some(StaticAddress {
            address: address.to_string(),
            gateway: gateway.map(ToString::to_string),
            nameservers: if nameservers.is_empty() {
                own_dns.into_iter().collect()
            } else {
                nameservers
            },
        });
    }
    Ok(())
}

fn metadata(spec: &mut Spec, request: &Request, provider: Provider) -> Result<(), String> {
    if let Some(data) = &request.user_data {
        spec.metadata.insert("user-data".to_owned(), cloud::encode(data));
    }
    let name = spec.id.clone();
    let own = spec.metadata.entry("meta-data".to_owned());
    own.or_insert_with(|| cloud::encode(cloud::meta_data(&name).as_bytes()));
    let size: usize = spec.metadata.values().map(|value| value.len() / 4 * 3).sum();
    if provider == Provider::Firecracker && size > METADATA_MAX {
        return Err(format!(
            "{size} bytes of user-data; Firecracker's metadata service holds {METADATA_MAX}"
        ));
    }
    Ok(())
}

/// The hardware address of a card: locally administered, the same at every boot of this host, and
/// another one on every host, in every namespace and for every name.
pub fn mac(machine: &str, namespace: &str, name: &str, card: &str) -> String {
    let text = format!("mvmhost microvm\n{machine}\n{namespace}\n{name}\n{card}");
    let digest = Digest::of(text.as_bytes());
    let digits = digest.as_str().trim_start_matches("sha256:");
    let octets: Vec<&str> = (0..5).filter_map(|at| digits.get(2 * at..2 * at + 2)).collect();
    format!("02:{}", octets.join(":"))
}
