//! The host's own tailscale: which subnets it makes known in the tailnet.
//!
//! tailscale keeps one list over reboots, in which the operator may have subnets of his own. Which of
//! them mvmhost put there is on record, so that only those go when the file no longer names them.

use std::fmt;

use ipnet::IpNet;
use mvm_core::Plan;
use mvm_core::catalogue::tailscale as messages;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The interface by which packets of the tailnet come in.
pub const INTERFACE: &str = "tailscale0";
const VERSION: u32 = 1;

/// Kept in /var/lib, as long as tailscale keeps its list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    version: u32,
    routes: Vec<IpNet>,
}

impl Record {
    /// Of these subnets.
    pub fn new(routes: &[IpNet]) -> Self {
        Self { version: VERSION, routes: routes.to_vec() }
    }

    /// The subnets that mvmhost gave tailscale, as [`Step::Record`] keeps them.
    pub fn routes(self) -> Vec<IpNet> {
        self.routes
    }
}

/// What the machine shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Whether tailscale is installed.
    pub installed: bool,
    /// Its list, in its order.
    pub advertised: Vec<IpNet>,
    /// What mvmhost put there.
    pub own: Vec<IpNet>,
}

/// One change of tailscale's list, or of the record of what is mvmhost's in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Step {
    /// Put on record what is mvmhost's in the list.
    Record {
        /// Those of the file that nobody else put there.
        own: Vec<IpNet>,
    },
    /// Give tailscale its list.
    Advertise {
        /// The whole list, new subnets last; `tailscale set` replaces the old list by it.
        routes: Vec<IpNet>,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { own } => write!(f, "record what tailscale is given: {}", list(own)),
            Self::Advertise { routes } => write!(f, "have tailscale advertise {}", list(routes)),
        }
    }
}

/// A subnet that is to be made known, and whether it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AdvertisedSubnet {
    /// A subnet of the file or of the record, without host bits.
    pub subnet: IpNet,
    /// Whether tailscale has it in its list; `None` where it did not tell.
    pub advertised: Option<bool>,
}

impl fmt::Display for AdvertisedSubnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.advertised {
            Some(true) => "advertised",
            Some(false) => "not advertised",
            None => "unknown",
        };
        write!(f, "{}: {state}", self.subnet)
    }
}

/// What is shown of the routes of the file, and of those that mvmhost gave tailscale before. `observed`
/// is `None` where tailscale did not answer.
pub fn routes(
    desired: &[IpNet],
    own: &[IpNet],
    observed: Option<&Observed>,
) -> Vec<AdvertisedSubnet> {
    let mut all: Vec<IpNet> = desired.iter().map(IpNet::trunc).chain(own.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    let route = |subnet: IpNet| {
        let advertised = observed.map(|observed| observed.advertised.contains(&subnet));
        AdvertisedSubnet { subnet, advertised }
    };
    all.into_iter().map(route).collect()
}

/// Separated by commas, as tailscale takes it.
pub fn list(routes: &[IpNet]) -> String {
    routes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The list in the answer of `tailscale debug prefs`; `None` when it is none.
pub fn advertised(prefs: &str) -> Option<Vec<IpNet>> {
    let prefs: Value = serde_json::from_str(prefs).ok()?;
    match prefs.as_object()?.get("AdvertiseRoutes") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(routes) => {
            routes.as_array()?.iter().map(|route| route.as_str()?.parse().ok()).collect()
        }
    }
}

/// The steps to `desired`. Without desired and recorded subnets the answer of tailscale is not needed.
pub fn plan(desired: &[IpNet], observed: &Observed) -> Plan<Step> {
    let mut desired: Vec<IpNet> = desired.iter().map(IpNet::trunc).collect();
    desired.sort_unstable();
    desired.dedup();
    if !observed.installed {
        let missing = (!desired.is_empty())
            .then(|| messages::not_installed("network.tailscale.advertise-routes"));
        let forget = !observed.own.is_empty() && desired.is_empty();
        let steps = forget.then(|| Step::Record { own: Vec::new() });
        return Plan::new(steps.into_iter().collect(), missing.into_iter().collect());
    }
    let Observed { advertised, own: recorded, .. } = observed;
    let stays = |route: &&IpNet| desired.contains(route) || !recorded.contains(route);
    let mut routes: Vec<IpNet> = advertised.iter().filter(stays).copied().collect();
    let new = desired.iter().filter(|route| !advertised.contains(route));
    routes.extend(new);
    let own =
        desired.iter().filter(|route| recorded.contains(route) || !advertised.contains(route));
    let own: Vec<IpNet> = own.copied().collect();
    let mut steps = Vec::new();
    // In this order: what is on record and not in the list does no harm.
    if own != *recorded {
        steps.push(Step::Record { own });
    }
    if routes != *advertised {
        steps.push(Step::Advertise { routes });
    }
    if let [Step::Record { .. }, Step::Advertise { .. }] = steps.as_slice()
        && desired.iter().all(|route| advertised.contains(route))
    {
        // What is to go stays on record until it is gone.
        steps.reverse();
    }
    Plan::new(steps, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(text: &str) -> Vec<IpNet> {
        text.split_whitespace().map(|net| net.parse().unwrap()).collect()
    }

    fn planned(desired: &str, advertised: &str, own: &str) -> Vec<String> {
        let observed = Observed { installed: true, advertised: nets(advertised), own: nets(own) };
        let plan = plan(&nets(desired), &observed);
        assert!(plan.findings.is_empty());
        plan.steps.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_others_advertise_stays() {
        assert_eq!(
            planned("10.42.0.1/24", "0.0.0.0/0 ::/0", ""),
            [
                "record what tailscale is given: 10.42.0.0/24",
                "have tailscale advertise 0.0.0.0/0,::/0,10.42.0.0/24"
            ]
        );
        assert_eq!(planned("10.42.0.0/24", "0.0.0.0/0 10.42.0.0/24", "10.42.0.0/24"), [""; 0]);
        // Somebody put the same there before: it is his.
        assert_eq!(planned("10.42.0.0/24", "10.42.0.0/24", ""), [""; 0]);
        assert_eq!(planned("", "10.42.0.0/24", ""), [""; 0]);
    }

    #[test]
    fn what_the_file_no_longer_names_goes_and_is_on_record_until_then() {
        assert_eq!(
            planned("", "0.0.0.0/0 10.42.0.0/24", "10.42.0.0/24"),
            ["have tailscale advertise 0.0.0.0/0", "record what tailscale is given: "]
        );
        assert_eq!(
            planned("10.2.0.0/16", "10.1.0.0/16", "10.1.0.0/16"),
            ["record what tailscale is given: 10.2.0.0/16", "have tailscale advertise 10.2.0.0/16"]
        );
    }

    #[test]
    fn without_tailscale_it_is_refused() {
        let plan = plan(&nets("10.42.0.0/24"), &Observed::default());
        assert!(plan.is_refused() && plan.findings[0].code() == messages::not_installed::ROW.code);
        let own = Observed { own: nets("10.42.0.0/24"), ..Observed::default() };
        assert_eq!(super::plan(&[], &own).steps, [Step::Record { own: vec![] }]);
    }

    #[test]
    fn every_route_is_shown_with_its_state() {
        let observed = Observed {
            installed: true,
            advertised: nets("10.42.0.0/24 0.0.0.0/0"),
            own: nets("10.42.0.0/24 10.9.0.0/16"),
        };
        let lines = |observed: Option<&Observed>| -> Vec<String> {
            let own = nets("10.42.0.0/24 10.9.0.0/16");
            let routes = routes(&nets("10.42.0.1/24 10.43.0.0/24"), &own, observed);
            routes.iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            lines(Some(&observed)),
            [
                "10.9.0.0/16: not advertised",
                "10.42.0.0/24: advertised",
                "10.43.0.0/24: not advertised"
            ]
        );
        assert!(lines(None).iter().all(|line| line.ends_with(": unknown")));
    }

    #[test]
    fn its_own_answer_is_read() {
        let text =
            r#"{"ControlURL": "x", "AdvertiseRoutes": ["10.1.0.0/16", "::/0"], "Hostname": ""}"#;
        assert_eq!(advertised(text), Some(nets("10.1.0.0/16 ::/0")));
        assert_eq!(advertised(r#"{"AdvertiseRoutes": null}"#), Some(vec![]));
        for text in ["", "[]", "not running", r#"{"AdvertiseRoutes": [7]}"#] {
            assert_eq!(advertised(text), None, "{text}");
        }
    }
}
