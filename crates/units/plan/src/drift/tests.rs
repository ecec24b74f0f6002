use super::*;
use crate::units::Installed;

fn desired(text: &str) -> Desired {
    let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
    let config = mvm_config::load::parse(&[source]).unwrap().config;
    let installed = Installed { flintlockd_binary: true, ..Installed::default() };
    Desired::new(&config, mvm_config::to_toml(&config), installed)
}

fn left_as(desired: &Desired) -> Observed {
    Observed {
        applied: Some(desired.applied.clone()),
        generated: desired.generated.clone(),
        ..Observed::default()
    }
}

fn versions(containerd: &str) -> Versions {
    Versions::from([("containerd".to_owned(), containerd.to_owned())])
}

fn codes(drift: &Drift) -> Vec<&'static str> {
    drift.findings().iter().map(Finding::code).collect()
}

#[test]
fn a_host_as_it_was_left_does_not_drift() {
    let desired = desired("");
    let last_apply = LastApply { version: 1, at: 0, versions: versions("1.6.20") };
    let now = versions("1.6.20");
    let drift = Drift::new(&desired, &left_as(&desired), Vec::new(), Some(&last_apply), &now);
    assert_eq!((drift.any, codes(&drift).len()), (false, 0));
    // Before anything was noted, nothing is known to have changed.
    let drift = Drift::new(&desired, &left_as(&desired), Vec::new(), None, &now);
    assert!(!drift.any);
    // A containerd that does not answer has no other version.
    let none = Versions::new();
    let drift = Drift::new(&desired, &left_as(&desired), Vec::new(), Some(&last_apply), &none);
    assert!(!drift.any);
}

#[test]
fn what_was_edited_is_named_by_its_key_and_not_by_its_value() {
    let applied = left_as(&desired("[flintlockd]\nextra-args = [\"--resync-period=1m\"]\n"));
    let vlan = "[[network.vlan]]\nparent = \"bond0\"\nid = 7\n";
    let text = format!("{vlan}[flintlockd]\nextra-args = [\"--resync-period=2m\"]\n");
    let desired = desired(&text);
    let observed = Observed { generated: desired.generated.clone(), ..applied };
    let drift = Drift::new(&desired, &observed, Vec::new(), None, &Versions::new());
    assert_eq!(drift.configuration, ["flintlockd.extra-args", "network.vlan"]);
    assert_eq!(codes(&drift), ["MVM-HOST-132"]);
    assert!(!format!("{:?}", drift.findings()).contains("resync"));
}

#[test]
fn a_last_good_file_that_is_none_differs_in_every_key() {
    let desired = desired("");
    let observed = Observed { applied: Some("\u{0}[[".to_owned()), ..left_as(&desired) };
    let drift = Drift::new(&desired, &observed, Vec::new(), None, &Versions::new());
    assert!(drift.configuration.len() > 40, "{drift:?}");
}

#[test]
fn each_difference_has_its_code() {
    let desired = desired("");
    let nothing = Observed::default();
    let steps = vec!["restart flintlockd.service".to_owned()];
    let last_apply = LastApply { version: 1, at: 0, versions: versions("1.6.20") };
    let drift = Drift::new(&desired, &nothing, steps, Some(&last_apply), &versions("2.1.4"));
    assert_eq!(codes(&drift), ["MVM-HOST-131", "MVM-HOST-133", "MVM-HOST-134", "MVM-HOST-135"]);
    assert!(drift.any && drift.units.contains(&"flintlockd.service.d/50-mvmhost.conf".to_owned()));
    let changed = drift.findings().pop().unwrap();
    assert_eq!(changed.message(), "containerd is 2.1.4 and was 1.6.20 at the last apply");
}
