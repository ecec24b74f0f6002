//! What mvmhost promises, tried on a real Debian from the built package.
//!
//! One file for each kind of promise. The steps that several need are in [`host`].

pub mod arm64;
pub mod boots;
pub mod chain;
pub mod checks;
pub mod cloud;
pub mod configuration;
pub mod diagnosis;
pub mod documents;
pub mod faults;
pub mod first_microvm;
pub mod fleet;
mod full;
pub mod guard;
pub mod half_changed;
pub mod healed;
pub mod host;
pub mod hub;
pub mod images;
pub mod init_to_green;
pub mod install;
pub mod lan;
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
pub mod reloads;
pub mod remedies;
pub mod repair;
pub mod stopped;
pub mod survives;
pub mod upgrade;
pub mod upgrade_from;
pub mod uplink;
pub mod vlan;

use crate::image::Suite::{Bookworm, Trixie};
use crate::scenario::Gate::{Both, No, Only};
use crate::scenario::{Scenario, Setup, Stage};
use crate::setup;

/// The state before the installation.
pub const FRESH: &str = "fresh";

/// The state after the installation, with the stand-ins in place.
pub const INSTALLED: &str = "installed";

/// The state after `mvmhost apply`.
pub const UP: &str = "up";

/// A fresh Debian, the package, the host.
pub const SETUP: Setup = Setup {
    boot: setup::boot,
    booted: FRESH,
    stages: &[
        Stage { name: "install", state: INSTALLED, body: install::installs_and_starts_nothing },
        Stage { name: "apply", state: UP, body: install::apply_brings_the_host_up },
    ],
};

/// Every promise. The gate has, on both suites, what an operator loses sleep over: boots, power cuts,
/// refusals, reach, images, upgrade and removal; of the rest, one of each kind on one suite. Long
/// series and every fault one by one are for `--all`.
pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(UP, "boots", Both, 150, boots::reboots_and_power_cuts),
    Scenario::new(UP, "many-boots", No, 500, boots::many_reboots_and_power_cuts),
    Scenario::new(
        UP,
        "power-cut-while-applying",
        Only(Bookworm),
        80,
        boots::power_cut_while_applying,
    ),
    Scenario::new(UP, "never-half-up", Both, 60, boots::flintlockd_never_ran_without_its_chain),
    Scenario::new(
        UP,
        "typo",
        Both,
        60,
        configuration::a_typo_leaves_the_host_up_from_the_last_good_file,
    ),
    Scenario::new(UP, "changes", Only(Bookworm), 90, configuration::only_what_changed_is_restarted),
    Scenario::new(
        UP,
        "hostile-files",
        Only(Trixie),
        40,
        configuration::unreadable_files_are_refused,
    ),
    Scenario::new(UP, "token", Only(Trixie), 40, configuration::the_token_is_on_no_command_line),
    Scenario::new(UP, "full-disk", No, 60, configuration::a_full_disk_is_said),
    Scenario::new(UP, "file-missing", No, 60, pool::a_missing_file_is_refused_and_heals),
    Scenario::new(
        UP,
        "files-wrong",
        Only(Bookworm),
        60,
        pool::wrong_files_are_refused_and_left_alone,
    ),
    Scenario::new(UP, "thin-check", Both, 60, pool::thin_check_decides),
    Scenario::new(UP, "loops", No, 40, pool::loop_numbers_do_not_matter),
    Scenario::new(UP, "no-loop", No, 40, pool::without_loop_devices),
    Scenario::new(UP, "name-taken", No, 40, pool::a_taken_name_is_refused),
    Scenario::new(
        UP,
        "provision-sh",
        Only(Bookworm),
        80,
        pool::a_pool_of_provision_sh_is_taken_over,
    ),
    Scenario::new(
        UP,
        "containerd-killed",
        Only(Bookworm),
        40,
        chain::containerd_comes_back_with_flintlockd,
    ),
    Scenario::new(
        UP,
        "operator-config",
        No,
        40,
        chain::the_operators_containerd_configuration_is_checked,
    ),
    Scenario::new(UP, "port-taken", No, 40, chain::a_taken_port_is_named),
    Scenario::new(
        UP,
        "deaf-flintlockd",
        Only(Trixie),
        40,
        chain::a_flintlockd_that_does_not_listen_is_not_up,
    ),
    Scenario::new(UP, "hygiene", Only(Bookworm), 40, chain::stale_pid_files_go_and_others_stay),
    Scenario::new(UP, "nat", Both, 150, network::a_guest_gets_an_address_and_out),
    Scenario::new(UP, "managers", Only(Trixie), 90, managers::others_leave_our_interfaces_alone),
    Scenario::new(UP, "reloads", No, 150, reloads::everything_stays_or_comes_back),
    Scenario::new(UP, "dhcp-port", No, 60, network::a_taken_dhcp_port_is_named),
    Scenario::new(UP, "vlan", No, 150, vlan::microvms_on_a_vlan_of_a_late_bond),
    Scenario::new(
        UP,
        "uplink",
        Only(Trixie),
        120,
        uplink::an_uplink_is_kept_only_when_it_is_confirmed,
    ),
    Scenario::new(UP, "faults", Only(Bookworm), 120, checks::one_fault_one_code_one_remedy),
    Scenario::new(UP, "stopped", Only(Trixie), 90, stopped::no_unit_is_missed),
    Scenario::new(UP, "microvm", Both, 100, microvms::from_init_to_a_microvm),
    Scenario::new(
        UP,
        "drop-ins",
        Only(Bookworm),
        60,
        microvms::drop_ins_of_others_are_named_and_moved_aside,
    ),
    Scenario::new(UP, "other-faults", No, 90, faults::the_rest),
    Scenario::new(UP, "pool-faults", No, 60, faults::a_pool_without_writes_is_refused),
    Scenario::new(UP, "warnings", No, 60, checks::warnings_stop_nothing_and_exceptions_end),
    Scenario::new(UP, "images", Both, 150, images::images_are_where_flintlock_looks),
    Scenario::new(
        UP,
        "registry",
        Only(Trixie),
        100,
        images::alone::a_host_answers_flintlockd_itself,
    ),
    Scenario::new(UP, "diagnose", Only(Trixie), 60, diagnosis::journals_are_recognised),
    Scenario::new(UP, "documents", No, 150, documents::documents_are_as_their_schemas_say),
    Scenario::new(UP, "remedies", No, 250, remedies::remedies_work_as_they_are_printed),
    Scenario::new(UP, "heals-programs", No, 150, healed::programs::missing_programs_come_back),
    Scenario::new(UP, "heals-network", No, 120, healed::lan::the_network_heals),
    Scenario::new(UP, "heals-pool", No, 120, healed::storage::the_pool_heals),
    Scenario::new(
        UP,
        "heals-clients",
        No,
        150,
        healed::certificates::certificates_and_clients_heal,
    ),
    Scenario::new(INSTALLED, "heals-disk", No, 150, healed::disks::a_pool_on_a_disk_heals),
    Scenario::new(FRESH, "init", No, 150, init_to_green::four_answers_make_a_green_host),
    Scenario::new(UP, "report", No, 40, diagnosis::a_report_holds_no_secret),
    Scenario::new(UP, "guard", Only(Bookworm), 120, guard::a_pool_that_fills_up_is_grown_or_braked),
    Scenario::new(UP, "guard-killed", No, 150, guard::growing_survives_kills_and_power_cuts),
    Scenario::new(UP, "pool-down", No, 90, guard::a_pool_is_taken_down_and_checked),
    Scenario::new(UP, "lvm", Only(Trixie), 200, lvm::a_pool_on_a_disk),
    Scenario::new(UP, "lvm-used", No, 250, lvm::a_pool_on_a_disk_is_used),
    Scenario::new(UP, "killed-lvm", No, 120, lvm::a_pool_on_a_disk_is_killed),
    Scenario::new(
        UP,
        "interrupted",
        Only(Bookworm),
        90,
        survives::an_interrupted_snapshot_is_put_away,
    ),
    Scenario::new(UP, "older-database", Only(Trixie), 60, survives::an_older_database_is_refused),
    Scenario::new(UP, "microvms-stay", Both, 90, survives::removal_leaves_microvms_alone),
    Scenario::new(
        UP,
        "change-fails",
        No,
        150,
        half_changed::a_change_that_fails_leaves_microvms_alone,
    ),
    Scenario::new(UP, "upgrade", Both, 100, upgrade::an_upgrade_disturbs_nothing),
    Scenario::new(UP, "rpm", Only(Trixie), 60, package::the_rpm_has_the_same_files),
    Scenario::new(UP, "remove", Both, 80, package::removal_keeps_what_is_the_operators),
    Scenario::new(FRESH, "first-release", No, 200, upgrade_from::a_host_of_0_1_0_goes_on),
    Scenario::new(FRESH, "first-microvm", No, 150, first_microvm::what_readme_says_makes_a_microvm),
    Scenario::new(FRESH, "cloud-init", No, 150, cloud::the_first_boot_makes_the_host),
];
