//! Whether a control node answers. A node alone proves nothing: static nodes exist without driver.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use mvm_pool_plan::thinpool::Control;

pub(crate) fn look(node: &Path) -> Control {
    match OpenOptions::new().read(true).write(true).open(node) {
        Ok(_) => Control::Usable,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Control::Absent,
        Err(error) => Control::Dead(error.to_string()),
    }
}
