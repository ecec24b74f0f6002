//! How registries answer flintlockd, which asks them at each create and has no login.

use mvm_config::names::ImageRef;
use mvm_core::catalogue::{deep, img};
use mvm_core::{Digest, Finding};

/// How a registry answered the question about one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It names the image's digest, or none.
    Given(Option<Digest>),
    /// It has no such image.
    Absent(String),
    /// It answers with 401 or 403; the error in words.
    LoginWanted(String),
    /// Nobody on this host vouches for its certificate.
    Untrusted(String),
    /// It gave no answer, or none that is of use.
    None(String),
}

/// What an answer means for microVMs.
pub fn finding(image: &ImageRef, answer: &Answer) -> Finding {
    let subject = image.as_str();
    let registry = image.registry();
    let (finding, why) = match answer {
        Answer::Given(Some(digest)) => {
            return deep::proven(subject, format!("its registry gives it to anybody, as {digest}"));
        }
        Answer::Given(None) => return deep::proven(subject, "its registry gives it to anybody"),
        Answer::Absent(why) => (deep::image_absent(subject, registry), why),
        Answer::LoginWanted(why) => (deep::image_private(subject, registry), why),
        Answer::Untrusted(why) => (img::untrusted(subject, registry), why),
        Answer::None(why) => (deep::no_answer(subject, registry), why),
    };
    finding.evidence(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_its_code() {
        let image = ImageRef::parse("r.test/a:1").unwrap();
        let why = || "why".to_owned();
        for (answer, code) in [
            (Answer::Given(None), "MVM-HOST-206"),
            (Answer::Given(Some(Digest::of(b""))), "MVM-HOST-206"),
            (Answer::Absent(why()), "MVM-IMG-201"),
            (Answer::LoginWanted(why()), "MVM-IMG-202"),
            (Answer::None(why()), "MVM-IMG-203"),
            (Answer::Untrusted(why()), "MVM-IMG-025"),
        ] {
            let found = finding(&image, &answer);
            assert_eq!((found.code(), found.subject()), (code, "r.test/a:1"));
            assert!(!found.message().contains('{') && !found.remedy().contains('{'));
        }
    }
}
