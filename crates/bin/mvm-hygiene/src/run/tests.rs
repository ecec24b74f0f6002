//! A folder with a /proc and a state directory of its own.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

const UID: &str = "01HQ2X5R7T8V9W0XYZ12345678";

struct Host {
    folder: TempDir,
    roots: Roots,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        fs::create_dir_all(roots.at("/proc")).unwrap();
        Self { folder, roots }
    }

    fn vm(&self) -> PathBuf {
        self.roots.at(FLINTLOCKD_STATE).join("vm")
    }

    fn pid_file(&self, name: &str, program: &str, text: &str) -> PathBuf {
        let path = self.vm().join("ns").join(name).join(UID).join(program);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn process(&self, pid: i32, line: &str) {
        let folder = self.roots.at(format!("/proc/{pid}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cmdline"), line.replace(' ', "\0")).unwrap();
    }

    fn clean(&self) -> Vec<&'static str> {
        clean(&self.roots, &self.vm()).iter().map(Finding::code).collect()
    }
}

#[test]
fn a_host_without_flintlock_has_nothing_to_clean() {
    assert!(Host::new().clean().is_empty());
}

#[test]
fn the_stale_go_the_living_stay_and_the_second_run_is_silent() {
    let host = Host::new();
    let alive = host.pid_file("a", "firecracker.pid", "100\n");
    host.process(100, &format!("firecracker --id {UID}"));
    let stranger = host.pid_file("b", "cloudhypervisor.pid", "200");
    host.process(200, "sshd -D");
    let orphan = host.pid_file("c", "virtiofs.pid", "300");
    let broken = host.pid_file("d", "firecracker.pid", "-1");
    let other = host.pid_file("e", "notes.pid", "300");
    let findings = clean(&host.roots, &host.vm());
    assert_eq!(findings.iter().map(Finding::code).collect::<Vec<_>>(), ["MVM-HOST-003"]);
    assert!(findings[0].message().contains("removed 3 stale"), "{}", findings[0].message());
    for name in ["ns/b/", "ns/c/", "ns/d/"] {
        assert!(findings[0].evidence_text().contains(name));
    }
    assert!(alive.exists() && other.exists());
    assert!(!stranger.exists() && !orphan.exists() && !broken.exists());
    assert!(host.clean().is_empty());
}

#[test]
fn links_are_never_followed() {
    let host = Host::new();
    let outside = host.folder.path().join("outside");
    fs::create_dir_all(outside.join("n").join(UID)).unwrap();
    let treasure = outside.join("n").join(UID).join("firecracker.pid");
    fs::write(&treasure, "300").unwrap();
    fs::create_dir_all(host.vm()).unwrap();
    symlink(&outside, host.vm().join("linked-namespace")).unwrap();
    let link = host.pid_file("a", "firecracker.pid", "");
    fs::remove_file(&link).unwrap();
    symlink(&treasure, &link).unwrap();
    let fifo = host.pid_file("b", "firecracker.pid", "");
    fs::remove_file(&fifo).unwrap();
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(host.clean(), ["MVM-HOST-003"]);
    assert!(treasure.exists(), "the file at the link's end is untouched");
    assert!(fs::symlink_metadata(&link).is_err() && fs::symlink_metadata(&fifo).is_err());
}

#[test]
fn what_is_odd_is_reported_and_left() {
    let host = Host::new();
    let folder = host.vm().join("ns/a").join(UID).join("firecracker.pid");
    fs::create_dir_all(&folder).unwrap();
    fs::write(host.vm().join("ns/file"), "").unwrap();
    assert_eq!(host.clean(), ["MVM-HOST-005"]);
    assert!(folder.is_dir());
    let not_a_folder = Host::new();
    fs::create_dir_all(not_a_folder.vm().parent().unwrap()).unwrap();
    fs::write(not_a_folder.vm(), "").unwrap();
    assert_eq!(not_a_folder.clean(), ["MVM-HOST-006"]);
}

#[test]
fn another_file_in_its_place_is_not_removed() {
    let host = Host::new();
    let path = host.pid_file("a", "firecracker.pid", "300");
    let directory = VmDirectory::open(&host.vm()).unwrap().unwrap();
    let found = directory.observe(&host.roots);
    let step = plan(&host.vm(), &found.files).steps.remove(0);
    fs::write(path.with_extension("new"), "301").unwrap();
    fs::rename(path.with_extension("new"), &path).unwrap();
    assert!(directory.remove(&step).is_err());
    assert!(path.exists());
    fs::remove_file(&path).unwrap();
    directory.remove(&step).unwrap();
}
