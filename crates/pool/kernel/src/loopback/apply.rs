//! Does the steps for a pool on files; decides nothing.

use std::mem;
use std::path::Path;

use mvm_core::Finding;
use mvm_core::catalogue::pool;
use mvm_pool_plan::loopback::{Desired, Step};
use mvm_pool_plan::thinpool::{Device, Receipt, Role, Shape, Superblock, ThinPoolTable};

use super::observe;
use crate::loops::OpenLoop;
use crate::mapper::Settling;
use crate::thinpool::apply::{Run, await_node, stale_at_most};
use crate::thinpool::{System, check};
use crate::{Error, files, receipt};

/// A run under way. The loop devices stay open in it until the pool's table has hold of them.
pub(super) struct OnFiles<'a> {
    system: &'a System<'a>,
    desired: &'a Desired,
    metadata: Option<OpenLoop>,
    data: Option<OpenLoop>,
    /// The device that this run created.
    created: Option<String>,
    /// udev's work on it, which goes on meanwhile.
    settling: Settling,
}

impl Run for OnFiles<'_> {
    type Step = Step;

    fn step(&mut self, step: &Step, findings: &mut Vec<Finding>) -> Result<(), Error> {
        let roots = self.system.roots;
        match step {
            Step::CreateDirectory { path } => files::create_directory(&roots.at(path)),
            Step::CreateFile { path, size } => files::create(&roots.at(path), *size),
            Step::ExtendFile { path, size } => files::extend(&roots.at(path), *size),
            Step::RemoveEmptyDevice { name } => self.system.mapper.remove(name),
            Step::CheckMetadata { path, thin_check } => {
                check::check(self.system.programs, thin_check, &roots.at(path))
            }
            Step::Attach { path, role } => {
                let loop_device = self.system.loops.attach(&roots.at(path))?;
                self.hold(*role, path, loop_device, findings);
                Ok(())
            }
            Step::UseAttached { path, role, device } => {
                let loop_device = self.system.loops.hold(device, &roots.at(path))?;
                self.hold(*role, path, loop_device, findings);
                Ok(())
            }
            Step::Activate { name, uuid, table } => self.activate(name, uuid, table),
            Step::SyncMetadata { path, block_sectors } => {
                sync_metadata(&roots.at(path), *block_sectors)
            }
            Step::AwaitNode { name } => {
                self.end()?;
                await_node(self.system, name)
            }
            Step::WriteReceipt { name } => self.write_receipt(name),
            Step::RefreshReceipt { name } => {
                stale_at_most(name, self.write_receipt(name), findings)
            }
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        mem::take(&mut self.settling).wait()
    }

    /// The loop devices clear themselves after the device.
    fn undo(&mut self) -> Result<(), Error> {
        // udev must be through with a device before it can be removed; what it says no longer
        // matters.
        let _ = self.end();
        match &self.created {
            Some(name) => self.system.mapper.remove(name),
            None => Ok(()),
        }
    }
}

impl<'a> OnFiles<'a> {
    pub(super) fn new(system: &'a System<'a>, desired: &'a Desired) -> Self {
        Self {
            system,
            desired,
            metadata: None,
            data: None,
            created: None,
            settling: Settling::default(),
        }
    }

    fn hold(
        &mut self,
        role: Role,
        path: &Path,
        loop_device: OpenLoop,
        findings: &mut Vec<Finding>,
    ) {
        if !loop_device.direct {
            let path = path.display().to_string();
            let finding = pool::not_direct(path).evidence(&loop_device.device);
            findings.push(finding);
        }
        match role {
            Role::Metadata => self.metadata = Some(loop_device),
            Role::Data => self.data = Some(loop_device),
        }
    }

    fn activate(&mut self, name: &str, uuid: &str, shape: &Shape) -> Result<(), Error> {
        let number = |loop_device: &Option<OpenLoop>, role| {
            loop_device
                .as_ref()
                .map(|loop_device| loop_device.number)
                .ok_or(Error::NotAttached { role })
        };
        let table = ThinPoolTable {
            metadata: number(&self.metadata, Role::Metadata)?,
            data: number(&self.data, Role::Data)?,
            shape: shape.clone(),
        };
        let mapper = self.system.mapper;
        mapper.create(name, uuid)?;
        self.created = Some(name.to_owned());
        mapper.load(name, &table)?;
        self.settling = mapper.resume(name)?;
        Ok(())
    }

    fn write_receipt(&self, name: &str) -> Result<(), Error> {
        let not_live = || Error::NotLive { name: name.to_owned() };
        let observed = observe(self.system, self.desired)?;
        let Device::Pool(live) = &observed.pool.device else {
            return Err(not_live());
        };
        let receipt = Receipt::of(self.desired, &observed, &live.state.table.shape);
        receipt::write(self.system.roots, &receipt.ok_or_else(not_live)?)
    }
}

fn sync_metadata(path: &Path, block_sectors: u32) -> Result<(), Error> {
    files::sync(path)?;
    let found = match files::superblock(path)? {
        Superblock::Pool(found) if found.data_block_sectors == block_sectors => return Ok(()),
        Superblock::Pool(found) => {
            format!("a pool of {} sectors a block", found.data_block_sectors)
        }
        Superblock::Blank => "blank".to_owned(),
        Superblock::Foreign => "something else than a pool".to_owned(),
    };
    Err(Error::ReadBack { path: path.to_owned(), found })
}
