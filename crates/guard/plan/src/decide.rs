//! Figures to actions.

use mvm_core::Finding;
use mvm_core::catalogue::guard;
use mvm_pool_plan::thinpool::Mode;

use super::{Figures, Policy, RELEASE_MARGIN, Room, Unfinished, past};

/// What becomes of the file /run/mvmhost/brake, which keeps flintlockd from starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brake {
    /// It stays as it is, set or not.
    Keep,
    /// flintlockd is to be stopped and kept from starting; the reason, for people.
    Set(String),
    /// flintlockd may run again.
    Release,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Grow the pool to so many bytes; look again afterwards.
    pub grow: Option<u64>,
    /// Always [`Brake::Keep`] while the pool is to grow.
    pub brake: Brake,
    /// What there is to say.
    pub findings: Vec<Finding>,
}

/// Why a pool is not grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stuck {
    /// It is as large as it may get.
    Largest,
    /// Somebody else grows it.
    Foreign,
    /// There is no space for it.
    Room,
    /// The kernel refuses to resize it in its state.
    State,
}

impl Stuck {
    fn why(self) -> &'static str {
        match self {
            Self::Largest => "it is as large as the configuration lets it get",
            Self::Foreign => "that is for dmeventd, or for whoever made it",
            Self::Room => "there is no space for more",
            Self::State => "the kernel resizes no pool in this state",
        }
    }
}

/// Decides for the pool `name`. `braked` is whether the brake is set, `refused` whether growing
/// failed a moment ago: then it is not asked for again at once.
pub fn decide(
    name: &str,
    policy: &Policy,
    figures: &Figures,
    braked: bool,
    refused: bool,
) -> Decision {
    let pool = &figures.pool;
    let full = pool.mode == Some(Mode::OutOfDataSpace);
    let filling = full || past(pool.data.used, pool.data.total, policy.warn);
    let mut findings = Vec::new();
    let mut grow = None;
    if filling || figures.unfinished.is_some() {
        match target(policy, figures) {
            Ok(size) if !refused => grow = Some(size),
            Ok(_) => {}
            Err(stuck) => findings.extend(filling.then(|| stuck_at(name, figures, stuck))),
        }
    }
    if past(pool.metadata.used, pool.metadata.total, policy.warn) {
        findings.push(
            guard::metadata_filling(name, pool.metadata.percent())
                .evidence(pool.metadata.to_string()),
        );
    }
    if let Some(room) = figures.room.as_ref().filter(|room| is_short(room, policy.warn)) {
        findings.push(guard::room_filling(
            &room.place,
            room.percent(),
            mib(room.free),
            mib(room.promised),
        ));
    }
    let brake = if grow.is_some() { Brake::Keep } else { brake(policy, figures, braked, full) };
    Decision { grow, brake, findings }
}

/// A place matters to the pool's fill only while the pool still has to get something from it.
fn is_short(room: &Room, percent: u8) -> bool {
    room.promised > 0 && room.is_past(percent)
}

fn stuck_at(name: &str, figures: &Figures, stuck: Stuck) -> Finding {
    guard::data_filling(name, figures.pool.data.percent(), stuck.why())
        .evidence(format!("{} blocks of {} bytes", figures.pool.data, figures.block))
}

fn brake(policy: &Policy, figures: &Figures, braked: bool, full: bool) -> Brake {
    // Nothing is past 100 %: that is how an operator gets a flintlockd that deletes microVMs.
    if policy.brake >= 100 {
        return if braked { Brake::Release } else { Brake::Keep };
    }
    if !braked {
        return reason(figures, policy.brake, full).map_or(Brake::Keep, Brake::Set);
    }
    let release = policy.brake.saturating_sub(RELEASE_MARGIN).max(1);
    match reason(figures, release, full) {
        None => Brake::Release,
        Some(_) => Brake::Keep,
    }
}

fn reason(figures: &Figures, percent: u8, full: bool) -> Option<String> {
    let (data, metadata) = (figures.pool.data, figures.pool.metadata);
    let room = figures.room.as_ref().filter(|room| is_short(room, percent));
    if full {
        Some("no block of data is free".to_owned())
    } else if past(data.used, data.total, percent) {
        Some(format!("its data is {} % full", data.percent()))
    } else if past(metadata.used, metadata.total, percent) {
        Some(format!("its metadata is {} % full", metadata.percent()))
    } else {
        room.map(|room| format!("{} is {} % full", room.place, room.percent()))
    }
}

/// The size to which one step takes the pool.
///
/// # Errors
/// Why there is none.
fn target(policy: &Policy, figures: &Figures) -> Result<u64, Stuck> {
    if !takes_a_resize(figures) {
        return Err(Stuck::State);
    }
    let largest = policy.largest.ok_or(Stuck::Foreign)?;
    let room = figures.room.as_ref().ok_or(Stuck::Room)?;
    if let Some(Unfinished { size, missing }) = figures.unfinished {
        // What was begun is ended as it was begun, or not yet; the kernel may have it already.
        return if missing <= room.free { Ok(size.max(figures.size)) } else { Err(Stuck::Room) };
    }
    let step = u128::from(figures.size) * u128::from(policy.grow) / 100;
    let step = u64::try_from(step).unwrap_or(u64::MAX).max(figures.block);
    let allowed = blocks(figures, largest.saturating_sub(figures.size));
    if allowed == 0 {
        return Err(Stuck::Largest);
    }
    let increase = step.min(allowed);
    let fits = blocks(figures, increase.min(spare(room, policy.brake)));
    // A tenth of a step at least: less would be a resize for nothing, again and again.
    if fits == 0 || fits < increase / 10 { Err(Stuck::Room) } else { Ok(figures.size + fits) }
}

/// The kernel refuses to resize metadata that it does not change.
fn takes_a_resize(figures: &Figures) -> bool {
    figures.pool.needs_check != Some(true) && figures.pool.mode != Some(Mode::ReadOnly)
}

/// Bytes that may be taken from the place: it must still hold what was promised, and not get
/// fuller than brake-percent, because others write there too; one percent is theirs in any case.
fn spare(room: &Room, brake: u8) -> u64 {
    let reserve = u128::from(room.total) * u128::from(100 - brake.min(99)) / 100;
    let reserve = u64::try_from(reserve).unwrap_or(u64::MAX);
    room.free.saturating_sub(room.promised).saturating_sub(reserve)
}

fn blocks(figures: &Figures, bytes: u64) -> u64 {
    bytes - bytes % figures.block.max(1)
}

/// The size to which one step takes the pool, whatever its fill.
///
/// # Errors
/// Why there is none, for people.
pub fn step(policy: &Policy, figures: &Figures) -> Result<u64, &'static str> {
    target(policy, figures).map_err(Stuck::why)
}

/// The size that is as near below `requested` as whole blocks are. max-data-size binds the guard
/// and not the operator; what the file system holds binds both.
///
/// # Errors
/// Why that is none, for people.
pub fn up_to(policy: &Policy, figures: &Figures, requested: u64) -> Result<u64, &'static str> {
    if policy.largest.is_none() {
        return Err(Stuck::Foreign.why());
    }
    let size = blocks(figures, requested);
    // What was cut short is ended first; the kernel may have the size already and the record not.
    if figures.unfinished.is_some_and(|begun| begun.size >= size) {
        return step(policy, figures);
    }
    if size <= figures.size {
        return Err("it has that size already, and a pool is never made smaller");
    }
    let room = figures.room.as_ref().ok_or(Stuck::Room.why())?;
    if !takes_a_resize(figures) {
        return Err(Stuck::State.why());
    }
    let fits = size - figures.size <= spare(room, policy.brake);
    if fits { Ok(size) } else { Err(Stuck::Room.why()) }
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
