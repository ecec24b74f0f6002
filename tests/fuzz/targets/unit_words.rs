//! Escaping for unit files: whatever goes in stays one word of one line, and systemd's own rules
//! read it back as it was.
#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use mvm_core::escape::{device_unit, exec_argument};

/// systemd's reading of one word of an Exec line: quotes and C escapes, then specifiers, then
/// variables (extract-word.c, specifier.c, load-fragment.c).
fn read(word: &str) -> Option<Vec<u8>> {
    let quoted = word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let mut bytes = quoted.unwrap_or(word).bytes();
    let mut text = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next()? {
                b'n' => text.push(b'\n'),
                b'x' => {
                    let digits = [bytes.next()?, bytes.next()?];
                    let digits = std::str::from_utf8(&digits).ok()?;
                    text.push(u8::from_str_radix(digits, 16).ok()?);
                }
                escaped @ (b'\\' | b'"') => text.push(escaped),
                _ => return None,
            },
            b'"' => return None,
            b'\n' | b'\r' => return None,
            b' ' | b'\t' | b';' | b'\'' if quoted.is_none() => return None,
            byte => text.push(byte),
        }
    }
    undouble(&undouble(&text, b'%')?, b'$')
}

fn undouble(text: &[u8], sign: u8) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == sign && bytes.next()? != sign {
            return None;
        }
        out.push(byte);
    }
    Some(out)
}

fuzz_target!(|text: &str| {
    let word = exec_argument(text);
    assert_eq!(read(&word).as_deref(), Some(text.as_bytes()), "{word}");
    let unit = device_unit(text);
    let allowed = |c: char| c.is_ascii_alphanumeric() || ":_.-\\".contains(c);
    assert!(unit.ends_with(".device") && unit.chars().all(allowed), "{unit}");
});
