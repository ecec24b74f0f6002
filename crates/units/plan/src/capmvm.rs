//! This host's part of a MicrovmCluster, the resource of Cluster API's provider for microVMs
//! (CAPMVM, infrastructure.cluster.x-k8s.io/v1alpha1), and a MicrovmMachineTemplate that fits it.

use std::fmt::Write;
use std::net::IpAddr;

use mvm_config::Config;
use mvm_config::model::{NetworkMode, Provider};
use mvm_config::names::ImageRef;
use mvm_core::Finding;
use mvm_core::catalogue::vm as messages;

const API: &str = "infrastructure.cluster.x-k8s.io/v1alpha1";

/// What is not in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster<'a> {
    /// `metadata.name` of the MicrovmCluster, and the beginning of its Secrets' names.
    pub name: &'a str,
    /// `metadata.namespace` of the cluster and its Secrets.
    pub namespace: &'a str,
    /// This host's name.
    pub host: &'a str,
    /// By which clients reach it: with the port, `192.0.2.10:9090`.
    pub endpoint: &'a str,
    /// The control plane's.
    pub vip: Option<IpAddr>,
    /// Go's name of this machine's architecture.
    pub architecture: &'a str,
}

/// The name of the Secret with certificate, key and authority.
pub fn tls_secret(cluster: &str) -> String {
    format!("{cluster}-tls")
}

/// The name of the Secret with a token for each host.
pub fn token_secret(cluster: &str) -> String {
    format!("{cluster}-tokens")
}

/// The two resources as YAML.
pub fn render(config: &Config, cluster: &Cluster<'_>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = pool(&mut out, config, cluster);
    out.push_str("---\n");
    let _ = template(&mut out, config, cluster);
    out
}

/// Scalars that may look like something else are written as JSON's strings, which are YAML's.
fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

fn head(out: &mut String, kind: &str, name: &str, namespace: &str) -> std::fmt::Result {
    writeln!(out, "apiVersion: {API}\nkind: {kind}\nmetadata:\n  name: {name}")?;
    writeln!(out, "  namespace: {namespace}\nspec:")
}

fn pool(out: &mut String, config: &Config, cluster: &Cluster<'_>) -> std::fmt::Result {
    head(out, "MicrovmCluster", cluster.name, cluster.namespace)?;
    match cluster.vip {
        Some(vip) => {
            writeln!(
                out,
                "  controlPlaneEndpoint:\n    host: {}\n    port: 6443",
                text(&vip.to_string())
            )?;
        }
        None => writeln!(
            out,
            "  # An address of the microVMs' network that no DHCP server gives away:\n\
             \x20 # controlPlaneEndpoint: {{ host: ADDRESS, port: 6443 }}"
        )?,
    }
    if config.flintlockd.tls.is_some() {
        writeln!(out, "  tlsSecretRef: {}", tls_secret(cluster.name))?;
    }
    writeln!(out, "  placement:\n    staticPool:")?;
    if config.flintlockd.basic_auth_token_file.is_some() {
        writeln!(out, "      basicAuthSecret: {}", token_secret(cluster.name))?;
    }
    writeln!(
        out,
        "      hosts:\n      # One entry for each host; `mvmhost capmvm` prints it there."
    )?;
    writeln!(out, "      - name: {}", text(cluster.host))?;
    writeln!(out, "        endpoint: {}", text(cluster.endpoint))?;
    writeln!(out, "        controlplaneAllowed: true")
}

fn template(out: &mut String, config: &Config, cluster: &Cluster<'_>) -> std::fmt::Result {
    head(out, "MicrovmMachineTemplate", &format!("{}-nodes", cluster.name), cluster.namespace)?;
    let cloud = config.flintlockd.provider == Provider::CloudHypervisor;
    writeln!(out, "  template:\n    spec:")?;
    if cloud {
        writeln!(out, "      provider: cloudhypervisor")?;
    }
    writeln!(out, "      vcpu: 2\n      memoryMb: 2048")?;
    let first = |images: &[ImageRef], lacking: &str| {
        let image = images.first().map(|image| text(image.as_str()));
        image.unwrap_or_else(|| text(lacking))
    };
    let root = first(&config.images.root, "registry.example/root:tag");
    writeln!(out, "      rootVolume:\n        id: root\n        image: {root}")?;
    let kernel = first(&config.images.kernel, "registry.example/kernel:tag");
    let file = match (cluster.architecture, cloud) {
        ("arm64", _) => "boot/image",
        (_, true) => "boot/vmlinux.bin",
        (_, false) => "boot/vmlinux",
    };
    writeln!(out, "      kernel:\n        image: {kernel}\n        filename: {file}")?;
    let kind = match config.network.mode {
        NetworkMode::Macvtap => "macvtap",
        NetworkMode::Tap | NetworkMode::None => "tap",
    };
    // eth0 is flintlock's own, and labels are not optional in the resource's definition.
    writeln!(out, "      networkInterfaces:\n      - guestDeviceName: eth1\n        type: {kind}")?;
    writeln!(out, "      labels: {{}}")
}

/// The control plane's address: as asked, else the one that the file reserves for this cluster by name,
/// else the only one that it reserves without a name.
pub fn vip(config: &Config, cluster: &str, requested: Option<IpAddr>) -> Option<IpAddr> {
    let reserved = &config.network.reserved;
    let named = || reserved.iter().find(|one| one.name.as_deref() == Some(cluster));
    let mut nameless = reserved.iter().filter(|one| one.name.is_none());
    let only = || nameless.next().filter(|_| nameless.next().is_none());
    requested.or_else(|| named().or_else(only).map(|one| one.address))
}

/// What would keep a cluster from this host, or others out of it.
pub fn findings(config: &Config, endpoint: &str, vip: Option<IpAddr>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let flintlockd = &config.flintlockd;
    if flintlockd.grpc_endpoint.is_loopback() {
        findings.push(messages::endpoint_local(flintlockd.grpc_endpoint.to_string()));
    } else if flintlockd.tls.is_none() && flintlockd.basic_auth_token_file.is_none() {
        findings.push(messages::api_open(endpoint));
    }
    if let (Some(IpAddr::V4(vip)), Some((first, last))) = (vip, config.network.dhcp.range)
        && config.network.dhcp.enabled
        && !config.network.reserved.iter().any(|one| one.address == IpAddr::V4(vip))
        && (first..=last).contains(&vip)
    {
        let leased = messages::vip_leased(vip.to_string());
        findings.push(leased.evidence(format!("{first} to {last}")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_config::load::{Source, parse};

    fn config(text: &str) -> Config {
        parse(&[Source { name: "test.toml".to_owned(), text: text.to_owned() }]).unwrap().config
    }

    const CLUSTER: Cluster<'_> = Cluster {
        name: "lab",
        namespace: "default",
        host: "node-1",
        endpoint: "192.0.2.10:9090",
        vip: None,
        architecture: "amd64",
    };

    #[test]
    fn a_host_with_certificates_names_their_secret() {
        let tls = "[flintlockd]\ngrpc-endpoint = \":9090\"\n[flintlockd.tls]\ncert = \"/c\"\nkey = \"/k\"\n";
        let text = render(&config(tls), &CLUSTER);
        assert!(text.contains("  tlsSecretRef: lab-tls\n"));
        assert!(text.contains("        endpoint: \"192.0.2.10:9090\"\n"));
        assert!(text.contains("        filename: boot/vmlinux\n") && text.contains("type: tap\n"));
        assert!(!text.contains("basicAuthSecret") && !text.contains("provider:"));
        assert!(findings(&config(tls), "192.0.2.10:9090", None).is_empty());
    }

    #[test]
    fn a_macvtap_host_asks_for_cloud_hypervisor() {
        let macvtap =
            "[flintlockd]\nprovider = \"cloudhypervisor\"\n[network]\nmode = \"macvtap\"\n";
        let text = render(&config(macvtap), &CLUSTER);
        assert!(
            text.contains("      provider: cloudhypervisor\n") && text.contains("type: macvtap\n")
        );
        assert!(text.contains("        filename: boot/vmlinux.bin\n"));
    }

    #[test]
    fn the_control_plane_has_what_is_reserved_for_it() {
        let text = "[network]\nreserved = [{ address = \"10.42.0.5\", name = \"lab\" }, \
                    { address = \"10.42.0.50\" }]";
        let config = config(text);
        let of = |cluster: &str, requested: Option<&str>| {
            vip(&config, cluster, requested.and_then(|ip| ip.parse().ok())).map(|ip| ip.to_string())
        };
        assert_eq!(of("lab", None).as_deref(), Some("10.42.0.5"));
        assert_eq!(of("other", None).as_deref(), Some("10.42.0.50"));
        assert_eq!(of("lab", Some("10.42.0.7")).as_deref(), Some("10.42.0.7"));
        let leased = findings(&config, "e", "10.42.0.50".parse().ok());
        assert!(leased.iter().all(|one| one.code() != "MVM-VM-020"), "no microVM gets it");
    }

    #[test]
    fn what_a_cluster_would_trip_over_is_said() {
        let vip = "10.42.0.50".parse().ok();
        let codes = |text: &str, vip| -> Vec<&str> {
            findings(&config(text), "e", vip).iter().map(Finding::code).collect()
        };
        assert_eq!(codes("", vip), ["MVM-VM-018", "MVM-VM-020"]);
        let open = "[flintlockd]\ngrpc-endpoint = \":9090\"\ninsecure = true\n";
        assert_eq!(codes(open, "10.42.0.5".parse().ok()), ["MVM-VM-021"]);
    }
}
