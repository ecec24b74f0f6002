//! What probes prove, for `mvmhost check --deep`: what the daemons will do is done once.

use std::net::Ipv4Addr;

use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_config::names::ImageRef;
use mvm_core::Finding;
use mvm_core::catalogue::{deep, img};
use mvm_firewalls::Passage;
use mvm_images_plan::anonymous::{Answer, finding};
use mvm_images_plan::served;
use mvm_network_plan::dhcp::Offer;
use serde::Deserialize;

use super::{Kvm, Observed};

/// What became of each probe of `mvmhost check --deep`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probes {
    /// A thin device was made, written, snapshotted, discarded and deleted.
    pub thin: Probe<()>,
    /// Who offers an address on the interface of microVMs.
    pub dhcp: Probe<Vec<Offer>>,
    /// What became of test packets of a microVM.
    pub traffic: Probe<Vec<Passage>>,
    /// How each configured image's registry answers flintlockd.
    pub images: Probe<Vec<(ImageRef, Answer)>>,
}

/// What became of one of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe<T> {
    /// It ran to its end; what it showed.
    Done(T),
    /// It was tried, and failed: why.
    Failed(String),
    /// It could not be tried: why.
    NotTried(String),
    /// The configuration has no use for it.
    NotAsked,
}

/// What the probes show beyond the checks.
pub fn probes(config: &Config, observed: &Observed, probes: &Probes) -> Vec<Finding> {
    let mut findings = Vec::new();
    // KVM's check makes and drops a virtual machine each time.
    if matches!(&observed.kvm, Kvm::Opened { no_vm: None, .. }) {
        findings.push(proven("/dev/kvm", "a virtual machine was made and dropped"));
    }
    let pool = config.thinpool.name.as_str();
    match &probes.thin {
        Probe::Done(()) => findings.push(proven(
            pool,
            "a thin device was made, written, snapshotted, discarded and deleted",
        )),
        Probe::Failed(why) => {
            findings.push(deep::thin_failed(pool, why).evidence(why));
        }
        Probe::NotTried(why) => findings.push(not_tried(pool, why)),
        Probe::NotAsked => {}
    }
    let network = &config.network;
    let parent = || network.macvtap.parent.as_ref().filter(|_| network.macvtap.enabled);
    let named = network.dhcp.interface.as_ref().or_else(parent).map(|name| name.as_str());
    let interface = named.or(observed.default_interface.as_deref());
    if let Some(interface) = interface {
        // That nobody is served follows from what the check of DHCP says.
        let withheld = observed.network.permit.as_ref().is_some_and(|permit| !permit.is_granted());
        let silent = matches!(&probes.dhcp, Probe::Done(offers) if offers.is_empty());
        if !(withheld && silent) {
            findings.extend(dhcp(config, interface, &probes.dhcp));
        }
        let children = network.mode == NetworkMode::Macvtap && !network.dhcp.enabled;
        if children && matches!(probes.traffic, Probe::Done(_)) {
            findings.push(deep::beyond(interface));
        }
    }
    if let (Some(interface), Probe::Failed(why) | Probe::NotTried(why)) =
        (interface, &probes.traffic)
    {
        findings.push(not_tried(&format!("traffic on {interface}"), why));
    }
    match &probes.images {
        Probe::Done(answers) => {
            findings.extend(answers.iter().map(|(image, answer)| finding(image, answer)));
            findings.extend(
                answers.iter().filter_map(|(image, answer)| instead(config, image, answer)),
            );
        }
        Probe::Failed(why) | Probe::NotTried(why) => findings.push(not_tried("[images]", why)),
        Probe::NotAsked => {}
    }
    findings
}

/// How a microVM can ask for an image whose registry does not give it to flintlockd.
fn instead(config: &Config, image: &ImageRef, answer: &Answer) -> Option<Finding> {
    if matches!(answer, Answer::Given(_)) {
        return None;
    }
    let (serve, subject) = (&config.images.serve, image.as_str());
    let all = config.images.root.iter().chain(&config.images.kernel);
    match served::local(image, &serve.listen, all).filter(|_| serve.enabled) {
        Some(local) => Some(img::local(subject, local)),
        None => Some(img::unaskable(subject, image.registry())),
    }
}

fn dhcp(config: &Config, interface: &str, probe: &Probe<Vec<Offer>>) -> Option<Finding> {
    let offers = match probe {
        Probe::Done(offers) => offers,
        Probe::Failed(why) | Probe::NotTried(why) => return Some(not_tried(interface, why)),
        Probe::NotAsked => return None,
    };
    let mut servers: Vec<Ipv4Addr> = offers.iter().map(|offer| offer.server).collect();
    servers.sort_unstable();
    servers.dedup();
    let text = |offer: &Offer| format!("{} from {}", offer.address, offer.server);
    let shown = offers.iter().map(text).collect::<Vec<_>>().join(", ");
    match (servers.len(), config.network.dhcp.enabled) {
        (0, false) => None,
        (0, true) => {
            Some(deep::no_offer(interface).evidence("DHCPDISCOVER, and no answer in 10 s"))
        }
        (1, _) => Some(proven(interface, &format!("an address was offered: {shown}"))),
        (count, _) => {
            let several = deep::several_servers(interface, count, &shown);
            Some(several.evidence(shown))
        }
    }
}

pub(super) fn proven(subject: &str, proof: &str) -> Finding {
    deep::proven(subject, proof)
}

fn not_tried(subject: &str, why: &str) -> Finding {
    deep::not_tried(subject, why).evidence(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{config, sound};

    fn codes(text: &str, thin: Probe<()>, dhcp: Probe<Vec<Offer>>) -> Vec<&'static str> {
        let images = Probe::NotAsked;
        let found = probes(
            &config(text),
            &sound(),
            &Probes { thin, dhcp, traffic: Probe::NotAsked, images },
        );
        let beyond = found.iter().filter(|finding| finding.code() != "MVM-HOST-206");
        beyond.map(Finding::code).collect()
    }

    #[test]
    fn an_image_that_flintlockd_cannot_ask_for_has_a_name_here() {
        let image = ImageRef::parse("ghcr.io/liquidmetal-dev/capmvm-kubernetes:1.23.10").unwrap();
        let finding = |text: &str, answer: Answer| {
            instead(&config(text), &image, &answer).map(|f| (f.code(), f.message()))
        };
        let away = || Answer::None("why".to_owned());
        let (code, _) = finding("", away()).unwrap();
        assert_eq!(code, "MVM-IMG-031");
        let (code, message) = finding("images.serve.enabled = true", away()).unwrap();
        assert_eq!(code, "MVM-IMG-029");
        let name = "localhost:5000/liquidmetal-dev/capmvm-kubernetes:1.23.10";
        assert!(message.ends_with(name), "{message}");
        assert_eq!(finding("", Answer::Given(None)), None);
        let elsewhere = "images.serve = { enabled = true, listen = \"192.0.2.1:5000\" }";
        assert_eq!(finding(elsewhere, away()).unwrap().0, "MVM-IMG-031");
    }

    fn offers(servers: &[u8]) -> Probe<Vec<Offer>> {
        let offer = |(address, server): (u8, &u8)| Offer {
            server: [10, 42, 0, *server].into(),
            address: [10, 42, 0, address].into(),
        };
        Probe::Done((17..).zip(servers).map(offer).collect())
    }

    #[test]
    fn what_cannot_be_tried_beyond_macvtaps_is_said() {
        let text = "network = { mode = \"macvtap\", macvtap.parent = \"eth0\" }\n\
                    flintlockd.provider = \"cloudhypervisor\"";
        let probed = Probes {
            thin: Probe::NotAsked,
            dhcp: offers(&[1]),
            traffic: Probe::Done(Vec::new()),
            images: Probe::NotAsked,
        };
        let found = probes(&config(text), &sound(), &probed);
        let subjects: Vec<_> = found.iter().map(|one| (one.code(), one.subject())).collect();
        assert!(subjects.contains(&("MVM-NET-444", "eth0")), "{subjects:?}");
        assert!(subjects.contains(&("MVM-HOST-206", "eth0")), "{subjects:?}");
        assert!(
            !probes(&config(""), &sound(), &probed).iter().any(|one| one.code() == "MVM-NET-444")
        );
    }

    #[test]
    fn what_was_done_is_told_and_what_was_not_is_no_success() {
        let why = || "why".to_owned();
        let done = || Probe::Done(());
        assert_eq!(codes("", done(), offers(&[1])), [""; 0]);
        // A server may make two offers.
        assert_eq!(codes("", done(), offers(&[1, 1])), [""; 0]);
        assert_eq!(codes("", done(), offers(&[1, 2])), ["MVM-DHCP-007"]);
        assert_eq!(codes("", done(), offers(&[])), ["MVM-DHCP-006"]);
        let off = "network.dhcp.enabled = false";
        assert_eq!(codes(off, done(), offers(&[])), [""; 0]);
        assert_eq!(codes(off, done(), offers(&[1, 2])), ["MVM-DHCP-007"]);
        assert_eq!(codes("", Probe::Failed(why()), Probe::NotAsked), ["MVM-POOL-201"]);
        let untried = codes("", Probe::NotTried(why()), Probe::Failed(why()));
        assert_eq!(untried, ["MVM-HOST-207", "MVM-HOST-207"]);
    }
}
