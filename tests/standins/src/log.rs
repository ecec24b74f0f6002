//! Log lines on stderr as logrus writes them.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

static JSON: AtomicBool = AtomicBool::new(false);
static VERBOSITY: AtomicU32 = AtomicU32::new(0);

/// Chooses the format, and the verbosity from which on `debug` lines appear (2).
pub fn init(json: bool, verbosity: u32) {
    JSON.store(json, Ordering::Relaxed);
    VERBOSITY.store(verbosity, Ordering::Relaxed);
}

/// A line of level "info".
pub fn info(message: &str) {
    write("info", message);
}

/// A line of level "error".
pub fn error(message: &str) {
    write("error", message);
}

/// A line of level "debug".
pub fn debug(message: &str) {
    if VERBOSITY.load(Ordering::Relaxed) >= 2 {
        write("debug", message);
    }
}

fn write(level: &str, message: &str) {
    eprintln!("{}", line(JSON.load(Ordering::Relaxed), &now(), level, message));
}

fn line(json: bool, time: &str, level: &str, message: &str) -> String {
    if json {
        serde_json::json!({ "level": level, "msg": message, "time": time }).to_string()
    } else {
        format!("time=\"{time}\" level={level} msg={message:?}")
    }
}

/// The present in UTC, as RFC 3339.
fn now() -> String {
    prost_types::Timestamp::from(std::time::SystemTime::now()).to_string()
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn quotes_are_escaped() {
        let text = line(false, "T", "error", "failed to dial \"/run/x\"");
        assert_eq!(text, r#"time="T" level=error msg="failed to dial \"/run/x\"""#);
        let json = line(true, "T", "info", "a \"b\"");
        assert_eq!(json, r#"{"level":"info","msg":"a \"b\"","time":"T"}"#);
    }
}
