//! Asking the host for what the live screen shows.

use mvm_cli::context::Context;
use mvm_cli_microvms::{leases, vms};
use mvm_config::last_good::load_or_last_good;
use mvm_config::places;
use mvm_core::{Finding, chain};
use mvm_guard_kernel::operators;
use mvm_units_systemd::microvms;
use mvm_units_systemd::systemd::Manager;

use super::model::{Fill, News, Vm, Whole};
use crate::status::{Mood, Screen};

/// Of a console this much is read from its end, in bytes.
const CONSOLE: u64 = 4096;
/// A line of a console is shown up to this length, in characters.
const LONGEST: usize = 200;

pub(super) fn whole(context: &Context) -> News {
    let (loaded, last_good) = match load_or_last_good(&context.roots, context.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(findings) => {
            let first = findings.first().map(Finding::message);
            return News::Failed(first.unwrap_or_default());
        }
    };
    let mut manager = match Manager::connect() {
        Ok(manager) => manager,
        Err(error) => return News::Failed(chain(&error)),
    };
    let mut findings: Vec<Finding> = last_good.into_iter().collect();
    let screen = Screen::observe(context, &loaded, &mut manager, &mut findings);
    let lines = screen.lines(&findings).into_iter().skip(1).collect();
    let vms = match &screen.microvms {
        Ok(listing) => rows(context, &loaded.config, listing.as_deref().unwrap_or_default()),
        Err(why) => Err(why.clone()),
    };
    let leases = leases::read(context).unwrap_or_default();
    let lease = |lease: &mvm_network_plan::dhcp::Lease| {
        let name = lease.name.as_deref().unwrap_or("-");
        format!("{:15} {} {name}", lease.address.to_string(), lease.mac)
    };
    let leases = leases.iter().map(lease).collect();
    let verdict = screen.verdict(&findings);
    News::Whole(Box::new(Whole { verdict, lines, leases, vms, findings }))
}

fn rows(
    context: &Context,
    config: &mvm_config::Config,
    listing: &[mvm_units_systemd::flintlock::MicroVm],
) -> Result<Vec<Vm>, String> {
    let state = places::microvms(config);
    let found = vms::rows(&context.roots, &state, listing).map_err(|error| error.to_string())?;
    let files = microvms::directories(&context.roots, &state).unwrap_or_default();
    let row = |row: vms::Row| {
        let directory = files.iter().find(|one| one.id == row.microvm);
        let well = row.state == "created" && row.pid.is_some();
        Vm {
            console: directory.map(last_line).unwrap_or_default(),
            id: plain(&row.microvm),
            state: row.state.to_owned(),
            mood: if well { Mood::Good } else { Mood::Warn },
            pid: row.pid,
            retries: row.retries,
            wrong: row.wrong,
        }
    };
    Ok(found.into_iter().map(row).collect())
}

/// What the guest wrote last on its console.
fn last_line(directory: &microvms::Directory) -> String {
    let ends = mvm_cli_microvms::files::VMMS.iter().filter_map(|vmm| {
        microvms::end_of(&directory.path.join(format!("{vmm}.stdout")), CONSOLE).ok().flatten()
    });
    let text: Vec<String> =
        ends.map(|end| String::from_utf8_lossy(&end.bytes).into_owned()).collect();
    let mut lines = text.iter().flat_map(|text| text.lines().map(plain));
    lines.rfind(|line| !line.trim().is_empty()).unwrap_or_default()
}

/// A guest chooses the bytes: nothing that moves a cursor or changes a color is left.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' && rest.next_if_eq(&'[').is_some() {
            while rest.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
        } else if c == '\t' {
            out.push(' ');
        } else if !c.is_control() {
            out.push(c);
        }
    }
    out.chars().take(LONGEST).collect()
}

/// The pool alone, as mvm-guard sees it.
pub(super) fn pool(context: &Context) -> News {
    let Ok((loaded, _)) = load_or_last_good(&context.roots, context.config.as_deref()) else {
        return News::Pool(String::new(), None);
    };
    let (store, _) = operators(&context.roots, &loaded.config);
    let figures = store.look().ok().and_then(|seen| seen.figures);
    let fill = figures.map(|figures| Fill {
        at: 0.0,
        data: figures.pool.data.used.saturating_mul(figures.block),
        data_size: figures.size,
        metadata: figures.pool.metadata.used.saturating_mul(4096),
        metadata_size: figures.pool.metadata.total.saturating_mul(4096),
    });
    News::Pool(loaded.config.thinpool.name.to_string(), fill)
}
