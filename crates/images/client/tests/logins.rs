//! Login files as docker, podman, az, gcloud and their helpers write them: a file of `logins/` a
//! case. What goes to the registry and to its token server is looked at, header for header.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use mvm_config::names::ImageRef;
use mvm_core::Roots;
use mvm_images_client::registry::{Helpers, Registry, Settings, Timeouts};
use mvm_images_client::{Error, finding};
use mvm_images_plan::auth::Logins;
use mvm_images_plan::proxy::Proxies;
use mvm_images_plan::{RequestedImage, Role};
use serde::Deserialize;
use tokio::time::Instant;

#[cfg(test)]
mod server;

use server::{Answer, Request, Server, answer, run};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Case {
    about: String,
    image: String,
    challenge: String,
    config: serde_json::Value,
    /// The header that must let us in; none where nothing may be sent.
    sent: Option<String>,
    #[serde(default)]
    helpers: BTreeMap<String, Helper>,
    /// What the token server must be shown.
    token_server: Option<String>,
    /// What must be said when there is no login.
    why: Option<String>,
}

#[derive(Deserialize)]
struct Helper {
    answer: String,
    #[serde(default)]
    code: u8,
    #[serde(default)]
    hangs: bool,
    /// What must come to its standard input, once; none where it may not be run.
    asked: Option<String>,
}

const TYPE: (&str, &str) = ("content-type", "application/vnd.oci.image.manifest.v1+json");

/// A registry with its token server, both behind a proxy, so that they can have any name.
fn reply(kind: &str, sent: Option<&str>, request: &Request) -> Answer {
    let host = request.header("host").unwrap_or_default();
    if request.path.contains("/token") {
        let body = match kind {
            "bearer-without-post" if request.method == "POST" => {
                return answer("404 Not Found", &[], b"");
            }
            "bearer-access-token" => &br#"{"token":"","access_token":"good","expires_in":60}"#[..],
            _ => &br#"{"token":"good"}"#[..],
        };
        return answer("200 OK", &[], body);
    }
    if sent.is_some() && request.header("authorization") == sent {
        return answer("200 OK", &[TYPE], br#"{"schemaVersion":2}"#);
    }
    let challenge = match kind {
        "basic" => "Basic realm=\"r\"".to_owned(),
        _ => format!("Bearer realm=\"http://{host}/token\",service=\"r\""),
    };
    answer("401 Unauthorized", &[("www-authenticate", &challenge)], b"")
}

fn install(folder: &Path, helpers: &BTreeMap<String, Helper>) {
    let programs = folder.join("usr/local/bin");
    fs::create_dir_all(&programs).unwrap();
    for (name, helper) in helpers {
        let path = programs.join(format!("docker-credential-{name}"));
        let wait = if helper.hangs { "sleep 60\n" } else { "" };
        let text = format!(
            "#!/bin/sh\n[ \"$1\" = get ] || exit 9\ncat >>\"$0.asked\"\nprintf %s '{}'\necho SECRET >&2\n{wait}exit {}\n",
            helper.answer, helper.code
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

async fn check(name: &str, case: &Case) {
    let folder = tempfile::tempdir().unwrap();
    install(folder.path(), &case.helpers);
    let file = folder.path().join("config.json");
    let text = case.config.to_string();
    fs::write(&file, &text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let (kind, sent) = (case.challenge.clone(), case.sent.clone());
    let server = Server::start(move |request, _| reply(&kind, sent.as_deref(), request)).await;
    let image = ImageRef::parse(&case.image).unwrap();
    let long = Duration::from_secs(30);
    let timeout = if case.helpers.values().any(|one| one.hangs) { 1 } else { 30 };
    let helpers = Helpers {
        timeout: Duration::from_secs(timeout),
        ..Helpers::new(Roots::new(folder.path()), file)
    };
    let settings = Settings {
        insecure: vec![image.registry().to_owned()],
        logins: Logins::parse(&text).unwrap(),
        helpers: Some(helpers),
        timeouts: Timeouts { connect: long, idle: long, answer: long, speed_up: 100 },
        proxies: Some(Proxies { http: server.host(), ..Proxies::default() }),
        ..Settings::default()
    };
    let registry = Registry::new(settings, Instant::now() + long * 2).unwrap();
    let about = format!("{name}: {}", case.about);
    let result = registry.document(image.registry(), image.repository(), "1").await;
    assert_eq!(result.is_ok(), case.sent.is_some(), "{about}: {result:?}");
    assert_sent(&about, case, &server.requests());
    for (name, helper) in &case.helpers {
        let path = folder.path().join(format!("usr/local/bin/docker-credential-{name}.asked"));
        assert_eq!(fs::read_to_string(path).ok(), helper.asked, "{about}");
    }
    if let Err(error) = result {
        assert_finding(&about, case, &image, &error);
    }
}

/// What went out, and that it was nothing else.
fn assert_sent(about: &str, case: &Case, requests: &[Request]) {
    let of = |request: &Request| request.header("authorization").unwrap_or_default().to_owned();
    let (tokens, registry): (Vec<_>, Vec<_>) =
        requests.iter().partition(|request| request.path.contains("/token"));
    let headers: Vec<String> = registry.into_iter().map(of).filter(|h| !h.is_empty()).collect();
    let expected: Vec<String> = case.sent.iter().cloned().collect();
    assert_eq!(headers, expected, "{about}");
    let last = tokens.last().map(|request| match request.method.as_str() {
        "POST" => {
            let field = |part: &str| part.strip_prefix("refresh_token=").map(str::to_owned);
            format!("POST {}", request.body.split('&').find_map(field).unwrap_or_default())
        }
        method => format!("{method} {}", of(request)),
    });
    assert_eq!(last, case.token_server, "{about}");
}

/// What an operator is told, in which no secret stands.
fn assert_finding(about: &str, case: &Case, image: &ImageRef, error: &Error) {
    let requested = RequestedImage { reference: image.clone(), role: Role::Kernel };
    let finding = finding::failed(&requested, error);
    let text = format!("{}\n{}\n{}", finding.message(), finding.evidence_text(), finding.remedy());
    assert!(!text.contains("SECRET"), "{about}: {text}");
    let helped = case.helpers.values().all(|one| one.answer.contains("not found"));
    let code = match case.why.as_deref() {
        Some(why) if why.contains("docker-credential") || why.contains("program") => "MVM-IMG-026",
        Some(_) if !helped => "MVM-IMG-026",
        _ => "MVM-IMG-003",
    };
    assert_eq!(finding.code(), code, "{about}: {text}");
    assert!(text.contains(case.why.as_deref().unwrap_or_default()), "{about}: {text}");
}

#[test]
fn each_file_lets_in_where_it_should_and_nowhere_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logins");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|one| one.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 25, "{}", files.len());
    run(async {
        for file in files {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let case: Case = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            check(&name, &case).await;
        }
    });
}

#[test]
fn a_helper_is_not_run_for_a_file_that_others_can_write() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let answer_of_helper = r#"{"Username":"u","Secret":"p"}"#.to_owned();
        let helper = Helper { answer: answer_of_helper, code: 0, hangs: false, asked: None };
        install(folder.path(), &BTreeMap::from([("x".to_owned(), helper)]));
        let file = folder.path().join("config.json");
        fs::write(&file, "{}").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        let server = Server::start(|request, _| reply("basic", None, request)).await;
        let text = format!(r#"{{"credHelpers":{{"{}":"x"}}}}"#, server.host());
        let settings = Settings {
            insecure: vec![server.host()],
            logins: Logins::parse(&text).unwrap(),
            helpers: Some(Helpers::new(Roots::new(folder.path()), file)),
            ..Settings::default()
        };
        let until = Instant::now() + Duration::from_secs(30);
        let registry = Registry::new(settings, until).unwrap();
        let failure = registry.document(&server.host(), "a/b", "1").await.unwrap_err();
        assert!(failure.to_string().contains("others than root can write"), "{failure}");
        assert!(!folder.path().join("usr/local/bin/docker-credential-x.asked").exists());
    });
}
