//! What a service tells systemd about itself: sd_notify(3). Outside of a unit, where NOTIFY_SOCKET
//! is not set, nothing happens. Nobody waits for these messages, so a failure is only logged.

use std::time::Duration;

use libsystemd::daemon::{NotifyState, notify};

/// The service is up (`Type=notify`).
pub fn ready() {
    send(NotifyState::Ready);
}

/// One line that `systemctl status` shows; a line break becomes a space, because it would start
/// another assignment.
pub fn status(text: &str) {
    send(NotifyState::Status(one_line(text)));
}

/// The start or stop goes on for at least this much longer from now: moves the unit's timeout.
/// To be repeated in time while the work lasts.
pub fn extend_timeout(by: Duration) {
    send(NotifyState::Other(extension(by)));
}

fn extension(by: Duration) -> String {
    format!("EXTEND_TIMEOUT_USEC={}", by.as_micros())
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn send(state: NotifyState) {
    if let Err(failure) = notify(false, &[state]) {
        log::debug!("sd_notify: {failure}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_assignment() {
        assert_eq!(one_line("checking\nREADY=1\0"), "checking READY=1 ");
    }

    #[test]
    fn an_extension_is_in_microseconds() {
        assert_eq!(extension(Duration::from_millis(1500)), "EXTEND_TIMEOUT_USEC=1500000");
    }

    #[test]
    fn outside_of_a_unit_nothing_happens() {
        ready();
        status("x");
        extend_timeout(Duration::from_secs(1));
    }
}
