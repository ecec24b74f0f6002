//! What is observed of a host that runs, for checks, status and diagnosis.

use mvm_checks::{Observed, Plugin};
use mvm_config::Config;
use mvm_core::exec::System;
use mvm_core::{Roots, chain};
use mvm_images_client::Error;
use mvm_images_client::run::Job;
use mvm_images_plan::State;
use mvm_units_systemd::flintlock::MicroVm;
use mvm_units_systemd::systemd::{Manager, UnitState, Units};
use mvm_validate::observe;

use crate::{missing, overrides};

/// What all checks look at, and the pid of a flintlockd that runs.
pub(super) fn observe(roots: &Roots, config: &Config) -> (Observed, Option<i32>) {
    let unit = config.flintlockd.unit.as_str();
    let state = Manager::connect().and_then(|mut units| units.state(unit));
    let pid = state.as_ref().ok().and_then(|state| i32::try_from(state.main_pid).ok());
    let flintlockd = pid.filter(|pid| *pid != 0);
    // Its own endpoint is taken by flintlockd itself when it runs.
    let mut observed = observe::observe(roots, config, flintlockd);
    if let Err(error) = &state {
        observed.unasked.push(("systemd".to_owned(), chain(error)));
    }
    let listing = match flintlockd {
        Some(_) => mvm_validate::api::microvms(roots, config),
        None => Err("flintlockd does not run".to_owned()),
    };
    live(roots, config, state.ok().as_ref(), listing.as_ref().map(Option::as_deref), &mut observed);
    (observed, flintlockd)
}

/// What is observed of a host that runs, beyond what flintlockd's own start asks for.
pub(super) fn live(
    roots: &Roots,
    config: &Config,
    flintlockd: Option<&UnitState>,
    listing: Result<Option<&[MicroVm]>, &String>,
    observed: &mut Observed,
) {
    let listing = listing.map_err(String::as_str);
    missing::taps(observed, listing);
    if let Ok(Some(microvms)) = listing {
        observed.without_vmm = missing::without_vmm(roots, config, microvms, &System);
    }
    let ends = flintlockd.filter(|state| state.ends_all());
    observed.ends_microvms =
        ends.map(|state| format!("KillMode={}, {}", state.kill_mode, state.load_state));
    images(roots, config, observed);
    observed.databases = observe::databases(roots, config);
    observed.containerd_flaw = observe::containerd_flaw(roots, config);
    let exists = |path: &str| roots.at(path).exists();
    let generated =
        mvm_units_plan::units::files(config, mvm_units_plan::units::Installed::new(config, exists));
    observed.overrides = overrides::observe(roots, config, &generated);
}

/// What containerd has of the images. Without its snapshotter it could not tell, and that is said.
fn images(roots: &Roots, config: &Config, observed: &mut Observed) {
    let images = mvm_images_plan::requested_images(config);
    if images.is_empty() || observed.plugin != Plugin::Ok {
        return;
    }
    let mut unasked =
        |subject: &str, error: &Error| observed.unasked.push((subject.to_owned(), chain(error)));
    match Job::new(config, roots, &images, &()).verify() {
        Ok(states) => {
            for (image, state) in states {
                match state {
                    Ok(state) => observed.images.push((image, state)),
                    Err(Error::Refused(why)) => {
                        observed.images.push((image, State::NotUsable(why.to_string())));
                    }
                    Err(error) => unasked(image.reference.as_str(), &error),
                }
            }
        }
        Err(error) => unasked("[images]", &error),
    }
}
