//! A machine that records what is done to it and can fail at any point.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use mvm_core::Roots;
use mvm_pool_kernel::loops::{Loop, LoopDevices, OpenLoop};
use mvm_pool_kernel::mapper::{DeviceMapper, Look, Settling, Target};
use mvm_pool_kernel::{Error, Operation};
use mvm_pool_plan::loopback::Desired;
use mvm_pool_plan::thinpool::{Control, DevNum, FileId, Pool, ThinPoolTable};

/// What the default configuration asks for of a pool with files in this directory.
pub(crate) fn pool(directory: &str) -> Pool {
    let config = mvm_config::load::parse(&[]).unwrap().config;
    Pool { name: "pool".to_owned(), aside: directory.into(), ..Pool::new(&config, None) }
}

/// A small pool on files.
pub(crate) fn desired(directory: &str) -> Desired {
    Desired {
        pool: pool(directory),
        directory: directory.into(),
        data_size: 64 << 20,
        metadata_size: 4 << 20,
    }
}

/// Loop devices and device-mapper over a folder; files in it are real.
pub(crate) struct Machine {
    pub(crate) roots: Roots,
    pub(crate) calls: RefCell<Vec<String>>,
    /// The call at which everything begins to fail.
    pub(crate) fail_at: RefCell<Option<&'static str>>,
    loops: RefCell<Vec<(u32, PathBuf)>>,
    device: RefCell<Option<Look>>,
    loaded: RefCell<Option<ThinPoolTable>>,
}

impl Machine {
    pub(crate) fn new(folder: &Path) -> Self {
        let roots = Roots::new(folder);
        for path in ["/dev/mapper", "/sys/dev/block", "/sys/block", "/usr/sbin", "/var/lib"] {
            fs::create_dir_all(roots.at(path)).unwrap();
        }
        let tool = roots.at("/usr/sbin/thin_check");
        File::create(&tool).unwrap();
        fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Self {
            roots,
            calls: RefCell::default(),
            fail_at: RefCell::default(),
            loops: RefCell::default(),
            device: RefCell::default(),
            loaded: RefCell::default(),
        }
    }

    /// What a power cut leaves: files.
    pub(crate) fn reboot(&self) {
        *self.device.borrow_mut() = None;
        *self.loaded.borrow_mut() = None;
        self.loops.borrow_mut().clear();
        self.calls.borrow_mut().clear();
        *self.fail_at.borrow_mut() = None;
    }

    /// What the pool's status is from now on.
    pub(crate) fn shows(&self, status: &str) {
        if let Some(device) = self.device.borrow_mut().as_mut() {
            status.clone_into(&mut device.table[0].status);
        }
    }

    fn call(&self, call: &'static str) -> Result<(), io::Error> {
        self.calls.borrow_mut().push(call.to_owned());
        match *self.fail_at.borrow() {
            Some(point) if point == call => Err(io::Error::from_raw_os_error(5)),
            _ => Ok(()),
        }
    }

    fn mapper(&self, call: &'static str, name: &str) -> Result<(), Error> {
        let operation = match call {
            "create" => Operation::Create,
            "load" => Operation::Load,
            "commit" => Operation::Commit,
            "remove" => Operation::Remove,
            _ => Operation::Resume,
        };
        let failed = |source| Error::Mapper { operation, name: name.to_owned(), source };
        self.call(call).map_err(failed)
    }

    /// The length that a loop device shows, as /sys has it: in sectors.
    fn show(&self, minor: u32, file: &Path) {
        let folder = self.roots.at(format!("/sys/block/loop{minor}"));
        fs::create_dir_all(&folder).unwrap();
        let sectors = fs::metadata(file).unwrap().len() / 512;
        fs::write(folder.join("size"), sectors.to_string()).unwrap();
    }

    fn file(&self, number: DevNum) -> PathBuf {
        let loops = self.loops.borrow();
        loops.iter().find(|(minor, _)| *minor == number.minor).unwrap().1.clone()
    }
}

impl LoopDevices for Machine {
    fn control(&self) -> Control {
        Control::Usable
    }

    fn status(&self, device: &str) -> Result<Option<Loop>, Error> {
        let attached = self.attached()?;
        Ok(attached.into_iter().find(|attached| attached.device == device))
    }

    fn attached(&self) -> Result<Vec<Loop>, Error> {
        let loops = self.loops.borrow();
        let look = |(minor, path): &(u32, PathBuf)| {
            let file = fs::metadata(path).unwrap();
            Loop {
                device: format!("loop{minor}"),
                file: FileId { device: file.dev(), inode: file.ino() },
                offset: 0,
                limit: 0,
                read_only: false,
                autoclear: true,
            }
        };
        Ok(loops.iter().map(look).collect())
    }

    fn attach(&self, file: &Path) -> Result<OpenLoop, Error> {
        let failed = |source| Error::Attach { path: file.to_owned(), source };
        self.call("attach").map_err(failed)?;
        let minor = 7 + u32::try_from(self.loops.borrow().len()).unwrap();
        self.loops.borrow_mut().push((minor, file.to_owned()));
        let number = DevNum { major: 7, minor };
        let link = self.roots.at(format!("/sys/dev/block/{number}"));
        let _ = fs::remove_file(&link);
        symlink(format!("../../devices/virtual/block/loop{minor}"), link).unwrap();
        self.show(minor, file);
        Ok(OpenLoop::new(number, format!("loop{minor}"), true))
    }

    fn hold(&self, device: &str, path: &Path) -> Result<OpenLoop, Error> {
        Err(Error::Detached { device: device.to_owned(), path: path.to_owned() })
    }

    fn show_all(&self, device: &str) -> Result<(), Error> {
        let failed = |source| Error::LoopResize { device: device.to_owned(), source };
        self.call("show").map_err(failed)?;
        for (minor, path) in self.loops.borrow().iter() {
            if device == format!("loop{minor}") {
                self.show(*minor, path);
            }
        }
        Ok(())
    }

    fn detach(&self, device: &str) -> Result<(), Error> {
        let failed = |source| Error::LoopDetach { device: device.to_owned(), source };
        self.call("detach").map_err(failed)?;
        self.loops.borrow_mut().retain(|(minor, _)| device != format!("loop{minor}"));
        Ok(())
    }
}

const NUMBER: DevNum = DevNum { major: 1, minor: 3 };

impl DeviceMapper for Machine {
    fn control(&self) -> Control {
        Control::Usable
    }

    fn look(&self, _: &str) -> Result<Option<Look>, Error> {
        Ok(self.device.borrow().clone())
    }

    fn create(&self, name: &str, uuid: &str) -> Result<(), Error> {
        self.mapper("create", name)?;
        let look = Look {
            number: NUMBER,
            uuid: uuid.to_owned(),
            suspended: true,
            second_table: false,
            table: Vec::new(),
        };
        assert!(self.device.borrow().is_none(), "{name} is there already");
        *self.device.borrow_mut() = Some(look);
        Ok(())
    }

    /// As the kernel: formats blank metadata when the table is loaded.
    fn load(&self, name: &str, table: &ThinPoolTable) -> Result<(), Error> {
        self.mapper("load", name)?;
        let metadata = File::options().read(true).write(true).open(self.file(table.metadata));
        let metadata = metadata.unwrap();
        let mut magic = [0; 8];
        metadata.read_exact_at(&mut magic, 32).unwrap();
        if magic == [0; 8] {
            let blocks = metadata.metadata().unwrap().len() / 4096;
            metadata.write_all_at(&27_022_010_u64.to_le_bytes(), 32).unwrap();
            metadata.write_all_at(&table.shape.block_sectors.to_le_bytes(), 336).unwrap();
            metadata.write_all_at(&blocks.to_le_bytes(), 344).unwrap();
            self.calls.borrow_mut().push("FORMAT".to_owned());
        }
        *self.loaded.borrow_mut() = Some(table.clone());
        Ok(())
    }

    fn resume(&self, name: &str) -> Result<Settling, Error> {
        self.mapper("resume", name)?;
        let table = self.loaded.borrow_mut().take().unwrap();
        let metadata = File::options().write(true).open(self.file(table.metadata)).unwrap();
        let blocks = table.shape.sectors / u64::from(table.shape.block_sectors);
        metadata.write_all_at(&blocks.to_le_bytes(), 64).unwrap();
        let mut device = self.device.borrow_mut();
        let device = device.as_mut().unwrap();
        device.suspended = false;
        device.table = vec![Target {
            line: table.to_string(),
            kind: "thin-pool".to_owned(),
            status: "0 1/2 0/4 - rw discard_passdown queue_if_no_space - 1024".to_owned(),
        }];
        if self.call("udev").is_ok() {
            let node = self.roots.at(Path::new("/dev/mapper").join(name));
            let _ = fs::remove_file(&node);
            // Any device node that opens will do: 1:3 is /dev/null.
            symlink("/dev/null", node).unwrap();
        }
        let settled = self.mapper("settle", name);
        Ok(Settling::after(thread::spawn(|| settled)))
    }

    /// As the kernel: sees then that there is room again.
    fn commit(&self, name: &str) -> Result<(), Error> {
        self.mapper("commit", name)?;
        let status = self.device.borrow().as_ref().map(|device| device.table[0].status.clone());
        self.shows(&status.unwrap_or_default().replace("out_of_data_space", "rw"));
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        self.mapper("remove", name)?;
        *self.device.borrow_mut() = None;
        *self.loaded.borrow_mut() = None;
        self.loops.borrow_mut().clear();
        Ok(())
    }

    fn remove_once_closed(&self, name: &str) -> Result<(), Error> {
        self.remove(name)
    }
}

/// Puts one block of somebody's data into a file.
pub(crate) fn use_block(path: &Path) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.write_all(&[1; 65536]).unwrap();
    file.sync_all().unwrap();
}
