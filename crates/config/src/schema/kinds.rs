//! How a TOML value becomes a typed one and back: one [`Kind`] for every sort of value.
//! Belongs here: booleans, numbers, choices, lists and texts in general. The particular texts are
//! in `texts`, entries with keys of their own in `records`.

use std::marker::PhantomData;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeValue};

use super::suggest;
use crate::Invalid;
use crate::problem::{Report, one_line};
use crate::quantities::Percent;

/// No list of one host is longer; it bounds the time that checks take.
const MOST_ENTRIES: usize = 4096;

/// The list of `[[network.vlan]]` is the one key that is written as tables.
pub(crate) const TABLES: &str = "network.vlan";

/// A key as people see it: `[thinpool.loop] data-size`, `[[network.vlan]] id`.
pub(crate) fn shown(path: &str, field: &str) -> String {
    let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
    match (path == TABLES, field) {
        (true, "") => format!("[[{path}]]"),
        (true, field) => format!("[[{path}]] {field}"),
        (false, "") => format!("[{section}] {name}"),
        (false, field) => format!("[{section}] {name}.{field}"),
    }
}

/// Where a value stands, and where to complain about it.
pub(crate) struct At<'r, 'a> {
    pub(crate) report: &'r mut Report<'a>,
    pub(crate) file: usize,
    /// The row's path: `network.vlan`.
    pub(crate) path: &'static str,
    /// The key inside an entry of a list: `id`; empty outside of one.
    pub(crate) field: &'static str,
}

impl At<'_, '_> {
    /// Complains about the value at `span`.
    pub(crate) fn bad(&mut self, span: Range<usize>, error: Invalid) {
        let key = shown(self.path, self.field);
        self.report.keyed(self.file, Some(span.start), key, Some(span), error);
    }

    /// Complains about a key inside an entry.
    pub(crate) fn bad_key(&mut self, key: &Spanned<DeString<'_>>, error: Invalid) {
        let shown = shown(self.path, &one_line(key.get_ref()));
        self.report.keyed(self.file, Some(key.span().start), shown, None, error);
    }

    /// Complains about an entry as a whole.
    pub(crate) fn bad_entry(&mut self, offset: usize, error: Invalid) {
        let key = shown(self.path, "");
        self.report.keyed(self.file, Some(offset), key, None, error);
    }

    /// Complains that the value is of another type than `expected`.
    pub(crate) fn wrong_type(&mut self, value: &Spanned<DeValue<'_>>, expected: &str, hint: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.bad(value.span(), Invalid::new(format!("{found} where {expected} belongs"), hint));
    }
}

/// One key of an entry.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) required: bool,
    pub(crate) shape: fn() -> Shape,
}

/// The form of a value, for the JSON Schema and the manual page.
pub(crate) enum Shape {
    /// `true` or `false`
    Bool,
    /// A whole number, both ends included.
    Integer(i64, i64),
    /// A text; the words say what it holds.
    Text(&'static str),
    /// One of these texts.
    OneOf(Vec<&'static str>),
    /// Any number of the same.
    List(Box<Shape>),
    /// A table with these keys.
    Record(&'static [Field]),
    /// A table with keys of the operator's choice.
    Map(Box<Shape>),
}

/// One sort of value.
pub(crate) trait Kind {
    /// What the model holds.
    type Out;
    /// The typed value; `None` after complaining.
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<Self::Out>;
    /// Appends TOML that reads back to the same.
    fn write(out: &Self::Out, text: &mut String);
    /// For the JSON Schema and the manual page.
    fn shape() -> Shape;
    /// What a later file's value does to an earlier one's: it replaces it.
    fn store(slot: &mut Self::Out, new: Self::Out) {
        *slot = new;
    }
}

/// `true` or `false`
pub(crate) struct Bool;

impl Kind for Bool {
    type Out = bool;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<bool> {
        let read = value.get_ref().as_bool();
        if read.is_none() {
            at.wrong_type(value, "a boolean", "write true or false, without quotes");
        }
        read
    }
    fn write(out: &bool, text: &mut String) {
        text.push_str(if *out { "true" } else { "false" });
    }
    fn shape() -> Shape {
        Shape::Bool
    }
}

/// A whole number from `LOW` to `HIGH`, both included.
pub(crate) struct Number<T, const LOW: i64, const HIGH: i64>(PhantomData<T>);

impl<T, const LOW: i64, const HIGH: i64> Kind for Number<T, LOW, HIGH>
where
    T: TryFrom<i64> + Copy + Into<i64>,
{
    type Out = T;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<T> {
        let hint = format!("write a whole number from {LOW} to {HIGH}");
        let Some(integer) = value.get_ref().as_integer() else {
            at.wrong_type(value, "a whole number", &hint);
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let typed = number
            .filter(|number| (LOW..=HIGH).contains(number))
            .and_then(|number| T::try_from(number).ok());
        if typed.is_none() {
            at.bad(value.span(), Invalid::new(format!("outside {LOW} to {HIGH}"), hint));
        }
        typed
    }
    fn write(out: &T, text: &mut String) {
        text.push_str(&(*out).into().to_string());
    }
    fn shape() -> Shape {
        Shape::Integer(LOW, HIGH)
    }
}

/// A whole number from 1 to 100, without quotes and without `%`.
pub(crate) struct PercentKind;

impl Kind for PercentKind {
    type Out = Percent;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<Percent> {
        Number::<u8, 1, 100>::read(value, at).map(Percent)
    }
    fn write(out: &Percent, text: &mut String) {
        Number::<u8, 1, 100>::write(&out.0, text);
    }
    fn shape() -> Shape {
        Number::<u8, 1, 100>::shape()
    }
}

/// An MTU in bytes, where 0 leaves the choice to somebody else.
pub(crate) struct Mtu;

impl Kind for Mtu {
    type Out = Option<u32>;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<Option<u32>> {
        let mtu = Number::<u32, 0, 65535>::read(value, at)?;
        // 68 is the least that IPv4 (RFC 791) and Linux' bridge take.
        if (1..68).contains(&mtu) {
            let error = Invalid::new("an MTU below 68", "write 0 for the default, or 1500");
            at.bad(value.span(), error);
            return None;
        }
        Some(Some(mtu).filter(|mtu| *mtu != 0))
    }
    fn write(out: &Option<u32>, text: &mut String) {
        Number::<u32, 0, 65535>::write(&out.unwrap_or(0), text);
    }
    fn shape() -> Shape {
        Number::<u32, 0, 65535>::shape()
    }
}

/// A value with a fixed set of names.
pub(crate) trait Choice: Copy + PartialEq + 'static {
    /// Every value with its name.
    const ALL: &'static [(&'static str, Self)];
}

/// A text in quotes out of [`Choice::ALL`]; for another one the closest name is suggested.
pub(crate) struct OneOf<T>(PhantomData<T>);

impl<T: Choice> Kind for OneOf<T> {
    type Out = T;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<T> {
        let name = value.get_ref().as_str();
        if let Some((_, choice)) = T::ALL.iter().find(|(known, _)| Some(*known) == name) {
            return Some(*choice);
        }
        let names: Vec<String> = T::ALL.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let hint = format!("write {}", names.join(" or "));
        let meant = suggest::closest(name.unwrap_or_default(), T::ALL.iter().map(|(one, _)| *one));
        let hint = meant.map_or(hint.clone(), |meant| format!("did you mean \"{meant}\"? {hint}"));
        match name {
            Some(_) => at.bad(value.span(), Invalid::new("not one of the choices", hint)),
            None => at.wrong_type(value, "a string", &hint),
        }
        None
    }
    fn write(out: &T, text: &mut String) {
        let name = T::ALL.iter().find(|(_, choice)| choice == out).map_or("", |(name, _)| name);
        quote(name, text);
    }
    fn shape() -> Shape {
        Shape::OneOf(T::ALL.iter().map(|(name, _)| *name).collect())
    }
}

/// Values of `K` in square brackets, at most [`MOST_ENTRIES`].
pub(crate) struct List<K>(PhantomData<K>);

impl<K: Kind> Kind for List<K> {
    type Out = Vec<K::Out>;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<Vec<K::Out>> {
        let Some(array) = value.get_ref().as_array() else {
            at.wrong_type(value, "a list", "write it in square brackets: [ ... ]");
            return None;
        };
        if array.len() > MOST_ENTRIES {
            let message = format!("a list of {} entries", array.len());
            at.bad(value.span(), Invalid::new(message, format!("write at most {MOST_ENTRIES}")));
            return None;
        }
        let mut out = Vec::with_capacity(array.len());
        for entry in array {
            // Every entry is read, so that every wrong one is told.
            out.extend(K::read(entry, at));
        }
        Some(out).filter(|out| out.len() == array.len())
    }
    fn write(out: &Vec<K::Out>, text: &mut String) {
        text.push('[');
        for (index, entry) in out.iter().enumerate() {
            text.push_str(if index == 0 { "" } else { ", " });
            K::write(entry, text);
        }
        text.push(']');
    }
    fn shape() -> Shape {
        Shape::List(Box::new(K::shape()))
    }
}

/// One sort of text in quotes.
pub(crate) trait Text {
    /// What the model holds.
    type Out;
    /// What the text holds, as messages and the manual page say it: `a size`.
    const DESCRIPTION: &'static str;
    /// A text that is right.
    const EXAMPLE: &'static str;
    /// Reads what stands between the quotes.
    fn parse(text: &str) -> Result<Self::Out, Invalid>;
    /// What to write between the quotes.
    fn spell(out: &Self::Out) -> String;
}

/// A TOML string; `T` says what may stand between the quotes.
pub(crate) struct Quoted<T>(PhantomData<T>);

impl<T: Text> Kind for Quoted<T> {
    type Out = T::Out;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<T::Out> {
        let Some(text) = value.get_ref().as_str() else {
            let hint = format!("write for example \"{}\"", T::EXAMPLE);
            at.wrong_type(value, &format!("{} in quotes", T::DESCRIPTION), &hint);
            return None;
        };
        T::parse(text).map_err(|error| at.bad(value.span(), error)).ok()
    }
    fn write(out: &T::Out, text: &mut String) {
        quote(&T::spell(out), text);
    }
    fn shape() -> Shape {
        Shape::Text(T::DESCRIPTION)
    }
}

/// The text of `T`, or `""` for none.
pub(crate) struct Maybe<T>(PhantomData<T>);

impl<T: Text> Kind for Maybe<T> {
    type Out = Option<T::Out>;
    fn read(value: &Spanned<DeValue<'_>>, at: &mut At<'_, '_>) -> Option<Option<T::Out>> {
        if value.get_ref().as_str() == Some("") {
            return Some(None);
        }
        Quoted::<T>::read(value, at).map(Some)
    }
    fn write(out: &Option<T::Out>, text: &mut String) {
        quote(&out.as_ref().map(T::spell).unwrap_or_default(), text);
    }
    fn shape() -> Shape {
        Quoted::<T>::shape()
    }
}

/// A basic string that both TOML and JSON read.
pub(crate) fn quote(value: &str, text: &mut String) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            // TOML wants every control character escaped, U+007F included; all are below U+00A0.
            c if c.is_control() => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
}
