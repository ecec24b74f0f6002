//! What microVMs' network passes through: firewalls, and the server of addresses.

use mvm_checks::ObservedNetwork;
use mvm_config::Config;
use mvm_core::exec::System;
use mvm_core::{Roots, chain, port};
use mvm_firewalls::Forward;
use mvm_network_kernel::nat::Nat;
use mvm_network_kernel::{Kernel, Network as _, answers, answers_beside, firewalls, routed};
use mvm_network_plan::dhcp::{Service, permits};
use mvm_network_plan::nat::{desired, egress};
use mvm_network_plan::network::{Observed, Refusal, RouteResult, TAPS};
use mvm_units_plan::units::follows_default_route;

use super::Unasked;

/// The port of a DHCP server.
const DHCP: u16 = 67;

/// The interface of the default route, where macvtaps follow it.
pub(super) fn default_interface(
    roots: &Roots,
    config: &Config,
    unasked: &mut Unasked,
) -> Option<String> {
    if !follows_default_route(config) {
        return None;
    }
    match Kernel::connect(roots).and_then(|mut kernel| kernel.observe()) {
        Ok(observed) => mvm_network_plan::network::parent(None, &observed),
        Err(error) => {
            unasked.push(("the default route".to_owned(), chain(&error)));
            None
        }
    }
}

/// What firewalls do with what microVMs send.
pub(super) fn forward(roots: &Roots, config: &Config, unasked: &mut Unasked) -> Forward {
    firewalls::forward(roots, &System, config).unwrap_or_else(|error| {
        unasked.push(("what firewalls drop".to_owned(), chain(&error)));
        Forward::default()
    })
}

/// Whether a server has its port open; which interface it serves is proven by `check --deep`.
pub(super) fn dhcp_served(roots: &Roots, unasked: &mut Unasked) -> bool {
    port::has_udp_server(roots, DHCP).unwrap_or_else(|error| {
        unasked.push(("DHCP".to_owned(), error.to_string()));
        true
    })
}

/// What the kernel does for microVMs' network.
pub(super) fn kernel(roots: &Roots, config: &Config, unasked: &mut Unasked) -> ObservedNetwork {
    let mut found =
        ObservedNetwork { no_macvtap: has_no_macvtap(roots), ..ObservedNetwork::default() };
    let looked = Kernel::connect(roots).and_then(|mut kernel| Ok((kernel.observe()?, kernel)));
    let (observed, kernel) = match looked {
        Ok(looked) => looked,
        Err(error) => {
            unasked.push(("the network".to_owned(), chain(&error)));
            return found;
        }
    };
    let known_answers = answers(roots);
    found.permit =
        Service::of(config).map(|service| service.permit(&observed, known_answers.as_ref()));
    found.also = permits(config, &observed, &answers_beside(roots, config));
    let Some(desired) = desired(config) else { return found };
    let nat = Nat { roots, programs: &System };
    match nat.turned(&desired, &observed) {
        Ok(turned) => found.turned = turned,
        Err(error) => unasked.push(("the kernel's switches".to_owned(), chain(&error))),
    }
    match routed(roots, &kernel, &desired, &observed) {
        Ok(routes) => found.routes = routes,
        Err(error) => unasked.push(("the routes of microVMs".to_owned(), chain(&error))),
    }
    let link = |name: &str| observed.links.iter().find(|link| link.name == name);
    found.mtu = link(&desired.interface).map_or(0, |link| link.mtu);
    found.leaving_mtu = egress(&desired, &observed).mtu;
    let ports = observed.links.iter().filter(|link| {
        link.name.starts_with(TAPS) && link.master.as_ref() == Some(&desired.interface)
    });
    found.ports = ports.map(|link| (link.name.clone(), link.mtu)).collect();
    // The kernel's own answer counts rules of policy routing as well.
    let mut back = found.routes.iter().filter(|one| one.question.back && one.question.to.is_ipv4());
    let strictly =
        back.next().is_none_or(|one| one.end == RouteResult::Refused(Refusal::StrictPath));
    let uplink = desired.uplink.as_deref().filter(|_| strictly);
    found.strict = uplink.and_then(|uplink| strict(roots, uplink, &observed));
    found
}

/// The named uplink and the interface of the default route, where the kernel takes packets only from the
/// interface by which it would answer them: the larger of two switches holds.
fn strict(roots: &Roots, uplink: &str, observed: &Observed) -> Option<(String, String)> {
    let default = mvm_network_plan::network::parent(None, observed)?;
    let is_strict = |name: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/{name}/rp_filter");
        let text = std::fs::read_to_string(roots.at(path)).ok()?;
        text.trim().parse::<u8>().ok()
    };
    let holds = is_strict("all").max(is_strict(uplink));
    (default != uplink && holds == Some(1)).then(|| (uplink.to_owned(), default))
}

/// Whether the running kernel has the driver neither loaded, nor built in, nor as a module. A kernel
/// whose modules are not listed is not known to lack it.
fn has_no_macvtap(roots: &Roots) -> bool {
    let read = |path: String| std::fs::read_to_string(roots.at(path)).ok();
    let Some(release) = read("/proc/sys/kernel/osrelease".to_owned()) else { return false };
    let folder = format!("/lib/modules/{}", release.trim());
    let Some(modules) = read(format!("{folder}/modules.dep")) else { return false };
    let built_in = read(format!("{folder}/modules.builtin")).unwrap_or_default();
    let has = |text: &str| text.contains("/macvtap.ko");
    !has(&modules) && !has(&built_in) && !roots.at("/sys/module/macvtap").exists()
}
