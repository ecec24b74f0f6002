//! The decision table of the host as a whole.

use super::*;

fn desired() -> Desired {
    let loaded = mvm_config::load::parse(&[]).expect("an empty file is a working host");
    let installed =
        Installed { flintlockd_unit: true, flintlockd_binary: true, ..Installed::default() };
    Desired::new(&loaded.config, "applied".to_owned(), installed)
}

fn settled(desired: &Desired) -> Observed {
    let up = |argv: &[String]| Unit {
        active: true,
        state: "active".into(),
        argv: argv.to_vec(),
        exec_start: argv.to_vec(),
        replaced: false,
        outdated: false,
    };
    let mut units: BTreeMap<String, Unit> =
        needed(desired).map(|name| (name.to_owned(), up(&[]))).collect();
    units.insert("flintlockd.service".into(), up(&desired.flintlockd_argv));
    let containerd = desired.containerd_argv.clone().unwrap_or_default();
    units.insert("containerd-dev.service".into(), up(&containerd));
    Observed {
        applied: Some(desired.applied.clone()),
        generated: desired.generated.clone(),
        containerd_config: desired.containerd_config.clone(),
        dnsmasq_config: desired.dnsmasq_config.clone(),
        content: true,
        units,
        ..Observed::default()
    }
}

fn steps(desired: &Desired, observed: &Observed) -> Vec<Step> {
    plan(desired, observed).steps
}

#[test]
fn a_host_as_desired_needs_nothing() {
    let desired = desired();
    assert_eq!(steps(&desired, &settled(&desired)), []);
    assert_eq!(missing(&desired, &settled(&desired)), []);
}

#[test]
fn a_fresh_host_gets_everything_in_order() {
    let desired = desired();
    assert_eq!(
        steps(&desired, &Observed::default()),
        [Step::KeepLastGood, Step::DaemonReload, Step::Start(names::TARGET.into())]
    );
    assert_eq!(missing(&desired, &Observed::default()).len(), 8);
}

#[test]
fn only_what_changed_is_restarted() {
    let desired = desired();
    let mut observed = settled(&desired);
    observed.units.get_mut("flintlockd.service").unwrap().argv.pop();
    assert_eq!(steps(&desired, &observed), [Step::Restart("flintlockd.service".into())]);

    let observed = Observed { file_stale: true, ..settled(&desired) };
    assert_eq!(steps(&desired, &observed), [Step::Restart("flintlockd.service".into())]);

    let mut observed = settled(&desired);
    observed.containerd_config = Some("version = 2\n".into());
    let both = [Step::Restart("containerd-dev.service".into()), Step::Start(names::TARGET.into())];
    assert_eq!(steps(&desired, &observed), both);

    let mut observed = settled(&desired);
    observed.units.get_mut("containerd-dev.service").unwrap().argv.push("--log-level".into());
    assert_eq!(steps(&desired, &observed), both);
}

#[test]
fn what_runs_from_a_replaced_file_is_restarted() {
    let desired = desired();
    let replaced = |unit: &str| {
        let mut observed = settled(&desired);
        observed.units.get_mut(unit).unwrap().replaced = true;
        steps(&desired, &observed)
    };
    for unit in [names::GUARD_UNIT, "flintlockd.service"] {
        assert_eq!(replaced(unit), [Step::Restart(unit.into())]);
    }
    let watch = || names::WATCH_UNIT.to_owned();
    assert_eq!(replaced(names::WATCH_UNIT), [Step::Stop(watch()), Step::Start(watch())]);
    let both = [Step::Restart("containerd-dev.service".into()), Step::Start(names::TARGET.into())];
    assert_eq!(replaced("containerd-dev.service"), both);
}

/// An apply was killed after it kept the configuration.
#[test]
fn what_was_started_before_the_last_apply_reads_its_file_again() {
    let desired = desired();
    let mut observed = settled(&desired);
    for unit in observed.units.values_mut() {
        unit.outdated = true;
    }
    let watch = || names::WATCH_UNIT.to_owned();
    let guard = Step::Restart(names::GUARD_UNIT.into());
    assert_eq!(steps(&desired, &observed), [Step::Stop(watch()), Step::Start(watch()), guard]);
}

#[test]
fn a_oneshot_with_work_to_do_runs_again_without_stopping_its_dependants() {
    let desired = desired();
    let observed = Observed { pool_pending: true, net_pending: true, ..settled(&desired) };
    assert_eq!(
        steps(&desired, &observed),
        [Step::Reload(names::THINPOOL_UNIT.into()), Step::Reload(names::NET_UNIT.into())]
    );
}

#[test]
fn the_watcher_is_gone_while_the_rules_change() {
    let changed = Desired { dnsmasq_config: Some("port=0\n".into()), ..desired() };
    let up = settled(&desired());
    let observed = Observed { applied: Some("before".into()), net_pending: true, ..up.clone() };
    let watch = || names::WATCH_UNIT.to_owned();
    assert_eq!(
        steps(&changed, &observed),
        [
            Step::KeepLastGood,
            Step::Stop(watch()),
            Step::Reload(names::NET_UNIT.into()),
            Step::Restart(names::DHCP_UNIT.into()),
            Step::Start(watch()),
            Step::Restart(names::GUARD_UNIT.into()),
        ]
    );
    let unwanted = Desired { network: Vec::new(), ..desired() };
    assert_eq!(steps(&unwanted, &up), [Step::Stop(watch()), Step::Stop(names::DHCP_UNIT.into())]);
}

#[test]
fn the_guard_starts_anew_with_another_configuration() {
    let desired = Desired { network: Vec::new(), ..desired() };
    let observed = Observed { applied: Some("older".to_owned()), ..settled(&desired) };
    assert_eq!(
        steps(&desired, &observed),
        [Step::KeepLastGood, Step::Restart(names::GUARD_UNIT.into())]
    );
}

#[test]
fn a_unit_that_is_down_is_started_with_the_target() {
    let desired = desired();
    let mut observed = settled(&desired);
    observed.units.get_mut("mvm-net.service").unwrap().active = false;
    assert_eq!(steps(&desired, &observed), [Step::Start(names::TARGET.into())]);
}

#[test]
fn a_changed_generator_output_is_reloaded() {
    let desired = desired();
    let mut observed = settled(&desired);
    observed.generated[0].text.push('\n');
    assert_eq!(steps(&desired, &observed), [Step::DaemonReload]);
}

#[test]
fn without_flintlockd_the_rest_still_comes_up() {
    let loaded = mvm_config::load::parse(&[]).unwrap();
    let desired = Desired::new(&loaded.config, String::new(), Installed::default());
    assert_eq!(desired.flintlockd, None);
    assert_eq!(steps(&desired, &settled(&desired)), []);
    let missing = missing(&desired, &settled(&desired));
    assert_eq!(missing.iter().map(Finding::code).collect::<Vec<_>>(), ["MVM-FLK-001"]);
}

#[test]
fn images_are_fetched_when_one_is_missing_and_was_not_just_tried() {
    let desired = desired();
    assert!(desired.images, "the default file names images");
    let missing = |incomplete: &[&str], failed: &[&str]| {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let images = Images { incomplete: Some(texts(incomplete)), failed: texts(failed) };
        Observed { images, ..settled(&desired) }
    };
    let run = || vec![Step::Start(names::IMAGES_UNIT.into())];
    assert_eq!(steps(&desired, &missing(&["a"], &[])), run());
    assert_eq!(steps(&desired, &missing(&["a", "b"], &["a"])), run());
    assert_eq!(steps(&desired, &missing(&["a"], &["a", "b"])), []);
    // Another file may have what it takes.
    let changed = Observed { applied: None, ..missing(&["a"], &["a"]) };
    assert_eq!(steps(&desired, &changed).last(), run().first());
    let mut observed = missing(&["a"], &[]);
    let running = Unit { argv: vec!["mvm-images".into()], ..Unit::default() };
    observed.units.insert(names::IMAGES_UNIT.into(), running);
    assert_eq!(steps(&desired, &observed), []);
}

#[test]
fn without_images_nobody_looks_for_them() {
    let desired = Desired { images: false, ..desired() };
    let mut observed = settled(&desired);
    assert_eq!(steps(&desired, &observed), []);
    let timer = Unit { active: true, ..Unit::default() };
    observed.units.insert(names::IMAGES_RETRY_UNIT.into(), timer);
    assert_eq!(steps(&desired, &observed), [Step::Stop(names::IMAGES_RETRY_UNIT.into())]);
}

#[test]
fn a_wrapper_script_counts_by_what_systemd_was_told() {
    const UNIT: &str = "flintlockd.service";
    let desired = desired();
    let desired_argv = desired.flintlockd_argv.clone();
    let arguments =
        |arguments: &[&str]| arguments.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let with = |argv: Vec<String>, exec_start: Vec<String>| {
        let mut observed = settled(&desired);
        let unit = observed.units.get_mut(UNIT).unwrap();
        (unit.argv, unit.exec_start) = (argv, exec_start);
        observed
    };
    let restart = [Step::Restart(UNIT.into())];
    // The kernel puts the interpreter of a script before its command line.
    let interpreted = [arguments(&["/bin/sh"]), desired_argv.clone()].concat();
    assert_eq!(steps(&desired, &with(interpreted, desired_argv.clone())), []);
    // A script that executes another program leaves nothing of its own.
    let other = arguments(&["/opt/flintlock/flintlockd", "run", "--verbose"]);
    assert_eq!(steps(&desired, &with(other.clone(), desired_argv.clone())), []);
    // systemd was told something else, or is about to read something else.
    let old = arguments(&["/usr/local/bin/flintlockd", "run", "--old"]);
    assert_eq!(steps(&desired, &with(other.clone(), old)), restart);
    let mut stale = with(other, desired_argv);
    stale.generated.clear();
    assert!(steps(&desired, &stale).contains(&restart[0]));
}

#[test]
fn the_registry_finds_the_folder_of_blobs() {
    let serving = "[images.serve]\nenabled = true\n".to_owned();
    let source = mvm_config::Source { name: "t".to_owned(), text: serving };
    let config = mvm_config::load::parse(&[source]).unwrap().config;
    let desired = Desired::new(&config, "applied".to_owned(), Installed::default());
    let folder = Step::CreateFolder("/var/lib/containerd-dev/io.containerd.content.v1.content");
    let fresh = steps(&desired, &Observed::default());
    let start = fresh.iter().position(|step| *step == Step::Start(names::TARGET.into()));
    assert!(fresh.iter().position(|step| *step == folder) < start, "{fresh:?}");
    assert!(!steps(&desired, &Observed { content: true, ..Observed::default() }).contains(&folder));
}
