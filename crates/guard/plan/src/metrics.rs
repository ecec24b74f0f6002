//! The figures as Prometheus reads them from a file (node_exporter's textfile collector).

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use mvm_pool_plan::thinpool::Mode;

use super::Figures;

/// The text; `figures` is `None` while the pool is not live or does not answer.
pub fn text(name: &str, figures: Option<&Figures>, braked: bool) -> String {
    let mut out = String::new();
    let mut gauge = |metric: &str, help: &str, value: u64| {
        // Writing to a String cannot fail. A pool's name has no character that would need escaping.
        let _ = write!(
            out,
            "# HELP mvmhost_{metric} {help}\n# TYPE mvmhost_{metric} gauge\n\
             mvmhost_{metric}{{pool=\"{name}\"}} {value}\n"
        );
    };
    gauge("pool_up", "The thin pool is live and answers.", figures.is_some().into());
    gauge("pool_braked", "flintlockd is kept from taking new microVMs.", braked.into());
    let Some(figures) = figures else {
        return out;
    };
    let pool = &figures.pool;
    let bytes = |blocks: u64| blocks.saturating_mul(figures.block);
    let writable = matches!(pool.mode, None | Some(Mode::ReadWrite));
    gauge("pool_writable", "The pool takes writes that need new blocks.", writable.into());
    gauge(
        "pool_needs_check",
        "The metadata has to be checked.",
        (pool.needs_check == Some(true)).into(),
    );
    gauge("pool_data_used_bytes", "Data in use.", bytes(pool.data.used));
    gauge("pool_data_size_bytes", "Length of the data.", bytes(pool.data.total));
    gauge("pool_metadata_used_bytes", "Metadata in use.", pool.metadata.used.saturating_mul(4096));
    gauge(
        "pool_metadata_size_bytes",
        "Length of the metadata.",
        pool.metadata.total.saturating_mul(4096),
    );
    if let Some(room) = &figures.room {
        gauge("pool_room_free_bytes", "Free bytes where the pool grows.", room.free);
        gauge("pool_room_size_bytes", "Bytes of the file system or volume group.", room.total);
        gauge("pool_promised_bytes", "Bytes that sparse files may still take up.", room.promised);
    }
    out
}

/// What other programs go by, in the file that `state::POOL` declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    version: u32,
    /// The pool takes writes that need new blocks. What was written into it since it takes none may be
    /// lost.
    pub writable: bool,
}

impl Standing {
    /// `None` while the pool is not live or does not answer: then nothing is known.
    pub fn of(figures: Option<&Figures>) -> Option<Self> {
        let writable = matches!(figures?.pool.mode, None | Some(Mode::ReadWrite));
        Some(Self { version: 1, writable })
    }
}
