//! `mvmhost pool brake off|on`: lets flintlockd run on a pool without room, for a time.

use std::time::Duration;

use mvm_checks as checks;
use mvm_cli::cli::BrakeCommand;
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::Config;
use mvm_core::brake::{self, Off};
use mvm_core::catalogue::guard;
use mvm_core::{Finding, Roots, chain, names};
use mvm_units_systemd::systemd::{Job, JobResult, Manager, Mode, Units};

use super::config;

/// flintlockd has 30 s for its first answer.
const STARTS: Duration = Duration::from_secs(60);

pub(super) fn run(context: &Context, command: BrakeCommand) -> Exit {
    let (config, mut findings) = match config(context) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let name = config.thinpool.name.as_str();
    let (to, switched) = match command {
        BrakeCommand::Off { time } => {
            let mut connect = Manager::connect;
            ("off", off(&context.roots, &config, Duration::from_secs(time), &mut connect))
        }
        BrakeCommand::On => ("on", on(&context.roots, name)),
    };
    findings.push(switched.unwrap_or_else(|why| guard::brake_not_switched(name, to, why)));
    let exit = output::exit_for(&findings);
    // The journal tells later why flintlockd ran on a full pool.
    output::report(context.json, &findings, exit)
}

/// The file that says so comes first: mvm-guard, which may look at any moment, then brakes no more.
fn off<U: Units>(
    roots: &Roots,
    config: &Config,
    time: Duration,
    connect: &mut dyn FnMut() -> Result<U, mvm_units_systemd::Error>,
) -> Result<Finding, String> {
    let file = roots.at(names::BRAKE);
    let why = brake::reason(&file);
    let off = Off { remaining: time, why };
    brake::switch_off(roots, names::BRAKE_OFF, &off).map_err(|error| chain(&error))?;
    brake::remove(&file).map_err(|error| error.to_string())?;
    let unit = config.flintlockd.unit.as_str();
    let started = connect().and_then(|mut units| {
        // It may have failed too often behind the brake.
        let _ = units.reset_failed(unit);
        units.run(Job::Start, unit, Mode::Replace, STARTS)
    });
    match started.map_err(|error| chain(&error))? {
        JobResult::Done | JobResult::Skipped => {}
        result => return Err(format!("the start of {unit} ended as {result}")),
    }
    Ok(checks::brake_off(config.thinpool.name.as_str(), time.as_secs(), off.why.as_deref()))
}

fn on(roots: &Roots, pool: &str) -> Result<Finding, String> {
    brake::remove(&roots.at(names::BRAKE_OFF)).map_err(|error| error.to_string())?;
    Ok(guard::brake_on(pool))
}

#[cfg(test)]
mod tests {
    use mvm_units_systemd::systemd::Recording;

    use super::*;

    #[test]
    fn it_is_switched_off_for_a_time_and_flintlockd_starts() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let config = mvm_config::load::parse(&[]).unwrap().config;
        std::fs::create_dir_all(roots.at("/run/mvmhost")).unwrap();
        let time = Duration::from_secs(1800);
        let mut bus = || Ok(Recording::default());
        let free = off(&roots, &config, time, &mut bus).unwrap();
        assert_eq!(free.code(), guard::brake_free::ROW.code, "a pool that has room");
        std::fs::write(roots.at(names::BRAKE), "its data is 96 % full\n").unwrap();
        let finding = off(&roots, &config, time, &mut bus).unwrap();
        assert_eq!(finding.code(), guard::brake_off::ROW.code);
        let message = finding.message();
        assert!(message.contains("30 min") && message.contains("96 % full"), "{message}");
        assert_eq!(brake::reason(&roots.at(names::BRAKE)), None);
        assert_eq!(brake::off(&roots, names::BRAKE_OFF).unwrap().remaining, time);
        on(&roots, "p").unwrap();
        assert_eq!(brake::off(&roots, names::BRAKE_OFF), None);
        let mut deaf = || {
            Err::<Recording, _>(mvm_units_systemd::Error::from(mvm_core::Error::NotAbsolute {
                program: "x".into(),
            }))
        };
        assert!(off(&roots, &config, time, &mut deaf).is_err());
    }
}
