//! What `mvmhost check` and `mvmhost status` observe of the units as a whole.

use mvm_checks::{Condition, Observed, Services};
use mvm_config::{Config, Loaded};
use mvm_core::{Roots, chain, names};
use mvm_images_plan as images;
use mvm_units_plan::host::Step;
use mvm_units_plan::units::{self, Directory};
use mvm_units_systemd::systemd::{UnitState, Units};
use mvm_validate::api;

use crate::machine::{self, Plans};

/// Everything that systemd, flintlockd and the plan say; what could not be asked goes to
/// `observed.unasked`. The plans are returned; before the first apply there are none.
pub(super) fn observe(
    roots: &Roots,
    loaded: &Loaded,
    units: &mut dyn Units,
    observed: &mut Observed,
) -> Option<Plans> {
    let config = &loaded.config;
    let mut services =
        Services { images: images::requested_images(config).len(), ..Services::default() };
    let dropins = dropins(roots, config);
    let mut active = false;
    let mut any = false;
    for name in unit_names(config) {
        match units.state(&name) {
            Ok(state) => {
                active |= state.is_active() && name == config.flintlockd.unit.as_str();
                any |= state.is_active() && name != names::TARGET;
                let outcome_known = name == names::IMAGES_UNIT && !observed.images.is_empty();
                let dropin = dropins.iter().find(|path| path.starts_with(&format!("{name}.d/")));
                let condition = condition(&state, dropin.map(String::as_str), outcome_known);
                services.units.push((name, condition));
            }
            Err(error) => observed.unasked.push((name, chain(&error))),
        }
    }
    services.never_applied = !any && !roots.applied().exists();
    if active {
        services.api_silent = api::microvms(roots, config).err();
    }
    let mut planned = None;
    if !services.never_applied {
        match machine::plans_without_images(roots, loaded, units) {
            Ok(plans) => {
                services.pending = pending(&plans);
                planned = Some(plans);
            }
            Err(finding) => {
                observed.unasked.push((finding.subject().to_owned(), finding.message()))
            }
        }
    }
    observed.services = Some(services);
    planned
}

/// The chain's units, mvm-images where images are asked for, and the target that starts them all.
fn unit_names(config: &Config) -> Vec<String> {
    let images = (!images::requested_images(config).is_empty()).then_some(names::IMAGES_UNIT);
    let more = images.into_iter().chain([names::TARGET]).map(str::to_owned);
    mvm_units_plan::chain(config).into_iter().chain(more).collect()
}

/// The drop-ins that the generator writes, as `UNIT.d/NAME.conf`.
fn dropins(roots: &Roots, config: &Config) -> Vec<String> {
    let exists = |path: &str| std::fs::symlink_metadata(roots.at(path)).is_ok();
    let files = units::files(config, units::Installed::new(config, exists)).into_iter();
    files.filter(|file| file.directory == Directory::Normal).map(|file| file.path).collect()
}

/// `outcome_known`: it is known what this unit was to do, so that how it ended does not matter.
fn condition(state: &UnitState, dropin: Option<&str>, outcome_known: bool) -> Condition {
    match state.load_state.as_str() {
        "loaded" => {}
        "masked" => return Condition::Masked,
        "not-found" => return Condition::Missing,
        other => return Condition::Unusable(other.to_owned()),
    }
    let states = [&state.active_state, &state.sub_state, &state.result];
    let states: Vec<&str> =
        states.iter().map(|word| word.as_str()).filter(|w| !w.is_empty()).collect();
    // What ends when its work is done, and has not failed.
    let oneshot = dropin.is_some_and(|path| path.starts_with(names::IMAGES_UNIT));
    if oneshot && (outcome_known || state.active_state != "failed") {
        return Condition::Ended;
    }
    if !state.is_active() {
        return Condition::Down(states.join(", "));
    }
    if let Some(dropin) = dropin
        && !state.drop_in_paths.iter().any(|path| path.ends_with(&format!("/{dropin}")))
    {
        return Condition::WithoutDropIn(dropin.to_owned());
    }
    if state.need_daemon_reload { Condition::Outdated } else { Condition::Up }
}

/// Steps that are more than a start of what is down, which is said of the unit.
fn pending(plans: &Plans) -> Vec<String> {
    let units: Vec<String> = plans
        .units
        .steps
        .iter()
        .filter(|step| matches!(step, Step::Start(_)))
        .map(ToString::to_string)
        .collect();
    let steps = plans.steps().into_iter();
    steps.filter(|(_, step)| !units.contains(step)).map(|(_, step)| step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(active: &str) -> UnitState {
        UnitState {
            load_state: "loaded".to_owned(),
            active_state: active.to_owned(),
            sub_state: "x".to_owned(),
            ..UnitState::default()
        }
    }

    #[test]
    fn what_is_up_has_its_drop_in_and_what_ended_has_not_failed() {
        let dropin = Some("a.service.d/50-mvmhost.conf");
        assert_eq!(
            condition(&unit("inactive"), None, false),
            Condition::Down("inactive, x".to_owned())
        );
        assert!(matches!(condition(&unit("active"), dropin, false), Condition::WithoutDropIn(_)));
        let path = "/run/systemd/generator/a.service.d/50-mvmhost.conf".to_owned();
        let mut read = UnitState { drop_in_paths: vec![path], ..unit("active") };
        assert_eq!(condition(&read, dropin, false), Condition::Up);
        read.need_daemon_reload = true;
        assert_eq!(condition(&read, dropin, false), Condition::Outdated);
        let images = Some("mvm-images.service.d/50-mvmhost.conf");
        assert_eq!(condition(&unit("inactive"), images, false), Condition::Ended);
        assert_eq!(condition(&unit("failed"), images, true), Condition::Ended);
        assert!(matches!(condition(&unit("failed"), images, false), Condition::Down(_)));
        for (load, expected) in [
            ("masked", Condition::Masked),
            ("not-found", Condition::Missing),
            ("bad-setting", Condition::Unusable("bad-setting".to_owned())),
        ] {
            let state = UnitState { load_state: load.to_owned(), ..unit("active") };
            assert_eq!(condition(&state, None, false), expected);
        }
    }
}
