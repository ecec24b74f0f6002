//! Ratios against what a user would do instead.

use anyhow::Result;

/// All of them.
pub(crate) fn run() -> Result<()> {
    Ok(())
}
