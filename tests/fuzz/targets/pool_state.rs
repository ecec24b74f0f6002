//! What the kernel and the disk say about a pool: no line upsets the readers, and what they accept
//! is printed as a line that means the same.
#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use mvm_pool_plan::lvm;
use mvm_pool_plan::thinpool::{Superblock, ThinPoolStatus, ThinPoolTable};

fuzz_target!(|bytes: &[u8]| {
    let line = String::from_utf8_lossy(bytes);
    if let Ok(status) = line.parse::<ThinPoolStatus>() {
        assert_eq!(status.to_string().parse(), Ok(status));
    }
    if let Ok(table) = line.parse::<ThinPoolTable>() {
        assert_eq!(table.to_string().parse(), Ok(table));
    }
    let _ = Superblock::parse(bytes);
    let _ = mvm_pool_kernel::receipt::parse(&line);
    let _ = mvm_pool_kernel::lvm::receipt::parse(&line);
    let _ = (lvm::volumes(&line), lvm::groups(&line), lvm::signatures(&line));
});
