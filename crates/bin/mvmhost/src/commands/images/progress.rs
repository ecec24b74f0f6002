//! How far a pull is: a bar for each image on a terminal, a line for each step elsewhere.

use std::cell::RefCell;
use std::collections::HashMap;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mvm_cli::context::Context;
use mvm_cli::output;
use mvm_images_client::Progress;

/// Bytes are those that have to come; what is there already makes a bar end early.
const BAR: &str = "{wide_bar} {bytes:>10} of {total_bytes:10} {msg}";
const SPINNER: &str = "{spinner} {msg}";

/// What suits the terminal and the command line.
pub(super) fn progress(context: &Context) -> Box<dyn Progress> {
    if context.json || context.no_progress {
        return Box::new(());
    }
    let bars = Bars::default();
    // Also on a terminal that cannot move its cursor, such as one without TERM.
    if bars.all.is_hidden() { Box::new(Lines) } else { Box::new(bars) }
}

/// A line for each step.
struct Lines;

impl Progress for Lines {
    fn step(&self, image: &str, step: &str) {
        output::print(&format!("{image}: {step}\n"));
    }

    fn expected(&self, _: &str, _: u64) {}
    fn bytes(&self, _: &str, _: u64) {}
    fn alive(&self) {}
}

/// A bar for each image that something is done for; gone with this value.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    by_image: RefCell<HashMap<String, ProgressBar>>,
}

impl Bars {
    fn bar(&self, image: &str) -> ProgressBar {
        let new = || self.all.add(ProgressBar::no_length().with_style(style(SPINNER)));
        self.by_image.borrow_mut().entry(image.to_owned()).or_insert_with(new).clone()
    }
}

impl Progress for Bars {
    fn step(&self, image: &str, step: &str) {
        self.bar(image).set_message(format!("{image}: {step}"));
    }

    fn expected(&self, image: &str, bytes: u64) {
        let bar = self.bar(image);
        bar.set_style(style(BAR));
        bar.set_length(bytes);
    }

    fn bytes(&self, image: &str, more: u64) {
        self.bar(image).inc(more);
    }

    fn alive(&self) {}
}

impl Drop for Bars {
    fn drop(&mut self) {
        // A terminal that has gone away needs no clearing.
        let _ = self.all.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_has_a_bar_that_counts_its_bytes() {
        for template in [BAR, SPINNER] {
            ProgressStyle::with_template(template).unwrap();
        }
        let bars = Bars::default();
        bars.step("a", "resolving");
        bars.expected("a", 10);
        bars.bytes("a", 4);
        bars.bytes("a", 3);
        bars.bytes("b", 1);
        assert_eq!((bars.bar("a").position(), bars.bar("a").length()), (7, Some(10)));
        assert_eq!(bars.bar("a").message(), "a: resolving");
        assert_eq!((bars.bar("b").position(), bars.bar("b").length()), (1, None));
    }
}
