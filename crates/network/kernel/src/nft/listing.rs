//! What the kernel lists of the table, as a text that is the same as long as the table is.
//!
//! Nothing of it is understood but what the kernel counts and numbers by itself, which is left out:
//! whatever somebody else puts into the table makes another text.

use std::fmt::Write;

use rtnetlink::packet_core::NlasIterator;

use super::kind::{Kind, TABLE};

/// Of linux/netfilter.h: the family `inet`.
const INET: u8 = 1;
/// The header of netfilter, of which the first byte is the family.
const HEADER: usize = 4;
/// Of everything but the table itself attribute 1 is the name of its table, and of that its own.
const NAME: u16 = 1;
/// The kernel has as many rules as it has memory, and somebody else's are nothing to keep.
const LIMIT: usize = 8 << 20;

/// The listing, a line for each message of the kernel.
#[derive(Debug, Default)]
pub(super) struct Listing {
    text: String,
}

impl Listing {
    /// Adds what one message tells, unless that is of another table.
    pub(super) fn add(&mut self, kind: Kind, payload: &[u8]) {
        let (Some(&INET), Some(attributes)) = (payload.first(), payload.get(HEADER..)) else {
            return;
        };
        let of_table = |name: &[u8]| name.strip_suffix(&[0]) == Some(TABLE.as_bytes());
        let mut names = NlasIterator::new(attributes).map_while(Result::ok);
        if !names.any(|found| found.kind() == NAME && of_table(found.value())) {
            return;
        }
        if self.text.len() > LIMIT {
            return;
        }
        self.text.push_str(kind.word());
        for found in NlasIterator::new(attributes) {
            // What cannot be read is told apart from what is not there.
            let Ok(found) = found else {
                self.text.push_str(" ?");
                break;
            };
            if kind.changing().contains(&found.kind()) {
                continue;
            }
            // Writing to a String cannot fail.
            let _ = write!(self.text, " {}:", found.kind());
            found.value().iter().for_each(|byte| {
                let _ = write!(self.text, "{byte:02x}");
            });
        }
        self.text.push('\n');
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}
