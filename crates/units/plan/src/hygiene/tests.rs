//! Tables of the hygiene's plan.

use super::*;

const UID: &str = "01HQ2X5R7T8V9W0XYZ12345678";

fn file(content: Content, process: Option<Process>) -> PidFile {
    PidFile {
        path: PathBuf::from(format!("ns/vm/{UID}/firecracker.pid")),
        inode: 7,
        content,
        process,
    }
}

fn text(text: &str, process: Process) -> PidFile {
    file(Content::Text(text.as_bytes().to_vec()), Some(process))
}

fn line(text: &str) -> Process {
    Process::CommandLine(text.replace(' ', "\0").into_bytes())
}

fn run(file: PidFile) -> Plan<Remove> {
    plan(Path::new("/var/lib/flintlock/vm"), &[file])
}

#[test]
fn a_living_vmm_keeps_its_file() {
    for command in [
        format!("firecracker --id {UID} --boot-timer --no-api"),
        format!(
            "cloud-hypervisor --api-socket /var/lib/flintlock/vm/ns/vm/{UID}/cloudhypervisor.sock"
        ),
        format!("virtiofsd --socket-path=/var/lib/flintlock/vm/ns/vm/{UID}/virtiofs.sock"),
    ] {
        for number in ["4242", "4242\n", " 4242 "] {
            let plan = run(text(number, line(&command)));
            assert!(plan.is_settled() && plan.findings.is_empty(), "{command}");
        }
    }
}

#[test]
fn what_is_stale_goes() {
    let other = format!("firecracker --id x{UID}");
    let cases = [
        (text("4242", Process::Absent), Reason::NoProcess(4242)),
        (text("4242", line("/usr/sbin/sshd -D")), Reason::Stranger(4242)),
        (text("4242", line("")), Reason::Stranger(4242)),
        (text("4242", line(&other)), Reason::Stranger(4242)),
        (text("4242", line(&format!("firecracker --id {UID}0"))), Reason::Stranger(4242)),
        (text("1", line("/sbin/init")), Reason::Stranger(1)),
        (file(Content::NotAFile, None), Reason::NotAFile),
    ];
    for (file, reason) in cases {
        let plan = run(file);
        assert_eq!(plan.steps.iter().map(|step| &step.reason).collect::<Vec<_>>(), [&reason]);
        assert_eq!(plan.steps[0].inode, 7);
        assert!(plan.findings.is_empty());
    }
}

#[test]
fn hostile_content_is_no_number() {
    let huge = "9".repeat(PID_FILE_LIMIT + 1);
    for content in
        ["", "x", "0", "-1", "-4242", "4242 4243", "99999999999999999999", "4e2", "٤٢", &huge]
    {
        let plan = run(file(Content::Text(content.as_bytes().to_vec()), None));
        assert_eq!(plan.steps[0].reason, Reason::NoNumber, "{content:?}");
    }
    let plan = run(file(Content::Text(vec![0xff, 0x00]), None));
    assert_eq!(plan.steps[0].reason, Reason::NoNumber);
}

#[test]
fn in_doubt_it_stays_and_is_reported() {
    for file in [
        text("4242", Process::Unknown("permission denied".to_owned())),
        file(Content::Text(b"4242".to_vec()), None),
        file(Content::Directory, None),
        file(Content::Unreadable("input/output error".to_owned()), None),
    ] {
        let plan = run(file);
        assert!(plan.steps.is_empty() && !plan.is_refused());
        assert_eq!(plan.findings[0].code(), "MVM-HOST-005");
        let path = format!("/var/lib/flintlock/vm/ns/vm/{UID}/firecracker.pid");
        assert_eq!(plan.findings[0].subject(), path);
        assert!(plan.findings[0].remedy().ends_with(&format!("'{path}'")));
    }
}

#[test]
fn a_file_without_a_microvm_directory_names_nobody() {
    let plan = plan(
        Path::new("/"),
        &[PidFile { path: PathBuf::from("firecracker.pid"), ..text("1", line("init")) }],
    );
    assert_eq!(plan.steps[0].reason, Reason::Stranger(1));
}

#[test]
fn a_path_is_quoted_for_the_shell() {
    assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
}
