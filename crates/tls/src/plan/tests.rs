use super::*;

const NOW: i64 = 1_800_000_000;

fn certificate(from: i64, until: i64, names: &[&str]) -> Certificate {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Certificate {
        from: NOW + from * DAY,
        until: NOW + until * DAY,
        names,
        ours: true,
        key: KeyState::Fits,
    }
}

fn desired(names: &[&str], by_name: bool) -> Desired {
    Desired {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        by_name,
        clients: [OWN_CLIENT, CLUSTER_CLIENT].map(str::to_owned).into(),
        renewed: BTreeSet::new(),
    }
}

fn bare() -> Observed {
    Observed { now: NOW, authority: File::Absent, server: File::Absent, clients: BTreeMap::new() }
}

/// A host with everything, where the authority is `authority` days from its end, and the rest holds
/// from `from` to `until`.
fn whole(authority: i64, from: i64, until: i64) -> Observed {
    let read = || File::Read(certificate(from, until, &["a"]));
    Observed {
        now: NOW,
        authority: File::Read(certificate(-100, authority, &[])),
        server: read(),
        clients: [OWN_CLIENT, CLUSTER_CLIENT].map(|name| (name.to_owned(), read())).into(),
    }
}

fn codes(plan: &Plan<Step>) -> Vec<&'static str> {
    plan.findings.iter().map(Finding::code).collect()
}

#[test]
fn a_bare_host_gets_everything_and_a_second_run_nothing() {
    let plan = plan(&desired(&["a"], true), &bare());
    let stems: Vec<String> = plan.steps.iter().map(Step::stem).collect();
    assert_eq!(stems, ["ca", "server", "clients/capmvm", "clients/mvmhost"]);
    assert!(plan.steps.iter().all(|step| step.span().from < NOW && step.span().until > NOW));
    let settled = super::plan(&desired(&["a"], true), &whole(3000, -1, 396));
    assert!(settled.is_settled() && settled.findings.is_empty(), "{settled:?}");
}

#[test]
fn the_last_third_is_renewed_but_no_copy_of_a_client() {
    let due = plan(&desired(&["a"], false), &whole(3000, -300, 97));
    let stems: Vec<String> = due.steps.iter().map(Step::stem).collect();
    assert_eq!(stems, ["server", "clients/mvmhost"]);
    assert_eq!(codes(&due), ["MVM-SEC-015"]);
    assert!(plan(&desired(&["a"], false), &whole(3000, -200, 197)).steps.is_empty());
    let requested =
        Desired { renewed: [CLUSTER_CLIENT.to_owned()].into(), ..desired(&["a"], false) };
    let requested = plan(&requested, &whole(3000, -1, 396));
    assert_eq!(requested.steps.iter().map(Step::stem).collect::<Vec<_>>(), ["clients/capmvm"]);
}

#[test]
fn a_new_address_is_said_and_only_on_request_renewed() {
    let outcome = plan(&desired(&["a", "192.0.2.7"], false), &whole(3000, -1, 396));
    assert!(outcome.steps.is_empty());
    assert_eq!(codes(&outcome), ["MVM-SEC-018"]);
    let renewal = plan(&desired(&["b"], true), &whole(3000, -1, 396));
    let Some(Step::Server { names, .. }) = renewal.steps.first() else { panic!("{renewal:?}") };
    assert_eq!(names.iter().collect::<Vec<_>>(), ["a", "b"], "a name that was asked for stays");
}

#[test]
fn an_authority_is_never_replaced() {
    let expired = plan(&desired(&["a"], true), &whole(-1, -400, -3));
    assert!(expired.steps.is_empty());
    assert_eq!(codes(&expired)[0], "MVM-SEC-010");
    // Nothing lasts longer than it: what ends with it is not made again every day.
    let ends = plan(&desired(&["a"], true), &whole(20, -300, 20));
    assert!(ends.steps.is_empty(), "{ends:?}");
    assert_eq!(codes(&ends)[0], "MVM-SEC-011");
    let mut early = whole(3000, -1, 396);
    early.authority = File::Read(certificate(2, 3000, &[]));
    assert_eq!(codes(&plan(&desired(&["a"], true), &early)), ["MVM-SEC-009"]);
}

#[test]
fn what_somebody_else_made_stays() {
    for (place, file) in [
        ("ca.crt", File::Broken("no PEM".to_owned())),
        ("server.crt", File::Read(Certificate { ours: false, ..certificate(-1, 9, &["a"]) })),
    ] {
        let mut observed = whole(3000, -1, 396);
        *(if place == "ca.crt" { &mut observed.authority } else { &mut observed.server }) = file;
        let plan = plan(&desired(&["a"], true), &observed);
        assert!(plan.steps.is_empty());
        assert_eq!(codes(&plan), ["MVM-SEC-008"]);
        assert!(plan.findings[0].subject().ends_with(place));
    }
}

#[test]
fn keys_are_looked_at() {
    let mut observed = whole(3000, -1, 396);
    observed.server =
        File::Read(Certificate { key: KeyState::Other, ..certificate(-1, 396, &["a"]) });
    let made = plan(&desired(&["a"], false), &observed);
    assert_eq!(made.steps.len(), 1);
    observed.authority =
        File::Read(Certificate { key: KeyState::Absent, ..certificate(-100, 3000, &[]) });
    let refused = plan(&desired(&["a"], false), &observed);
    assert_eq!(codes(&refused), ["MVM-SEC-012"]);
    assert!(refused.steps.is_empty());
    // A host that holds only certificates is fine until one is due.
    observed.server = File::Read(certificate(-1, 396, &["a"]));
    assert!(plan(&desired(&["a"], false), &observed).is_settled());
}

#[test]
fn names_of_clients_are_file_names() {
    for name in ["capmvm", "a.b-c_1"] {
        assert!(is_client_name(name));
    }
    for name in ["", ".", "..", "-x", "a/b", "a b", "ä", &"x".repeat(65)] {
        assert!(!is_client_name(name), "{name}");
    }
}
