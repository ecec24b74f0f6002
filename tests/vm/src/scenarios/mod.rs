//! What mvmhost promises, tried on a real Debian from the built package.
//!
//! One file for each kind of promise. The steps that several need are in [`host`].

pub mod boots;
pub mod chain;
pub mod checks;
pub mod cloud;
pub mod configuration;
pub mod diagnosis;
pub mod faults;
mod full;
pub mod guard;
pub mod host;
pub mod hub;
pub mod images;
pub mod install;
pub mod lvm;
mod lvm_adopted;
mod lvm_checked;
mod lvm_full;
mod lvm_killed;
mod lvm_repaired;
pub mod managers;
pub mod microvms;
pub mod network;
pub mod package;
pub mod pool;
pub mod repair;
pub mod upgrade;
pub mod uplink;
pub mod vlan;

use crate::runner::Test;

/// The state before the installation, kept by `savevm`.
pub const FRESH: &str = "fresh";

/// The state after installation and `mvmhost apply`, kept by `savevm`.
pub const UP: &str = "up";

/// What Debian 13 adds to Debian 12, where everything is tried: another systemd, kernel, containerd
/// and thin_check.
pub const CORE: &[Test] = &[
    Test::new("install", install::installs_and_starts_nothing),
    Test::new("apply", install::apply_brings_the_host_up),
    Test::from(UP, "boots", boots::reboots_and_power_cuts),
    Test::from(UP, "never-half-up", boots::flintlockd_never_ran_without_its_chain),
    Test::from(UP, "typo", configuration::a_typo_leaves_the_host_up_from_the_last_good_file),
    Test::from(UP, "thin-check", pool::thin_check_decides),
    Test::from(UP, "rpm", package::the_rpm_has_the_same_files),
    Test::from(UP, "nat", network::a_guest_gets_an_address_and_out),
    Test::from(UP, "managers", managers::others_leave_our_interfaces_alone),
    Test::from(UP, "dhcp-port", network::a_taken_dhcp_port_is_named),
    Test::from(UP, "vlan", vlan::microvms_on_a_vlan_of_a_late_bond),
    Test::from(UP, "uplink", uplink::an_uplink_is_kept_only_when_it_is_confirmed),
    Test::from(UP, "images", images::images_are_where_flintlock_looks),
    Test::from(UP, "diagnose", diagnosis::journals_are_recognised),
    Test::from(UP, "faults", checks::one_fault_one_code_one_remedy),
    Test::from(UP, "guard", guard::growing_survives_kills_and_power_cuts),
    Test::from(UP, "pool-down", guard::a_pool_is_taken_down_and_checked),
    Test::from(UP, "lvm", lvm::a_pool_on_a_disk),
    Test::from(UP, "killed-lvm", lvm::a_pool_on_a_disk_is_killed),
    Test::from(UP, "remove", package::removal_keeps_what_is_the_operators),
];

/// All, in order: the first ones build the host that the others start from.
pub const TESTS: &[Test] = &[
    Test::new("install", install::installs_and_starts_nothing),
    Test::new("apply", install::apply_brings_the_host_up),
    Test::from(UP, "boots", boots::reboots_and_power_cuts),
    Test::from(UP, "power-cut-while-applying", boots::power_cut_while_applying),
    Test::from(UP, "never-half-up", boots::flintlockd_never_ran_without_its_chain),
    Test::from(UP, "typo", configuration::a_typo_leaves_the_host_up_from_the_last_good_file),
    Test::from(UP, "changes", configuration::only_what_changed_is_restarted),
    Test::from(UP, "hostile-files", configuration::unreadable_files_are_refused),
    Test::from(UP, "token", configuration::the_token_is_on_no_command_line),
    Test::from(UP, "full-disk", configuration::a_full_disk_is_said),
    Test::from(UP, "file-missing", pool::a_missing_file_is_refused_and_heals),
    Test::from(UP, "files-wrong", pool::wrong_files_are_refused_and_left_alone),
    Test::from(UP, "thin-check", pool::thin_check_decides),
    Test::from(UP, "loops", pool::loop_numbers_do_not_matter),
    Test::from(UP, "no-loop", pool::without_loop_devices),
    Test::from(UP, "name-taken", pool::a_taken_name_is_refused),
    Test::from(UP, "provision-sh", pool::a_pool_of_provision_sh_is_taken_over),
    Test::from(UP, "containerd-killed", chain::containerd_comes_back_with_flintlockd),
    Test::from(UP, "operator-config", chain::the_operators_containerd_configuration_is_checked),
    Test::from(UP, "port-taken", chain::a_taken_port_is_named),
    Test::from(UP, "deaf-flintlockd", chain::a_flintlockd_that_does_not_listen_is_not_up),
    Test::from(UP, "hygiene", chain::stale_pid_files_go_and_others_stay),
    Test::from(UP, "nat", network::a_guest_gets_an_address_and_out),
    Test::from(UP, "faults", checks::one_fault_one_code_one_remedy),
    Test::from(UP, "other-faults", faults::the_rest),
    Test::from(UP, "pool-faults", faults::a_pool_without_writes_is_refused),
    Test::from(UP, "warnings", checks::warnings_stop_nothing_and_exceptions_end),
    Test::from(UP, "images", images::images_are_where_flintlock_looks),
    Test::from(UP, "diagnose", diagnosis::journals_are_recognised),
    Test::from(UP, "report", diagnosis::a_report_holds_no_secret),
    Test::from(UP, "microvm", microvms::from_init_to_a_microvm),
    Test::from(UP, "drop-ins", microvms::drop_ins_of_others_are_named_and_moved_aside),
    Test::from(UP, "guard", guard::a_pool_that_fills_up_is_grown_or_braked),
    Test::from(UP, "upgrade", upgrade::an_upgrade_disturbs_nothing),
    Test::from(UP, "remove", package::removal_keeps_what_is_the_operators),
    Test::from(FRESH, "cloud-init", cloud::the_first_boot_makes_the_host),
];
