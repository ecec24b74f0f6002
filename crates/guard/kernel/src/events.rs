//! Waiting for the kernel: every device-mapper device raises an event when something happens to it,
//! a pool when it passes its low water mark and when it runs out of space.

use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use devicemapper::DM;
use mvm_pool_kernel::Error;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The events of all devices.
pub struct Events {
    dm: DM,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// Opens device-mapper's control node.
    ///
    /// # Errors
    /// [`Error::Events`] where there is no device-mapper.
    pub fn open() -> Result<Self, Error> {
        DM::new().map(|dm| Self { dm }).map_err(|error| failed(&error))
    }

    /// Forgets events up to now. To be called before looking: what happens after that call ends
    /// the next [`Self::wait`], so nothing falls between looking and waiting.
    ///
    /// # Errors
    /// [`Error::Events`]
    pub fn arm(&self) -> Result<(), Error> {
        self.dm.arm_poll().map(drop).map_err(|error| failed(&error))
    }

    /// Waits for the first event since [`Self::arm`], at most `limit`. Whether there was one.
    ///
    /// # Errors
    /// [`Error::Events`]
    #[expect(unsafe_code, reason = "nix's poll takes a borrowed descriptor, DM lends a raw one")]
    pub fn wait(&self, limit: Duration) -> Result<bool, Error> {
        // SAFETY: the descriptor is open for as long as `self` lives, which is longer than this.
        let control = unsafe { BorrowedFd::borrow_raw(self.dm.as_raw_fd()) };
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(control, PollFlags::POLLIN)];
        poll(&mut fds, limit)
            .map(|ready| ready > 0)
            .map_err(|errno| Error::Events { source: errno.into() })
    }
}

fn failed(error: &devicemapper::DmError) -> Error {
    Error::Events { source: mvm_pool_kernel::mapper::cause(error) }
}
