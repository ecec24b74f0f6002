//! One catch-all for each step of flintlockd's plan, and for what stands around the steps: a line
//! that no other row knows lands here, with its innermost cause quoted.

use mvm_core::catalogue::seen::{network as net, steps};

use super::About::{Containerd, Flintlockd, Image, MicroVm};
use super::{F, Pattern, p};

pub(super) const TABLE: &[Pattern] = &[
    // Classes that every step may meet.
    p(
        0,
        F,
        r"(?s)step (?:runtime_dir_create|io_(?:create|delete)_dir|cloudinit_disk_mount|runtime_virtiofs_create|microvm_create).*(?:no space left on device|read-only file system|disk quota exceeded|input/output error)",
        &steps::state_not_written::ROW,
        Flintlockd,
    ),
    p(
        0,
        F,
        r"cannot allocate memory|resource temporarily unavailable|too many open files|no buffer space available",
        &steps::no_resources::ROW,
        Flintlockd,
    ),
    p(
        0,
        F,
        r"(?s)step network_iface_create.*(?:[Nn]o such device|Link not found|no such network interface)",
        &net::parent_missing::ROW,
        Flintlockd,
    ),
    p(
        0,
        F,
        r"(?s)/dev/net/tun: (?:no such file or directory|no such device|permission denied|operation not permitted)",
        &steps::no_tun::ROW,
        Flintlockd,
    ),
    p(
        0,
        F,
        r"code = Unavailable|connection error: desc|error while dialing|error reading from server|the client connection is closing|containerd\.sock: connect",
        &steps::containerd_gone::ROW,
        Containerd,
    ),
    p(
        0,
        F,
        r"context deadline exceeded|DeadlineExceeded",
        &steps::containerd_slow::ROW,
        Containerd,
    ),
    // A plan names the step that it was about to hold.
    p(
        0,
        F,
        r"creating plan for|should be included in plan|adding [a-z ]+ step:",
        &steps::plan::ROW,
        MicroVm,
    ),
    // The steps.
    p(
        0,
        F,
        r"step (?:runtime_dir_create|io_create_dir|io_delete_dir)(?-u:\b)",
        &steps::state_dir::ROW,
        MicroVm,
    ),
    p(0, F, r"step runtime_virtiofs_(?:create|delete)(?-u:\b)", &steps::virtiofs::ROW, MicroVm),
    p(0, F, r"step runtime_(?:kernel|initrd)_mount(?-u:\b)", &steps::kernel::ROW, MicroVm),
    p(
        0,
        F,
        r"pulling image using containerd|failed to resolve reference|failed to do request|httpReadSeeker",
        &steps::pull::ROW,
        Image,
    ),
    p(0, F, r"step runtime_volume_mount(?-u:\b)", &steps::volume::ROW, MicroVm),
    p(0, F, r"step cloudinit_disk_mount(?-u:\b)", &steps::cloud_init::ROW, MicroVm),
    p(0, F, r"step network_iface_create(?-u:\b)", &steps::interface::ROW, MicroVm),
    p(0, F, r"step network_iface_delete(?-u:\b)", &steps::interface_stays::ROW, MicroVm),
    p(0, F, r"step microvm_create(?-u:\b)", &steps::create::ROW, MicroVm),
    p(0, F, r"step microvm_start(?-u:\b)", &steps::start::ROW, MicroVm),
    p(0, F, r"step microvm_delete(?-u:\b)", &steps::delete::ROW, MicroVm),
    p(0, F, r"step runtime_repo_release(?-u:\b)", &steps::release::ROW, MicroVm),
    p(
        0,
        F,
        r"step event_publish(?-u:\b)|publishing microvm [a-z]+ event",
        &steps::event::ROW,
        Containerd,
    ),
    // What stands around them.
    p(
        0,
        F,
        r"failed serving (?:http )?api|failed running controllers|starting microvm controller:|failed to start grpc server",
        &steps::not_serving::ROW,
        Flintlockd,
    ),
    p(0, F, r"failed to reconcile vmid", &steps::reconcile::ROW, MicroVm),
    p(
        0,
        F,
        r#"level="?(?:error|fatal|panic)(?-u:\b)|^(?:panic|fatal error): |^Error: "#,
        &steps::other::ROW,
        Flintlockd,
    ),
];
