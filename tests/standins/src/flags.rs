//! Flags as pflag reads them: `--name value`, `--name=value`, and booleans that need no value.

use std::collections::BTreeMap;

/// What a flag's value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// True when no value is given.
    Bool,
    /// A whole number from 0, of 32 bits.
    Number,
    /// Go's notation: `1m30s`, `250ms`.
    Duration,
}

/// A known flag: its name, its one letter or `'\0'`, and its kind.
#[derive(Debug, Clone, Copy)]
pub struct Flag(pub &'static str, pub char, pub Kind);

/// Reads all of `arguments`; the message of an error is the real programs'.
///
/// # Errors
/// A flag is not known, has no value, or one that its kind does not allow.
pub fn parse(
    flags: &[Flag],
    arguments: &[String],
) -> Result<BTreeMap<&'static str, String>, String> {
    let mut found = BTreeMap::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let (flag, value) = lookup(flags, argument)?;
        let value = match (value, flag.2) {
            (Some(value), _) => value,
            (None, Kind::Bool) => "true".to_owned(),
            (None, _) => {
                rest.next().cloned().ok_or_else(|| format!("flag needs an argument: {argument}"))?
            }
        };
        if !accepts(flag.2, &value) {
            return Err(format!("invalid argument {value:?} for \"--{}\" flag", flag.0));
        }
        found.insert(flag.0, value);
    }
    Ok(found)
}

fn lookup(flags: &[Flag], argument: &str) -> Result<(Flag, Option<String>), String> {
    if let Some(long) = argument.strip_prefix("--") {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        let flag = flags.iter().find(|flag| flag.0 == name);
        return flag.map(|flag| (*flag, value)).ok_or(format!("unknown flag: --{name}"));
    }
    let mut letters = argument.strip_prefix('-').unwrap_or_default().chars();
    let Some(letter) = letters.next() else {
        return Err(format!("unknown command {argument:?}"));
    };
    let value = letters.as_str();
    let value = value.strip_prefix('=').unwrap_or(value);
    let flag = flags.iter().find(|flag| flag.1 == letter);
    let flag = flag.ok_or_else(|| format!("unknown shorthand flag: {letter:?} in {argument}"))?;
    Ok((*flag, (!value.is_empty()).then(|| value.to_owned())))
}

/// Whether `value` is one that `kind` allows.
#[must_use]
pub fn accepts(kind: Kind, value: &str) -> bool {
    match kind {
        Kind::Text => true,
        Kind::Bool => boolean(value).is_some(),
        Kind::Number => value.parse::<u32>().is_ok(),
        Kind::Duration => seconds(value).is_some(),
    }
}

/// A truth value in any of Go's spellings.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Seconds of a duration in Go's notation.
#[must_use]
pub fn seconds(text: &str) -> Option<f64> {
    if text == "0" {
        return Some(0.0);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let factor = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::{Flag, Kind, parse, seconds};

    const KNOWN: &[Flag] = &[
        Flag("insecure", '\0', Kind::Bool),
        Flag("verbosity", 'v', Kind::Number),
        Flag("state-dir", '\0', Kind::Text),
    ];

    fn read(arguments: &[&str]) -> Result<Vec<(&'static str, String)>, String> {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        Ok(parse(KNOWN, &arguments)?.into_iter().collect())
    }

    #[test]
    fn both_notations_and_letters() {
        let found = read(&["--insecure", "--state-dir", "/a", "-v2"]).unwrap();
        let expected = [("insecure", "true"), ("state-dir", "/a"), ("verbosity", "2")];
        assert_eq!(found, expected.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(read(&["--state-dir=/b=c"]).unwrap(), [("state-dir", "/b=c".to_owned())]);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert_eq!(read(&["--bridge"]).unwrap_err(), "unknown flag: --bridge");
        assert_eq!(read(&["-x"]).unwrap_err(), "unknown shorthand flag: 'x' in -x");
        assert_eq!(read(&["more"]).unwrap_err(), "unknown command \"more\"");
        assert!(read(&["--state-dir"]).unwrap_err().starts_with("flag needs an argument"));
        assert!(read(&["--insecure=maybe"]).unwrap_err().starts_with("invalid argument"));
    }

    #[test]
    fn durations_of_go() {
        assert_eq!(seconds("1m30s"), Some(90.0));
        assert_eq!(seconds("250ms"), Some(0.25));
        assert_eq!((seconds("10"), seconds("")), (None, None));
    }
}
