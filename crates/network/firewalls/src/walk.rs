//! Whether a packet reaches its end: it goes from hook to hook, and at each through every base chain.
//! An accept ends one chain, a drop ends the packet.

use super::packet::{At, Hop, Layer, Met, Packet};
use super::ruleset::{Base, Chain, Hook, Place, Rule, Ruleset, Then};

/// Chains jump to chains; more than so deep is not followed, as the kernel does.
const DEPTH: u8 = 16;
/// Rules that are asked for one packet; a set of rules made to waste time ends here, as undecided.
const STEPS: u32 = 2_000_000;

/// What may become of a packet: any of these.
type Ends = u8;
const ACCEPTED: Ends = 1;
const DROPPED: Ends = 2;
/// The rest of the chain is passed over.
const BACK: Ends = 4;
/// The next rule is asked.
const ON: Ends = 8;
const ANY: Ends = ACCEPTED | DROPPED | BACK | ON;

/// A base chain that a packet does not get through, or may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) place: Place,
    pub(super) hook: Hook,
    /// The rule that drops, or `policy drop`.
    pub(super) by: String,
    /// False where the packet may get through as well, because not everything about it is known.
    pub(super) certain: bool,
    /// Whether the packet goes on, without being tracked.
    pub(super) untracks: bool,
}

/// The chains on the packet's path that it does not get through.
pub(super) fn blocks(rules: &Ruleset, packet: Packet<'_>, path: &[Hop<'_>]) -> Vec<Block> {
    let mut found = Vec::new();
    for hop in path {
        for chain in &rules.chains {
            let Some(base) = chain.base.as_ref().filter(|base| base.hook == hop.hook) else {
                continue;
            };
            let asks = hop.asks(chain.place.family, packet.v6);
            if !asks || (base.translates && packet.state != "new") {
                continue;
            }
            let on = of_device(base, hop);
            if on == Met::No {
                continue;
            }
            let at = At { packet, hop: *hop, marks: rules.marks };
            let mut walk = Walk::new(rules, at);
            let ends = walk.base(chain, base);
            let block = |by: String, certain: bool, untracks: bool| Block {
                place: chain.place.clone(),
                hook: base.hook,
                by,
                certain: certain && on == Met::Yes,
                untracks,
            };
            if let Some((sure, by)) = walk.untracked.take() {
                found.push(block(by, sure, true));
            }
            if ends & DROPPED != 0 {
                found.push(block(walk.dropped_by(), ends & ACCEPTED == 0, false));
            }
        }
    }
    found
}

/// Whether a chain of an interface is of the one that the frame passes.
fn of_device(base: &Base, hop: &Hop<'_>) -> Met {
    use super::packet::Name;
    if hop.layer != Layer::Device {
        return Met::Yes;
    }
    let name = if hop.hook == Hook::Egress { hop.goes_out } else { hop.comes_in };
    let Some(devices) = &base.devices else { return Met::Unclear };
    let fits = |device: &String| match name {
        Name::Is(name) => device == name,
        Name::Begins(start) => device.starts_with(start),
        Name::AnyOf(names, _) => names.contains(device),
        Name::None => false,
    };
    let all = match name {
        Name::Is(_) => true,
        Name::AnyOf(names, _) => names.iter().all(|name| devices.contains(name)),
        Name::Begins(_) | Name::None => false,
    };
    if !devices.iter().any(fits) {
        Met::No
    } else if all {
        Met::Yes
    } else {
        Met::Unclear
    }
}

struct Walk<'a> {
    rules: &'a Ruleset,
    at: At<'a>,
    /// What dropped, in the order in which it was met, and whether it surely does.
    drops: Vec<(bool, String)>,
    /// Whether the packet surely meets the tests of the rules that led here.
    sure: bool,
    steps: u32,
    /// The first rule that excludes the packet from connection tracking, and whether it surely does.
    untracked: Option<(bool, String)>,
}

impl<'a> Walk<'a> {
    fn new(rules: &'a Ruleset, at: At<'a>) -> Self {
        Self { rules, at, drops: Vec::new(), sure: true, steps: STEPS, untracked: None }
    }

    /// How the packet may end in a base chain: accepted or dropped.
    fn base(&mut self, chain: &Chain, base: &Base) -> Ends {
        let ends = self.chain(chain, DEPTH);
        let decided = ends & (ACCEPTED | DROPPED);
        if ends & BACK == 0 {
            return decided;
        }
        if base.drops {
            self.drops.push((true, "policy drop".to_owned()));
            return decided | DROPPED;
        }
        decided | ACCEPTED
    }

    /// The first that surely drops, or else the first that may.
    fn dropped_by(self) -> String {
        let sure = self.drops.iter().position(|(sure, _)| *sure).unwrap_or_default();
        self.drops.into_iter().nth(sure).map(|(_, text)| text).unwrap_or_default()
    }

    /// [`BACK`] is at whoever jumped there.
    fn chain(&mut self, chain: &Chain, depth: u8) -> Ends {
        let mut ends = 0;
        for rule in &chain.rules {
            self.steps = self.steps.saturating_sub(1);
            if depth == 0 || self.steps == 0 {
                return ANY & !ON;
            }
            let met = rule.tests.iter().fold(Met::Yes, |met, test| match met {
                Met::No => Met::No,
                met => met.and(self.at.meets(test)),
            });
            if rule.untracks && met != Met::No && self.untracked.is_none() {
                self.untracked = Some((self.sure && met == Met::Yes, rule.text.clone()));
            }
            let these = match met {
                Met::No => continue,
                Met::Yes => self.then(&rule.then, rule, &chain.place, depth),
                Met::Unclear => self.perhaps(&rule.then, rule, &chain.place, depth) | ON,
            };
            ends |= these & !ON;
            if these & ON == 0 {
                return ends;
            }
        }
        ends | BACK
    }

    /// As [`Walk::then`], for a packet that may not meet the tests.
    fn perhaps(&mut self, then: &Then, rule: &Rule, place: &Place, depth: u8) -> Ends {
        let sure = std::mem::replace(&mut self.sure, false);
        let ends = self.then(then, rule, place, depth);
        self.sure = sure;
        ends
    }

    fn then(&mut self, then: &Then, rule: &Rule, place: &Place, depth: u8) -> Ends {
        match then {
            Then::On => ON,
            Then::Accept => ACCEPTED,
            Then::Drop => {
                self.drops.push((self.sure, rule.text.clone()));
                DROPPED
            }
            Then::Return => BACK,
            Then::Jump(name) => match self.to(name, place, depth) {
                ends if ends & BACK == 0 => ends,
                ends => (ends ^ BACK) | ON,
            },
            Then::Goto(name) => self.to(name, place, depth),
            Then::Unknown => {
                self.drops.push((false, rule.text.clone()));
                ANY
            }
            Then::Map(fields, entries) => {
                let mut ends = 0;
                for (values, then) in entries {
                    let tests = fields.iter().zip(values);
                    let met = tests.fold(Met::Yes, |met, (field, value)| {
                        met.and(self.at.is_any(*field, std::slice::from_ref(value)))
                    });
                    match met {
                        Met::No => {}
                        Met::Yes => return ends | self.then(then, rule, place, depth),
                        Met::Unclear => ends |= self.perhaps(then, rule, place, depth),
                    }
                }
                ends | ON
            }
        }
    }

    fn to(&mut self, name: &str, from: &Place, depth: u8) -> Ends {
        let same = |place: &Place| {
            (place.tool, place.family, &place.table) == (from.tool, from.family, &from.table)
        };
        let rules = self.rules;
        let chain = rules.chains.iter().find(|one| one.place.chain == name && same(&one.place));
        match chain {
            Some(chain) => self.chain(chain, depth - 1),
            // The kernel has no jump to a chain that is not there: one that is not listed is empty.
            None => BACK,
        }
    }
}
