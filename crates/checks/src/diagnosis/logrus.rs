//! Lines of logrus, as flintlockd and containerd write them.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::{Map, Value};

/// The line as its text format without escapes, whichever format it was written in:
/// `time=… level=error msg=… error=…`, so that one pattern fits both.
pub fn plain(line: &str) -> Cow<'_, str> {
    if line.starts_with('{')
        && let Ok(fields) = serde_json::from_str::<Map<String, Value>>(line)
    {
        return Cow::Owned(joined(&fields));
    }
    if !line.contains('\\') {
        return Cow::Borrowed(line);
    }
    Cow::Owned(unescaped(line))
}

/// `NAMESPACE/NAME/UID` of the microVM that a line names after `vmid`.
pub fn microvm(line: &str) -> Option<&str> {
    line.match_indices("vmid").find_map(|(at, word)| {
        let rest = line.get(at + word.len()..)?.trim_start_matches([' ', '=', '"', ':']);
        let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        let name = rest.get(..end)?;
        (name.matches('/').count() == 2 && name.split('/').all(|part| !part.is_empty()))
            .then_some(name)
    })
}

/// The image that a line of a pull names.
pub fn image(line: &str) -> Option<&str> {
    const BEFORE: [&str; 7] = [
        "failed to resolve reference ",
        "getting image ",
        "mount images ",
        "checking if image ",
        "unpacking ",
        "preparing snapshot of ",
        "pulling image ",
    ];
    BEFORE.iter().find_map(|word| {
        let (_, rest) = line.split_once(word)?;
        let rest = rest.trim_start_matches('"');
        let end =
            rest.find(|c: char| !(is_name(c) || matches!(c, ':' | '@'))).unwrap_or(rest.len());
        let name = rest.get(..end)?.trim_end_matches(':');
        name.contains(['/', ':']).then_some(name)
    })
}

/// The innermost cause that a line ends with: errors of Go are written from the outside to the
/// inside, with a colon between.
pub fn innermost(line: &str) -> &str {
    /// Less than this says nothing by itself: `not found`.
    const LEAST: usize = 24;
    let mut message = line.trim_end();
    // Fields behind the message.
    while let Some((before, field)) = message.rsplit_once(' ')
        && field.split_once('=').is_some_and(|(name, value)| {
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '-'))
                && !value.contains(['"', '/', '?'])
        })
    {
        message = before;
    }
    let message = message.trim_end_matches(['"', ' ']);
    let mut starts: Vec<usize> = message.match_indices(": ").map(|(at, _)| at + 2).collect();
    starts.push(message.find("msg=\"").map_or(0, |at| at + 5));
    starts.sort_unstable();
    let enough = |text: &&str| {
        text.len() >= LEAST && text.contains(' ') && !text.starts_with(char::is_numeric)
    };
    let tail = |at: &usize| message.get(*at..);
    let mut tails = starts.iter().rev().filter_map(tail);
    tails.find(enough).or_else(|| starts.first().and_then(tail)).unwrap_or(message)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/')
}

/// msg first: patterns name it before the other fields.
fn joined(fields: &Map<String, Value>) -> String {
    let mut out = String::new();
    let rest = fields.iter().filter(|(name, _)| *name != "msg");
    let message = fields.get("msg").map(|value| ("msg", value));
    for (name, value) in message.into_iter().chain(rest.map(|(name, value)| (name.as_str(), value)))
    {
        let space = if out.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = match value {
            Value::String(text) => write!(out, "{space}{name}=\"{text}\""),
            other => write!(out, "{space}{name}={other}"),
        };
    }
    out
}

/// Go's escapes of a quoted string; unknown ones stay as they are.
fn unescaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n' | 't' | 'r') => out.push(' '),
            Some(quoted @ ('"' | '\\')) => out.push(quoted),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_read_alike() {
        let text = r#"time="T" level=error msg="failed to dial \"/run/x\": no" vmid=ns/a/uid"#;
        let json = r#"{"level":"error","msg":"failed to dial \"/run/x\": no","vmid":"ns/a/uid"}"#;
        for line in [text, json] {
            let plain = plain(line);
            assert!(plain.contains(r#"msg="failed to dial "/run/x": no""#), "{plain}");
            assert_eq!(microvm(&plain), Some("ns/a/uid"), "{plain}");
        }
    }

    #[test]
    fn what_is_no_logrus_stays_as_it_is() {
        for line in ["", "{", "panic: x", r"a \q b", "\\"] {
            assert_eq!(plain(line), line);
        }
        assert_eq!(microvm("vmid"), None);
        assert_eq!(microvm("vmid a/b"), None);
        assert_eq!(microvm("vmid //"), None);
        assert_eq!(microvm("no vmid here, vmid ns/b/u: x"), Some("ns/b/u"));
    }
}
