//! What flintlockd is told about the images that microVMs on this host name: it asks again when it
//! makes one again, and a microVM that is not made yet waits for it now.

use mvm_config::Config;
use mvm_config::names::ImageRef;
use mvm_core::Finding;
use mvm_core::catalogue::img;
use mvm_images_plan::anonymous::Answer;
use mvm_images_plan::fetch::is_local;
use mvm_images_plan::served;

/// An image, who names it, and how its registry answers flintlockd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageAnswer {
    /// As the microVMs name it.
    pub image: ImageRef,
    /// `NAMESPACE/NAME`, each once.
    pub microvms: Vec<String>,
    /// The registry's answer.
    pub answer: Answer,
}

/// microVMs that are named in the evidence.
const NAMED: usize = 8;

/// What that means for microVMs, and which name to use in its place.
pub fn registry_answers(config: &Config, answers: &[ImageAnswer]) -> Vec<Finding> {
    answers.iter().filter_map(|one| finding(config, one)).collect()
}

fn finding(config: &Config, entry: &ImageAnswer) -> Option<Finding> {
    let why = match &entry.answer {
        Answer::Given(_) => return None,
        Answer::Absent(why)
        | Answer::LoginWanted(why)
        | Answer::Untrusted(why)
        | Answer::None(why) => why,
    };
    let (serve, image) = (&config.images.serve, &entry.image);
    let registry = image.registry();
    let all = || config.images.root.iter().chain(&config.images.kernel);
    let local = || served::local(image, &serve.listen, all());
    let port = registry.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let own = serve.enabled && is_local(registry) && port == Some(serve.listen.port());
    let finding = if own {
        img::not_given_out(image.as_str())
    } else {
        match all()
            .find(|configured| *configured == image)
            .filter(|_| serve.enabled)
            .and_then(|_| local())
        {
            Some(local) => {
                Finding::chosen(&img::ask_here::ROW, image.as_str()).with("local", local)
            }
            None => Finding::chosen(&img::unaskable::ROW, image.as_str()),
        }
    };
    let more = entry.microvms.len().saturating_sub(NAMED);
    let mut named = entry.microvms.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    Some(finding.with("registry", registry).evidence(format!("{why}\nmicroVMs: {named}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::config;

    const SERVED: &str = "images.root = [\"ghcr.io/a/b:1\"]\nimages.serve.enabled = true";

    fn finding_of(text: &str, image: &str, answer: Answer) -> Option<Finding> {
        let (image, microvms) = (ImageRef::parse(image).unwrap(), vec!["ns/one".to_owned()]);
        registry_answers(&config(text), &[ImageAnswer { image, microvms, answer }]).pop()
    }

    #[test]
    fn what_a_registry_does_not_give_is_said_with_the_name_here() {
        let none = || Answer::None("no route to host".to_owned());
        let elsewhere = "images.root = [\"ghcr.io/a/b:1\"]\n\
                         images.serve = { enabled = true, listen = \"192.0.2.1:5000\" }";
        for (text, image, answer, code) in [
            (SERVED, "ghcr.io/a/b:1", Answer::Given(None), ""),
            (SERVED, "ghcr.io/a/b:1", none(), "MVM-IMG-065"),
            (SERVED, "ghcr.io/a/b:1", Answer::LoginWanted(String::new()), "MVM-IMG-065"),
            (SERVED, "ghcr.io/a/b:1", Answer::Untrusted(String::new()), "MVM-IMG-065"),
            // Not one of the file's: nobody here has it.
            (SERVED, "ghcr.io/a/b:2", none(), "MVM-IMG-031"),
            (SERVED, "localhost:5001/a/b:1", none(), "MVM-IMG-031"),
            (SERVED, "localhost:5000/a/b:1", none(), "MVM-IMG-066"),
            (SERVED, "127.0.0.1:5000/a/b:1", Answer::Absent(String::new()), "MVM-IMG-066"),
            (SERVED, "localhost:5000/a/b:1", Answer::Given(None), ""),
            (elsewhere, "ghcr.io/a/b:1", none(), "MVM-IMG-031"),
            ("images.root = [\"ghcr.io/a/b:1\"]", "ghcr.io/a/b:1", none(), "MVM-IMG-031"),
            ("", "localhost:5000/a/b:1", none(), "MVM-IMG-031"),
        ] {
            let found = finding_of(text, image, answer);
            assert_eq!(found.as_ref().map_or("", Finding::code), code, "{text} {image}");
            let shown = found.map(|one| one.message() + &one.remedy()).unwrap_or_default();
            assert!(!shown.contains('{'), "{shown}");
        }
        let found = finding_of(SERVED, "ghcr.io/a/b:1", none()).unwrap();
        assert!(found.remedy().contains("localhost:5000/a/b:1"), "{}", found.remedy());
        assert_eq!(found.evidence_text(), "no route to host\nmicroVMs: ns/one");
    }

    #[test]
    fn many_microvms_are_not_all_named() {
        let image = ImageRef::parse("ghcr.io/a/b:2").unwrap();
        let microvms = (0..20).map(|n| format!("ns/{n}")).collect();
        let answer = Answer::None("away".to_owned());
        let found = registry_answers(&config(""), &[ImageAnswer { image, microvms, answer }])
            .pop()
            .unwrap();
        assert!(
            found.evidence_text().ends_with("ns/6, ns/7 and 12 more"),
            "{}",
            found.evidence_text()
        );
    }
}
