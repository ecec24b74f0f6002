//! `mvmhost report`: a tarball for whoever helps, without secrets.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64;
use mvm_checks::redact::Redactor;
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::Config;
use mvm_config::last_good::load_or_last_good;
use mvm_core::exec::{self, Execute, Limits, System};
use mvm_core::json::Document;
use mvm_core::{Roots, atomic, catalogue, chain, names};
use serde_json::Value;

/// How long one program may take.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Of each program's output and each file this much is kept, from its beginning, in bytes.
const MOST: usize = 8 * 1024 * 1024;
/// Files that are kept when they are there. None that is there to hold a secret.
const FILES: [&str; 8] = [
    "/etc/mvmhost.toml",
    "/etc/mvmhost/applied.toml",
    "/etc/containerd/config.toml",
    names::OPERATOR_CONTAINERD_CONFIG,
    names::CONTAINERD_DEV_CONFIG,
    names::FLINTLOCKD_OPERATOR_CONFIG,
    "/run/mvmhost/report.json",
    "/var/lib/mvmhost/receipt.json",
];

/// Writes the tarball; exit 1 when it cannot be written.
pub fn run(context: &Context, output: &Path) -> Exit {
    let roots = &context.roots;
    // A report is wanted most where the configuration is wrong.
    let config = load_or_last_good(roots, context.config.as_deref()).ok();
    let config = config.map(|(loaded, _)| loaded.config);
    let known_secrets = config.as_ref().map(|config| secrets(roots, config)).unwrap_or_default();
    let packed = Redactor::new(known_secrets)
        .map_err(io::Error::other)
        .and_then(|redactor| pack(roots, config.as_ref(), &redactor, &System, output));
    match packed {
        Ok(()) => {
            let file = output.display().to_string();
            match context.json {
                true => output::print(&Document::new(&[]).with("file", file).text()),
                false => output::print(&format!("{file}\n")),
            }
            Exit::Done
        }
        Err(error) => {
            let failed = catalogue::report::not_written(output.display().to_string(), &error);
            output::findings(context.json, &[failed]);
            Exit::Findings
        }
    }
}

/// What is secret on this host: flintlockd's token and its form on the wire, registry credentials.
fn secrets(roots: &Roots, config: &Config) -> Vec<String> {
    let read = |path: &str| atomic::read_linked(&roots.at(path), 1024 * 1024).unwrap_or_default();
    let mut found = Vec::new();
    if let Some(file) = &config.flintlockd.basic_auth_token_file {
        let token = String::from_utf8_lossy(&read(file.as_str())).trim().to_owned();
        found.push(BASE64.encode(token.as_bytes()));
        found.push(token);
    }
    if let Some(file) = &config.images.auth_file {
        let value = serde_json::from_slice(&read(file.as_str())).unwrap_or(Value::Null);
        credentials(&value, &mut found);
    }
    found
}

/// Every text in a docker config.json that is a secret, and what it encodes.
fn credentials(value: &Value, found: &mut Vec<String>) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        match value {
            Value::String(text) if !["username", "email"].contains(&name.as_str()) => {
                found.push(text.clone());
                let plain = BASE64.decode(text.as_bytes()).ok();
                let plain = plain.and_then(|bytes| String::from_utf8(bytes).ok());
                if let Some((_, password)) = plain.as_deref().and_then(|text| text.split_once(':'))
                {
                    found.push(password.to_owned());
                }
            }
            other => credentials(other, found),
        }
    }
}

/// Writes the tarball; it is readable by its owner alone, and no file is overwritten.
fn pack(
    roots: &Roots,
    config: Option<&Config>,
    redactor: &Redactor,
    programs: &dyn Execute,
    output: &Path,
) -> io::Result<()> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(output)?;
    let mut tar = tar::Builder::new(file);
    let mut keep = |name: &str, text: &str| append(&mut tar, name, &redactor.text(text));
    for (name, command) in questions(config) {
        keep(&name, &answer(roots, programs, &command))?;
    }
    let mut files: Vec<PathBuf> = FILES.iter().map(PathBuf::from).collect();
    let fragments = fs::read_dir(roots.config_fragments()).into_iter().flatten().flatten();
    files.extend(fragments.map(|found| Path::new("/etc/mvmhost.toml.d").join(found.file_name())));
    for path in files {
        if let Ok(bytes) = atomic::read_linked(&roots.at(&path), MOST as u64) {
            let name = format!("files{}", path.display());
            keep(&name, &String::from_utf8_lossy(&bytes))?;
        }
    }
    tar.into_inner()?.flush()
}

/// What is asked: the name of the answer, and the command.
fn questions(config: Option<&Config>) -> Vec<(String, Vec<String>)> {
    let split = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut all: Vec<(String, Vec<String>)> =
        ["status", "plan", "check", "facts", "vms", "diagnose"]
            .map(|name| (format!("{name}.json"), split(&format!("mvmhost --json {name}"))))
            .to_vec();
    for (name, command) in [
        ("versions.txt", "uname -a"),
        ("addresses.txt", "ip -details address show"),
        ("routes.txt", "ip route show table all"),
        ("mapper.txt", "dmsetup table"),
        ("mapper-status.txt", "dmsetup status"),
        ("disks.txt", "lsblk --all"),
        ("mounts.txt", "findmnt --real"),
        ("kernel.txt", "journalctl --no-pager --boot --dmesg --lines=5000"),
        ("mvmhost.txt", "journalctl --no-pager --boot --identifier=mvmhost --catalog --lines=2000"),
        ("jobs.txt", "systemctl --no-pager list-units --all mvm*"),
    ] {
        all.push((name.to_owned(), split(command)));
    }
    for unit in config.map(mvm_units_plan::chain).unwrap_or_default() {
        let journal = format!("journalctl --no-pager --boot --lines=5000 --unit={unit}");
        all.push((format!("units/{unit}.txt"), split(&format!("systemctl --no-pager cat {unit}"))));
        all.push((format!("journals/{unit}.txt"), split(&journal)));
    }
    all
}

/// What the program says, or why it says nothing.
fn answer(roots: &Roots, programs: &dyn Execute, command: &[String]) -> String {
    let Some((name, arguments)) = command.split_first() else { return String::new() };
    let Some(program) = exec::find(roots, name) else {
        return format!("there is no {name}\n");
    };
    let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    let mut head = Vec::new();
    let mut take = |bytes: &[u8]| {
        let room = MOST.saturating_sub(head.len());
        head.extend(bytes.iter().take(room));
    };
    let mut limits = Limits::timeout(TIMEOUT);
    limits.stdout = Some(&mut take);
    let result = programs.run(&program, &arguments, &mut limits);
    let mut text = String::from_utf8_lossy(&head).into_owned();
    match result {
        Ok(exit) => text.push_str(&exit.stderr),
        Err(error) => text.push_str(&chain(&error)),
    }
    text
}

fn append(tar: &mut tar::Builder<File>, name: &str, text: &str) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    header.set_mtime(now.as_secs());
    tar.append_data(&mut header, Path::new("mvmhost-report").join(name), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_core::exec::Recording;
    use std::io::Read;

    const PLANTED: [&str; 6] = [
        "t0ken-of-flintlockd",
        "pa55word-of-ghcr",
        "identity-of-quay",
        "MHcCAQEEIkey",
        "hunter2-in-url",
        "bearer-in-journal",
    ];

    /// A host with a secret in every place that can have one, and programs that repeat them all.
    fn planted(roots: &Roots) -> String {
        let put = |path: &str, text: &str| {
            let path = roots.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let [token, password, identity, key, url, bearer] = PLANTED;
        let auth = BASE64.encode(format!("me:{password}").as_bytes());
        let wire = BASE64.encode(token.as_bytes());
        put("/etc/token", &format!("{token}\n"));
        put(
            "/etc/auth.json",
            &format!(
                r#"{{"auths":{{"ghcr.io":{{"auth":"{auth}"}},"quay.io":{{"identitytoken":"{identity}"}}}}}}"#
            ),
        );
        put(
            "/etc/mvmhost.toml",
            "[flintlockd]\nbasic-auth-token-file = \"/etc/token\"\n[images]\nauth-file = \"/etc/auth.json\"\n",
        );
        put("/etc/mvmhost.toml.d/10-a.toml", &format!("# {password} {identity}\n"));
        put("/etc/opt/flintlockd/config.yaml", &format!("basic-auth-token: {token}\n"));
        put("/run/mvmhost/flintlockd/flintlockd/config.yaml", token);
        put("/etc/containerd/config.toml", &format!("# https://me:{url}@mirror/\n"));
        for name in ["mvmhost", "journalctl", "uname", "systemctl"] {
            put(&format!("/usr/bin/{name}"), "");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(roots.at(format!("/usr/bin/{name}")), mode).unwrap();
        }
        format!(
            "token {token} on the wire {wire}\nauthorization: Bearer {bearer}\n-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n{auth} {identity} kept-line\n"
        )
    }

    #[test]
    fn planted_secrets_are_not_in_the_tarball() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let stdout = planted(&roots);
        let exit =
            exec::Exit { code: Some(0), stderr: stdout.clone(), stdout, ..exec::Exit::default() };
        let programs = Recording::new(std::iter::repeat_n(exit, 40));
        let (loaded, _) = load_or_last_good(&roots, None).unwrap();
        let redactor = Redactor::new(secrets(&roots, &loaded.config)).unwrap();
        let output = folder.path().join("report.tar");
        pack(&roots, Some(&loaded.config), &redactor, &programs, &output).unwrap();

        let mut text = String::new();
        File::open(&output).unwrap().read_to_string(&mut text).unwrap();
        let coded = [PLANTED[0].to_owned(), format!("me:{}", PLANTED[1])];
        let coded = coded.map(|text| BASE64.encode(text.as_bytes()));
        for secret in PLANTED.into_iter().chain(coded.iter().map(String::as_str)) {
            assert!(!text.contains(secret), "{secret} is in the report");
        }
        assert!(text.contains("kept-line") && text.contains("basic-auth-token-file"));
        let mut names = Vec::new();
        for entry in tar::Archive::new(File::open(&output).unwrap()).entries().unwrap() {
            names.push(entry.unwrap().path().unwrap().display().to_string());
        }
        for name in [
            "check.json",
            "diagnose.json",
            "files/etc/mvmhost.toml.d/10-a.toml",
            "units/flintlockd.service.txt",
            "journals/flintlockd.service.txt",
        ] {
            assert!(names.contains(&format!("mvmhost-report/{name}")), "{names:?}");
        }
        let again = pack(&roots, None, &redactor, &programs, &output).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }
}
