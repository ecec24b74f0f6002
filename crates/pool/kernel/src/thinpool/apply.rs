//! Does the steps of a plan; decides nothing.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{mem, thread};

use mvm_core::catalogue::pool;
use mvm_core::{Finding, Plan, notify};
use mvm_pool_plan::thinpool::{
    Desired, DevNum, Device, Receipt, Role, Shape, Step, Superblock, ThinPoolTable,
};

use super::{System, check, observe};
use crate::loops::Held;
use crate::mapper::Settling;
use crate::{Error, files, lvm, receipt};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The steps, in order.
    pub done: Vec<Step>,
    /// What was noticed while doing them.
    pub findings: Vec<Finding>,
}

/// How long between two looks at a node that udev is about to make.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A run under way. The loop devices stay open in it until the pool's table has hold of them.
struct Run<'a> {
    system: &'a System<'a>,
    desired: &'a Desired,
    metadata: Option<Held>,
    data: Option<Held>,
    /// The device that this run created.
    created: Option<String>,
    /// The logical volume that this run activated.
    activated: Option<String>,
    /// udev's work on it, which goes on meanwhile.
    settling: Settling,
    report: Report,
}

pub(super) fn apply(
    system: &System<'_>,
    plan: &Plan<Step>,
    desired: &Desired,
) -> Result<Report, Error> {
    let mut run = Run {
        system,
        desired,
        metadata: None,
        data: None,
        created: None,
        activated: None,
        settling: Settling::default(),
        report: Report::default(),
    };
    for step in &plan.steps {
        log::debug!("{step}");
        notify::status(&step.to_string());
        if let Err(error) = run.step(step) {
            return Err(run.undo(error));
        }
        run.report.done.push(step.clone());
    }
    match mem::take(&mut run.settling).wait() {
        Ok(()) => Ok(run.report),
        Err(error) => Err(run.undo(error)),
    }
}

impl Run<'_> {
    fn step(&mut self, step: &Step) -> Result<(), Error> {
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
                let held = self.system.loops.attach(&roots.at(path))?;
                self.hold(*role, path, held);
                Ok(())
            }
            Step::UseAttached { path, role, device } => {
                let held = self.system.loops.hold(device, &roots.at(path))?;
                self.hold(*role, path, held);
                Ok(())
            }
            Step::Activate { name, uuid, table } => self.activate(name, uuid, table),
            Step::SyncMetadata { path, block_sectors } => {
                sync_metadata(&roots.at(path), *block_sectors)
            }
            Step::AwaitNode { name } => self.await_node(name),
            Step::WriteReceipt { name } => self.write_receipt(name),
            Step::RefreshReceipt { name } => {
                self.stale_at_most(name, self.write_receipt(name));
                Ok(())
            }
            Step::WriteProfile { path, text } => lvm::write_profile(roots, path, text),
            Step::DeactivateVolume { volume } => {
                lvm::lvm(roots, self.system.programs)?.deactivate(volume)
            }
            Step::ActivateVolume { volume } => {
                lvm::lvm(roots, self.system.programs)?.activate(volume)?;
                self.activated = Some(volume.clone());
                Ok(())
            }
            Step::WriteVolumeReceipt { receipt } => receipt::write_volume(roots, receipt),
            Step::RefreshVolumeReceipt { receipt } => {
                self.stale_at_most(&receipt.name, receipt::write_volume(roots, receipt));
                Ok(())
            }
        }
    }

    /// That a receipt could not be brought up to date is told, and stops nothing.
    fn stale_at_most(&mut self, name: &str, written: Result<(), Error>) {
        if let Err(error) = written {
            let stale = pool::receipt_stale(name).evidence(error.chain());
            self.report.findings.push(stale);
        }
    }

    fn hold(&mut self, role: Role, path: &Path, held: Held) {
        if !held.direct {
            let path = path.display().to_string();
            let finding = pool::not_direct(path).evidence(&held.device);
            self.report.findings.push(finding);
        }
        match role {
            Role::Metadata => self.metadata = Some(held),
            Role::Data => self.data = Some(held),
        }
    }

    fn activate(&mut self, name: &str, uuid: &str, shape: &Shape) -> Result<(), Error> {
        let number = |held: &Option<Held>, role| {
            held.as_ref().map(|held| held.number).ok_or(Error::NotAttached { role })
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

    fn await_node(&mut self, name: &str) -> Result<(), Error> {
        mem::take(&mut self.settling).wait()?;
        let look = self.system.mapper.look(name)?;
        let number = look.ok_or_else(|| Error::NotLive { name: name.to_owned() })?.number;
        let begun = Instant::now();
        while !observe::node(self.system, name, number) {
            if begun.elapsed() >= self.system.timeout {
                return Err(no_node(self.system, name, number));
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    fn write_receipt(&self, name: &str) -> Result<(), Error> {
        let not_live = || Error::NotLive { name: name.to_owned() };
        let observed = observe::observe(self.system, self.desired)?;
        let Device::Pool(live) = &observed.device else {
            return Err(not_live());
        };
        let receipt = Receipt::of(self.desired, &observed, &live.state.table.shape);
        receipt::write(self.system.roots, &receipt.ok_or_else(not_live)?)
    }

    /// Takes down what this run activated. Its loop devices clear themselves after it.
    fn undo(self, error: Error) -> Error {
        // udev must be through with a device before it can be removed; what it says no longer
        // matters.
        let _ = self.settling.wait();
        let removed = match (&self.created, &self.activated) {
            (Some(name), _) => self.system.mapper.remove(name),
            (None, Some(volume)) => {
                let lvm = lvm::lvm(self.system.roots, self.system.programs);
                lvm.and_then(|lvm| lvm.deactivate(volume))
            }
            (None, None) => return error,
        };
        match removed {
            Ok(()) => error,
            Err(undo) => Error::Undo { undo: undo.chain(), source: Box::new(error) },
        }
    }
}

fn no_node(system: &System<'_>, name: &str, number: DevNum) -> Error {
    let path = system.roots.at(Path::new("/dev/mapper").join(name));
    Error::Node { path, number: number.to_string() }
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
