//! `mvmhost pool status`: the figures that mvm-guard goes by.

use std::fmt::Write;

use mvm_diagnostics::json::Document;
use mvm_plan::guard::{Figures, Policy};
use mvm_storage::guard::operators;

use super::config;
use crate::context::Context;
use crate::output::{self, Exit};

pub(super) fn run(context: &Context) -> Exit {
    let (config, mut findings) = match config(context) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let name = config.thinpool.name.as_str();
    let (store, policy) = operators(&context.roots, &config);
    let figures = match store.look() {
        Ok(seen) => {
            findings.extend(seen.findings);
            seen.figures
        }
        Err(error) => {
            findings.push(error.finding(name));
            None
        }
    };
    if context.json {
        let document = Document::new(&findings).with("pool", name).with("figures", &figures);
        output::print(&document.text());
    } else {
        if let Some(figures) = &figures {
            output::print(&text(name, &policy, figures));
        }
        output::findings(false, &findings);
    }
    output::exit_for(&findings)
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
