//! Records of `journalctl --output=json`, and the stream that they come in.

use std::fmt;

use mvm_core::{Severity, catalogue};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

/// A record longer than this is passed over, in bytes.
pub const LONGEST_RECORD: usize = 256 * 1024;

/// The fields that are looked at, for `--output-fields=`.
pub const FIELDS: &str =
    "MESSAGE,_SYSTEMD_UNIT,_TRANSPORT,SYSLOG_IDENTIFIER,MVMHOST_CODE,MVMHOST_SUBJECT";

/// One record. Fields that are missing or of another kind are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Record {
    /// What was written.
    #[serde(rename = "MESSAGE")]
    pub message: Text,
    /// The unit of the process that wrote it, such as `flintlockd.service`.
    #[serde(rename = "_SYSTEMD_UNIT")]
    pub unit: Text,
    /// `kernel` for the kernel.
    #[serde(rename = "_TRANSPORT")]
    pub transport: Text,
    /// The name under which it was written.
    #[serde(rename = "SYSLOG_IDENTIFIER")]
    pub identifier: Text,
    /// mvmhost's code.
    #[serde(rename = "MVMHOST_CODE")]
    pub code: Text,
    /// mvmhost's subject.
    #[serde(rename = "MVMHOST_SUBJECT")]
    pub subject: Text,
    /// Microseconds since 1970, in decimal.
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    pub time: Text,
}

impl Record {
    /// `None` for what is no record.
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// When it was written, in microseconds since 1970.
    pub fn time(&self) -> Option<u64> {
        self.time.0.parse().ok()
    }
}

/// A value: journalctl writes a string, an array of bytes where it is no UTF-8, an array of values
/// where a field stands more than once, or null where it is long.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Value).map(Self)
    }
}

struct Value;

impl<'de> Visitor<'de> for Value {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field of the journal")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E>(self, text: String) -> Result<String, E> {
        Ok(text)
    }

    fn visit_unit<E>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<String, A::Error> {
        let mut bytes = Vec::new();
        while let Some(item) = items.next_element::<Item>()? {
            match item {
                Item::Byte(byte) => bytes.push(byte),
                Item::Text(text) if bytes.is_empty() => bytes = text.into_bytes(),
                Item::Text(_) | Item::Other(_) => {}
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Byte(u8),
    Text(String),
    Other(serde::de::IgnoredAny),
}

/// Cuts a stream into lines, keeping at most one of [`LONGEST_RECORD`] bytes.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
    overlong: bool,
    skipped: u64,
}

impl Lines {
    /// Takes the next piece of the stream and hands over every line that it ends.
    pub fn push(&mut self, piece: &[u8], each: &mut dyn FnMut(&[u8])) {
        let mut rest = piece;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = rest.split_at(at);
            rest = tail.get(1..).unwrap_or_default();
            self.keep(head);
            self.end(each);
        }
        self.keep(rest);
    }

    /// The stream is over: hands over what no newline ended, and tells how many lines were too
    /// long.
    pub fn finish(mut self, each: &mut dyn FnMut(&[u8])) -> u64 {
        self.end(each);
        self.skipped
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > LONGEST_RECORD {
            self.overlong = true;
            self.buffer.clear();
        }
        if !self.overlong {
            self.buffer.extend_from_slice(bytes);
        }
    }

    fn end(&mut self, each: &mut dyn FnMut(&[u8])) {
        if self.overlong {
            self.skipped += 1;
        } else if !self.buffer.is_empty() {
            each(&self.buffer);
        }
        self.overlong = false;
        self.buffer.clear();
    }
}

/// The code that a message of mvmhost says is gone: `MVM-HOST-901: MVM-FLK-003 of ... is gone`.
pub(super) fn cleared<'a>(code: &str, message: &'a str) -> Option<&'a str> {
    let rest = message.strip_prefix(code)?.strip_prefix(": ")?;
    (code == catalogue::said::cleared::ROW.code).then(|| rest.split(' ').next().unwrap_or_default())
}

/// What is over once this was said: prefixes of codes, of the same subject or of any.
const SETTLES: &[(&str, &str, bool)] = &[
    ("MVM-IMG-001", "MVM-IMG-", false),
    ("MVM-POOL-001", "MVM-POOL-0", false),
    ("MVM-POOL-103", "MVM-POOL-10", false),
    ("MVM-POOL-106", "MVM-POOL-10", false),
    ("MVM-NET-001", "MVM-NET-0", false),
    ("MVM-NET-041", "MVM-NET-04", false),
    ("MVM-CTRD-005", "MVM-CTRD-00", true),
    ("MVM-FLK-006", "MVM-FLK-0", true),
    ("MVM-HOST-102", "MVM-HOST-10", true),
    ("MVM-CONF-005", "MVM-CONF-", true),
];

/// Calls `over` with what a message of this code settles, and whether of any subject.
pub(super) fn settled(code: &str, mut over: impl FnMut(&str, bool)) {
    for (_, family, any) in SETTLES.iter().filter(|(settling, ..)| *settling == code) {
        over(family, *any);
    }
}

/// Whether a code tells of something wrong that may stand still.
pub(super) fn stands(code: &str) -> bool {
    let summary = code == catalogue::said::standing::ROW.code;
    !summary && catalogue::find(code).is_some_and(|entry| entry.severity != Severity::Info)
}
