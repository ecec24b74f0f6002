//! The event loop of one run.

use tokio::runtime::{Builder, Runtime};

use crate::Error;

/// One thread with timers and sockets.
///
/// # Errors
/// [`Error::Runtime`]
pub(crate) fn runtime() -> Result<Runtime, Error> {
    Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)
}
