//! A value of JSON in little memory, borrowed from its text: a host may have tens of thousands of rules,
//! of a dozen small objects each, and mvm-net-watch reads them whenever something changes.

use std::borrow::Cow;
use std::fmt;
use std::ops::Index;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    /// Of the numbers those that are whole.
    Number(i64),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// What is not there.
const NULL: Json<'static> = Json::Null;

impl<'a> Json<'a> {
    /// [`Json::Null`] for what is not JSON.
    pub(super) fn read(text: &'a str) -> Self {
        serde_json::from_str(text).unwrap_or(Self::Null)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(all) => all.iter().find(|(name, _)| name == key).map(|(_, one)| one),
            _ => None,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn as_i64(&self) -> Option<i64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    pub(super) fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(all) = self { Some(all) } else { None }
    }

    /// The first key of an object, and what it stands for.
    pub(super) fn first(&self) -> Option<(&str, &Self)> {
        match self {
            Self::Object(all) => all.first().map(|(key, value)| (key.as_ref(), value)),
            _ => None,
        }
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.as_str() == Some(text)
    }
}

impl<'a> Index<&str> for Json<'a> {
    type Output = Json<'a>;

    fn index(&self, key: &str) -> &Self::Output {
        self.get(key).unwrap_or(&NULL)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Json::Number(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Json::Null, Json::Number))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(one) = all.next_element()? {
            found.push(one);
        }
        Ok(Json::Array(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Key(key)) = all.next_key()? {
            found.push((key, all.next_value()?));
        }
        Ok(Json::Object(found))
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => serializer.serialize_i64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Array(all) => all.serialize(serializer),
            Self::Object(all) => {
                let mut map = serializer.serialize_map(Some(all.len()))?;
                for (key, value) in all {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_as_it_was() {
        let text = r#"{"a":[1,-2,true,null,{"b":"c"}],"d\n":{"e":"f\"g"},"h":{}}"#;
        let read = Json::read(text);
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert_eq!(read["a"].as_array().unwrap()[1].as_i64(), Some(-2));
        assert!(read["a"].as_array().unwrap()[4]["b"].is("c") && read["x"]["y"] == Json::Null);
        assert_eq!(read["h"].first(), None);
        assert_eq!(Json::read("{\"a\": 1"), Json::Null);
        assert_eq!(Json::read("[1.5, 18446744073709551615]"), Json::Array(vec![NULL, NULL]));
    }
}
