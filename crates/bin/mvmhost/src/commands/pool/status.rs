//! `mvmhost pool status`: the figures that mvm-guard goes by.

use std::fmt::Write;

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_core::json::Document;
use mvm_core::{Roots, brake, names};
use mvm_guard_kernel::operators;
use mvm_guard_plan::{Figures, Policy};
use serde::Serialize;

use super::config;

pub(super) fn run(context: &Context) -> Exit {
    let (config, mut findings) = match config(context) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let name = config.thinpool.name.as_str();
    let (store, policy) = operators(&context.roots, &config);
    let figures = match store.look() {
        Ok(look) => {
            findings.extend(look.findings);
            look.figures
        }
        Err(error) => {
            findings.push(error.finding(name));
            None
        }
    };
    if context.json {
        let document = Document::new(&findings).with("pool", name).with("figures", &figures);
        let document = document.with("brake", Brake::observe(&context.roots));
        output::print(&document.text());
    } else {
        if let Some(figures) = &figures {
            output::print(&text(name, &policy, figures));
            output::print(&Brake::observe(&context.roots).line());
        }
        output::findings(false, &findings);
    }
    output::exit_for(&findings)
}

/// Whether flintlockd is held back.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Brake {
    /// Why it is; null while it is not.
    holds: Option<String>,
    /// For how many seconds yet an operator has switched that off.
    off_seconds: Option<u64>,
}

impl Brake {
    fn observe(roots: &Roots) -> Self {
        let off = brake::off(roots, names::BRAKE_OFF);
        Self {
            holds: brake::reason(&roots.at(names::BRAKE)),
            off_seconds: off.map(|off| off.remaining.as_secs()),
        }
    }

    fn line(&self) -> String {
        match (&self.holds, self.off_seconds) {
            (_, Some(seconds)) => format!("brake     switched off for {seconds} s more\n"),
            (Some(why), None) => format!("brake     set, flintlockd is stopped: {why}\n"),
            (None, None) => "brake     not set\n".to_owned(),
        }
    }
}

fn text(name: &str, policy: &Policy, figures: &Figures) -> String {
    let gib = |bytes: u64| {
        let tenths = (u128::from(bytes) * 10) >> 30;
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    };
    let mut out = String::new();
    let pool = &figures.pool;
    // Writing to a String cannot fail.
    let used = pool.data.used.saturating_mul(figures.block);
    let _ = writeln!(out, "pool      {name}");
    let _ = writeln!(
        out,
        "data      {} % of {} ({} used)",
        pool.data.percent(),
        gib(figures.size),
        gib(used)
    );
    let metadata = pool.metadata.total.saturating_mul(4096);
    let _ = writeln!(out, "metadata  {} % of {} MiB", pool.metadata.percent(), metadata >> 20);
    if let Some(room) = &figures.room {
        let _ = writeln!(
            out,
            "room      {}: {} free of {}, {} of it promised to the pool",
            room.place,
            gib(room.free),
            gib(room.total),
            gib(room.promised)
        );
    }
    let grows = match policy.largest {
        Some(largest) if largest > figures.size => format!("grows up to {}", gib(largest)),
        Some(_) => "does not grow".to_owned(),
        None => "is not grown by mvmhost".to_owned(),
    };
    let _ = writeln!(
        out,
        "guard     warns at {} %, {grows}, brakes at {} %",
        policy.warn, policy.brake
    );
    out
}
