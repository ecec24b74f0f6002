//! Ratios in one run of one guest: what mvmhost takes against what a user would do otherwise.
//!
//! Both sides are done by turns, so that what else the machine does weighs on both, and the medians
//! are compared.

mod boots;
mod checks;
mod pool;

pub use boots::boots;
pub use checks::checks;
pub use pool::{install_script, pool};

/// One line, as `cargo xtask bench` prints it; times in milliseconds.
fn ratio(label: &str, ours: f64, theirs: f64) {
    println!("{label}: {ours:.1} ms / {theirs:.1} ms = {:.3}", ours / theirs);
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
